/* From images to lanes: padded, scaled and, if asked for, distorted, for element type T.
 *
 * Rows of 16 images are transposed, bytes as bytes: that takes a quarter of the shuffles that floats need.
 */

typedef float FN(narrow) __attribute__((vector_size(VECTOR_BYTES * 4 / ELEMENT_BYTES), aligned(4), may_alias));

/* VL floats, or the last ones followed by zeros, as T between background and ink. */
INLINE V FN(scaled)(const float *from, int n, T scale, T shift) {
    FN(narrow) values = {0};
    if (n == VL)
        values = *(const FN(narrow) *)from;
    else
        memcpy(&values, from, sizeof(float) * n);
    return __builtin_convertvector(values, V) * scale + shift;
}

/* n <= 16 pixels from column x on of 16 rows of bytes. */
INLINE void FN(bytes_to_lanes)(const uint8_t *const *rows, int x, int n, T scale, T shift, T *to) {
    lenet5_bytes block[LANES];
    UNROLL for (int l = 0; l < LANES; l++) {
        block[l] = (lenet5_bytes){0};
        memcpy(block + l, rows[l] + x, n);
    }
    lenet5_transpose_bytes(block);
    const uint8_t *bytes = (const uint8_t *)block;
    VECTORIZE for (int i = 0; i < n * LANES; i++) to[i] = shift + scale * (T)UNIT((float)bytes[i]);
}

/* n <= VL pixels of VL rows of floats. */
INLINE void FN(floats_to_lanes)(const uint8_t *const *rows, int x, int n, T scale, T shift, T *to) {
    V block[VECTOR_BYTES / ELEMENT_BYTES];
    UNROLL for (int l = 0; l < VL; l++) block[l] = FN(scaled)((const float *)rows[l] + x, n, scale, shift);
    FN(transpose)(block);
    UNROLL for (int i = 0; i < VL; i++) if (i < n) FN(store)(to + i * LANES, block[i]);
}

/* Start of a block of n of w pixels: the last block overlaps the one before it unless w is a multiple of n. */
INLINE int FN(block_at)(int column, int n, int w) { return column <= w - n ? column : w > n ? w - n : 0; }

/* A row of w pixels. Floats are taken VL rows at a time: a row of 16 images, which lie 4,096 bytes apart, does not fit the
 * first cache. */
INLINE void FN(row_to_lanes)(const uint8_t *const *rows, int is_uint8, int w, T scale, T shift, T *to) {
    for (int column = 0; is_uint8 && column < w; column += LANES) {
        const int x = FN(block_at)(column, LANES, w);
        if (w >= LANES)
            FN(bytes_to_lanes)(rows, x, LANES, scale, shift, to + x * LANES);
        else
            FN(bytes_to_lanes)(rows, x, w, scale, shift, to + x * LANES);
    }
    for (int v = 0; !is_uint8 && v < LANES; v += VL)
        for (int column = 0; column < w; column += VL) {
            const int x = FN(block_at)(column, VL, w);
            if (w >= VL)
                FN(floats_to_lanes)(rows + v, x, VL, scale, shift, to + x * LANES + v);
            else
                FN(floats_to_lanes)(rows + v, x, w, scale, shift, to + x * LANES + v);
        }
}

/* Whether every one of n values is a number in low..high. */
static int FN(within)(int64_t n, const T *x, T low, T high) {
    assert(n >= 1);
    ASSERT_ARRAYS(x);
    FN(mask) inside[2] = {~(FN(mask)){0}, ~(FN(mask)){0}};
    int rest_inside = 1;
    int64_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL)
        UNROLL for (int k = 0; k < 2; k++) {
            const V v = FN(load)(x + i + k * VL);
            inside[k] &= (FN(mask))(v >= low) & (FN(mask))(v <= high);
        }
    for (; i < n; i++)
        rest_inside &= x[i] >= low && x[i] <= high;
    inside[0] &= inside[1];
    for (int l = 0; l < VL; l++)
        rest_inside &= inside[0][l] != 0;
    return rest_inside;
}

