/* From the control points of a handwritten digit to an image normalised as MNIST's were.
 *
 * control points --Catmull-Rom--> a fine polyline --waves--> slightly bent
 *
 *   --scale--> a box of 20 pixels --capsules--> grey coverage --centre of mass--> its place in 28 x 28
 *
 * Plain C11, no allocation, one order of operations: the same input gives the same bytes.
 */
#ifndef LENET5_STROKES_H
#define LENET5_STROKES_H

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    STROKES_SIDE = 28,   /* pixels of the image */
    STROKES_BOX = 20,    /* pixels of the box that the ink fills along its longer side */
    STROKES_STEPS = 6,   /* pieces of the polyline between two control points */
    STROKES_POINTS = 16, /* control points at most */
    STROKES_MAX = STROKES_POINTS * STROKES_STEPS
};

/* The kind of a control point: bits of `kind`. */
enum { STROKES_DRAWN = 1 /* pen down on the way here */, STROKES_CORNER = 2 /* the pen turns sharply here */ };

/* The numbers of a pen and a hand, in this order. Lengths of the pen are pixels, of the waves glyph units. */
enum {
    PEN_RADIUS,  /* half the width of the line */
    PEN_SOFT,    /* width of the grey edge */
    PEN_NIB_X,   /* relative change of the radius with direction: x cos 2a + y sin 2a */
    PEN_NIB_Y,
    PEN_PULSE,   /* relative change of the radius along the line, a wave of this frequency and phase */
    PEN_PULSE_F,
    PEN_PULSE_P,
    PEN_WAVES,   /* two waves: amplitude x, y; frequency x, y (radians per unit); phase */
    PEN_NUMBERS = PEN_WAVES + 2 * 5
};

typedef struct {
    float x0, y0, r0, x1, y1, r1; /* a capsule: from one end, with its radius, to the other */
} strokes_segment;

/* The value of one coordinate between p[1] and p[2] on the curve through all of p, t in 0..1. */
static float strokes_catmull_rom(const float p[4], float t) {
    const float a = 2.0f * p[1], b = p[2] - p[0];
    const float c = 2.0f * p[0] - 5.0f * p[1] + 4.0f * p[2] - p[3];
    const float d = 3.0f * (p[1] - p[2]) + p[3] - p[0];
    return 0.5f * (a + t * (b + t * (c + t * d)));
}

/* A smooth displacement of the paper. */
static void strokes_bend(const float *pen, float *x, float *y) {
    float dx = 0.0f, dy = 0.0f;
    for (const float *wave = pen + PEN_WAVES; wave < pen + PEN_NUMBERS; wave += 5) {
        const float s = sinf(wave[2] * *x + wave[3] * *y + wave[4]);
        dx += wave[0] * s;
        dy += wave[1] * s;
    }
    *x += dx;
    *y += dy;
}

static float strokes_radius(const float *pen, float dx, float dy, float along) {
    const float length2 = dx * dx + dy * dy + 1e-6f;
    const float nib = (pen[PEN_NIB_X] * (dx * dx - dy * dy) + pen[PEN_NIB_Y] * 2.0f * dx * dy) / length2;
    const float pulse = pen[PEN_PULSE] * sinf(pen[PEN_PULSE_F] * along + pen[PEN_PULSE_P]);
    return fmaxf(pen[PEN_RADIUS] * (1.0f + nib + pulse), 0.3f);
}

