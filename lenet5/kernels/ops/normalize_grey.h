/* What a fully convolutional network sees of a grey image, for element type T: planes of brightness relative to the whole
 * image and to the surroundings, and of what is image at all.
 *
 *     v = 1 within the image, g = 0 without         x1 = clip((g - mean) / (sd + 0.004)) v
 *     P(t): mean over 9 x 9 of t's means over 4 x 4, zeros without; up: bilinear to four times the size, edges clamped
 *     vs = P(v) + 1e-6        mu = up(P(g) / vs)       e = (g - mu) v
 *     var = up(P(e e) / vs)   ge = sqrt(mean of e e)   x2 = clip(e / (sqrt(var) + ge / 4 + 0.004)) v
 *
 * clip: to -4..4. Sums run over LANES columns side by side, whatever the vectors, so that all of them give the same bits.
 */
#define BLOCK_SIDE 4
#define BOX_SIDE 9
#define BOX_RADIUS 4
#define LEAST_CONTRAST (T)0.004
#define MOST_CONTRAST (T)4

/* The image and its blocks: (height, width) pixels of which (h, w) are image, blocks (height / 4, width / 4). */
typedef struct {
    const lenet5_fcn_place *place;
    T *planes;                       /* the first pixel within the first plane */
    int h, w, rows, columns;
    T *means;                        /* (rows, columns + 8), zeros at both ends */
    T *boxes;                        /* (rows + 8, columns), zeros above and below */
    T *fields;                       /* (rows, width): four columns of pixels for each block */
    T *valid_rows, *valid_columns;   /* sums over nine blocks of the part of rows, and of columns, that is image */
} FN(grey_job);

INLINE T *FN(plane_row)(const FN(grey_job) *job, int plane, int y) {
    return job->planes + plane * job->place->plane + y * job->place->row;
}

INLINE V FN(clipped)(V x) { return -FN(max)(-FN(max)(x, FN(splat)(-MOST_CONTRAST)), FN(splat)(-MOST_CONTRAST)); }

/* The sum over a row, or over its squares. */
INLINE double FN(add_row)(const T *row, int width, int squared) {
    const V one = FN(splat)(1);
    V sums[LANES * ELEMENT_BYTES / VECTOR_BYTES] = {{0}};
    for (int x = 0; x < width; x += LANES)
        UNROLL for (int v = 0; v < LANES / VL; v++) {
            const V value = FN(load)(row + x + v * VL);
            sums[v] += value * (squared ? value : one);
        }
    T lanes[LANES];
    UNROLL for (int v = 0; v < LANES / VL; v++) FN(store)(lanes + v * VL, sums[v]);
    double total = 0;
    for (int i = 0; i < LANES; i++)
        total += (double)lanes[i];
    return total;
}

/* Plane 1: the image, zeros around it; plane 2: where it is. Returns its mean. */
static T FN(place_grey)(const FN(grey_job) *job, const T *grey) {
    double total = 0;
    for (int y = 0; y < job->place->height; y++) {
        T *g = FN(plane_row)(job, 1, y), *valid = FN(plane_row)(job, 2, y);
        const int n = y < job->h ? job->w : 0;
        memcpy(g, grey + (int64_t)(n ? y : 0) * job->w, sizeof(T) * n);
        memset(g + n, 0, sizeof(T) * (job->place->width - n));
        for (int x = 0; x < job->place->width; x++)
            valid[x] = x < n;
        total += FN(add_row)(g, job->place->width, 0);
    }
    return (T)(total / ((double)job->h * job->w));
}

/* Plane 0. */
static void FN(normalize_globally)(const FN(grey_job) *job, T mean) {
    const int width = job->place->width;
    double total = 0;
    for (int y = 0; y < job->h; y++) {
        T *out = FN(plane_row)(job, 0, y);
        for (int x = 0; x < width; x += VL)
            FN(store)(out + x, (FN(load)(FN(plane_row)(job, 1, y) + x) - mean) * FN(load)(FN(plane_row)(job, 2, y) + x));
        total += FN(add_row)(out, width, 1);
    }
    const V contrast = FN(splat)((T)sqrt(total / ((double)job->h * job->w)) + LEAST_CONTRAST);
    for (int y = 0; y < job->place->height; y++) {
        T *out = FN(plane_row)(job, 0, y);
        for (int x = 0; x < width; x += VL)
            FN(store)(out + x, y < job->h ? FN(clipped)(FN(load)(out + x) / contrast) : (V){0});
    }
}

/* The sums of nine neighbours in a row of n fractions. The i-th one is the fraction of the four pixels from 4 i on below `end`. */
static void FN(box_of_valid)(int end, int n, T *out) {
    for (int i = 0; i < n; i++) {
        T sum = 0;
        for (int j = i - BOX_RADIUS < 0 ? 0 : i - BOX_RADIUS; j <= i + BOX_RADIUS && j < n; j++) {
            const int inside = end - j * BLOCK_SIDE;
            sum += (T)(inside < 0 ? 0 : inside > BLOCK_SIDE ? BLOCK_SIDE : inside) / BLOCK_SIDE;
        }
        out[i] = sum;
    }
}

/* means: of plane 1, or of its squares. */
static void FN(block_means)(const FN(grey_job) *job, int squared) {
    const int width = job->place->width, step = job->columns + 2 * BOX_RADIUS;
    const V one = FN(splat)(1);
    for (int i = 0; i < job->rows; i++) {
        T *sums = job->fields; /* written later */
        for (int x = 0; x < width; x += VL) {
            V sum = {0};
            for (int y = 0; y < BLOCK_SIDE; y++) {
                const V value = FN(load)(FN(plane_row)(job, 1, i * BLOCK_SIDE + y) + x);
                sum += value * (squared ? value : one);
            }
            FN(store)(sums + x, sum);
        }
        T *to = job->means + i * step + BOX_RADIUS;
        for (int j = 0; j < job->columns; j++) {
            const T *s = sums + j * BLOCK_SIDE;
            to[j] = ((s[0] + s[1]) + (s[2] + s[3])) * (T)(1.0 / (BLOCK_SIDE * BLOCK_SIDE));
        }
    }
}

