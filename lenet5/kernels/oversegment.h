/* The loops that cut a line of digits into pieces: cuts that cross little ink, and images of segments.
 *
 * Plain C11, with one order of operations: the same input gives the same bytes.
 */
#ifndef LENET5_PIECES_H
#define LENET5_PIECES_H

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_FIELD = 28, PIECES_GLYPH = 20 };

/* The least ink on a path from the first row to each pixel of ink (h, w), where a step aside costs `diagonal`:
 *
 *     cost[y][x] = ink[y][x] + min(cost[y-1][x], cost[y-1][x-1] + diagonal, cost[y-1][x+1] + diagonal)
 *
 * and the step -1, 0 or 1 to where it comes from. `down` is 1 to start at the top, -1 to start at the bottom. */
static void pieces_seams(const float *ink, int h, int w, float diagonal, int down, float *cost, int8_t *step) {
    assert(ink && cost && step && h >= 1 && w >= 1 && (down == 1 || down == -1));
    const int64_t first = down > 0 ? 0 : (int64_t)(h - 1) * w;
    memcpy(cost + first, ink + first, w * sizeof(float));
    memset(step + first, 0, w);
    for (int y = 1; y < h; y++) {
        const int64_t row = (int64_t)(down > 0 ? y : h - 1 - y) * w;
        const float *above = cost + row - (int64_t)down * w;
        for (int x = 0; x < w; x++) {
            float best = above[x];
            int from = 0;
            if (x > 0 && above[x - 1] + diagonal < best)
                best = above[x - 1] + diagonal, from = -1;
            if (x < w - 1 && above[x + 1] + diagonal < best)
                best = above[x + 1] + diagonal, from = 1;
            cost[row + x] = ink[row + x] + best;
            step[row + x] = (int8_t)from;
        }
    }
}

/* Where a mark is cut: at no more than `most` columns of its middle row, each the best within `reach` columns, along paths
 * that cross little ink; a step aside costs `diagonal`, a pixel of enclosed paper `enclosed`. */
typedef struct {
    float diagonal, enclosed;
    int reach, most;
} pieces_cuts;

#define PIECES_LEAST_INK 1.5 /* pixels: a cut leaves more than this on either side */

/* The columns of the middle row of a mark (h, w) through which good cuts go, from left to right; returns their number.
 * `through` (w) is the ink on the best path through each column. */
static int pieces_columns(const float *through, int w, const pieces_cuts *cuts, int *columns) {
    int n = 0, last = -9;
    for (int x = 0; x < w; x++) {
        int lowest = 1;
        for (int i = x > cuts->reach ? x - cuts->reach : 0; lowest && i < w && i <= x + cuts->reach; i++)
            lowest = through[x] <= through[i];
        if (!lowest)
            continue;
        if (x - last > 1)
            columns[n++] = x; /* one of each plateau */
        last = x;
    }
    int kept = 0;
    for (int i = 0; i < n; i++) {
        int better = 0;
        for (int k = 0; k < n; k++)
            better += through[columns[k]] < through[columns[i]] || (k < i && through[columns[k]] == through[columns[i]]);
        if (better < cuts->most)
            columns[n + kept++] = columns[i];
    }
    memmove(columns, columns + n, kept * sizeof(int));
    return kept;
}

/* Give each pixel of paper that a mark (h, w) encloses the ink `price`: no steps along rows and columns lead out of it.
 * outside (h, w), and todo, of as many numbers, are room to work in. */
static void pieces_close(float *own, int h, int w, float price, int8_t *outside, int *todo) {
    int n = 0;
    memset(outside, 0, (size_t)h * w);
    for (int at = 0; at < h * w; at++) {
        const int y = at / w, x = at % w, is_edge = y == 0 || y == h - 1 || x == 0 || x == w - 1;
        if (is_edge && own[at] == 0)
            outside[at] = 1, todo[n++] = at;
    }
    while (n) {
        const int at = todo[--n], y = at / w, x = at % w;
        const int next[4] = {y ? at - w : at, y < h - 1 ? at + w : at, x ? at - 1 : at, x < w - 1 ? at + 1 : at};
        for (int k = 0; k < 4; k++)
            if (own[next[k]] == 0 && !outside[next[k]])
                outside[next[k]] = 1, todo[n++] = next[k];
    }
    for (int at = 0; at < h * w; at++)
        if (own[at] == 0 && !outside[at])
            own[at] = price;
}

/* Cut mark number `mark` of `labels`, whose box is given, and number its pieces n, n + 1, ... in `parts`; both and
 * `ink` are planes of `stride` columns. Returns the next number, or -1 without memory. */
