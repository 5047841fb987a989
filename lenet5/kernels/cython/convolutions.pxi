# Convolutions, each forward beside its backward: all channels, fused with pooling, with a connection table.

cdef int _fit_output(lenet5_op *op) except -1:
    """Set the height and width of a step's output; ValueError where its kind, channels, kernel and input do not fit."""
    cdef int C = op.in_channels, H = op.in_height, W = op.in_width, K = op.kernel_size, n_out = op.out_channels
    cdef bint fits = n_out == C
    op.out_height, op.out_width = H, W
    if op.kind in (OP_CONV2D, OP_TABLE_CONV2D, OP_CONV_POOL):
        fits = 1 <= K <= min(H, W)
        op.out_height, op.out_width = H - K + 1, W - K + 1
        if op.kind == OP_CONV_POOL:
            fits = K == 5 and min(H, W) >= 6
            op.out_height, op.out_width = (H - 4) // 2, (W - 4) // 2
    elif op.kind in (OP_AVG_POOL2D, OP_MAX_POOL2D, OP_SUBSAMPLE):
        fits = 1 <= K <= min(H, W) and (n_out == C or (op.kind == OP_SUBSAMPLE and n_out % C == 0))
        op.out_height, op.out_width = H // max(K, 1), W // max(K, 1)
    elif op.kind == OP_RBF:
        fits = True
    elif op.kind not in (*ACTIVATIONS, OP_BATCH_NORM, OP_DROPOUT):
        fits = False
    cdef Py_ssize_t[3] output = [n_out, op.out_height, op.out_width]
    if not fits:
        raise ValueError(f"a step of kind {<int>op.kind} does not take {C} x {H} x {W} to {n_out} channels with a "
                         f"kernel of {K}")
    return _check_axes("the output", output, 3)


cdef int _conv2d_op(lenet5_op *op, real[:, :, :, :, ::1] X, real[:, :, :, ::1] W) except -1:
    """The program step of a convolution, after a check that the shapes agree."""
    _check_axes("W", W.shape, 4)
    _check_lanes(X, "X")
    if W.shape[1] != X.shape[1] or W.shape[2] != W.shape[3]:
        raise ValueError(f"W has shape {np.asarray(W).shape}, expected (O, {X.shape[1]}, K, K) for X of shape "
                         f"{np.asarray(X).shape}")
    if X.shape[2] < W.shape[2] or X.shape[3] < W.shape[3]:
        raise ValueError(f"X of shape {np.asarray(X).shape} is smaller than the kernel of W, {np.asarray(W).shape}")
    op.kind = OP_CONV2D
    op.in_channels, op.in_height, op.in_width = X.shape[1], X.shape[2], X.shape[3]
    op.kernel_size = W.shape[2]
    op.out_channels = W.shape[0]
    return _fit_output(op)


cdef int _check_gradient(const lenet5_op *op, real[:, :, :, :, ::1] dY, Py_ssize_t B) except -1:
    expected = (B, op.out_channels, op.out_height, op.out_width, LANES)
    if np.asarray(dY).shape != expected:
        raise ValueError(f"dY has shape {np.asarray(dY).shape}, expected {expected}")
    return 0


