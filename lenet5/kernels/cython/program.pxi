# The whole network: a program over lane groups, or one image at a time.

# Up to this many images are faster one by one than as a lane group (measured: 12 against 60 us).
cdef enum: FEW = 4


#: What :meth:`Program.repeat` can run of a step.
PARTS = ("forward", "backward_input", "backward_weights", "backward")


cdef int64_t _n_values(int channels, int height, int width) noexcept:
    return <int64_t>channels * height * width * LANES


def n_extra(int kind, int channels, int height, int width):
    """Elements that a step keeps behind its output (channels, height, width) for the backward pass."""
    cdef Py_ssize_t[3] output = [channels, height, width]
    _check_axes("the output", output, 3)
    cdef lenet5_op op
    op.kind, op.out_channels, op.out_height, op.out_width = <lenet5_op_kind>kind, channels, height, width
    return lenet5_n_extra(&op)


cdef int _check_place(str name, int64_t at, int64_t n, int64_t size) except -1:
    """ValueError unless n elements from ``at`` on, where a vector begins, lie in a buffer of this size."""
    if at < 0 or at % LANES or at > size - n:
        raise ValueError(f"{name} of {n} elements at {at}, expected a multiple of {LANES} within the {size} there are")
    return 0


cdef int _check_temperature(double temperature) except -1:
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0")
    return 0


