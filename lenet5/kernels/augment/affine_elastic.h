/* Images as unit values, and their random distortions, in float32 for every element type of the network. Included once
 * per instruction set.
 *
 * All that is random is a function of (seed, epoch, number of the image). Neither the order of images, the batch, the
 * threads, nor an interruption changes what an image looks like. "Field" is what the network sees, the image and its
 * padding. All distortions are those of the field, so a frame in the image behaves like an added one. There is at most
 * one resampling, so nothing is blurred twice.
 */

#include "random.h"

#define FVL (VECTOR_BYTES / 4)
#define MAX_KNOTS (FIELD_SIDE / 3 + 4)
#define SOURCE_BORDER 3 /* a line may grow by one pixel, and be blurred by another one */
/* A field's rows are computed in whole blocks of 16 pixels, on every instruction set. */
#define BLOCK 16
#define ROW_STRIDE(width) (((width) + BLOCK - 1) / BLOCK * BLOCK)

typedef float lenet5_floats __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t lenet5_ints __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef uint8_t lenet5_bytes __attribute__((vector_size(16), aligned(1), may_alias));

/* byte / 255 as float32 rounds it, without a division: 1 / 255 = 257 / 2^16 + 1 / (255 * 2^16). The first product is
 * exact. The quotient's binary digits repeat those of the byte. So they are never near enough to the middle of two floats
 * for the rounding of the second product to matter. The result is the same with fused multiply-adds and without. */
#define UNIT(x) ((x) * 0x1.01p-8f + (x) * 0x1.010102p-24f)

/* n bytes, divided by 255, in blocks that overlap at the end. */
INLINE void lenet5_unit(const uint8_t *restrict bytes, int n, float *restrict to) {
    if (n < BLOCK)
        for (int i = 0; i < n; i++)
            to[i] = UNIT((float)bytes[i]);
    else
        for (int i = 0; i < n; i += BLOCK) {
            const int at = i <= n - BLOCK ? i : n - BLOCK;
            VECTORIZE for (int j = 0; j < BLOCK; j++) to[at + j] = UNIT((float)bytes[at + j]);
        }
}

/* x[i][j] = x[j][i], by the rounds of FN(transpose). */
INLINE void lenet5_transpose_bytes(lenet5_bytes *x) {
    lenet5_bytes z[16];
    UNROLL for (int round = 0; round < 4; round++) {
        UNROLL for (int i = 0; i < 8; i++) {
            z[2 * i] = SHUFFLE(x[i], x[i + 8], lenet5_bytes, ZIP_LOW_16);
            z[2 * i + 1] = SHUFFLE(x[i], x[i + 8], lenet5_bytes, ZIP_HIGH_16);
        }
        UNROLL for (int i = 0; i < 16; i++) x[i] = z[i];
    }
}

/* Block `block` of the words of an image. Blocks 0 and 1 are for the affine map, 2 for cutout and inversion, those
 * from 16 on for the elastic distortion. So no distortion depends on the presence of others. */
#define ELASTIC_BLOCKS 16
INLINE void lenet5_words(const lenet5_augmentation *a, int64_t picture, uint32_t block, uint32_t *words) {
    lenet5_random(a->seed, a->epoch, picture, block, words);
}

/* The distortion of one image. */
typedef struct {
    float map[6]; /* the field's pixel (x, y), from its centre, is read at (a x + b y + c, d x + e y + f) */
    int inverted;
    int top, left, bottom, right; /* of the square that is cut out, within the field; empty without one */
} lenet5_distortion;

