/* The effects of pens, paper and cameras on an image. Included once per instruction set, after augment/affine_elastic.h.
 *
 * They are wider and thinner lines, blur, JPEG's blocks, ink that covers unevenly, grain, and a bar of something else at
 * the edge. Lines, blur and blocks act on the image before it is moved, the others on the field.
 */

#define PHOTO_BLOCK 4 /* of an image's words, see lenet5_words */
#define SPOT 8        /* pixels between the knots of unevenness */

/* The effects on one image. */
typedef struct {
    float pen;                    /* fraction of the way to the maximum (minimum, if negative) of the neighbourhood */
    float blur;                   /* fraction of the way to its mean, weighted 1 2 1 in each direction */
    float uneven, grain;          /* most ink lost, in spots and in single pixels; and brightness of grain */
    uint32_t key;
    int top, left, bottom, right; /* of the bar, within the field; empty without one */
    float bar;                    /* its ink */
    float jpeg;                   /* factor of the table's steps; 0: no blocks */
    int row, column;              /* position of the image within a block */
} lenet5_photo;

static void lenet5_photo_draw(const lenet5_augmentation *a, int64_t picture, int H, int W, lenet5_photo *p) {
    uint32_t w[16];
    for (int block = 0; block < 4; block++)
        lenet5_words(a, picture, PHOTO_BLOCK + block, w + 4 * block);
    p->pen = (float)(a->photo_pen * lenet5_either_way(w[0]));
    p->blur = (float)(a->photo_blur * lenet5_chance(w[1]));
    p->uneven = (float)(a->photo_uneven * lenet5_chance(w[2]));
    p->grain = (float)(a->photo_grain * lenet5_chance(w[3]) * lenet5_chance(w[11])); /* mostly weak */
    p->key = w[4];
    p->top = p->left = 0, p->bottom = H, p->right = W;
    if (lenet5_chance(w[5]) < a->photo_clutter) {
        const int edge = w[6] >> 30, across = edge & 1, n = across ? W : H, m = across ? H : W;
        const int depth = 1 + (int)(lenet5_chance(w[7]) * n / 6), gap = (int)(lenet5_chance(w[6] << 2) * n / 8);
        const int length = 1 + (int)(lenet5_chance(w[8]) * m), start = (int)(lenet5_chance(w[9]) * m) - length / 2;
        const int from = edge & 2 ? n - gap - depth : gap, to = from + depth;
        const int low = start > 0 ? start : 0, high = start + length < m ? start + length : m;
        p->top = across ? low : from, p->bottom = across ? high : to;
        p->left = across ? from : low, p->right = across ? to : high;
    } else
        p->bottom = p->right = 0;
    p->bar = (float)(0.3 + 0.7 * lenet5_chance(w[10]));
    p->jpeg = (float)(2 * a->photo_jpeg * lenet5_chance(w[12]));
    p->row = (int)(w[13] >> 29), p->column = (int)(w[14] >> 29);
}

/* out = m in m', or m' in m for the inverse, of 8 x 8 matrices. */
static void lenet5_both_ways(const float m[8][8], int back, const float in[8][8], float out[8][8]) {
    float half[8][8];
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            half[i][j] = 0;
            for (int k = 0; k < 8; k++)
                half[i][j] += (back ? m[k][i] : m[i][k]) * in[k][j];
        }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            out[i][j] = 0;
            for (int k = 0; k < 8; k++)
                out[i][j] += half[i][k] * (back ? m[k][j] : m[j][k]);
        }
}

/* JPEG's loss: the cosine transform of each 8 x 8 block is rounded to multiples of its steps (ITU-T T.81, table K.1, times
 * a factor; 2 is called quality 25). Blocks without ink stay as they are. */
static void lenet5_photo_jpeg(const lenet5_photo *p, lenet5_source *s) {
    static const uint8_t steps[8][8] = {{16, 11, 10, 16, 24, 40, 51, 61},     {12, 12, 14, 19, 26, 58, 60, 55},
                                        {14, 13, 16, 24, 40, 57, 69, 56},     {14, 17, 22, 29, 51, 87, 80, 62},
                                        {18, 22, 37, 56, 68, 109, 103, 77},   {24, 35, 55, 64, 81, 104, 113, 92},
                                        {49, 64, 78, 87, 103, 121, 120, 101}, {72, 92, 95, 98, 112, 100, 103, 99}};
    /* cos(k pi / 16) / 2 */
    static const float cosines[9] = {0.50000000f, 0.49039264f, 0.46193977f, 0.41573481f, 0.35355339f,
                                     0.27778512f, 0.19134172f, 0.09754516f, 0.00000000f};
    float wave[8][8], block[8][8], frequencies[8][8];
    for (int u = 0; u < 8; u++)
        for (int x = 0; x < 8; x++) {
            const int angle = (2 * x + 1) * u % 32, k = angle > 16 ? 32 - angle : angle;
            wave[u][x] = u == 0 ? 0.35355339f : k > 8 ? -cosines[16 - k] : cosines[k];
        }
    const int bottom = s->h + 2 * SOURCE_BORDER - 1, right = s->stride - 1;
    for (int top = 1 - p->row; top < bottom; top += 8)
        for (int left = 1 - p->column; left < right; left += 8) {
            int has_ink = 0;
            for (int y = 0; y < 8; y++)
                for (int x = 0; x < 8; x++) {
                    const int inside = top + y >= 1 && top + y < bottom && left + x >= 1 && left + x < right;
                    const float ink = inside ? s->pixels[(top + y) * s->stride + left + x] : 0.0f;
                    has_ink |= ink > 0;
                    block[y][x] = ink - 0.5f;
                }
            if (!has_ink)
                continue;
            lenet5_both_ways(wave, 0, block, frequencies);
            for (int u = 0; u < 8; u++)
                for (int v = 0; v < 8; v++) {
                    const float step = p->jpeg * (float)steps[u][v] * (1.0f / 255);
                    frequencies[u][v] = rintf(frequencies[u][v] / step) * step;
                }
            lenet5_both_ways(wave, 1, frequencies, block);
            for (int y = 0; y < 8; y++)
                for (int x = 0; x < 8; x++)
                    if (top + y >= 1 && top + y < bottom && left + x >= 1 && left + x < right) {
                        const float ink = block[y][x] + 0.5f;
                        s->pixels[(top + y) * s->stride + left + x] = ink < 0 ? 0 : ink > 1 ? 1 : ink;
                    }
        }
}

