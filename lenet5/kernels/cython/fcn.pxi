# Fully convolutional networks on one image.

cdef enum: PLANES = 3  # of a grey image


cdef int _check_range(str name, int number, int low, int high) except -1:
    if not low <= number <= high:
        raise ValueError(f"{name} is {number}, expected {low} to {high}")
    return 0


def grey_planes(const float[:, ::1] grey not None, int multiple=16):
    """Planes (3, H, W) of a grey image (h, w) in 0..1: normalised as a whole, and locally, and where it is image.

    H and W are the next multiples of ``multiple``, which is one of 16; beyond h and w all planes are 0.
    """
    _check_range("multiple", multiple, LANES, FCN_SCALE)
    if multiple % LANES:
        raise ValueError(f"multiple is {multiple}, expected a multiple of {LANES}")
    cdef int[2] size
    _padded_size(grey, multiple, size)
    cdef float[:, :, ::1] planes = np.empty((PLANES, size[0], size[1]), np.float32)
    cdef float[::1] scratch = np.empty(size[0] * size[1], np.float32)
    with nogil:
        _isa.grey_planes(&grey[0, 0], <int>grey.shape[0], <int>grey.shape[1], size[0], size[1], &planes[0, 0, 0],
                         &scratch[0])
    return np.asarray(planes)


cdef int _padded_size(const float[:, ::1] grey, int multiple, int *size) except -1:
    """The sides of ``grey``, padded; ValueError unless it is an image, of numbers in 0..1."""
    cdef int axis
    for axis in range(2):
        if not 1 <= grey.shape[axis] <= FCN_SIDE:
            raise ValueError(f"grey has shape {(grey.shape[0], grey.shape[1])}, expected sides of 1 to {FCN_SIDE}")
        size[axis] = <int>_ceil_div(grey.shape[axis], multiple) * multiple
    if not _isa.f32.within(grey.shape[0] * grey.shape[1], &grey[0, 0], <float>-1e-3, <float>(1 + 1e-3)):
        raise ValueError("grey holds numbers that are not in 0..1")
    return 0