/* boxes: sums of nine neighbouring means in a row. */
static void FN(box_rows)(const FN(grey_job) *job) {
    for (int i = 0; i < job->rows; i++) {
        const T *from = job->means + i * (job->columns + 2 * BOX_RADIUS);
        T *to = job->boxes + (i + BOX_RADIUS) * job->columns;
        for (int j = 0; j < job->columns; j++) {
            T sum = from[j];
            for (int k = 1; k < BOX_SIDE; k++)
                sum += from[j + k];
            to[j] = sum;
        }
    }
}

/* fields: four columns from each block of `row` (columns), bilinear. */
static void FN(widen)(const FN(grey_job) *job, const T *row, T *to) {
    for (int j = 0; j < job->columns; j++, to += BLOCK_SIDE) {
        const T left = row[j ? j - 1 : 0], here = row[j], right = row[j < job->columns - 1 ? j + 1 : j];
        to[0] = (T)0.375 * left + (T)0.625 * here;
        to[1] = (T)0.125 * left + (T)0.875 * here;
        to[2] = (T)0.125 * right + (T)0.875 * here;
        to[3] = (T)0.375 * right + (T)0.625 * here;
    }
}

/* fields: P(plane 1, or its squares) / vs, upsampled within rows. */
static void FN(box_means)(const FN(grey_job) *job, int squared) {
    const T n = BOX_SIDE * BOX_SIDE;
    FN(block_means)(job, squared);
    FN(box_rows)(job);
    T *quotients = job->means;
    for (int i = 0; i < job->rows; i++) {
        const T *from = job->boxes + i * job->columns;
        for (int j = 0; j < job->columns; j++) {
            T sum = from[j];
            for (int k = 1; k < BOX_SIDE; k++)
                sum += from[j + k * job->columns];
            quotients[j] = (sum / n) / (job->valid_rows[i] * job->valid_columns[j] / n + (T)1e-6);
        }
        FN(widen)(job, quotients, job->fields + (int64_t)i * job->place->width);
    }
    memset(quotients, 0, sizeof(T) * (job->columns + BOX_RADIUS));
}

/* A vector of row y of `fields`, upsampled across rows. */
INLINE V FN(field_at)(const FN(grey_job) *job, int y, int x) {
    const int i = y / BLOCK_SIDE, part = y % BLOCK_SIDE, last = job->rows - 1;
    const int other = part < 2 ? (i ? i - 1 : 0) : (i < last ? i + 1 : last);
    const T weight = part == 0 || part == 3 ? (T)0.375 : (T)0.125;
    const T *here = job->fields + (int64_t)i * job->place->width + x;
    return weight * FN(load)(job->fields + (int64_t)other * job->place->width + x) + (1 - weight) * FN(load)(here);
}

/* Plane 1, which held the image. */
static void FN(normalize_locally)(const FN(grey_job) *job) {
    const int width = job->place->width;
    double total = 0;
    FN(box_means)(job, 0);
    for (int y = 0; y < job->h; y++) {
        T *e = FN(plane_row)(job, 1, y);
        for (int x = 0; x < width; x += VL)
            FN(store)(e + x, (FN(load)(e + x) - FN(field_at)(job, y, x)) * FN(load)(FN(plane_row)(job, 2, y) + x));
        total += FN(add_row)(e, width, 1);
    }
    const T least = (T)0.25 * (T)sqrt(total / ((double)job->h * job->w)) + LEAST_CONTRAST;
    FN(box_means)(job, 1);
    for (int y = 0; y < job->h; y++) {
        T *e = FN(plane_row)(job, 1, y);
        for (int x = 0; x < width; x += VL) {
            const V deviation = FN(square_root)(FN(max)((V){0}, FN(field_at)(job, y, x)));
            FN(store)(e + x, FN(clipped)(FN(load)(e + x) / (deviation + least)));
        }
    }
}

/* Three planes at `place` of `arena` from grey (h, w). scratch: height * width elements of any content. */
static void FN(normalize_grey)(const T *grey, int h, int w, const lenet5_fcn_place *place, T *arena, T *scratch) {
    const int rows = place->height / BLOCK_SIDE, columns = place->width / BLOCK_SIDE;
    FN(grey_job) job = {.place = place, .planes = arena + place->origin, .h = h, .w = w, .rows = rows, .columns = columns};
    job.fields = scratch;
    job.means = job.fields + (int64_t)rows * place->width;
    job.boxes = job.means + (int64_t)rows * (columns + 2 * BOX_RADIUS);
    job.valid_rows = job.boxes + (int64_t)(rows + 2 * BOX_RADIUS) * columns;
    job.valid_columns = job.valid_rows + rows;
    memset(job.means, 0, sizeof(T) * (job.valid_rows - job.means));
    FN(box_of_valid)(h, rows, job.valid_rows);
    FN(box_of_valid)(w, columns, job.valid_columns);
    FN(normalize_globally)(&job, FN(place_grey)(&job, grey));
    FN(normalize_locally)(&job);
}

#undef BLOCK_SIDE
#undef BOX_SIDE
#undef BOX_RADIUS
#undef LEAST_CONTRAST
#undef MOST_CONTRAST