/* One channel of an image, with its border, through the pen and the lens; the outermost pixels stay background. */
NOINLINE void lenet5_photo_source(const lenet5_photo *p, lenet5_source *s) {
    const int n = s->stride, rows = s->h + 2 * SOURCE_BORDER;
    float across[sizeof s->pixels / sizeof(float)];
    const float sign = p->pen < 0 ? -1.0f : 1.0f, pen = p->pen * sign;
    if (pen > 0) {
        for (int i = 1; i < rows * n - 1; i++) {
            const float a = s->pixels[i - 1] * sign, b = s->pixels[i] * sign, c = s->pixels[i + 1] * sign;
            const float ab = a > b ? a : b;
            across[i] = ab > c ? ab : c;
        }
        for (int y = 1; y < rows - 1; y++)
            for (int i = y * n + 1; i < y * n + n - 1; i++) {
                const float a = across[i - n], b = across[i], c = across[i + n], ab = a > b ? a : b;
                s->pixels[i] += pen * ((ab > c ? ab : c) * sign - s->pixels[i]);
            }
    }
    if (p->blur > 0) {
        for (int i = 1; i < rows * n - 1; i++)
            across[i] = 0.25f * (s->pixels[i - 1] + s->pixels[i + 1]) + 0.5f * s->pixels[i];
        for (int y = 1; y < rows - 1; y++)
            for (int i = y * n + 1; i < y * n + n - 1; i++)
                s->pixels[i] += p->blur * (0.25f * (across[i - n] + across[i + n]) + 0.5f * across[i] - s->pixels[i]);
    }
    if (p->jpeg > 1e-3f) /* finer steps have no effect */
        lenet5_photo_jpeg(p, s);
}

/* A number that looks random for each x: the finalizer of Appleby's MurmurHash3. */
INLINE uint32_t lenet5_hash(uint32_t x) {
    x ^= x >> 16, x *= 0x85EBCA6Bu;
    x ^= x >> 13, x *= 0xC2B2AE35u;
    return x ^ (x >> 16);
}

/* Rows [from, to) of the field. */
NOINLINE void lenet5_photo_field(const lenet5_photo *p, int W, int from, int to, float *out) {
    for (int y = from; y < to; y++, out += ROW_STRIDE(W)) {
        if (p->uneven > 0) {
            const int above = y / SPOT;
            const float down = (float)(y % SPOT) * (1.0f / SPOT);
            float knots[FIELD_SIDE / SPOT + 2];
            for (int k = 0; k <= (W + SPOT - 1) / SPOT; k++) {
                const uint32_t i = p->key + (uint32_t)(above * 64 + k);
                const float a = (float)(lenet5_hash(i) >> 8), b = (float)(lenet5_hash(i + 64) >> 8);
                knots[k] = (a + down * (b - a)) * 0x1p-24f * p->uneven;
            }
            for (int x = 0; x < W; x++) {
                const float a = knots[x / SPOT], right = (float)(x % SPOT) * (1.0f / SPOT);
                out[x] *= 1 - (a + right * (knots[x / SPOT + 1] - a));
            }
        }
        if (p->grain > 0) {
            const uint32_t first = p->key ^ (uint32_t)((y + 1) << 16);
            VECTORIZE for (int x = 0; x < ROW_STRIDE(W); x++) {
                const uint32_t h = lenet5_hash(first + (uint32_t)x);
                const float ink = (float)(int)(h >> 16) * 0x1p-16f, paper = (float)(int)(h & 0xffff) * 0x1p-16f;
                out[x] += p->grain * (paper * paper * (1 - out[x]) - ink * out[x]);
            }
        }
        if (y >= p->top && y < p->bottom)
            for (int x = p->left; x < p->right; x++)
                out[x] = out[x] > p->bar ? out[x] : p->bar;
    }
}
