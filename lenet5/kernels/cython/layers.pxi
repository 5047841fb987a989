# The other layers, each forward beside its backward.

cdef int _pool_op(lenet5_op *op, real[:, :, :, :, ::1] X, int kernel_size) except -1:
    _check_lanes(X, "X")
    if not 1 <= kernel_size <= min(X.shape[2], X.shape[3]):
        raise ValueError(f"kernel_size is {kernel_size}, expected 1..{min(X.shape[2], X.shape[3])} for X of shape "
                         f"{np.asarray(X).shape}")
    op.kind = OP_MAX_POOL2D
    op.in_channels = op.out_channels = X.shape[1]
    op.in_height, op.in_width = X.shape[2], X.shape[3]
    op.kernel_size = kernel_size
    return _fit_output(op)


def pool2d_forward(real[:, :, :, :, ::1] X not None, int kernel_size, bint use_max):
    """Y (B, C, H//K, W//K, 16): mean or maximum over windows of K x K, stride K."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _pool_op(&op, X, kernel_size)
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES),
                                            np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                (_isa.f32.max_pool2d_forward if use_max else _isa.f32.avg_pool2d_forward)(
                    &op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
            else:
                (_isa.f64.max_pool2d_forward if use_max else _isa.f64.avg_pool2d_forward)(
                    &op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def pool2d_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                    real[:, :, :, :, ::1] Y not None, int kernel_size, bint use_max):
    """dX of a pooling layer; of equal maxima in a window the first one gets the gradient."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _pool_op(&op, X, kernel_size)
    _check_gradient(&op, dY, B)
    _check_gradient(&op, Y, B)
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    with nogil:
        for i in range(B):
            if real is float:
                if use_max:
                    _isa.f32.max_pool2d_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                                 &dX[i, 0, 0, 0, 0])
                else:
                    _isa.f32.avg_pool2d_backward(&op, &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
            else:
                if use_max:
                    _isa.f64.max_pool2d_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                                 &dX[i, 0, 0, 0, 0])
                else:
                    _isa.f64.avg_pool2d_backward(&op, &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
    return np.asarray(dX)


cdef int _subsample_op(lenet5_op *op, real[:, :, :, :, ::1] X, int kernel_size, real[::1] w) except -1:
    _pool_op(op, X, kernel_size)
    _check_axes("w", w.shape, 1)
    if w.shape[0] % X.shape[1]:
        raise ValueError(f"w has shape ({w.shape[0]},), expected a multiple of the {X.shape[1]} channels of X")
    op.kind, op.out_channels = OP_SUBSAMPLE, w.shape[0]
    return _fit_output(op)


def subsample_forward(real[:, :, :, :, ::1] X not None, int kernel_size, real[::1] w not None, real[::1] b not None):
    """Y (B, O, H//K, W//K, 16): means over windows of X (B, C, H, W, 16), times w (O), plus b (O).

    O is a multiple of C: neighbouring output channels share an input channel.
    """
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _subsample_op(&op, X, kernel_size, w)
    if b.shape[0] != w.shape[0]:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({w.shape[0]},)")
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES),
                                            np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.subsample_forward(&op, &X[i, 0, 0, 0, 0], &w[0], &b[0], &Y[i, 0, 0, 0, 0])
            else:
                _isa.f64.subsample_forward(&op, &X[i, 0, 0, 0, 0], &w[0], &b[0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def subsample_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None, int kernel_size,
                       real[::1] w not None):
    """Gradients dX, dw, db of trainable sub-sampling."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _subsample_op(&op, X, kernel_size, w)
    _check_gradient(&op, dY, B)
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    cdef real[::1] dw = np.zeros_like(w), db = np.zeros_like(w)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.subsample_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &w[0], &dX[i, 0, 0, 0, 0],
                                            &dw[0], &db[0], i > 0)
            else:
                _isa.f64.subsample_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &w[0], &dX[i, 0, 0, 0, 0],
                                            &dw[0], &db[0], i > 0)
    return np.asarray(dX), np.asarray(dw), np.asarray(db)


cdef int _rbf_op(lenet5_op *op, real[:, :, :, :, ::1] X, const int32_t[:, ::1] centres) except -1:
    _check_lanes(X, "X")
    _check_axes("centres", centres.shape, 2)
    if centres.shape[1] != X.shape[1]:
        raise ValueError(f"centres have shape {np.asarray(centres).shape}, expected (O, {X.shape[1]})")
    op.kind = OP_RBF
    op.in_channels, op.out_channels, op.constants = X.shape[1], centres.shape[0], &centres[0, 0]
    op.in_height, op.in_width = X.shape[2], X.shape[3]
    return _fit_output(op)


def rbf_forward(real[:, :, :, :, ::1] X not None, const int32_t[:, ::1] centres not None):
    """Y (B, O, H, W, 16): minus the squared distances of X (B, C, H, W, 16) to centres (O, C), position by position."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _rbf_op(&op, X, centres)
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, X.shape[2], X.shape[3], LANES), np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.rbf_forward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
            else:
                _isa.f64.rbf_forward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def rbf_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                 const int32_t[:, ::1] centres not None):
    """dX of :func:`rbf_forward`."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _rbf_op(&op, X, centres)
    _check_gradient(&op, dY, B)
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.rbf_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
            else:
                _isa.f64.rbf_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
    return np.asarray(dX)


cdef int _check_activation(int kind) except -1:
    if kind not in ACTIVATIONS:
        raise ValueError(f"kind is {kind}, expected one of {', '.join(map(str, ACTIVATIONS))}")
    return 0


def activation_forward(real[:, :, :, :, ::1] X not None, int kind):
    """One of ``ACTIVATIONS`` of every element."""
    _check_lanes(X, "X")
    _check_activation(kind)
    cdef real[:, :, :, :, ::1] Y = np.empty_like(X)
    cdef int64_t n = np.asarray(X).size
    if n:
        with nogil:
            if real is float:
                _isa.f32.activation_forward(<lenet5_op_kind>kind, n, &X[0, 0, 0, 0, 0], &Y[0, 0, 0, 0, 0])
            else:
                _isa.f64.activation_forward(<lenet5_op_kind>kind, n, &X[0, 0, 0, 0, 0], &Y[0, 0, 0, 0, 0])
    return np.asarray(Y)


def activation_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] Y not None, int kind):
    """dX from dY and the activation's output Y."""
    _check_lanes(Y, "Y")
    _check_activation(kind)
    if np.asarray(dY).shape != np.asarray(Y).shape:
        raise ValueError(f"dY has shape {np.asarray(dY).shape}, expected that of Y, {np.asarray(Y).shape}")
    cdef real[:, :, :, :, ::1] dX = np.empty_like(Y)
    cdef int64_t n = np.asarray(Y).size
    if n:
        with nogil:
            if real is float:
                _isa.f32.activation_backward(<lenet5_op_kind>kind, n, &Y[0, 0, 0, 0, 0], &dY[0, 0, 0, 0, 0],
                                             &dX[0, 0, 0, 0, 0])
            else:
                _isa.f64.activation_backward(<lenet5_op_kind>kind, n, &Y[0, 0, 0, 0, 0], &dY[0, 0, 0, 0, 0],
                                             &dX[0, 0, 0, 0, 0])
    return np.asarray(dX)


def softmax(real[:, :, ::1] logits not None):
    """Probabilities (N, classes, positions) over the axis of classes; N and positions may be 0."""
    _check_axes("logits", &logits.shape[1], 1)
    cdef real[:, :, ::1] probabilities = np.empty_like(logits)
    cdef int64_t n = logits.shape[0], positions = logits.shape[2]
    cdef int classes = logits.shape[1]
    if n and positions:
        with nogil:
            if real is float:
                _isa.f32.softmax(n, classes, positions, &logits[0, 0, 0], &probabilities[0, 0, 0])
            else:
                _isa.f64.softmax(n, classes, positions, &logits[0, 0, 0], &probabilities[0, 0, 0])
    return np.asarray(probabilities)