static void lenet5_draw(const lenet5_augmentation *a, int64_t picture, int H, int W, lenet5_distortion *d) {
    uint32_t w[12];
    for (int block = 0; block < 3; block++)
        lenet5_words(a, picture, block, w + 4 * block);
    const double angle = a->rotation * lenet5_either_way(w[0]), cosine = cos(angle), sine = sin(angle);
    const double scale_x = 1 + a->scale * lenet5_either_way(w[1]), scale_y = 1 + a->scale * lenet5_either_way(w[2]);
    const double shear = a->shear * lenet5_either_way(w[3]);
    d->map[0] = (float)(cosine / scale_x), d->map[1] = (float)((shear * cosine - sine) / scale_y);
    d->map[2] = (float)(a->shift * lenet5_either_way(w[4]));
    d->map[3] = (float)(sine / scale_x), d->map[4] = (float)((shear * sine + cosine) / scale_y);
    d->map[5] = (float)(a->shift * lenet5_either_way(w[5]));
    d->map[2] += (float)((int)((w[7] >> 16) % (2 * (uint32_t)a->crop + 1)) - a->crop);
    d->map[5] += (float)((int)((w[7] & 0xFFFF) % (2 * (uint32_t)a->crop + 1)) - a->crop);
    if (lenet5_chance(w[6]) < a->flip_probability)
        for (int i = 0; i < 3; i++) /* the source's x from its middle, mirrored */
            d->map[i] = -d->map[i];
    d->top = d->bottom = d->left = d->right = 0;
    if (lenet5_chance(w[8]) < a->cutout_probability) {
        const int side = a->cutout_side;
        const int top = (int)(lenet5_chance(w[9]) * H) - side / 2, left = (int)(lenet5_chance(w[10]) * W) - side / 2;
        d->top = top > 0 ? top : 0, d->bottom = top + side < H ? top + side : H;
        d->left = left > 0 ? left : 0, d->right = left + side < W ? left + side : W;
    }
    d->inverted = lenet5_chance(w[11]) < a->inversion_probability;
}

/* ---- elastic distortion --------------------------------------------------------------------------------------- */

/* The displacement of pixel (x, y) is a cubic B-spline over a grid of knots with independent uniform displacements:
 * sum over i, j of basis_i(y) basis_j(x) knot[i][j]. The basis is nearly a Gaussian of deviation spacing / sqrt(3). So
 * this is white noise through a Gaussian filter, for a few hundred vector operations. */
typedef struct {
    int n_rows, n_columns;
    float basis_x[MAX_KNOTS][FIELD_SIDE]; /* (n_columns, W rounded up) */
    float basis_y[FIELD_SIDE][4]; /* of the knots from first_row[y] on */
    int first_row[FIELD_SIDE];
} lenet5_grid;

/* The four basis functions that are not 0 at t from their second knot, 0 <= t < 1. */
INLINE void lenet5_cubic(float t, float *basis) {
    const float s = 1 - t;
    basis[0] = s * s * s / 6;
    basis[1] = (3 * t * t * t - 6 * t * t + 4) / 6;
    basis[2] = (3 * s * s * s - 6 * s * s + 4) / 6;
    basis[3] = t * t * t / 6;
}

NOINLINE void lenet5_grid_of(const lenet5_augmentation *a, int H, int W, lenet5_grid *grid) {
    const float per_pixel = 1 / a->knot_spacing;
    grid->n_rows = (int)((float)(H - 1) * per_pixel) + 4, grid->n_columns = (int)((float)(W - 1) * per_pixel) + 4;
    for (int k = 0; k < grid->n_columns; k++)
        memset(grid->basis_x[k], 0, sizeof(float) * ROW_STRIDE(W));
    for (int x = 0; x < W; x++) {
        float basis[4];
        const float at = (float)x * per_pixel;
        lenet5_cubic(at - (float)(int)at, basis);
        for (int i = 0; i < 4; i++)
            grid->basis_x[(int)at + i][x] = basis[i];
    }
    for (int y = 0; y < H; y++) {
        const float at = (float)y * per_pixel;
        grid->first_row[y] = (int)at;
        lenet5_cubic(at - (float)(int)at, grid->basis_y[y]);
    }
}

/* The displacements of one image, interpolated along the rows: (2, n_rows, W), in x and in y. */
typedef float lenet5_displacements[2][MAX_KNOTS][FIELD_SIDE];

