# Networks in whole numbers.

cdef extern from *:
    """
    /* The tables for the instruction set in use and for narrower ones, widest first; the last is for tests. */
    static int lenet5_int8_supported(const lenet5_isa *isa, const lenet5_int8_kernels **tables) {
        int n = 0;
    #if defined(__x86_64__)
        if (isa == &lenet5_avx512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi"))
            tables[n++] = &lenet5_int8_avx512vnni;
        if (isa == &lenet5_avx512)
            tables[n++] = &lenet5_int8_avx512;
        if (isa == &lenet5_avx512 || isa == &lenet5_avx2)
            tables[n++] = &lenet5_int8_avx2;
    #endif
        tables[n++] = &lenet5_int8_baseline;
        tables[n++] = &lenet5_int8_emulated;
        return n;
    }
    """
    int lenet5_int8_supported(const lenet5_isa *isa, const lenet5_int8_kernels **tables)

cdef const lenet5_int8_kernels *_int8_tables[5]
#: Instruction sets of the kernels in whole numbers, widest first, "emulated" last: avx512vnni without its instructions.
INT8_ISAS = tuple(_int8_tables[i].name.decode() for i in range(lenet5_int8_supported(_isa, _int8_tables)))


cdef const lenet5_int8_kernels *_int8_kernels(isa) except NULL:
    if isa is not None and isa not in INT8_ISAS:
        raise ValueError(f"isa is {isa!r}, expected one of {', '.join(INT8_ISAS)}")
    return _int8_tables[0 if isa is None else INT8_ISAS.index(isa)]


def int8_group(isa=None):
    """How many activations an instruction set multiplies in one lane: 4 of uint8 by int8, or 2 of int16."""
    return _int8_kernels(isa).group


def int8_dot(x, w, isa=None):
    """Sums (16,) int32 of the products of groups of activations x (n, group) with weights w (n, 16, group).

    x is uint8 and w int8 where the group is 4; both are int16 where it is 2.
    """
    cdef const lenet5_int8_kernels *kernels = _int8_kernels(isa)
    x, w = np.asarray(x), np.asarray(w)
    types = (np.uint8, np.int8) if kernels.group == 4 else (np.int16, np.int16)
    if (x.dtype, w.dtype) != types or x.shape[1:] != (kernels.group,) or w.shape != (len(x), 16, kernels.group):
        raise ValueError(f"x is {x.dtype} of shape {x.shape}, w {w.dtype} of {w.shape}, expected {types[0].__name__} "
                         f"(n, {kernels.group}) and {types[1].__name__} (n, 16, {kernels.group})")
    cdef const uint8_t[::1] x_bytes = np.frombuffer(x.tobytes() + b"\0", np.uint8)
    cdef const uint8_t[::1] w_bytes = np.frombuffer(w.tobytes() + b"\0", np.uint8)
    cdef int32_t[::1] sums = np.zeros(16, np.int32)
    kernels.dot(len(x), &x_bytes[0], &w_bytes[0], &sums[0])
    return np.asarray(sums)