cdef class Program:
    """The steps of a network for inputs of one size.

    steps : list of tuples in the order of lenet5_op's fields; the last is the step's constants, int32 (O, C), or None
    n_parameters : length of the parameter buffer, a multiple of 16; behind weights lie 16 elements or more, as biases
    n_activations : elements of one lane group's input and outputs in turn, a multiple of 16; activations are in place
    first : number of the first step in the network of which these are the last ones
    """
    cdef lenet5_op[32] ops, predicting_ops
    cdef lenet5_net c, predicting
    cdef readonly tuple in_shape, out_shape
    cdef list arenas, constants

    def __cinit__(self, list steps not None, int64_t n_parameters, int64_t n_activations, int first=0):
        if not 0 < len(steps) <= 32:
            raise ValueError(f"a program has 1 to 32 steps, not {len(steps)}")
        for name, n in (("n_parameters", n_parameters), ("n_activations", n_activations)):
            if n % LANES or not 0 <= n <= MOST_ELEMENTS:
                raise ValueError(f"{name} is {n}, expected a multiple of {LANES} up to {MOST_ELEMENTS:,}")
        cdef int i
        cdef int64_t end = 0
        cdef const int32_t[:, ::1] constants
        self.constants = []  # copies, which nobody changes after they were checked
        for i, step in enumerate(steps):
            if len(step) != 14:
                raise ValueError(f"step {i} has {len(step)} fields, expected 14")
            (self.ops[i].kind, self.ops[i].in_channels, self.ops[i].in_height, self.ops[i].in_width,
             self.ops[i].out_channels, self.ops[i].out_height, self.ops[i].out_width, self.ops[i].kernel_size,
             self.ops[i].weight, self.ops[i].bias, self.ops[i].input, self.ops[i].output,
             self.ops[i].probability) = step[:13]
            self.ops[i].number, self.ops[i].rate_factor = first + i, 1
            self._check_shape(i)
            if step[13] is not None:
                constants = np.array(step[13], order="C")
                if (constants.shape[0], constants.shape[1]) != (step[4], step[1]):
                    raise ValueError(f"step {i} has constants of shape {step[13].shape}, expected {(step[4], step[1])}")
                self.constants.append(constants)
                self.ops[i].constants = &constants[0, 0]
                if self.ops[i].kind == OP_TABLE_CONV2D:
                    self.ops[i].n_pairs = _n_pairs(constants)
            elif self.ops[i].kind in (OP_TABLE_CONV2D, OP_RBF):
                raise ValueError(f"step {i} needs constants")
            end = self._check_places(i, n_parameters, n_activations, end)
        self.c.ops = self.ops
        self.c.n_ops = len(steps)
        self.c.n_parameters, self.c.n_activations = n_parameters, n_activations
        self.c.n_scratch, self.c.n_prepared, self.c.n_ready, self.c.n_kept = LANES, 0, 0, 0
        for i in range(len(steps)):
            self.ops[i].prepared = self.c.n_prepared
            self.c.n_prepared += lenet5_n_prepared(&self.ops[i])
            self.ops[i].ready = self.c.n_ready
            self.c.n_ready += lenet5_n_ready(&self.ops[i])
            self.ops[i].kept = self.c.n_kept
            self.c.n_kept += lenet5_n_kept(&self.ops[i])
            self.c.n_scratch = max(self.c.n_scratch, lenet5_n_scratch(&self.ops[i]))
        self._arrange_prediction()
        self.arenas = []
        self.in_shape, self.out_shape = tuple(steps[0][1:4]), tuple(steps[len(steps) - 1][4:7])

    cdef int _check_shape(self, int i) except -1:
        """ValueError unless a step takes what the one before it gives, to what it says, with a kernel that is there."""
        cdef const lenet5_op *op = &self.ops[i]
        cdef const lenet5_op *before = op - (i > 0)
        cdef Py_ssize_t[3] axes = [op.in_channels, op.in_height, op.in_width]
        cdef Py_ssize_t[4] weights = [op.out_channels, op.in_channels, op.kernel_size, op.kernel_size]
        _check_axes(f"the input of step {i}", axes, 3)
        _check_axes(f"the kernel of step {i}", weights, 4)
        cdef lenet5_op fitted = op[0]
        _fit_output(&fitted)
        if (fitted.out_height, fitted.out_width) != (op.out_height, op.out_width):
            raise ValueError(f"step {i} gives {op.out_height} x {op.out_width}, expected {fitted.out_height} x "
                             f"{fitted.out_width}")
        if i and (before.out_channels, before.out_height, before.out_width) != (op.in_channels, op.in_height,
                                                                                op.in_width):
            raise ValueError(f"step {i} takes another input than the output of the step before it")
        if not 0 <= op.probability < 1:
            raise ValueError(f"step {i} has a probability of {op.probability}, expected 0 to below 1")
        return 0

    cdef int64_t _check_places(self, int i, int64_t n_parameters, int64_t n_activations, int64_t end) except -1:
        """Return the new end of the activations in use; ValueError unless all that a step reads and writes lies in its
        buffer. Activations up to ``end`` are in use."""
        cdef const lenet5_op *op = &self.ops[i]
        cdef int64_t n_weights = lenet5_n_weights(op), n_biases = _ceil_div(lenet5_n_biases(op), LANES) * LANES
        cdef int64_t n = _n_values(op.out_channels, op.out_height, op.out_width) + lenet5_n_extra(op)
        if op.input != (self.ops[i - 1].output if i else 0):
            raise ValueError(f"step {i} has its input at {op.input}, expected the output of the step before it, or 0")
        end = max(end, _n_values(op.in_channels, op.in_height, op.in_width))
        if op.output < end and not (op.output == op.input and op.kind in ACTIVATIONS):
            raise ValueError(f"step {i} has its output at {op.output}, expected it behind the {end} before it")
        _check_place(f"the output of step {i}", op.output, n, n_activations)
        end = max(end, op.output + n)
        if n_weights:  # dense kernels read whole vectors, up to LANES - 1 elements behind the weights
            _check_place(f"the weights of step {i}", op.weight, n_weights + LANES, n_parameters)
            # behind the biases of a normalisation, its running means and variances
            _check_place(f"the biases of step {i}", op.bias, n_biases * (3 if op.kind == OP_BATCH_NORM else 1),
                         n_parameters)
        return end

    cdef void _arrange_prediction(self) noexcept:
        """Arrange the steps for prediction of lane groups, with two activation buffers used alternately: each layer
        needs only the previous output."""
        cdef int64_t[2] most = [0, 0]
        cdef int64_t n
        cdef int i, place = 0
        cdef lenet5_op *op
        most[0] = _n_values(self.ops[0].in_channels, self.ops[0].in_height, self.ops[0].in_width)
        for i in range(self.c.n_ops):  # the offsets count places at first
            op = &self.predicting_ops[i]
            op[0] = self.ops[i]
            op.input = place
            if self.ops[i].input != self.ops[i].output:
                place = 1 - place
            op.output = place
            n = _n_values(op.out_channels, op.out_height, op.out_width)
            if not (op.kind == OP_CONV_POOL and lenet5_has_winograd(op)):  # it keeps nothing without a backward pass
                n += lenet5_n_extra(op)
            most[place] = max(most[place], n)
        for i in range(self.c.n_ops):
            self.predicting_ops[i].input *= most[0]
            self.predicting_ops[i].output *= most[0]
        self.predicting = self.c
        self.predicting.ops, self.predicting.n_activations = self.predicting_ops, most[0] + most[1]

    cdef int check(self, Pictures pictures, Py_ssize_t n_parameters) except -1:
        if pictures.shape != self.in_shape:
            raise ValueError(f"images have shape {pictures.shape}, this program was made for {self.in_shape}")
        if n_parameters != self.c.n_parameters:
            raise ValueError(f"{n_parameters} parameters, expected {self.c.n_parameters}")
        return 0

    def forward(self, const real[::1] parameters not None, Pictures pictures not None,
                real[:, :, :, ::1] scores not None, Py_ssize_t first, Py_ssize_t last, bint probabilities=False,
                double temperature=1):
        """Write the logits, or the softmax of logits / temperature, of images [first, last) to the same rows of
        ``scores`` (N, O, OH, OW)."""
        self.check(pictures, parameters.shape[0])
        _check_temperature(temperature)
        cdef int classes = self.ops[self.c.n_ops - 1].out_channels
        cdef Py_ssize_t positions = self.ops[self.c.n_ops - 1].out_height * self.ops[self.c.n_ops - 1].out_width
        if (scores.shape[0] != pictures.n or (scores.shape[1], scores.shape[2], scores.shape[3]) != self.out_shape
                or not 0 <= first <= last <= pictures.n):
            raise ValueError(f"scores have shape {np.asarray(scores).shape}, expected {(pictures.n, *self.out_shape)}; "
                             f"images {first}..{last} of {pictures.n}")
        if first == last:
            return
        # One by one if images are large, and for the few that are left over after the whole lane groups.
        cdef Py_ssize_t n_groups = 0 if positions > 1 else (last - first) // LANES
        cdef Py_ssize_t n_rest = last - first - n_groups * LANES
        if positions == 1 and n_rest > FEW:
            n_groups, n_rest = n_groups + 1, 0
        cdef Py_ssize_t n_lanes = 2 * self.predicting.n_activations + self.c.n_scratch if positions == 1 else 0
        cdef Py_ssize_t n_single = (self.c.n_activations + self.c.n_scratch) // LANES + 64
        arena_array = self._borrow(n_lanes + self.c.n_prepared + n_single + self.c.n_ready,
                                   np.float32 if real is float else np.float64)
        cdef real[::1] arena = arena_array
        cdef real *groups[2]
        groups[0], groups[1] = &arena[0], &arena[0] + self.predicting.n_activations
        cdef real *scratch = groups[1] + self.predicting.n_activations
        cdef real *prepared = &arena[0] + n_lanes
        cdef real *single = prepared + self.c.n_prepared
        cdef real *ready = single + n_single
        cdef const real *Z
        cdef Py_ssize_t pair, group, start, lane, k
        cdef int n_valid
        cdef real sharpness = <real>(1 / temperature)
        cdef real *out = &scores[0, 0, 0, 0]
        with nogil:
            if n_groups:
                if real is float:
                    _isa.f32.net_prepare(&self.c, &parameters[0], prepared)
                else:
                    _isa.f64.net_prepare(&self.c, &parameters[0], prepared)
            if n_rest:
                if real is float:
                    _isa.f32.single_prepare(&self.c, &parameters[0], ready, False)
                else:
                    _isa.f64.single_prepare(&self.c, &parameters[0], ready, False)
            for pair in range(0, n_groups, 2):
                start = first + pair * LANES
                n_valid = <int>min(last - n_rest - start, <Py_ssize_t>(2 * LANES))
                if real is float:
                    _isa.f32.net_predict(&self.predicting, &parameters[0], prepared, &pictures.c, start, n_valid,
                                         groups[0], groups[1], scratch)
                else:
                    _isa.f64.net_predict(&self.predicting, &parameters[0], prepared, &pictures.c, start, n_valid,
                                         groups[0], groups[1], scratch)
                for group in range(pair, min(pair + 2, n_groups)):
                    Z = groups[group - pair] + self.predicting_ops[self.c.n_ops - 1].output
                    start = first + group * LANES
                    for lane in range(min(last - start, <Py_ssize_t>LANES)):
                        for k in range(classes):
                            out[(start + lane) * classes + k] = Z[k * LANES + lane]
            for start in range(last - n_rest, last):
                if real is float:
                    _isa.f32.net_forward_single(&self.c, &parameters[0], ready, False, &pictures.c, start, single,
                                                out + start * classes * positions)
                else:
                    _isa.f64.net_forward_single(&self.c, &parameters[0], ready, False, &pictures.c, start, single,
                                                out + start * classes * positions)
            if probabilities:
                out += first * classes * positions
                if sharpness != 1:
                    for k in range((last - first) * classes * positions):
                        out[k] *= sharpness
                if real is float:
                    _isa.f32.softmax(last - first, classes, positions, out, out)
                else:
                    _isa.f64.softmax(last - first, classes, positions, out, out)
        if positions == 1:  # work space for a large image is not kept
            self.arenas.append(arena_array)

    def _borrow(self, n, dtype):
        """Work space: one that an earlier call returned, or a new one. Each thread has its own."""
        while True:
            try:
                arena = self.arenas.pop()
            except IndexError:
                return aligned_zeros(n, dtype)
            if arena.dtype == dtype:
                return arena

    def loss_and_gradients(self, const real[::1] parameters not None, Pictures pictures not None,
                           labels not None, real[::1] gradients not None, Loss loss=None):
        """Mean loss (cross-entropy) over all images; its gradient is added to ``gradients``. No unit is dropped.

        ``labels`` are uint8 (N,), or (N, outputs) in the type of the parameters where the loss is one of quantities.
        Where it is of both, they are a pair of such arrays.
        """
        if gradients.shape[0] != parameters.shape[0]:
            raise ValueError(f"{gradients.shape[0]} gradients for {parameters.shape[0]} parameters")
        return self._differentiate(parameters, pictures, labels, gradients, None, loss or Loss())

    def input_gradient(self, const real[::1] parameters not None, Pictures pictures not None,
                       labels not None, Loss loss=None):
        """The gradient of each image's loss with respect to the network's input: (N, C, H, W), with the padding.

        ValueError for a program whose first layer is fused, because it passes no gradient on.
        """
        if self.ops[0].kind == OP_CONV_POOL:
            raise ValueError("the first layer of this program is fused and passes no gradient to the images")
        dX = np.empty((_ceil_div(pictures.n, LANES), *self.in_shape, LANES), np.asarray(parameters).dtype)
        cdef real[::1] none = None
        cdef real[:, :, :, :, ::1] lanes = dX
        self._differentiate(parameters, pictures, labels, none, dX, loss or Loss())
        return from_lanes(lanes, pictures.n)

    cdef double _differentiate(self, const real[::1] parameters, Pictures pictures, object labels,
                               real[::1] gradients, object pictures_gradient, Loss loss_kind) except? -1:
        """Mean loss; gradients of parameters (added), or, without them, those of the images, unscaled."""
        self.check(pictures, parameters.shape[0])
        cdef int classes = self.out_shape[0]
        cdef Py_ssize_t group, start, n_valid, N = pictures.n
        cdef const uint8_t[::1] numbers = None
        cdef const real[:, ::1] values = None
        cdef const uint8_t *label = NULL
        cdef const real *value = NULL
        if self.out_shape[1:] != (1, 1):
            raise ValueError(f"the output {self.out_shape} is a map, a loss needs one position")
        found = _checked_targets(labels, classes, N, loss_kind)
        numbers, values = found
        dtype = np.asarray(parameters).dtype
        cdef real[::1] A = aligned_zeros(self.c.n_activations, dtype), dA = aligned_zeros(self.c.n_activations, dtype)
        cdef real[::1] scratch = aligned_zeros(self.c.n_scratch, dtype), targets = aligned_zeros(classes * LANES, dtype)
        cdef real[::1] U = aligned_zeros(max(1, self.c.n_prepared), dtype), dU = np.zeros_like(U)
        cdef int64_t n_correct = 0, output = self.ops[self.c.n_ops - 1].output
        if values is not None and N:
            value = &values[0, 0]
        cdef real *to = NULL if gradients is None else &gradients[0]
        cdef double loss = 0, scale = 1.0 / N if to != NULL and N else 1.0
        cdef const lenet5_loss *kind = &loss_kind.c
        for group in range(_ceil_div(N, LANES)):
            start = group * LANES
            n_valid = min(N - start, <Py_ssize_t>LANES)
            label = NULL if numbers is None else &numbers[start]
            with nogil:
                if real is float:
                    if group == 0:
                        _isa.f32.net_prepare(&self.c, &parameters[0], &U[0])
                    _isa.f32.gather(&pictures.c, NULL, start, n_valid, NULL, &A[0])
                    _isa.f32.draw_dropout(&self.c, NULL, NULL, n_valid, &A[0])
                    _isa.f32.net_forward(&self.c, &parameters[0], &U[0], &A[0], n_valid, &scratch[0])
                    _isa.f32.targets(kind, classes, label, value, NULL, start, n_valid, &targets[0])
                    loss += _isa.f32.loss(kind, classes, &A[output], &targets[0], label, n_valid, <float>scale,
                                          &dA[output], &n_correct)
                    _isa.f32.net_backward(&self.c, &parameters[0], &U[0], &A[0], &dA[0], to, &dU[0], True,
                                          NULL, n_valid, &scratch[0])
                else:
                    if group == 0:
                        _isa.f64.net_prepare(&self.c, &parameters[0], &U[0])
                    _isa.f64.gather(&pictures.c, NULL, start, n_valid, NULL, &A[0])
                    _isa.f64.draw_dropout(&self.c, NULL, NULL, n_valid, &A[0])
                    _isa.f64.net_forward(&self.c, &parameters[0], &U[0], &A[0], n_valid, &scratch[0])
                    _isa.f64.targets(kind, classes, label, value, NULL, start, n_valid, &targets[0])
                    loss += _isa.f64.loss(kind, classes, &A[output], &targets[0], label, n_valid, scale,
                                          &dA[output], &n_correct)
                    _isa.f64.net_backward(&self.c, &parameters[0], &U[0], &A[0], &dA[0], to, &dU[0], True,
                                          NULL, n_valid, &scratch[0])
            if pictures_gradient is not None:
                size = pictures_gradient[group].size
                pictures_gradient[group] = np.asarray(dA)[:size].reshape(pictures_gradient[group].shape)
        if to != NULL:
            if real is float:
                _isa.f32.net_finish(&self.c, &dU[0], to)
            else:
                _isa.f64.net_finish(&self.c, &dU[0], to)
        return loss / N if N else 0.0

    def repeat(self, const float[::1] parameters not None, Pictures pictures not None, int step, str part, int n):
        """Run one step's "forward", "backward_input", "backward_weights" or "backward" (both) n times on one lane
        group, for timing. The weights of dense layers are trained on four groups at a time, n // 4 times."""
        self.check(pictures, parameters.shape[0])
        if not 0 <= step < self.c.n_ops or part not in PARTS:
            raise ValueError(f"step {step} of {self.c.n_ops}, part {part!r}")
        cdef float[::1] A = aligned_zeros(self.c.n_activations, np.float32)
        cdef float[::1] dA = aligned_zeros(self.c.n_activations, np.float32)
        cdef float[::1] gradients = aligned_zeros(self.c.n_parameters, np.float32)
        cdef float[::1] scratch = aligned_zeros(self.c.n_scratch, np.float32)
        cdef float[::1] U = aligned_zeros(max(1, self.c.n_prepared), np.float32), dU = np.zeros_like(U)
        cdef int which = PARTS.index(part)
        cdef lenet5_net one = self.c
        cdef const lenet5_op *op = &self.ops[step]
        cdef int _
        one.ops, one.n_ops = op, 1
        _isa.f32.gather(&pictures.c, NULL, 0, <int>min(pictures.n, <Py_ssize_t>LANES), NULL, &A[0])
        _isa.f32.net_prepare(&self.c, &parameters[0], &U[0])
        _isa.f32.net_forward(&self.c, &parameters[0], &U[0], &A[0], LANES, &scratch[0])
        if part == "backward_weights" and lenet5_n_kept(op):
            self._repeat_dense(op, n // 4)
            return
        cdef float *dX = &dA[op.input] if which != 2 else NULL
        cdef float *dW = &gradients[op.weight] if which != 1 else NULL
        with nogil:
            for _ in range(n):
                if which == 0:
                    _isa.f32.net_forward(&one, &parameters[0], &U[0], &A[0], LANES, &scratch[0])
                elif op.kind == OP_CONV2D:
                    _isa.f32.conv2d_backward(op, &A[op.input], &dA[op.output], &parameters[op.weight],
                                             &U[0] + op.prepared, dX, dW, &gradients[op.bias] if dW else NULL,
                                             &dU[0] + op.prepared if dW else NULL, False, &scratch[0])
                else:
                    _isa.f32.net_backward(&one, &parameters[0], &U[0], &A[0], &dA[0], &gradients[0], &dU[0], False,
                                          NULL, LANES, &scratch[0])

    cdef void _repeat_dense(self, const lenet5_op *op, int n):
        """A batch of four groups, of zeros, n times: the gradient of the weights of a dense layer, and their update."""
        cdef lenet5_training_f32 t
        cdef float[:, ::1] memory = aligned_zeros((4, self.c.n_parameters + self.c.n_prepared), np.float32)
        cdef float[::1] kept = aligned_zeros(4 * self.c.n_kept, np.float32)
        cdef double[::1] learning_rates = np.zeros(1)
        cdef int _
        t.net, t.kept, t.n_threads, t.first_step = &self.c, &kept[0], 1, 0
        t.parameters, t.gradients = &memory[0, 0], &memory[1, 0]
        t.moment1, t.moment2 = &memory[2, 0], &memory[3, 0]
        t.learning_rates = &learning_rates[0]
        t.optimizer = lenet5_optimizer(OPTIMIZER_SGD, True, 0.9, 0.9, 0.999, 1e-8, 1e-4, 0, 0)
        with nogil:
            for _ in range(n):
                _isa.train_dense_alone(&t, op, 4)