cdef class FullyConvolutional:
    """A fully convolutional network with its weights, packed. Tensors are numbered: 0 is the input, i the output of
    step i - 1, and the last one holds logits.

    in_channels : of the input
    steps : list of tuples (SAME_CONV2D, source, skip, kernel_size, stride, dilation, relu, W, b), or (SAME_MAX_POOL2D,
        source): numbers of tensors that are there already, skip 0 for none; W float32 (O, C, K, K), b float32 (O). With
        a skip connection the source, half as large, is upsampled to its size, and has the first of the C channels.

    Calls do not change it: threads may share one.
    """
    cdef lenet5_fcn c
    cdef object packed_array
    cdef const float *packed
    cdef list arenas
    cdef readonly int multiple  #: Sides of the input are multiples of this.
    cdef readonly int scale     #: Sides of the input, relative to those of the output.

    def __cinit__(self, int in_channels, list steps not None):
        _check_range("in_channels", in_channels, 1, FCN_CHANNELS)
        _check_range("the number of steps", <int>min(len(steps), <Py_ssize_t>(FCN_STEPS + 1)), 1, FCN_STEPS)
        self.c.tensors[0] = lenet5_fcn_tensor(in_channels, 1, 0)
        self.c.n_packed, self.multiple, self.arenas = 0, 1, []
        cdef int i
        cdef const float[:, :, :, ::1] W
        cdef const float[::1] b
        given = []
        for i, step in enumerate(steps):
            if step[0] == FCN_MAX_POOL2D and len(step) == 2:
                self._add_pooling(i, step[1])
            elif step[0] == FCN_CONV2D and len(step) == 9:
                W, b = step[7], step[8]
                if W is None or b is None:
                    raise TypeError(f"step {i} has no weights or no biases")
                (self.c.steps[i].source, self.c.steps[i].skip, self.c.steps[i].kernel_size, self.c.steps[i].stride,
                 self.c.steps[i].dilation, self.c.steps[i].relu) = step[1:7]
                self._add_convolution(i, W, b)
                given.append((i, W, b))
            else:
                raise ValueError(f"step {i} is of kind {step[0]} with {len(step)} fields, expected {FCN_CONV2D} with 9 "
                                 f"or {FCN_MAX_POOL2D} with 2")
            self.multiple = max(self.multiple, self.c.tensors[i + 1].scale)
        self.c.n_steps = <int>len(steps)
        self.scale = self.c.tensors[self.c.n_steps].scale
        if self.c.tensors[self.c.n_steps].border:
            raise ValueError("the last tensor is read by a step")
        cdef float[::1] packed = aligned_zeros(max(1, self.c.n_packed), np.float32)
        for i, W, b in given:
            _isa.fcn_pack(&self.c.steps[i], &W[0, 0, 0, 0], &b[0], &packed[self.c.steps[i].packed])
        self.packed_array, self.packed = packed, &packed[0]

    cdef lenet5_fcn_tensor *_tensor(self, int i, int number, bint last) except NULL:
        """A tensor that step i reads; ``last``: with its channels last, which the input has not."""
        if not last <= number <= i:
            raise ValueError(f"step {i} reads tensor {number}, expected one of {int(last)} to {i}")
        return &self.c.tensors[number]

    cdef int _add_pooling(self, int i, int source) except -1:
        cdef lenet5_fcn_tensor *tensor = self._tensor(i, source, True)
        _check_range(f"the scale of step {i}", 2 * tensor.scale, 1, FCN_SCALE)
        self.c.steps[i] = lenet5_fcn_step(FCN_MAX_POOL2D, source, 0, tensor.channels, 0, tensor.channels, 2, 2, 1,
                                          False, self.c.n_packed)
        self.c.tensors[i + 1] = lenet5_fcn_tensor(tensor.channels, 2 * tensor.scale, 0)
        return 0

    cdef int _add_convolution(self, int i, const float[:, :, :, ::1] W, const float[::1] b) except -1:
        cdef lenet5_fcn_step *op = &self.c.steps[i]
        cdef bint has_skip = op.skip != 0
        cdef lenet5_fcn_tensor *source = self._tensor(i, op.source, has_skip)
        cdef lenet5_fcn_tensor *skip = self._tensor(i, op.skip, has_skip)
        _check_range(f"the kernel of step {i}", op.kernel_size, 1, FCN_KERNEL)
        _check_range(f"the stride of step {i}", op.stride, 1, 1 if has_skip else 2)
        _check_range(f"the dilation of step {i}", op.dilation, 1, 1 if has_skip or not op.source else FCN_DILATION)
        _check_range(f"the scale of step {i}", op.stride * source.scale, 1, FCN_SCALE)
        if op.kernel_size % 2 == 0:
            raise ValueError(f"the kernel of step {i} is {op.kernel_size}, expected an odd number")
        if has_skip and source.scale != 2 * skip.scale:
            raise ValueError(f"step {i} upsamples a tensor at 1/{source.scale} to one at 1/{skip.scale}")
        op.kind, op.packed = FCN_CONV2D, self.c.n_packed
        op.source_channels, op.skip_channels = source.channels, skip.channels if has_skip else 0
        self._check_weights(i, W, b)
        op.out_channels = <int>W.shape[0]
        self.c.n_packed += lenet5_fcn_n_packed(op)
        cdef int radius = op.kernel_size // 2 * op.dilation
        source.border = max(source.border, -lenet5_fcn_first(op.kernel_size, 0) if has_skip else radius)
        skip.border = max(skip.border, radius if has_skip else 0)
        self.c.tensors[i + 1] = lenet5_fcn_tensor(op.out_channels,
                                                  skip.scale if has_skip else op.stride * source.scale, 0)
        return 0

    cdef int _check_weights(self, int i, const float[:, :, :, ::1] W, const float[::1] b) except -1:
        cdef int channels = self.c.steps[i].source_channels + self.c.steps[i].skip_channels
        cdef int kernel_size = self.c.steps[i].kernel_size
        if not (1 <= W.shape[0] <= FCN_CHANNELS and W.shape[1] == channels and W.shape[2] == W.shape[3] == kernel_size):
            raise ValueError(f"step {i} has weights of shape {np.asarray(W).shape}, expected (O, {channels}, "
                             f"{kernel_size}, {kernel_size}) with O of 1 to {FCN_CHANNELS}")
        if b.shape[0] != W.shape[0]:
            raise ValueError(f"step {i} has biases of shape {np.asarray(b).shape}, expected ({W.shape[0]},)")
        return 0

    def forward(self, const float[:, :, ::1] planes not None):
        """Probabilities (classes, H / scale, W / scale) of planes (C, H, W)."""
        cdef int channels = self.c.tensors[0].channels, axis
        for axis in range(1, 3):
            if planes.shape[axis] % self.multiple or not 1 <= planes.shape[axis] <= FCN_SIDE:
                channels = -1
        if planes.shape[0] != channels:
            raise ValueError(f"planes have shape {np.asarray(planes).shape}, expected "
                             f"({self.c.tensors[0].channels}, H, W) with H and W multiples of "
                             f"{self.multiple} up to {FCN_SIDE}")
        cdef int H = <int>planes.shape[1], W = <int>planes.shape[2]
        cdef float[:, :, ::1] probabilities = self._probabilities(H, W)
        space = self._borrow(H, W)
        cdef float[::1] arena = space
        with nogil:
            _isa.fcn_forward(&self.c, self.packed, &planes[0, 0, 0], H, W, &arena[0], &probabilities[0, 0, 0])
        self.arenas.append(space)  # not the view of it, which would keep the view before, and so on
        return np.asarray(probabilities)

    def forward_grey(self, const float[:, ::1] grey not None):
        """The same of :func:`grey_planes` of a grey image (h, w): probabilities of the padded one."""
        if self.c.tensors[0].channels != PLANES or self.multiple % LANES:
            raise ValueError(f"a network of {self.c.tensors[0].channels} planes and multiples of {self.multiple}, "
                             f"expected {PLANES} and a multiple of {LANES}")
        cdef int[2] size
        _padded_size(grey, self.multiple, size)
        cdef float[:, :, ::1] probabilities = self._probabilities(size[0], size[1])
        space = self._borrow(size[0], size[1])
        cdef float[::1] arena = space
        with nogil:
            _isa.fcn_forward_grey(&self.c, self.packed, &grey[0, 0], <int>grey.shape[0], <int>grey.shape[1], size[0],
                                  size[1], &arena[0], &probabilities[0, 0, 0])
        self.arenas.append(space)  # not the view of it, which would keep the view before, and so on
        return np.asarray(probabilities)

    def _probabilities(self, H, W):
        shape = self.c.tensors[self.c.n_steps].channels, H // self.scale, W // self.scale
        if shape[1] * shape[2] < LANES:
            raise ValueError(f"an input of {H} x {W} gives {shape[1]} x {shape[2]} pixels, expected {LANES} or more")
        return np.empty(shape, np.float32)

    def _borrow(self, int H, int W):
        """Work space for an input of H x W, an array: one that an earlier call has given back, or a new one."""
        cdef int64_t n = lenet5_fcn_n_arena(&self.c, H, W)
        try:
            arena = self.arenas.pop()
        except IndexError:
            return aligned_zeros(n, np.float32)
        return arena if arena.shape[0] >= n else aligned_zeros(n, np.float32)
