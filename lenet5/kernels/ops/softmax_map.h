/* Softmax at each pixel of one image, for element type T: lanes are pixels. */

/* VL pixels of VL classes from logits (pixels, classes), `pixel` apart: class k of all is block[k]. */
INLINE void FN(load_classes)(const T *logits, int64_t pixel, V *block) {
    UNROLL for (int i = 0; i < VL; i++) block[i] = FN(load)(logits + i * pixel);
    FN(transpose)(block);
}

/* VL neighbouring pixels, from logits, classes last, to planes of probabilities (classes), `plane` apart. */
static void FN(softmax_pixels)(const T *logits, int64_t pixel, int classes, T *probabilities, int64_t plane) {
    V block[VECTOR_BYTES / ELEMENT_BYTES], top = {0}, total = {0};
    for (int from = 0; from < classes; from += VL) {
        FN(load_classes)(logits + from, pixel, block);
        for (int k = 0; k < VL && from + k < classes; k++) {
            top = from + k ? FN(max)(top, block[k]) : block[k];
            FN(store)(probabilities + (from + k) * plane, block[k]);
        }
    }
    for (int k = 0; k < classes; k++) {
        const V e = FN(exp_vector)(FN(load)(probabilities + k * plane) - top);
        total += e;
        FN(store)(probabilities + k * plane, e);
    }
    for (int k = 0; k < classes; k++)
        FN(store)(probabilities + k * plane, FN(load)(probabilities + k * plane) / total);
}

/* logits without a border, of VL pixels or more, the last ones computed twice; probabilities (classes, pixels) */
static void FN(softmax_map)(const lenet5_fcn_place *from, int classes, const T *arena, T *probabilities) {
    const int64_t n = (int64_t)from->height * from->width;
    for (int64_t next = 0; next < n; next += VL) {
        const int64_t i = next <= n - VL ? next : n - VL;
        FN(softmax_pixels)(arena + from->origin + i * from->pixel, from->pixel, classes, probabilities + i, n);
    }
}