NOINLINE void lenet5_displace(const lenet5_augmentation *a, const lenet5_grid *grid, int64_t picture, int W,
                              lenet5_displacements out) {
    const int n = grid->n_rows * grid->n_columns;
    uint32_t words[MAX_KNOTS * MAX_KNOTS + 3]; /* x in the lower half of a word, y in the upper one */
    for (int i = 0; i < n; i += 4)
        lenet5_words(a, picture, ELASTIC_BLOCKS + i / 4, words + i);
    const float unit = a->knot_range * 0x1p-15f, middle = 0.5f - 0x1p15f;
    for (int row = 0; row < grid->n_rows; row++)
        for (int x = 0; x < W; x += BLOCK) {
            lenet5_floats sum[2][BLOCK / FVL];
            UNROLL for (int v = 0; v < BLOCK / FVL; v++) sum[0][v] = sum[1][v] = (lenet5_floats){0};
            for (int k = 0; k < grid->n_columns; k++) {
                const uint32_t word = words[row * grid->n_columns + k];
                const float dx = ((float)(int)(word & 0xffff) + middle) * unit;
                const float dy = ((float)(int)(word >> 16) + middle) * unit;
                UNROLL for (int v = 0; v < BLOCK / FVL; v++) {
                    const lenet5_floats basis = *(const lenet5_floats *)(grid->basis_x[k] + x + v * FVL);
                    sum[0][v] += basis * dx, sum[1][v] += basis * dy;
                }
            }
            UNROLL for (int v = 0; v < BLOCK / FVL; v++) {
                *(lenet5_floats *)(out[0][row] + x + v * FVL) = sum[0][v];
                *(lenet5_floats *)(out[1][row] + x + v * FVL) = sum[1][v];
            }
        }
}

/* ---- resampling ----------------------------------------------------------------------------------------------- */

#if VECTOR_BYTES == 64
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif VECTOR_BYTES == 32
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#else
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#endif

/* One channel of an image between SOURCE_BORDER columns and rows of background, which stand for everything outside:
 * coordinates are clamped to it. */
typedef struct {
    float pixels[(PICTURE_SIDE + 2 * SOURCE_BORDER) * (PICTURE_SIDE + 2 * SOURCE_BORDER) + BLOCK];
    int h, w, stride;
} lenet5_source;

static void lenet5_source_of(const lenet5_pictures *pictures, int64_t plane, lenet5_source *s) {
    const int h = s->h = pictures->height, w = s->w = pictures->width, stride = s->stride = w + 2 * SOURCE_BORDER;
    memset(s->pixels, 0, sizeof(float) * (h + 2 * SOURCE_BORDER) * stride);
    for (int y = 0; y < h; y++) {
        float *to = s->pixels + (y + SOURCE_BORDER) * stride + SOURCE_BORDER;
        const int64_t from = (plane * h + y) * w;
        if (pictures->is_uint8)
            lenet5_unit((const uint8_t *)pictures->pixels + from, w, to);
        else
            memcpy(to, (const float *)pictures->pixels + from, sizeof(float) * w);
    }
}

INLINE lenet5_floats lenet5_clamp(lenet5_floats x, float high) {
    const lenet5_floats zero = {0}, limit = zero + high;
    const lenet5_ints above = x > limit;
    x = (lenet5_floats)((lenet5_ints)x & (x >= zero)); /* a NaN becomes 0, too */
    return (lenet5_floats)((above & (lenet5_ints)limit) | (~above & (lenet5_ints)x));
}

/* The positions that the W pixels of row y are read from: the number of the upper left one of four neighbours, and the
 * fractions of a pixel to the right of it and below it. */
INLINE void lenet5_places(const lenet5_source *s, const float *map, const lenet5_grid *grid,
                          lenet5_displacements displacements, int y, int H, int W, int *at, float *right, float *down) {
    const float v = (float)y - 0.5f * (float)(H - 1), first = -0.5f * (float)(W - 1);
    const float row_x = map[1] * v + map[2], row_y = map[4] * v + map[5];
    const float centre_x = 0.5f * (float)(s->w - 1) + SOURCE_BORDER, centre_y = 0.5f * (float)(s->h - 1) + SOURCE_BORDER;
    const float limit_x = (float)(s->w + 2 * SOURCE_BORDER) - 1.0001f,
                limit_y = (float)(s->h + 2 * SOURCE_BORDER) - 1.0001f;
    lenet5_floats u;
    for (int i = 0; i < FVL; i++)
        u[i] = first + (float)i;
    for (int x = 0; x < ROW_STRIDE(W); x += FVL, u += (float)FVL) {
        lenet5_floats sx = u * map[0] + row_x + centre_x, sy = u * map[3] + row_y + centre_y;
        if (grid)
            for (int i = 0; i < 4; i++) {
                const int row = grid->first_row[y] + i;
                sx += *(lenet5_floats *)(displacements[0][row] + x) * grid->basis_y[y][i];
                sy += *(lenet5_floats *)(displacements[1][row] + x) * grid->basis_y[y][i];
            }
        sx = lenet5_clamp(sx, limit_x), sy = lenet5_clamp(sy, limit_y);
        const lenet5_ints ix = __builtin_convertvector(sx, lenet5_ints), iy = __builtin_convertvector(sy, lenet5_ints);
        *(lenet5_floats *)(right + x) = sx - __builtin_convertvector(ix, lenet5_floats);
        *(lenet5_floats *)(down + x) = sy - __builtin_convertvector(iy, lenet5_floats);
        *(lenet5_ints *)(at + x) = iy * s->stride + ix;
    }
}