/* Control points (n, 2) to segments, still in glyph units; returns their number. */
static int strokes_trace(const float *control, const uint8_t *kind, int n, const float *pen, strokes_segment *segment) {
    int count = 0;
    for (int k = 1; k < n; k++) {
        if (!(kind[k] & STROKES_DRAWN))
            continue;
        /* Beyond the end of a stroke, or a corner, there is no point to steer by, so the end is used. */
        const int first = k == 1 || (kind[k - 1] & STROKES_CORNER) || !(kind[k - 1] & STROKES_DRAWN);
        const int last = (kind[k] & STROKES_CORNER) || k == n - 1 || !(kind[k + 1] & STROKES_DRAWN);
        const int index[4] = {first ? k - 1 : k - 2, k - 1, k, last ? k : k + 1};
        float px[4], py[4];
        for (int j = 0; j < 4; j++) {
            px[j] = control[2 * index[j]];
            py[j] = control[2 * index[j] + 1];
        }
        float x = px[1], y = py[1], r = -1.0f;
        strokes_bend(pen, &x, &y);
        for (int step = 1; step <= STROKES_STEPS; step++, count++) {
            const float t = (float)step / STROKES_STEPS;
            float to_x = strokes_catmull_rom(px, t), to_y = strokes_catmull_rom(py, t);
            strokes_bend(pen, &to_x, &to_y);
            const float to_r = strokes_radius(pen, to_x - x, to_y - y, (float)k + t);
            segment[count] = (strokes_segment){x, y, r < 0.0f ? to_r : r, to_x, to_y, to_r};
            x = to_x;
            y = to_y;
            r = to_r;
        }
    }
    return count;
}

/* The smallest box around the lines, or around their ink. */
static void strokes_bounds(const strokes_segment *segment, int count, int ink, float *low, float *high) {
    low[0] = low[1] = INFINITY;
    high[0] = high[1] = -INFINITY;
    for (int i = 0; i < count; i++) {
        const strokes_segment s = segment[i];
        const float r0 = ink ? s.r0 : 0.0f, r1 = ink ? s.r1 : 0.0f;
        low[0] = fminf(low[0], fminf(s.x0 - r0, s.x1 - r1));
        low[1] = fminf(low[1], fminf(s.y0 - r0, s.y1 - r1));
        high[0] = fmaxf(high[0], fmaxf(s.x0 + r0, s.x1 + r1));
        high[1] = fmaxf(high[1], fmaxf(s.y0 + r0, s.y1 + r1));
    }
}

static void strokes_scale(strokes_segment *segment, int count, const float *origin, float scale, float pen_scale) {
    for (int i = 0; i < count; i++) {
        strokes_segment *s = &segment[i];
        *s = (strokes_segment){(s->x0 - origin[0]) * scale, (s->y0 - origin[1]) * scale, s->r0 * pen_scale,
                               (s->x1 - origin[0]) * scale, (s->y1 - origin[1]) * scale, s->r1 * pen_scale};
    }
}

/* The factor that makes a pen thinner for a glyph that is too narrow for it: nobody can read black blots, so people do
 * not write them. The ink, width times length, may fill c = 0.5 of the box and 2.5 pixels around its narrow side:
 * 2 r length <= c BOX (narrow + 2.5 + 2 r). */
static float strokes_thinning(const strokes_segment *segment, int count, float narrow, float radius) {
    const float most = 0.5f * STROKES_BOX;
    float length = 0.0f;
    for (int i = 0; i < count; i++) {
        const float dx = segment[i].x1 - segment[i].x0, dy = segment[i].y1 - segment[i].y0;
        length += sqrtf(dx * dx + dy * dy);
    }
    return fminf(1.0f, most * (narrow + 2.5f) / (2.0f * radius * fmaxf(length - most, 1.0f)));
}

/* Make the longer side of the ink the side of the box, and a corner of the ink the origin. A pen's line has its width
 * in pixels for any size of the glyph, so the lines are scaled first, then all. */
static void strokes_fit(strokes_segment *segment, int count, const float *pen) {
    float low[2], high[2];
    strokes_bounds(segment, count, 0, low, high);
    float width = high[0] - low[0], height = high[1] - low[1];
    const float scale = (STROKES_BOX - 2.0f * pen[PEN_RADIUS]) / fmaxf(fmaxf(width, height), 1e-3f);
    strokes_scale(segment, count, low, scale, 1.0f);
    const float thin = strokes_thinning(segment, count, fminf(width, height) * scale, pen[PEN_RADIUS]);
    const float origin[2] = {0.0f, 0.0f};
    strokes_scale(segment, count, origin, 1.0f, thin);
    strokes_bounds(segment, count, 1, low, high);
    width = high[0] - low[0], height = high[1] - low[1];
    strokes_scale(segment, count, low, STROKES_BOX / fmaxf(width, height), STROKES_BOX / fmaxf(width, height));
}