def conv2d_forward(real[:, :, :, :, ::1] X not None, real[:, :, :, ::1] W not None, real[::1] b not None):
    """Y (B, O, H-K+1, W-K+1, 16) = X (B, C, H, W, 16) * W (O, C, K, K) + b (O); valid, stride 1, no flip."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv2d_op(&op, X, W)
    if b.shape[0] != W.shape[0]:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({W.shape[0]},)")
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES), dtype)
    cdef real[::1] U = aligned_zeros(max(1, lenet5_n_prepared(&op)), dtype)
    cdef real[::1] scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    with nogil:
        if real is float:
            _isa.f32.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        else:
            _isa.f64.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        for i in range(B):
            if real is float:
                _isa.f32.conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0], &Y[i, 0, 0, 0, 0],
                                        &scratch[0])
            else:
                _isa.f64.conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0], &Y[i, 0, 0, 0, 0],
                                        &scratch[0])
    return np.asarray(Y)


def conv2d_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                    real[:, :, :, ::1] W not None):
    """Gradients dX, dW, db of a convolution, from dY and what its forward was given."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv2d_op(&op, X, W)
    _check_gradient(&op, dY, B)
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    cdef real[:, :, :, ::1] dW = np.zeros_like(W)
    cdef real[::1] db = np.zeros(W.shape[0], dtype)
    cdef real[::1] U = aligned_zeros(max(1, lenet5_n_prepared(&op)), dtype), dU = np.zeros_like(U)
    cdef real[::1] scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    with nogil:
        if real is float:
            _isa.f32.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        else:
            _isa.f64.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        for i in range(B):
            if real is float:
                _isa.f32.conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &U[0],
                                         &dX[i, 0, 0, 0, 0], &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
            else:
                _isa.f64.conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &U[0],
                                         &dX[i, 0, 0, 0, 0], &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
        if real is float:
            _isa.f32.conv2d_finish(&op, &dU[0], &dW[0, 0, 0, 0])
        else:
            _isa.f64.conv2d_finish(&op, &dU[0], &dW[0, 0, 0, 0])
    return np.asarray(dX), np.asarray(dW), np.asarray(db)


cdef int _conv_pool_op(lenet5_op *op, real[:, :, :, :, ::1] X, real[:, :, :, ::1] W) except -1:
    _conv2d_op(op, X, W)
    if W.shape[2] != 5 or min(op.out_height, op.out_width) < 2:
        raise ValueError(f"X has shape {np.asarray(X).shape} and W {np.asarray(W).shape}, expected "
                         "kernels of 5 x 5 and images of at least 6 x 6")
    op.kind = OP_CONV_POOL
    return _fit_output(op)


def conv_pool_forward(real[:, :, :, :, ::1] X not None, real[:, :, :, ::1] W not None, real[::1] b not None):
    """Convolve X (B, 1, H, W, 16) with W (O, 1, 5, 5) and b (O); take the maxima of 2 x 2 pixels, then ReLU.

    Y (B, 2, O, (H-4)//2, (W-4)//2, 16): the values, and their origins (as integers of the same size).
    """
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv_pool_op(&op, X, W)
    if b.shape[0] != W.shape[0]:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({W.shape[0]},)")
    Y_array = np.empty((B, 2, op.out_channels, op.out_height, op.out_width, LANES), np.asarray(X).dtype)
    cdef real[:, :, :, :, :, ::1] Y = Y_array
    cdef real[::1] U = aligned_zeros(max(1, lenet5_n_prepared(&op)), Y_array.dtype)
    with nogil:
        if real is float:
            _isa.f32.conv_pool_prepare(&op, &W[0, 0, 0, 0], &U[0])
        else:
            _isa.f64.conv_pool_prepare(&op, &W[0, 0, 0, 0], &U[0])
        for i in range(B):
            if real is float:
                _isa.f32.conv_pool_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0],
                                           &Y[i, 0, 0, 0, 0, 0], True)
            else:
                _isa.f64.conv_pool_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0],
                                           &Y[i, 0, 0, 0, 0, 0], True)
    return Y_array