cdef class IntegerProgram:
    """A network in whole numbers with its packed weights, for inputs of one size (docs/quantization.md).

    in_shape : (channels, height, width) of the input
    layers : list of (weight (O, C, K, K) int8, bias (O,) int32, multiplier (O,) int32 or None, pool)
        The last one, and no other, has no multiplier and is not pooled.
    isa : one of `INT8_ISAS`, by default the first

    Calls do not change it: threads may share one.
    """
    cdef lenet5_int8_net c
    cdef const lenet5_int8_kernels *kernels
    cdef object packed_array
    cdef const char *packed
    cdef list arenas
    cdef readonly tuple in_shape, out_shape

    def __cinit__(self, tuple in_shape not None, list layers not None, isa=None):
        if not 1 <= len(layers) <= INT8_STEPS:
            raise ValueError(f"{len(layers)} layers, expected 1 to {INT8_STEPS}")
        self.kernels, self.arenas, self.in_shape = _int8_kernels(isa), [], in_shape
        shape = in_shape
        for i, layer in enumerate(layers):
            shape = self._add(i, shape, layer, i + 1 == len(layers))
        self.out_shape = shape
        self.c.n_steps, self.c.n_scores = <int>len(layers), shape[0] * shape[1] * shape[2]
        self._measure()
        cdef uint8_t[::1] packed = aligned_zeros(self.c.n_packed, np.uint8)
        for i, layer in enumerate(layers):
            self._pack(i, layer, <char *>&packed[0])
        self.packed_array, self.packed = packed, <const char *>&packed[0]

    cdef tuple _add(self, int i, tuple shape, tuple layer, bint is_last):
        """Set the numbers of a step; its output's shape."""
        cdef lenet5_int8_step *s = &self.c.steps[i]
        cdef const int8_t[:, :, :, ::1] weight = layer[0]
        cdef const int32_t[::1] bias = layer[1], multiplier = layer[2]
        if layer[0] is None or layer[1] is None:
            raise ValueError(f"layer {i} has no weights, or no biases")
        if (multiplier is None) != is_last or layer[3] not in (1, 1 if is_last else 2):
            raise ValueError(f"layer {i} is pooled by {layer[3]} and has {'no ' * (multiplier is None)}multipliers")
        cdef Py_ssize_t[3] axes = shape
        _check_axes(f"the input of layer {i}", axes, 3)
        _check_axes(f"the weights of layer {i}", weight.shape, 4)
        s.in_channels, s.in_height, s.in_width = shape
        s.out_channels, s.kernel_size, s.pool = <int>weight.shape[0], <int>weight.shape[2], layer[3]
        s.out_height = (s.in_height - s.kernel_size + 1) // s.pool
        s.out_width = (s.in_width - s.kernel_size + 1) // s.pool
        if weight.shape[1] != s.in_channels or weight.shape[3] != s.kernel_size or min(s.out_height, s.out_width) < 1:
            raise ValueError(f"layer {i} with weights of shape {layer[0].shape} does not take an input of {shape}")
        if bias.shape[0] != s.out_channels or (multiplier is not None and (
                multiplier.shape[0] != s.out_channels or np.min(layer[2]) < 1)):
            raise ValueError(f"layer {i} has biases or multipliers that are not {s.out_channels} numbers, above 0")
        axes = [s.out_channels, s.out_height, s.out_width]
        _check_axes(f"the output of layer {i}", axes, 3)
        return s.out_channels, s.out_height, s.out_width

    cdef void _measure(self):
        """Set how much memory each part takes, and where weights lie."""
        cdef lenet5_int8_step *s
        cdef int i
        cdef int64_t n
        self.c.n_convolutions = self.c.n_steps
        for i in range(self.c.n_steps - 1, 0, -1):
            s = &self.c.steps[i]
            if s.pool != 1 or s.in_height != s.kernel_size or s.in_width != s.kernel_size:
                break
            self.c.n_convolutions = i
        for i in range(self.c.n_steps):
            s = &self.c.steps[i]
            s.packed, n = self.c.n_packed, lenet5_int8_n_packed(s, self.kernels.group)
            self.c.n_packed += _ceil_div(n, 64) * 64
            n = max(<int64_t>s.in_channels * s.in_height * s.in_width,
                    <int64_t>sizeof(int32_t) * s.out_channels * s.out_height * s.out_width)
            n = _ceil_div(n + INT8_SPARE, 64) * 64
            if i < self.c.n_convolutions:
                self.c.n_activations = max(self.c.n_activations, n)
            else:
                self.c.n_dense = max(self.c.n_dense, n)

    cdef int _pack(self, int i, tuple layer, char *packed) except -1:
        cdef const int8_t[:, :, :, ::1] weight = layer[0]
        cdef const int32_t[::1] bias = layer[1], multiplier = layer[2]
        self.kernels.pack(&self.c.steps[i], &weight[0, 0, 0, 0], &bias[0],
                          NULL if multiplier is None else &multiplier[0], packed)
        return 0

    def forward(self, Pictures pictures not None, int32_t[:, :, :, ::1] scores not None, Py_ssize_t first,
                Py_ssize_t last):
        """Write the scores of the images first .. last - 1 to ``scores`` (N, classes, h, w), from ``first`` on."""
        if pictures.shape != self.in_shape:
            raise ValueError(f"images have shape {pictures.shape}, expected {self.in_shape}")
        if np.asarray(scores).shape != (pictures.n, *self.out_shape) or not 0 <= first <= last <= pictures.n:
            raise ValueError(f"scores have shape {np.asarray(scores).shape}, expected {(pictures.n, *self.out_shape)}; "
                             f"images {first}..{last} of {pictures.n}")
        if first == last:
            return
        arena_array = self._borrow()
        cdef uint8_t[::1] arena = arena_array
        with nogil:
            self.kernels.forward(&self.c, self.packed, &pictures.c, first, last - first, <char *>&arena[0],
                                 &scores[first, 0, 0, 0])
        self.arenas.append(arena_array)

    def _borrow(self):
        """Work space: one that an earlier call returned, or a new one. Each thread has its own."""
        try:
            return self.arenas.pop()
        except IndexError:
            return np.empty(lenet5_int8_n_arena(&self.c), np.uint8)

    def answer_one(self, X, double scale, bint probabilities, double temperature):
        """Scores times scale, or the softmax of that / temperature, (1, classes) float32: for one image, quickly.

        None unless X is as `Fixed` takes it, and the program one of 32 x 32 with one answer. The caller then looks
        closer.
        """
        _check_temperature(temperature)
        if type(X) is not _ndarray or self.in_shape[1:] != (32, 32) or self.out_shape[1:] != (1, 1):
            return None
        cdef Py_buffer given, answer
        try:
            PyObject_GetBuffer(X, &given, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
        except (ValueError, BufferError):  # not contiguous, or of no plain type
            return None
        cdef lenet5_pictures pictures
        try:
            if not _takes_one(&given, self.c.steps[0].in_channels, &pictures):
                return None
            scores = _empty((1, self.c.n_scores), _float32)
            PyObject_GetBuffer(scores, &answer, PyBUF_WRITABLE)
            try:
                self._answer(&pictures, <float *>answer.buf, <float>scale, probabilities, temperature)
            finally:
                PyBuffer_Release(&answer)
            return scores
        finally:
            PyBuffer_Release(&given)

    cdef int _answer(self, const lenet5_pictures *pictures, float *logits, float scale, bint probabilities,
                     double temperature) except -1:
        cdef int64_t n = self.c.n_scores, k, n_arena = lenet5_int8_n_arena(&self.c)
        cdef char *arena = <char *>malloc(n_arena + n * sizeof(int32_t))
        cdef int32_t *scores = <int32_t *>(arena + n_arena)
        cdef float sharpness = <float>(1 / temperature)
        if arena == NULL:
            raise MemoryError("no memory for one image")
        with nogil:
            self.kernels.forward(&self.c, self.packed, pictures, 0, 1, arena, scores)
            for k in range(n):
                logits[k] = <float>scores[k] * scale
            if probabilities:
                for k in range(n):
                    logits[k] *= sharpness
                _isa.f32.softmax(1, <int>n, 1, logits, logits)
            free(arena)
        return 0