/* The row or column of the canvas that a coordinate lies in, or the nearest. */
static int strokes_pixel(float coordinate) { return (int)fminf(fmaxf(coordinate, 0.0f), STROKES_BOX - 1.0f); }

/* The fraction of each pixel that one segment covers, if it is more than before. It depends on the distance to the line:
 * 1 up to half a grey edge less than the radius, 0 from half an edge more on. */
static void strokes_ink(const strokes_segment *s, float soft, float canvas[STROKES_BOX][STROKES_BOX]) {
    const float reach = fmaxf(s->r0, s->r1) + 0.5f * soft;
    const int left = strokes_pixel(fminf(s->x0, s->x1) - reach), right = strokes_pixel(fmaxf(s->x0, s->x1) + reach);
    const int top = strokes_pixel(fminf(s->y0, s->y1) - reach), bottom = strokes_pixel(fmaxf(s->y0, s->y1) + reach);
    const float dx = s->x1 - s->x0, dy = s->y1 - s->y0, length2 = dx * dx + dy * dy + 1e-9f;
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            const float px = (float)x + 0.5f - s->x0, py = (float)y + 0.5f - s->y0;
            const float t = fminf(fmaxf((px * dx + py * dy) / length2, 0.0f), 1.0f);
            const float ex = px - t * dx, ey = py - t * dy;
            const float inside = s->r0 + t * (s->r1 - s->r0) - sqrtf(ex * ex + ey * ey);
            const float cover = fminf(fmaxf(inside / soft + 0.5f, 0.0f), 1.0f);
            canvas[y][x] = fmaxf(canvas[y][x], cover);
        }
}

/* Where the box begins in the image, so that the centre of mass of the ink is in the middle. */
static int strokes_offset(float moment, float mass) {
    const int offset = (int)floorf(0.5f * STROKES_SIDE - moment / mass + 0.5f);
    return offset < 0 ? 0 : offset > STROKES_SIDE - 1 ? STROKES_SIDE - 1 : offset;
}

static void strokes_place(float canvas[STROKES_BOX][STROKES_BOX], uint8_t *picture) {
    float mass = 1e-9f, moment_x = 0.0f, moment_y = 0.0f;
    for (int y = 0; y < STROKES_BOX; y++)
        for (int x = 0; x < STROKES_BOX; x++) {
            mass += canvas[y][x];
            moment_x += canvas[y][x] * ((float)x + 0.5f);
            moment_y += canvas[y][x] * ((float)y + 0.5f);
        }
    const int left = strokes_offset(moment_x, mass), top = strokes_offset(moment_y, mass);
    memset(picture, 0, STROKES_SIDE * STROKES_SIDE);
    for (int y = 0; y < STROKES_BOX && top + y < STROKES_SIDE; y++)
        for (int x = 0; x < STROKES_BOX && left + x < STROKES_SIDE; x++)
            picture[(top + y) * STROKES_SIDE + left + x] = (uint8_t)(255.0f * canvas[y][x] + 0.5f);
}

/* One image (28, 28) from control points (n, 2) with their kinds (n), n <= STROKES_POINTS, and a pen. */
static void strokes_draw(const float *control, const uint8_t *kind, int n, const float *pen, uint8_t *picture) {
    assert(control && kind && pen && picture && n >= 1 && n <= STROKES_POINTS);
    strokes_segment segment[STROKES_MAX];
    float canvas[STROKES_BOX][STROKES_BOX];
    const int count = strokes_trace(control, kind, n, pen, segment);
    strokes_fit(segment, count, pen);
    memset(canvas, 0, sizeof canvas);
    for (int i = 0; i < count; i++)
        strokes_ink(&segment[i], pen[PEN_SOFT], canvas);
    strokes_place(canvas, picture);
}

#endif