/* n elements of background. */
INLINE void FN(fill)(T *X, int64_t n, T value) {
    for (int64_t i = 0; i < n; i += VL)
        FN(store)(X + i, FN(splat)(value));
}

/* Fill the lanes from n_valid on with background. */
static void FN(blank)(T *X, int64_t n, int n_valid, T value) {
    for (int v = n_valid / VL * VL; v < LANES; v += VL) {
        FN(mask) keep;
        for (int l = 0; l < VL; l++)
            keep[l] = v + l < n_valid ? -1 : 0;
        for (int64_t i = v; i < n; i += LANES)
            FN(store)(X + i, FN(select)(keep, FN(load)(X + i), FN(splat)(value)));
    }
}

/* The LANES images with these numbers, undistorted. */
static void FN(gather_plain)(const lenet5_pictures *pictures, const int64_t *numbers, T *X) {
    const int h = pictures->height, w = pictures->width, pad = pictures->padding, W = w + 2 * pad;
    const int64_t row_size = (int64_t)w * (pictures->is_uint8 ? 1 : sizeof(float));
    const T scale = (T)(pictures->ink - pictures->background), shift = (T)pictures->background;
    for (int c = 0; c < pictures->channels; c++) {
        const uint8_t *rows[LANES];
        for (int l = 0; l < LANES; l++)
            rows[l] = (const uint8_t *)pictures->pixels + (numbers[l] * pictures->channels + c) * h * row_size;
        FN(fill)(X, (int64_t)pad * (W + 1) * LANES, shift);
        X += (int64_t)pad * (W + 1) * LANES;
        for (int y = 0; y < h; y++, X += (int64_t)W * LANES) {
            FN(row_to_lanes)(rows, pictures->is_uint8, w, scale, shift, X);
            FN(fill)(X + w * LANES, 2 * pad * LANES, shift); /* to the right, and to the left of the next row */
            for (int l = 0; l < LANES; l++)
                rows[l] += row_size;
        }
        FN(fill)(X, (int64_t)pad * (W - 1) * LANES, shift);
        X += (int64_t)pad * (W - 1) * LANES;
    }
}

/* The same with distortions, one after the other, as many rows at a time as the staging area holds. */
#define STAGED 1024 /* pixels of an image */
static void FN(gather_augmented)(const lenet5_pictures *pictures, const int64_t *numbers, int n_valid,
                                 const lenet5_augmentation *a, T *X) {
    const int H = pictures->height + 2 * pictures->padding, W = pictures->width + 2 * pictures->padding;
    const int stride = ROW_STRIDE(W), n_rows = STAGED / stride;
    const int is_elastic = a->knot_range > 0;
    const int is_moved = is_elastic || a->rotation > 0 || a->scale > 0 || a->shear > 0 || a->shift > 0 || a->crop > 0 ||
                         a->flip_probability > 0;
    const T scale = (T)(pictures->ink - pictures->background), shift = (T)pictures->background;
    float staged[LANES][STAGED];
    const int is_photo = a->photo_pen > 0 || a->photo_blur > 0 || a->photo_uneven > 0 || a->photo_grain > 0 ||
                         a->photo_clutter > 0 || a->photo_jpeg > 0;
    lenet5_distortion distortions[LANES];
    lenet5_photo photo;
    lenet5_displacements displacements;
    lenet5_source source;
    lenet5_grid grid;
    if (is_elastic)
        lenet5_grid_of(a, H, W, &grid);
    for (int l = 0; l < n_valid; l++)
        lenet5_draw(a, numbers[l], H, W, distortions + l);
    for (int c = 0; c < pictures->channels; c++)
        for (int from = 0; from < H; from += n_rows) {
            const int to = from + n_rows < H ? from + n_rows : H;
            for (int l = 0; l < n_valid; l++) {
                lenet5_source_of(pictures, numbers[l] * pictures->channels + c, &source);
                if (is_photo) {
                    lenet5_photo_draw(a, numbers[l], H, W, &photo);
                    lenet5_photo_source(&photo, &source);
                }
                if (is_elastic)
                    lenet5_displace(a, &grid, numbers[l], W, displacements);
                if (is_moved)
                    lenet5_resample(&source, distortions[l].map, is_elastic ? &grid : NULL, displacements, H, W, from, to,
                                    staged[l]);
                else
                    lenet5_place(&source, pictures->padding, W, from, to, staged[l]);
                if (is_photo)
                    lenet5_photo_field(&photo, W, from, to, staged[l]);
                lenet5_cut_and_invert(distortions + l, W, from, to, staged[l]);
            }
            for (int y = 0; y < to - from; y++, X += (int64_t)W * LANES) {
                const uint8_t *rows[LANES];
                for (int l = 0; l < LANES; l++)
                    rows[l] = (const uint8_t *)(staged[l < n_valid ? l : 0] + y * stride);
                FN(row_to_lanes)(rows, 0, W, scale, shift, X);
            }
        }
}

