# Arrays: what their axes may be, aligned memory, images to lanes and back.

cdef enum:
    MOST_SIDE = 1 << 24
    MOST_VALUES = 1 << 30
#: Of a program's parameters and activations: with all that lies beside them, far below 2^63.
cdef int64_t MOST_ELEMENTS = 1LL << 48


cdef int _check_axes(str name, const Py_ssize_t *axes, int n) except -1:
    """ValueError unless n axes, all but that of the batch, are 1 to MOST_SIDE long, and MOST_VALUES together.

    The kernels count values of an image and weights in an int, and divide by axes. With 16 lanes, and times a side or
    two, such numbers stay far below 2^63.
    """
    cdef int64_t values = 1
    cdef int i
    for i in range(n):
        values = values * axes[i] if 1 <= axes[i] <= MOST_SIDE else 0
        if not 1 <= values <= MOST_VALUES:
            raise ValueError(f"{name} has axes of {tuple(axes[i] for i in range(n))}, expected 1 to {MOST_SIDE:,} each "
                             f"and up to {MOST_VALUES:,} values")
    return 0


cdef inline Py_ssize_t _ceil_div(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return (n + d - 1) // d


def aligned_zeros(shape, dtype):
    """Zeros that start on a cache line, so that no vector straddles two."""
    shape = shape if isinstance(shape, tuple) else (shape,)
    if min(shape) < 0:
        raise ValueError(f"shape is {shape}, expected no axis below 0")
    cdef object size = math.prod(shape) * np.dtype(dtype).itemsize
    buffer = np.zeros(size + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start:start + size].view(dtype).reshape(shape)


def to_lanes(real[:, :, :, ::1] X not None):
    """(N, C, H, W) to lanes (B, C, H, W, 16), B = ceil(N / 16); missing images are zero."""
    _check_axes("X", &X.shape[1], 3)
    cdef object N = X.shape[0], B = _ceil_div(X.shape[0], LANES), rest = np.asarray(X).shape[1:]
    padded = np.zeros((B * LANES, *rest), np.asarray(X).dtype)
    padded[:N] = X
    return np.ascontiguousarray(np.moveaxis(padded.reshape(B, LANES, *rest), 1, -1))


def from_lanes(real[:, :, :, :, ::1] X not None, N):
    """The first N images of lanes (B, C, H, W, 16) as (N, C, H, W)."""
    _check_lanes(X, "X")
    array = np.moveaxis(np.asarray(X), -1, 1)
    return np.ascontiguousarray(array.reshape(-1, *array.shape[2:])[:N])


cdef int _check_lanes(real[:, :, :, :, ::1] X, str name) except -1:
    if X.shape[4] != LANES:
        raise ValueError(f"{name} has {X.shape[4]} lanes, expected {LANES}: shape {np.asarray(X).shape}")
    return _check_axes(name, &X.shape[1], 3)
