# Inputs of kernels: images, their distortions, the loss.

cdef class Pictures:
    """Images in memory, as the kernels read them.

    pixels : ndarray of shape (N, C, H, W), contiguous, uint8 (0..255) or float32 (0..1)
    padding : rows and columns of background that are added on each side
    background, ink : the values that the network sees for 0 and for full ink
    """
    cdef lenet5_pictures c
    cdef Py_buffer buffer
    cdef bint has_buffer
    cdef readonly Py_ssize_t n
    cdef readonly tuple shape

    def __cinit__(self, pixels, int padding=0, float background=0, float ink=1):
        if not isinstance(pixels, np.ndarray):
            raise TypeError(f"pixels are {type(pixels).__name__}, expected an array")
        dtype, shape, flags = pixels.dtype, pixels.shape, pixels.flags
        if (dtype != np.uint8 and dtype != np.float32) or len(shape) != 4 or not (
                flags.c_contiguous and flags.aligned and dtype.isnative):
            raise ValueError(f"pixels are {dtype} of shape {shape}, expected contiguous aligned uint8 or float32 of "
                             "shape (N, C, H, W)")
        if not 0 <= padding <= MOST_SIDE:
            raise ValueError(f"padding is {padding}, expected 0 to {MOST_SIDE:,}")
        cdef Py_ssize_t[3] axes = shape[1:]
        _check_axes("pixels", axes, 3)
        axes[1] += 2 * padding
        axes[2] += 2 * padding
        _check_axes("pixels with their padding", axes, 3)
        PyObject_GetBuffer(pixels, &self.buffer, PyBUF_SIMPLE)
        self.has_buffer = True
        self.c.pixels = self.buffer.buf
        self.c.is_uint8 = dtype.itemsize == 1
        self.n, self.c.channels, self.c.height, self.c.width = shape
        self.c.padding, self.c.background, self.c.ink = padding, background, ink
        self.shape = (self.c.channels, self.c.height + 2 * padding, self.c.width + 2 * padding)

    def __dealloc__(self):
        if self.has_buffer:
            PyBuffer_Release(&self.buffer)


cdef class Augmentation:
    """Random distortions of images, a function of (seed, epoch, number of the image), as the kernels read them.

    augment.py makes them and says what the ranges mean; 0 stands for none. ``rotation`` is in radians; knots of the
    elastic distortion are ``knot_spacing`` pixels apart and move up to ``knot_range`` pixels.
    """
    cdef lenet5_augmentation c

    def __cinit__(self, seed, epoch, *, float rotation=0, float scale=0, float shear=0, float shift=0, int crop=0,
                  float flip_probability=0,
                  float knot_spacing=8, float knot_range=0, int cutout_side=1, float cutout_probability=0,
                  float inversion_probability=0, float photo_pen=0, float photo_blur=0, float photo_uneven=0,
                  float photo_grain=0, float photo_clutter=0, float photo_jpeg=0):
        # So that every coordinate is a small number, and every square and knot has its place.
        if not (0 <= rotation <= 4 and 0 <= scale < 1 and 0 <= shear <= 10 and 0 <= shift <= 100 and
                0 <= crop <= 100 and 0 <= flip_probability <= 1 and 3 <= knot_spacing <= 1000 and
                0 <= knot_range <= 1000 and 1 <= cutout_side <= FIELD_SIDE and
                0 <= cutout_probability <= 1 and 0 <= inversion_probability <= 1 and 0 <= photo_pen <= 1 and
                0 <= photo_blur <= 1 and 0 <= photo_uneven <= 1 and 0 <= photo_grain <= 1 and
                0 <= photo_clutter <= 1 and 0 <= photo_jpeg <= 1):
            raise ValueError(f"a range of distortions is out of bounds: {rotation=}, {scale=}, {shear=}, {shift=}, "
                             f"{crop=}, {flip_probability=}, "
                             f"{knot_spacing=}, {knot_range=}, {cutout_side=}, {cutout_probability=}, "
                             f"{inversion_probability=}, {photo_pen=}, {photo_blur=}, {photo_uneven=}, {photo_grain=}, "
                             f"{photo_clutter=}, {photo_jpeg=}")
        self.c = lenet5_augmentation(<uint64_t>(seed % 2**64), <uint32_t>(epoch % 2**32), rotation, scale, shear, shift,
                                     crop, flip_probability, knot_spacing, knot_range, cutout_side,
                                     cutout_probability, inversion_probability, photo_pen, photo_blur, photo_uneven,
                                     photo_grain,
                                     photo_clutter, photo_jpeg)

    cdef int check(self, Pictures pictures) except -1:
        cdef int height = pictures.c.height, width = pictures.c.width
        if max(height, width) > PICTURE_SIDE or max(height, width) + 2 * pictures.c.padding > FIELD_SIDE:
            raise ValueError(f"images of {height} x {width} and padding of {pictures.c.padding} cannot be distorted, "
                             f"only up to {PICTURE_SIDE} x {PICTURE_SIDE}, {FIELD_SIDE} x {FIELD_SIDE} with padding")
        return 0


