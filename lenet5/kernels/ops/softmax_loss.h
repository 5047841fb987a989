/* Softmax and the losses, for element type T. */

/* e (n) = exp(z - top), in steps of `stride`, where no z is above top. */
INLINE double FN(exponentials)(const T *z, int n, int64_t stride, T top, T *e) {
    double total = 0;
    for (int from = 0; from < n; from += VL) {
        const int n_here = n - from < VL ? n - from : VL;
        T x[VECTOR_BYTES / ELEMENT_BYTES] = {0};
        for (int k = 0; k < n_here; k++)
            x[k] = z[(from + k) * stride] - top;
        if (sizeof(T) == sizeof(float))
            FN(store)(x, FN(exp_vector)(FN(load)(x)));
        for (int k = 0; k < n_here; k++) {
            e[(from + k) * stride] = sizeof(T) == sizeof(float) ? x[k] : (T)exp((double)x[k]);
            total += (double)e[(from + k) * stride];
        }
    }
    return total;
}

static void FN(softmax)(int64_t n, int classes, int64_t positions, const T *logits, T *probabilities) {
    assert(n >= 0 && classes >= 1 && positions >= 1);
    ASSERT_ARRAYS(logits, probabilities);
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < positions; p++) {
            const T *z = logits + i * classes * positions + p;
            T *q = probabilities + i * classes * positions + p;
            T top = z[0];
            for (int k = 1; k < classes; k++)
                top = z[k * positions] > top ? z[k * positions] : top;
            const T total = (T)FN(exponentials)(z, classes, positions, top, q);
            for (int k = 0; k < classes; k++)
                q[k * positions] /= total;
        }
}

/* targets (classes, LANES), a distribution over the classes for each lane: the label, smoothed. */
static void FN(targets_of_labels)(const lenet5_loss *loss, int classes, const uint8_t *labels, int n_valid, T *targets) {
    assert(loss && labels && classes >= 1 && n_valid >= 0 && n_valid <= LANES);
    ASSERT_ARRAYS(targets);
    const T rest = (T)(loss->label_smoothing / classes);
    for (int k = 0; k < classes; k++)
        for (int l = 0; l < LANES; l++)
            targets[k * LANES + l] = rest;
    for (int l = 0; l < n_valid; l++)
        targets[labels[l] * LANES + l] = (T)(1 - loss->label_smoothing) + rest;
}

/* targets (outputs, LANES): the values (N, outputs) of the n_valid images with the numbers index[0..], or from `first`. */
static void FN(targets_of_values)(const T *values, int outputs, const int64_t *index, int64_t first, int n_valid,
                                  T *targets) {
    assert(values && outputs >= 1 && n_valid >= 0 && n_valid <= LANES);
    ASSERT_ARRAYS(targets);
    memset(targets, 0, sizeof(T) * outputs * LANES);
    for (int l = 0; l < n_valid; l++)
        for (int k = 0; k < outputs; k++)
            targets[k * LANES + l] = values[(index ? index[l] : first + l) * outputs + k];
}

/* targets (outputs, LANES) of images with labels (n_valid), with values (N, n_values) of the numbers index[0..], or from
 * `first`, or with both: then those of the values are the last ones. */
static void FN(targets)(const lenet5_loss *loss, int outputs, const uint8_t *labels, const T *values, const int64_t *index,
                        int64_t first, int n_valid, T *targets) {
    const int n_values = labels ? loss->n_values : outputs;
    if (labels)
        FN(targets_of_labels)(loss, outputs - n_values, labels, n_valid, targets);
    if (n_values)
        FN(targets_of_values)(values, n_values, index, first, n_valid, targets + (outputs - n_values) * LANES);
}

/* Of one lane, the mean over the outputs of what their errors cost, and its gradient times `scale`. */
static double FN(lane_error)(lenet5_loss_kind kind, int outputs, const T *Z, const T *targets, T scale, T *dZ) {
    double total = 0;
    for (int k = 0; k < outputs; k++) {
        const double error = (double)Z[k * LANES] - (double)targets[k * LANES], size = fabs(error);
        double slope = 2 * error, cost = error * error;
        if (kind == LOSS_HUBER && size <= 1)
            slope = error, cost = error * error / 2;
        else if (kind != LOSS_SQUARED)
            slope = (error > 0) - (error < 0), cost = kind == LOSS_HUBER ? size - 0.5 : size;
        dZ[k * LANES] = (T)(slope / outputs) * scale;
        total += cost;
    }
    return total / outputs;
}