/* Rows [from, to) of the field, bilinear, to `out` (to - from, ROW_STRIDE(W)). A row at a time is read before the
 * arithmetic, in pairs of neighbours. A row of a pixel needs a single load of 8 bytes. The pairs have left the store
 * buffer when they are loaded as whole vectors. */
NOINLINE void lenet5_resample(const lenet5_source *s, const float *map, const lenet5_grid *grid,
                              lenet5_displacements displacements, int H, int W, int from, int to, float *out) {
    int at[FIELD_SIDE];
    float right[FIELD_SIDE], down[FIELD_SIDE], upper[2 * FIELD_SIDE], lower[2 * FIELD_SIDE];
    for (int y = from; y < to; y++, out += ROW_STRIDE(W)) {
        lenet5_places(s, map, grid, displacements, y, H, W, at, right, down);
        for (int x = 0; x < ROW_STRIDE(W); x++) {
            memcpy(upper + 2 * x, s->pixels + at[x], 8);
            memcpy(lower + 2 * x, s->pixels + at[x] + s->stride, 8);
            __asm__ volatile("" ::: "memory"); /* no vectors: assembling them costs more than two stores */
        }
        for (int x = 0; x < ROW_STRIDE(W); x += FVL) {
            const lenet5_floats *p = (const lenet5_floats *)(upper + 2 * x), *q = (const lenet5_floats *)(lower + 2 * x);
            const lenet5_floats p0 = SHUFFLE(p[0], p[1], lenet5_ints, EVEN), p1 = SHUFFLE(p[0], p[1], lenet5_ints, ODD);
            const lenet5_floats q0 = SHUFFLE(q[0], q[1], lenet5_ints, EVEN), q1 = SHUFFLE(q[0], q[1], lenet5_ints, ODD);
            const lenet5_floats r = *(lenet5_floats *)(right + x), d = *(lenet5_floats *)(down + x);
            const lenet5_floats top = p0 + r * (p1 - p0), low = q0 + r * (q1 - q0);
            *(lenet5_floats *)(out + x) = top + d * (low - top);
        }
    }
}

/* The same rows of an image that is not moved; values in its border go onto the padding. */
static void lenet5_place(const lenet5_source *s, int padding, int W, int from, int to, float *out) {
    const int border = padding < SOURCE_BORDER ? padding : SOURCE_BORDER, left = padding - border;
    for (int y = from; y < to; y++, out += ROW_STRIDE(W)) {
        memset(out, 0, sizeof(float) * W);
        if (y >= left && y < padding + s->h + border)
            memcpy(out + left, s->pixels + (y - padding + SOURCE_BORDER) * s->stride + SOURCE_BORDER - border,
                   sizeof(float) * (s->w + 2 * border));
    }
}

/* What follows on these rows: the square is set to background, ink and background are exchanged. */
static void lenet5_cut_and_invert(const lenet5_distortion *d, int W, int from, int to, float *out) {
    for (int y = from; y < to; y++, out += ROW_STRIDE(W)) {
        if (y >= d->top && y < d->bottom)
            for (int x = d->left; x < d->right; x++)
                out[x] = 0;
        if (d->inverted)
            for (int x = 0; x < W; x++)
                out[x] = 1 - out[x];
    }
}