def within(const float[::1] values not None, float low, float high):
    """Whether every value is a number in low..high."""
    cdef bint inside
    with nogil:
        inside = values.shape[0] == 0 or _isa.f32.within(values.shape[0], &values[0], low, high)
    return inside


def gather(Pictures pictures not None, int64_t[::1] index not None, Augmentation augmentation=None):
    """The images with the numbers ``index`` as the network gets them, distorted or not, float32 (n, C, H, W)."""
    cdef Py_ssize_t group, start, n_valid, n = index.shape[0]
    if n and (np.min(index) < 0 or np.max(index) >= pictures.n):
        raise ValueError(f"index must be in 0..{pictures.n - 1}")
    if augmentation is not None:
        augmentation.check(pictures)
    cdef float[:, :, :, :, ::1] X = np.empty((_ceil_div(n, LANES), *pictures.shape, LANES), np.float32)
    for group in range(_ceil_div(n, LANES)):
        start = group * LANES
        n_valid = min(n - start, <Py_ssize_t>LANES)
        _isa.f32.gather(&pictures.c, &index[start], 0, n_valid, NULL if augmentation is None else &augmentation.c,
                        &X[group, 0, 0, 0, 0])
    return from_lanes(X, n)


cdef class Loss:
    """The loss: CROSS_ENTROPY of the softmax, or RIGHT_SCORE, minus the score of the right class.

    Of quantities: SQUARED, ABSOLUTE or HUBER, the mean over the outputs of what their errors cost. A loss of classes
    can have such a one beside it: of the last ``n_values`` outputs, of ``value_kind``, times ``value_weight``.

    label_smoothing : 0 to 1, fraction of each target that is spread over all classes
    rubbish : score of the rubbish class in the softmax, which is never right; -inf: no such class
    teacher_weight : 0..1, fraction of each target that is the answer of the teachers of a `Training`
    temperature : of all softmaxes; the loss is multiplied by its square
    shifts : (classes,) finite, added to the scores in the cross-entropy, and to no others; or None
    """
    cdef lenet5_loss c
    cdef const double[::1] shifts

    def __cinit__(self, int kind=LOSS_CROSS_ENTROPY, double label_smoothing=0, double rubbish=-np.inf, *,
                  double teacher_weight=0, double temperature=1, const double[::1] shifts=None, int n_values=0,
                  int value_kind=LOSS_SQUARED, double value_weight=1):
        if not (LOSS_CROSS_ENTROPY <= kind <= LOSS_HUBER and 0 <= label_smoothing <= 1 and rubbish < np.inf):
            raise ValueError(f"{kind=}, {label_smoothing=}, {rubbish=}: expected a kind of loss, 0..1, a number, -inf")
        if not (0 <= teacher_weight <= 1 and 0 < temperature < np.inf):
            raise ValueError(f"{teacher_weight=}, {temperature=}: expected 0..1, a number above 0")
        if not (LOSS_SQUARED <= value_kind <= LOSS_HUBER and 0 <= value_weight < np.inf and n_values >= 0):
            raise ValueError(f"{value_kind=}, {value_weight=}, {n_values=}: expected a loss of quantities, numbers of "
                             "at least 0")
        if n_values and (kind >= LOSS_SQUARED or teacher_weight):
            raise ValueError(f"{n_values} outputs are quantities: expected a loss of classes, and no teachers")
        if shifts is not None and not np.isfinite(shifts).all():
            raise ValueError("shifts of scores are not finite")
        self.shifts = shifts
        self.c = lenet5_loss(<lenet5_loss_kind>kind, label_smoothing, teacher_weight, temperature, rubbish, NULL,
                             n_values, <lenet5_loss_kind>value_kind, value_weight)
        if shifts is not None and shifts.shape[0]:
            self.c.shifts = &shifts[0]

    cdef check(self, int outputs):
        """ValueError where a network with these outputs has no such loss."""
        if outputs <= self.c.n_values:
            raise ValueError(f"{self.c.n_values} quantities of {outputs} outputs, expected some for classes")
        if self.shifts is not None and self.shifts.shape[0] != outputs - self.c.n_values:
            raise ValueError(f"{self.shifts.shape[0]} shifts for {outputs - self.c.n_values} classes")


def _checked_targets(targets, int outputs, Py_ssize_t n, Loss loss, order=slice(None)):
    """(labels or None, values or None) of ``n`` images; ValueError where the loss takes others.

    Labels are to be below the number of classes where ``order`` says.
    """
    cdef int n_values = outputs if loss.c.kind >= LOSS_SQUARED else loss.c.n_values
    loss.check(outputs)
    labels, values = targets if 0 < n_values < outputs else (None, targets) if n_values else (targets, None)
    if n_values < outputs:
        if len(labels) != n:
            raise ValueError(f"{len(labels)} labels for {n} images")
        if n and np.max(np.asarray(labels)[order]) >= outputs - n_values:
            raise ValueError(f"labels must be below {outputs - n_values}, the largest is {np.max(labels)}")
    if n_values:
        if len(values) != n:
            raise ValueError(f"{len(values)} labels for {n} images")
        if values.shape[1:] != (n_values,):
            raise ValueError(f"targets of shape {values.shape}, expected ({n}, {n_values}): one for each output")
    return labels, values