/* Of one lane: the score of a class in the cross-entropy. */
INLINE T FN(shifted)(const lenet5_loss *loss, const T *Z, int k) {
    return loss->shifts ? Z[k * LANES] + (T)loss->shifts[k] : Z[k * LANES];
}

/* Of one lane: the loss, and its gradient times `scale`. best: the largest score's class. */
static double FN(lane_loss)(const lenet5_loss *loss, int classes, const T *Z, const T *targets, int best, T scale, T *dZ) {
    double total = 0, right = 0;
    if (loss->kind >= LOSS_SQUARED)
        return FN(lane_error)(loss->kind, classes, Z, targets, scale, dZ);
    if (loss->kind == LOSS_RIGHT_SCORE) {
        for (int k = 0; k < classes; k++) {
            right += (double)targets[k * LANES] * (double)Z[k * LANES];
            dZ[k * LANES] = -targets[k * LANES] * scale;
        }
        return -right;
    }
    T top = Z[best * LANES];
    if (loss->shifts)
        for (int k = 0; k < classes; k++)
            top = k == 0 || FN(shifted)(loss, Z, k) > top ? FN(shifted)(loss, Z, k) : top;
    top = loss->rubbish > (double)top ? (T)loss->rubbish : top;
    const double sharpness = 1 / loss->temperature;
    for (int k = 0; k < classes; k++)
        total += dZ[k * LANES] = (T)exp((double)(FN(shifted)(loss, Z, k) - top) * sharpness);
    if (loss->rubbish > -INFINITY)
        total += exp((loss->rubbish - (double)top) * sharpness);
    scale *= (T)loss->temperature;
    for (int k = 0; k < classes; k++) {
        dZ[k * LANES] = (T)((dZ[k * LANES] / total - targets[k * LANES]) * scale);
        if (targets[k * LANES] != 0)
            right += (double)targets[k * LANES] * (double)(FN(shifted)(loss, Z, k) - top) * sharpness;
    }
    return (log(total) - right) * loss->temperature * loss->temperature;
}

/* Outputs Z and targets (outputs, LANES), of which the first n_valid lanes count; dZ (outputs, LANES): the gradient of the
 * sum of losses, times `scale`. Returns that sum; adds to *n_correct the number of labels with the largest score.
 * Quantities alone have no labels: NULL. weights (n_valid): of each image's loss, or NULL. */
static double FN(weighted_loss)(const lenet5_loss *loss, int outputs, const T *Z, const T *targets, const uint8_t *labels,
                                const float *weights, int n_valid, T scale, T *dZ, int64_t *n_correct) {
    const int classes = outputs - loss->n_values;
    assert(loss && n_correct && classes >= 1 && n_valid >= 0 && n_valid <= LANES);
    ASSERT_ARRAYS(Z, targets, dZ);
    double sum = 0;
    memset(dZ, 0, sizeof(T) * outputs * LANES);
    for (int l = 0; l < n_valid; l++) {
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (Z[k * LANES + l] > Z[best * LANES + l])
                best = k;
        const T own = weights ? scale * (T)weights[l] : scale;
        double one = FN(lane_loss)(loss, classes, Z + l, targets + l, best, own, dZ + l);
        if (loss->n_values) {
            const int at = classes * LANES + l;
            one += loss->value_weight * FN(lane_error)(loss->value_kind, loss->n_values, Z + at, targets + at,
                                                       own * (T)loss->value_weight, dZ + at);
        }
        sum += weights ? one * (double)weights[l] : one;
        *n_correct += labels && best == labels[l];
    }
    return sum;
}

static double FN(loss)(const lenet5_loss *loss, int outputs, const T *Z, const T *targets, const uint8_t *labels,
                       int n_valid, T scale, T *dZ, int64_t *n_correct) {
    return FN(weighted_loss)(loss, outputs, Z, targets, labels, NULL, n_valid, scale, dZ, n_correct);
}