static int pieces_split(const float *ink, const int64_t *labels, int32_t *parts, int64_t stride, int64_t mark,
                        const int64_t box[4], const pieces_cuts *cuts, int n) {
    assert(ink && labels && parts && box && cuts && stride >= 1 && box[0] < box[2] && box[1] < box[3]);
    const int h = (int)(box[2] - box[0]), w = (int)(box[3] - box[1]), middle = h / 2;
    const size_t size = (size_t)h * w;
    float *own = (float *)calloc(size * 4 + w, sizeof(float));
    int8_t *step = (int8_t *)malloc(size * 2);
    int *sides = (int *)calloc(size + 2 * (size_t)w + h, sizeof(int));
    if (!own || !step || !sides) {
        free(own), free(step), free(sides);
        return -1;
    }
    float *cost = own + size, *closed = own + 3 * size, *through = own + 4 * size;
    int *columns = sides + size, *path = columns + 2 * w;
    double total = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int64_t at = (box[0] + y) * stride + box[1] + x;
            if (labels[at] == mark)
                total += own[(size_t)y * w + x] = ink[at];
        }
    int n_cuts = 0, n_columns = 0;
    if (cuts->most > 0) {
        memcpy(closed, own, size * sizeof(float));
        pieces_close(closed, h, w, cuts->enclosed, step, sides);
        memset(sides, 0, size * sizeof(int));
        pieces_seams(closed, h, w, cuts->diagonal, 1, cost, step);
        pieces_seams(closed, h, w, cuts->diagonal, -1, cost + size, step + size);
        for (int x = 0; x < w; x++) {
            const size_t at = (size_t)middle * w + x;
            through[x] = cost[at] + cost[size + at] - closed[at];
        }
        n_columns = pieces_columns(through, w, cuts, columns);
    }
    for (int i = 0; i < n_columns; i++) {
        path[middle] = columns[i];
        for (int y = middle; y > 0; y--)
            path[y - 1] = path[y] + step[(size_t)y * w + path[y]];
        for (int y = middle; y < h - 1; y++)
            path[y + 1] = path[y] + step[size + (size_t)y * w + path[y]];
        double left = 0;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < path[y]; x++)
                left += own[(size_t)y * w + x];
        if (left <= PIECES_LEAST_INK || total - left <= PIECES_LEAST_INK)
            continue;
        n_cuts++;
        for (int y = 0; y < h; y++)
            for (int x = path[y]; x < w; x++)
                sides[(size_t)y * w + x]++;
    }
    for (int side = 0, named; side <= n_cuts; side++, n += named) {
        named = 0;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                const int64_t at = (box[0] + y) * stride + box[1] + x;
                if (sides[(size_t)y * w + x] == side && labels[at] == mark)
                    parts[at] = n, named = 1;
            }
    }
    free(own), free(step), free(sides);
    return n;
}

/* Give unlabelled pixels of more ink than `soft` the greatest label of their neighbours: from `labels` to `out`, both
 * (h, w). */
static void pieces_soften(const float *ink, const int32_t *labels, int h, int w, float soft, int32_t *out) {
    assert(ink && labels && out && h >= 1 && w >= 1);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int64_t at = (int64_t)y * w + x;
            int32_t label = labels[at];
            if (label < 0 && ink[at] > soft)
                for (int v = y ? y - 1 : 0; v < h && v <= y + 1; v++)
                    for (int u = x ? x - 1 : 0; u < w && u <= x + 1; u++)
                        if (labels[(int64_t)v * w + u] > label)
                            label = labels[(int64_t)v * w + u];
            out[at] = label;
        }
}

/* A line, and the segments of its pieces. */
typedef struct {
    const uint8_t *levels; /* (height, width), ink bright */
    const int32_t *labels; /* (height, width): the piece of each pixel */
    int height, width;
    double least; /* a box with a smaller long side is shown as large as one of this side */
} pieces_line;

/* Linear interpolation, or averaging when reducing, along one axis: for each of the FIELD new pixels the first of the old
 * ones that contribute, their number, and their weights. */
typedef struct {
    int first[PIECES_FIELD], count[PIECES_FIELD];
    int most;
    float *weights; /* (FIELD, most) */
} pieces_axis;

static inline double pieces_weight(double distance, double reach) {
    const double weight = 1 - fabs(distance) / reach;
    return weight > 0 ? weight : 0;
}

static int pieces_axis_init(pieces_axis *axis, double start, double scale, int size) {
    const double reach = scale < 1 ? 1 / scale : 1;
    axis->most = (int)(2 * reach) + 2;
    axis->weights = (float *)calloc((size_t)PIECES_FIELD * axis->most, sizeof(float));
    if (!axis->weights)
        return -1;
    for (int o = 0; o < PIECES_FIELD; o++) {
        const double centre = start + (o + 0.5) / scale - 0.5; /* in old pixels, whose middles are whole numbers */
        const int low = (int)ceil(centre - reach), high = (int)floor(centre + reach);
        double sum = 0;
        for (int i = low; i <= high; i++)
            sum += pieces_weight(i - centre, reach);
        axis->first[o] = low < 0 ? 0 : low;
        axis->count[o] = 0;
        for (int i = axis->first[o]; i <= high && i < size && axis->count[o] < axis->most; i++)
            axis->weights[o * axis->most + axis->count[o]++] = (float)(pieces_weight(i - centre, reach) / sum);
    }
    return 0;
}

