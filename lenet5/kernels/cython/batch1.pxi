# One image per call.

# Looked up once: under the stable ABI a look-up in a module is slow, and an image takes only some microseconds.
cdef object _ndarray = np.ndarray, _empty = np.empty, _float32 = np.float32


cdef bint _takes_one(const Py_buffer *X, int channels, lenet5_pictures *pictures) noexcept:
    """Whether it is one image in an accepted form, and which."""
    cdef int n = X.ndim
    if not ((n == 4 and X.shape[0] == 1 and X.shape[1] == channels) or (n == 3 and X.shape[0] == 1 == channels)):
        return False
    cdef Py_ssize_t side = X.shape[n - 1]
    cdef bint is_uint8 = X.format[0] == b"B", is_float = X.format[0] == b"f"
    if X.shape[n - 2] != side or (side != 28 and side != 32) or X.format[1] or not (is_uint8 or is_float):
        return False
    if is_float:
        if <size_t>X.buf % 4:
            return False
        if not _isa.f32.within(channels * side * side, <const float *>X.buf, -1e-3, 1 + 1e-3):
            return False
    pictures[0] = lenet5_pictures(X.buf, is_uint8, channels, <int>side, <int>side, 16 - <int>side // 2, 0, 1)
    return True


cdef class Fixed:
    """An inference session for one image per call, three times as fast: a program with packed weights that stay.

    program : of images (C, 32, 32) with one answer each
    parameters : float32, read-only: nobody may change them while this lives
    background, ink : as of `Pictures`
    """
    cdef Program program
    cdef object parameters_array, ready_array
    cdef const float *parameters
    cdef const float *ready
    cdef float background, ink
    cdef Py_ssize_t n_single

    def __cinit__(self, Program program not None, parameters, float background, float ink):
        if not isinstance(parameters, np.ndarray):
            raise TypeError(f"parameters are {type(parameters).__name__}, expected an array")
        cdef const float[::1] given = parameters
        if given.shape[0] != program.c.n_parameters or parameters.flags.writeable:
            raise ValueError(f"{given.shape[0]} parameters, expected {program.c.n_parameters}, read-only")
        if program.in_shape[1:] != (32, 32) or program.out_shape[1:] != (1, 1):
            raise ValueError(f"a program of {program.in_shape} to {program.out_shape}, expected 32 x 32, one answer")
        cdef float[::1] ready = aligned_zeros(max(1, program.c.n_ready), np.float32)
        _isa.f32.single_prepare(&program.c, &given[0], &ready[0], True)
        self.program, self.parameters_array, self.ready_array = program, parameters, ready
        self.parameters, self.ready, self.background, self.ink = &given[0], &ready[0], background, ink
        self.n_single = (program.c.n_activations + program.c.n_scratch) // LANES + 64

    def __call__(self, X, bint probabilities, double temperature):
        """Logits, or the softmax of logits / temperature, (1, classes) float32.

        None unless X is one contiguous image, uint8 or float32 in 0..1. It is (1, C, 32, 32) or (1, C, 28, 28), or
        without C for one channel. The caller then looks closer.
        """
        _check_temperature(temperature)
        if type(X) is not _ndarray:
            return None
        cdef Py_buffer given, answer
        try:
            PyObject_GetBuffer(X, &given, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
        except (ValueError, BufferError):  # not contiguous, or of no plain type
            return None
        cdef lenet5_pictures pictures
        cdef bint taken = False
        try:
            taken = _takes_one(&given, self.program.ops[0].in_channels, &pictures)
            pictures.background, pictures.ink = self.background, self.ink
            if not taken:
                return None
            scores = _empty((1, self.program.ops[self.program.c.n_ops - 1].out_channels), _float32)
            PyObject_GetBuffer(scores, &answer, PyBUF_WRITABLE)
            try:
                self._answer(&pictures, <float *>answer.buf, probabilities, temperature)
            finally:
                PyBuffer_Release(&answer)
            return scores
        finally:
            PyBuffer_Release(&given)

    cdef int _answer(self, const lenet5_pictures *pictures, float *scores, bint probabilities,
                     double temperature) except -1:
        cdef float *single = <float *>malloc(self.n_single * sizeof(float) + 64)
        cdef int n = self.program.ops[self.program.c.n_ops - 1].out_channels, k
        cdef float sharpness = <float>(1 / temperature)
        if single == NULL:
            raise MemoryError("no memory for one image")
        with nogil:
            _isa.f32.net_forward_single(&self.program.c, self.parameters, self.ready, True, pictures, 0,
                                        <float *>((<size_t>single + 63) // 64 * 64), scores)
            if probabilities:
                for k in range(n):
                    scores[k] *= sharpness
                _isa.f32.softmax(1, n, 1, scores, scores)
            free(single)
        return 0
