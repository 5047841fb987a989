/* What pens, paper and cameras do to a picture: wider and thinner lines, blur, ink that covers unevenly, grain, a bar of
 * something else at the edge. Included once per instruction set, after augment_body.h. Lines and blur are those of the
 * picture before it is moved, the rest that of the field.
 */

#define PHOTO_BLOCK 4 /* of a picture's words, see lenet5_words */
#define SPOT 8        /* pixels between the knots of unevenness */

/* What is done to one picture. */
typedef struct {
    float pen;                    /* part of the way to the greatest (least, if negative) of a pixel and its neighbours */
    float blur;                   /* part of the way to their mean, weighted 1 2 1 in each direction */
    float uneven, grain;          /* ink lost at most, in spots, and in single pixels; and brightness of grain */
    uint32_t key;
    int top, left, bottom, right; /* of the bar, within the field; empty where there is none */
    float bar;                    /* its ink */
} lenet5_photo;

static void lenet5_photo_draw(const lenet5_augmentation *a, int64_t picture, int H, int W, lenet5_photo *p) {
    uint32_t w[12];
    for (int block = 0; block < 3; block++)
        lenet5_words(a, picture, PHOTO_BLOCK + block, w + 4 * block);
    p->pen = (float)(a->photo_pen * lenet5_either_way(w[0]));
    p->blur = (float)(a->photo_blur * lenet5_chance(w[1]));
    p->uneven = (float)(a->photo_uneven * lenet5_chance(w[2]));
    p->grain = (float)(a->photo_grain * lenet5_chance(w[3]) * lenet5_chance(w[11])); /* little, mostly */
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
}

/* One channel of a picture, with its border, through the pen and the lens; the outermost pixels stay background. */
static void lenet5_photo_source(const lenet5_photo *p, lenet5_source *s) {
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
}

/* A number that looks random for each x: the finalizer of Appleby's MurmurHash3. */
INLINE uint32_t lenet5_hash(uint32_t x) {
    x ^= x >> 16, x *= 0x85EBCA6Bu;
    x ^= x >> 13, x *= 0xC2B2AE35u;
    return x ^ (x >> 16);
}

/* Rows [from, to) of the field. */
static void lenet5_photo_field(const lenet5_photo *p, int W, int from, int to, float *out) {
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
