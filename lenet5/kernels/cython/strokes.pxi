# Digits drawn by a pen model.

cdef extern from "strokes.h" nogil:
    enum: STROKES_SIDE, STROKES_POINTS, PEN_NUMBERS
    void strokes_draw(const float *control, const uint8_t *kind, int n, const float *pen, uint8_t *picture) noexcept


def draw_strokes(const float[:, :, ::1] control not None, const uint8_t[:, ::1] kind not None,
                 const float[:, ::1] pen not None, uint8_t[:, :, ::1] out not None):
    """Draw digits: control points (N, P, 2), their kinds (N, P) and pens (N, 17) to images (N, 28, 28)."""
    cdef Py_ssize_t i, n = control.shape[0], points = control.shape[1]
    given = f"control points of shape {(n, points, control.shape[2])}"
    if control.shape[2] != 2 or not 1 <= points <= STROKES_POINTS:
        raise ValueError(f"{given}, not {(n, STROKES_POINTS, 2)} or fewer points")
    if kind.shape[0] != n or kind.shape[1] != points:
        raise ValueError(f"{given} with kinds of shape {(kind.shape[0], kind.shape[1])}")
    if pen.shape[0] != n or pen.shape[1] != PEN_NUMBERS:
        raise ValueError(f"{given} with pens of shape {(pen.shape[0], pen.shape[1])}, not {(n, PEN_NUMBERS)}")
    if out.shape[0] != n or out.shape[1] != STROKES_SIDE or out.shape[2] != STROKES_SIDE:
        raise ValueError(f"{given} with images of shape {(out.shape[0], out.shape[1], out.shape[2])}")
    with nogil:
        for i in range(n):
            strokes_draw(&control[i, 0, 0], &kind[i, 0], <int>points, &pen[i, 0], &out[i, 0, 0])