/* The position of a segment's field: its scale, and the old coordinates of its corner. The box is scaled to GLYPH pixels
 * and moved by whole new pixels. Its centre of mass comes to where MNIST's are, half a pixel beyond the middle. */
static void pieces_place(const pieces_line *line, int first, int stop, const int64_t box[4], double *scale,
                         double corner[2]) {
    double mass = 0, moment[2] = {0, 0};
    for (int64_t y = box[0]; y < box[2]; y++)
        for (int64_t x = box[1]; x < box[3]; x++) {
            const int32_t own = line->labels[y * line->width + x];
            if (own < first || own >= stop)
                continue;
            const double ink = line->levels[y * line->width + x];
            mass += ink, moment[0] += ink * (y - box[0] + 0.5), moment[1] += ink * (x - box[1] + 0.5);
        }
    const double sides[2] = {(double)(box[2] - box[0]), (double)(box[3] - box[1])};
    *scale = PIECES_GLYPH / fmax(fmax(sides[0], sides[1]), line->least);
    for (int axis = 0; axis < 2; axis++) {
        const double centre = mass > 0 ? moment[axis] / mass : sides[axis] / 2;
        const double room = PIECES_FIELD - ceil(sides[axis] * *scale - 1e-9);
        const double at = fmin(fmax(rint(PIECES_FIELD / 2 + 0.5 - centre * *scale), 0), room);
        corner[axis] = box[axis] - at / *scale;
    }
}

static inline uint8_t pieces_level(float sum) { return sum < 254.5f ? (uint8_t)(sum + 0.5f) : 255; }

/* Scale the segment along both axes, to `out`. wide: 2 FIELD numbers for each row of the line, and two of its rows. */
static void pieces_resample(const pieces_line *line, int first, int stop, const pieces_axis *rows,
                            const pieces_axis *columns, float *wide, uint8_t *out) {
    const int last = PIECES_FIELD - 1;
    float *own = wide + (size_t)line->height * 2 * PIECES_FIELD, *all = own + line->width; /* one row of the line */
    const int start = columns->first[0], beyond = columns->first[last] + columns->count[last];
    const int end = beyond < line->width ? beyond : line->width;
    for (int y = rows->first[0]; y < line->height && y < rows->first[last] + rows->count[last]; y++) {
        const uint8_t *levels = line->levels + (int64_t)y * line->width;
        const int32_t *labels = line->labels + (int64_t)y * line->width;
        for (int x = start; x < end; x++) {
            all[x - start] = levels[x];
            own[x - start] = labels[x] >= first && labels[x] < stop ? all[x - start] : 0;
        }
        for (int o = 0; o < PIECES_FIELD; o++) {
            const float *weights = columns->weights + o * columns->most;
            const int from = columns->first[o] - start;
            float sums[2] = {0, 0};
            for (int k = 0; k < columns->count[o]; k++)
                sums[0] += weights[k] * own[from + k], sums[1] += weights[k] * all[from + k];
            wide[(y * 2) * PIECES_FIELD + o] = sums[0];
            wide[(y * 2 + 1) * PIECES_FIELD + o] = sums[1];
        }
    }
    for (int o = 0; o < PIECES_FIELD; o++) {
        float sums[2 * PIECES_FIELD] = {0};
        for (int k = 0; k < rows->count[o]; k++) {
            const float weight = rows->weights[o * rows->most + k], *row = wide + (rows->first[o] + k) * 2 * PIECES_FIELD;
            for (int x = 0; x < 2 * PIECES_FIELD; x++)
                sums[x] += weight * row[x];
        }
        for (int side = 0; side < 2; side++)
            for (int x = 0; x < PIECES_FIELD; x++)
                out[(side * PIECES_FIELD + o) * PIECES_FIELD + x] = pieces_level(sums[side * PIECES_FIELD + x]);
    }
}

/* One segment as the network sees it: channel 0 its own ink, channel 1 the whole line's, (2, FIELD, FIELD). */
static int pieces_picture(const pieces_line *line, int first, int stop, const int64_t box[4], uint8_t *out) {
    assert(line && line->levels && line->labels && box && out && box[0] < box[2] && box[1] < box[3]);
    double scale, corner[2];
    pieces_axis rows = {.weights = NULL}, columns = {.weights = NULL};
    float *wide = (float *)calloc((size_t)line->height * 2 * PIECES_FIELD + 2 * (size_t)line->width, sizeof(float));
    pieces_place(line, first, stop, box, &scale, corner);
    const int failed = !wide || pieces_axis_init(&rows, corner[0], scale, line->height) ||
                       pieces_axis_init(&columns, corner[1], scale, line->width);
    if (!failed)
        pieces_resample(line, first, stop, &rows, &columns, wide, out);
    free(wide), free(rows.weights), free(columns.weights);
    return failed ? -1 : 0;
}

#endif
