/* The two loops of cutting a line of digits into pieces: ways that cross little ink, and pictures of runs of pieces.
 *
 * Plain C11, one order of operations: the same input gives the same bytes.
 */
#ifndef LENET5_PIECES_H
#define LENET5_PIECES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_FIELD = 28, PIECES_GLYPH = 20 };

/* The least ink on a way from the first row to each pixel of ink (h, w), a step aside costing `diagonal`:
 *
 *     cost[y][x] = ink[y][x] + min(cost[y-1][x], cost[y-1][x-1] + diagonal, cost[y-1][x+1] + diagonal)
 *
 * and the step -1, 0 or 1 to where it comes from. `down` is 1 to begin at the top, -1 at the bottom. */
static void pieces_seams(const float *ink, int h, int w, float diagonal, int down, float *cost, int8_t *step) {
    const int64_t first = down > 0 ? 0 : (int64_t)(h - 1) * w;
    memcpy(cost + first, ink + first, w * sizeof(float));
    memset(step + first, 0, w);
    for (int y = 1; y < h; y++) {
        const int64_t row = (int64_t)(down > 0 ? y : h - 1 - y) * w;
        const float *above = cost + row - (int64_t)down * w;
        for (int x = 0; x < w; x++) {
            float best = above[x];
            int from = 0;
            if (x > 0 && above[x - 1] + diagonal < best) best = above[x - 1] + diagonal, from = -1;
            if (x < w - 1 && above[x + 1] + diagonal < best) best = above[x + 1] + diagonal, from = 1;
            cost[row + x] = ink[row + x] + best;
            step[row + x] = (int8_t)from;
        }
    }
}

/* A line, and the runs of its pieces. */
typedef struct {
    const uint8_t *levels; /* (height, width), ink bright */
    const int32_t *labels; /* (height, width): the piece of each pixel */
    int height, width;
    double least; /* a box with a smaller long side is shown as large as one of this side */
} pieces_line;

/* Linear interpolation, or averaging where it gets smaller, of one axis: for each of the FIELD new pixels the first of
 * the old ones that it is made of, how many, and what each counts. */
typedef struct {
    int first[PIECES_FIELD], count[PIECES_FIELD];
    int most;
    float *weights; /* (FIELD, most) */
} pieces_axis;

static int pieces_axis_init(pieces_axis *axis, double start, double scale, int size) {
    const double reach = scale < 1 ? 1 / scale : 1;
    axis->most = (int)(2 * reach) + 2;
    axis->weights = (float *)calloc((size_t)PIECES_FIELD * axis->most, sizeof(float));
    if (!axis->weights) return -1;
    for (int o = 0; o < PIECES_FIELD; o++) {
        const double centre = start + (o + 0.5) / scale - 0.5; /* in old pixels, whose middles are whole numbers */
        const int low = (int)ceil(centre - reach), high = (int)floor(centre + reach);
        double sum = 0;
        for (int i = low; i <= high; i++) sum += fmax(0, 1 - fabs(i - centre) / reach);
        axis->first[o] = low < 0 ? 0 : low;
        axis->count[o] = 0;
        for (int i = axis->first[o]; i <= high && i < size && axis->count[o] < axis->most; i++)
            axis->weights[o * axis->most + axis->count[o]++] = (float)(fmax(0, 1 - fabs(i - centre) / reach) / sum);
    }
    return 0;
}

/* Where the field of a run lies: its scale, and the old coordinates of its corner. The box is scaled to GLYPH pixels
 * and moved by whole new pixels, so that its centre of mass comes to where MNIST's are, half a pixel beyond the middle. */
static void pieces_place(const pieces_line *line, int first, int stop, const int64_t box[4], double *scale,
                         double corner[2]) {
    double mass = 0, moment[2] = {0, 0};
    for (int64_t y = box[0]; y < box[2]; y++)
        for (int64_t x = box[1]; x < box[3]; x++) {
            const int32_t own = line->labels[y * line->width + x];
            if (own < first || own >= stop) continue;
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

/* One run as the network sees it: channel 0 its own ink, channel 1 the whole line's, (2, FIELD, FIELD). */
static int pieces_picture(const pieces_line *line, int first, int stop, const int64_t box[4], uint8_t *out) {
    double scale, corner[2];
    pieces_axis rows = {.weights = NULL}, columns = {.weights = NULL};
    float *wide = (float *)calloc((size_t)line->height * 2 * PIECES_FIELD, sizeof(float));
    pieces_place(line, first, stop, box, &scale, corner);
    int failed = !wide || pieces_axis_init(&rows, corner[0], scale, line->height) ||
                 pieces_axis_init(&columns, corner[1], scale, line->width);
    const int last = PIECES_FIELD - 1;
    for (int y = failed ? line->height : rows.first[0]; y < line->height && y < rows.first[last] + rows.count[last]; y++)
        for (int o = 0; o < PIECES_FIELD; o++) {
            float own = 0, all = 0;
            for (int k = 0; k < columns.count[o]; k++) {
                const int64_t at = (int64_t)y * line->width + columns.first[o] + k;
                const float part = columns.weights[o * columns.most + k] * line->levels[at];
                all += part;
                if (line->labels[at] >= first && line->labels[at] < stop) own += part;
            }
            wide[(y * 2) * PIECES_FIELD + o] = own;
            wide[(y * 2 + 1) * PIECES_FIELD + o] = all;
        }
    for (int o = 0; !failed && o < PIECES_FIELD; o++)
        for (int side = 0; side < 2; side++)
            for (int x = 0; x < PIECES_FIELD; x++) {
                float sum = 0;
                for (int k = 0; k < rows.count[o]; k++)
                    sum += rows.weights[o * rows.most + k] * wide[((rows.first[o] + k) * 2 + side) * PIECES_FIELD + x];
                out[(side * PIECES_FIELD + o) * PIECES_FIELD + x] = (uint8_t)fminf(sum + 0.5f, 255.0f);
            }
    free(wide), free(rows.weights), free(columns.weights);
    return failed ? -1 : 0;
}

#endif