static void FN(gather)(const lenet5_pictures *pictures, const int64_t *index, int64_t first, int n_valid,
                       const lenet5_augmentation *augmentation, T *X) {
    ASSERT_PICTURES(pictures);
    ASSERT_ARRAYS(X);
    assert(first >= 0 && n_valid >= 0 && n_valid <= LANES);
    const int64_t n = (int64_t)pictures->channels * (pictures->height + 2 * pictures->padding) *
                      (pictures->width + 2 * pictures->padding) * LANES;
    int64_t numbers[LANES]; /* a lane without an image gets the first one, and is overwritten at the end */
    for (int l = 0; l < LANES; l++)
        numbers[l] = n_valid == 0 ? 0 : index ? index[l < n_valid ? l : 0] : first + (l < n_valid ? l : 0);
    if (n_valid > 0 && augmentation)
        FN(gather_augmented)(pictures, numbers, n_valid, augmentation, X);
    else if (n_valid > 0)
        FN(gather_plain)(pictures, numbers, X);
    if (n_valid < LANES)
        FN(blank)(X, n, n_valid, (T)pictures->background);
}

/* Images come in random order from more memory than the caches hold, so each one is prefetched a step ahead. */
INLINE void FN(prefetch_picture)(const lenet5_pictures *pictures, int64_t picture) {
    const int64_t n = (int64_t)pictures->channels * pictures->height * pictures->width * (pictures->is_uint8 ? 1 : 4);
    for (int64_t i = 0; i < n; i += 64)
        __builtin_prefetch((const char *)pictures->pixels + picture * n + i, 0, 2);
}

/* One image, plain (C, H, W), undistorted. */
static void FN(gather_single)(const lenet5_pictures *pictures, int64_t picture, T *X) {
    const int h = pictures->height, w = pictures->width, pad = pictures->padding;
    const int H = h + 2 * pad, W = w + 2 * pad;
    const T scale = (T)(pictures->ink - pictures->background), shift = (T)pictures->background;
    if (pad)
        for (int64_t i = 0; i < (int64_t)pictures->channels * H * W; i++)
            X[i] = shift;
    for (int c = 0; c < pictures->channels; c++)
        for (int y = 0; y < h; y++) {
            const int64_t from = ((picture * pictures->channels + c) * h + y) * w;
            T *to = X + ((int64_t)c * H + y + pad) * W + pad;
            if (pictures->is_uint8)
                for (int x = 0; x < w; x++)
                    to[x] = shift + scale * (T)UNIT((float)((const uint8_t *)pictures->pixels)[from + x]);
            else
                for (int x = 0; x < w; x++)
                    to[x] = shift + scale * (T)((const float *)pictures->pixels)[from + x];
        }
}