def conv_pool_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                       real[:, :, :, :, :, ::1] Y not None, real[:, :, :, ::1] W not None):
    """Gradients dW, db of :func:`conv_pool_forward`, from dY (B, O, (H-4)//2, (W-4)//2, 16); X is an image."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv_pool_op(&op, X, W)
    _check_gradient(&op, dY, B)
    if np.asarray(Y).shape != (B, 2, *np.asarray(dY).shape[1:]):
        raise ValueError(f"Y has shape {np.asarray(Y).shape}, expected two for each of dY, {np.asarray(dY).shape}")
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, ::1] dW = np.zeros_like(W)
    cdef real[::1] db = np.zeros(W.shape[0], dtype)
    cdef real[::1] scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    cdef real[::1] dU = aligned_zeros(max(1, lenet5_n_prepared(&op)), dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.conv_pool_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                            &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
            else:
                _isa.f64.conv_pool_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                            &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
        if real is float:
            _isa.f32.conv_pool_finish(&op, &dU[0], &dW[0, 0, 0, 0])
        else:
            _isa.f64.conv_pool_finish(&op, &dU[0], &dW[0, 0, 0, 0])
    return np.asarray(dW), np.asarray(db)


cdef int _n_pairs(const int32_t[:, ::1] kernels) except -1:
    """Return the number of kernels in a table; ValueError unless it numbers them row by row."""
    cdef Py_ssize_t o, c
    cdef int n_pairs = 0
    for o in range(kernels.shape[0]):
        for c in range(kernels.shape[1]):
            if kernels[o, c] != -1:
                if kernels[o, c] != n_pairs:
                    raise ValueError(f"kernels has {kernels[o, c]} at {(o, c)}, expected {n_pairs} or -1")
                n_pairs += 1
    if n_pairs == 0:
        raise ValueError("kernels connects no channels, expected one pair or more")
    return n_pairs


cdef int _table_op(lenet5_op *op, real[:, :, :, :, ::1] X, real[:, :, ::1] W,
                   const int32_t[:, ::1] kernels) except -1:
    """The program step of a convolution with a table, after a check that shapes and table agree."""
    cdef int n_pairs
    _check_lanes(X, "X")
    _check_axes("W", W.shape, 3)
    _check_axes("kernels", kernels.shape, 2)
    if W.shape[1] != W.shape[2] or min(X.shape[2], X.shape[3]) < W.shape[1]:
        raise ValueError(f"W has shape {np.asarray(W).shape}, expected (pairs, K, K) for X of shape "
                         f"{np.asarray(X).shape}")
    n_pairs = _n_pairs(kernels)
    if kernels.shape[1] != X.shape[1] or W.shape[0] != n_pairs:
        raise ValueError(f"W has shape {np.asarray(W).shape}, X has {np.asarray(X).shape}, for a table of {n_pairs} "
                         f"pairs and {kernels.shape[1]} channels")
    op.kind = OP_TABLE_CONV2D
    op.in_channels, op.in_height, op.in_width = X.shape[1], X.shape[2], X.shape[3]
    op.kernel_size, op.out_channels = W.shape[1], kernels.shape[0]
    op.constants, op.n_pairs = &kernels[0, 0], n_pairs
    return _fit_output(op)


def table_conv2d_forward(real[:, :, :, :, ::1] X not None, real[:, :, ::1] W not None, real[::1] b not None,
                         const int32_t[:, ::1] kernels not None):
    """Y (B, O, H-K+1, W-K+1, 16) = X (B, C, H, W, 16) * W (pairs, K, K) + b (O), with a connection table.

    Output channel o sees input channel c through kernel ``kernels[o, c]``, or not at all if that is -1.
    """
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _table_op(&op, X, W, kernels)
    if b.shape[0] != op.out_channels:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({op.out_channels},)")
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES),
                                            np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.table_conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0], &b[0], &Y[i, 0, 0, 0, 0])
            else:
                _isa.f64.table_conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0], &b[0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def table_conv2d_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                          real[:, :, ::1] W not None, const int32_t[:, ::1] kernels not None):
    """Gradients dX, dW, db of a convolution with a table, from dY and what its forward was given."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _table_op(&op, X, W, kernels)
    _check_gradient(&op, dY, B)
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    cdef real[:, :, ::1] dW = np.zeros_like(W)
    cdef real[::1] db = np.zeros(op.out_channels, dtype), scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.table_conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0],
                                               &dX[i, 0, 0, 0, 0], &dW[0, 0, 0], &db[0], i > 0, &scratch[0])
            else:
                _isa.f64.table_conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0],
                                               &dX[i, 0, 0, 0, 0], &dW[0, 0, 0], &db[0], i > 0, &scratch[0])
    return np.asarray(dX), np.asarray(dW), np.asarray(db)
