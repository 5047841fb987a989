/* Training aids on one lane group, for element type T: batch normalisation, dropout, mixing of images, steps against
 * the network. Prediction has none of them: the normalisation is folded into the weights (training/regularization.py). */

#define MIXUP_BLOCKS 0x40000000u
#define DROPOUT_BLOCKS 0x80000000u
#define MIXUP_TRIES 16
#define NORM_EPSILON 1e-5
#define NORM_MOMENTUM 0.01 /* of the running means and variances, per group: a batch has several groups */

/* Tensors of the parameter buffer start on cache lines. */
INLINE int64_t FN(padded_n)(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* 1 for the lanes that hold an image, 0 for the others: a vector of them, from lane l on. */
INLINE V FN(valid_lanes)(int l, int n_valid) {
    V valid;
    for (int i = 0; i < VL; i++)
        valid[i] = l + i < n_valid;
    return valid;
}

/* ---- batch normalisation: Ioffe and Szegedy (2015), over the images of a lane group ----------------------------------
 *
 * Over 16 images and not the whole batch ("ghost" batches: Hoffer, Hubara and Soudry, 2017), so that no group waits
 * for another and the sums do not depend on the threads. Y is followed by the means and the inverse deviations, one of
 * each per channel, padded, for the backward pass. */

static void FN(batch_norm_forward)(const lenet5_op *op, const T *X, const T *weight, const T *bias, T *Y, int n_valid) {
    const int64_t plane = (int64_t)op->out_height * op->out_width * LANES;
    const int C = op->out_channels;
    const double n = (double)op->out_height * op->out_width * n_valid;
    T *means = Y + C * plane, *inverses = means + FN(padded_n)(C);
    for (int c = 0; c < C; c++, X += plane, Y += plane) {
        V total = {0}, squares = {0};
        for (int64_t i = 0; i < plane; i += VL)
            total += FN(load)(X + i) * FN(valid_lanes)(i % LANES, n_valid);
        const T mean = (T)((double)FN(sum_lanes)(total) / n);
        for (int64_t i = 0; i < plane; i += VL) {
            const V d = (FN(load)(X + i) - mean) * FN(valid_lanes)(i % LANES, n_valid);
            squares += d * d;
        }
        const T inverse = (T)(1 / sqrt((double)FN(sum_lanes)(squares) / n + NORM_EPSILON)), factor = inverse * weight[c];
        for (int64_t i = 0; i < plane; i += VL)
            FN(store)(Y + i, (FN(load)(X + i) - mean) * factor + bias[c]);
        means[c] = mean, inverses[c] = inverse;
    }
}

/* d_tensors (4, C, padded), written or added to, or NULL: the gradients of weights and biases, and in place of the
 * running means and variances, those of this group (update_running). */
static void FN(batch_norm_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, const T *weight, T *dX,
                                    T *d_tensors, int accumulate, int n_valid) {
    const int64_t plane = (int64_t)op->out_height * op->out_width * LANES;
    const int C = op->out_channels;
    const double n = (double)op->out_height * op->out_width * n_valid;
    const T *means = Y + C * plane, *inverses = means + FN(padded_n)(C);
    for (int c = 0; c < C; c++, X += plane, dY += plane, dX += plane) {
        V total = {0}, products = {0};
        for (int64_t i = 0; i < plane; i += VL) {
            const V d = FN(load)(dY + i);
            total += d;
            products += d * ((FN(load)(X + i) - means[c]) * inverses[c]);
        }
        const T sum = FN(sum_lanes)(total), product = FN(sum_lanes)(products);
        const T factor = inverses[c] * weight[c], mean = (T)(sum / n), slope = (T)(product / n);
        for (int64_t i = 0; i < plane; i += VL) {
            const V normal = (FN(load)(X + i) - means[c]) * inverses[c];
            FN(store)(dX + i, (FN(load)(dY + i) - mean - normal * slope) * factor * FN(valid_lanes)(i % LANES, n_valid));
        }
        const double deviation = 1 / (double)inverses[c];
        const T values[4] = {product, sum, means[c], (T)(deviation * deviation - NORM_EPSILON)};
        for (int k = 0; d_tensors && k < 4; k++) {
            T *to = d_tensors + k * FN(padded_n)(C) + c;
            *to = values[k] + (accumulate ? *to : 0);
        }
    }
}

/* ---- dropout: Srivastava and others (2014) ----------------------------------------------------------------------------
 *
 * Y is followed by equally many factors, 0 or 1 / (1 - probability), drawn before each pass. */

static void FN(dropout)(int64_t n, const T *X, const T *factors, T *Y) {
    for (int64_t i = 0; i < n; i += VL)
        FN(store)(Y + i, FN(load)(X + i) * FN(load)(factors + i));
}

/* The factors of all dropouts, for the n_valid images with these numbers; without a perturbation all are 1. */
static void FN(draw_dropout)(const lenet5_net *net, const lenet5_perturbation *p, const int64_t *numbers, int n_valid,
                             T *activations) {
    ASSERT_NET(net);
    ASSERT_ARRAYS(activations);
    assert((numbers || !p) && n_valid >= 0 && n_valid <= LANES);
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        if (op->kind != OP_DROPOUT)
            continue;
        const int64_t n = (int64_t)op->out_channels * op->out_height * op->out_width;
        const uint32_t threshold = (uint32_t)(op->probability * 65536);
        T *factors = activations + op->output + n * LANES;
        for (int64_t k = 0; k < n * LANES; k++)
            factors[k] = 1;
        for (int l = 0; p && l < n_valid; l++)
            for (int64_t k = 0; k < n; k += 8) {
                uint32_t words[4];
                lenet5_random(p->seed, p->epoch, numbers[l],
                              DROPOUT_BLOCKS + ((uint32_t)op->number << 16) + (uint32_t)(k / 8), words);
                for (int j = 0; j < 8 && k + j < n; j++) {
                    const uint32_t chance = words[j / 2] >> 16 * (j % 2) & 0xFFFF;
                    factors[(k + j) * LANES + l] = chance < threshold ? 0 : (T)(1 / (1 - op->probability));
                }
            }
    }
}

/* ---- mixup: Zhang, Cisse, Dauphin and Lopez-Paz (2018) -----------------------------------------------------------------*/

/* From a Beta distribution with both parameters alpha <= 1, by Joehnk's method. */
INLINE double FN(share)(const lenet5_perturbation *p, int64_t picture) {
    for (int attempt = 0; attempt < MIXUP_TRIES; attempt++) {
        uint32_t words[4];
        lenet5_random(p->seed, p->epoch, picture, MIXUP_BLOCKS + attempt, words);
        const double x = pow(lenet5_chance(words[0]), 1 / p->mixup), y = pow(lenet5_chance(words[1]), 1 / p->mixup);
        if (x + y > 0 && x + y <= 1)
            return x / (x + y);
    }
    return 1;
}

/* n elements of each lane become shares of its own and of its neighbour's. */
static void FN(mix)(const T *shares, int n_valid, T *X, int64_t n) {
    for (int64_t i = 0; i < n * LANES; i += LANES) {
        T own[LANES];
        memcpy(own, X + i, sizeof own);
        for (int l = 0; l < n_valid; l++)
            X[i + l] = shares[l] * own[l] + (1 - shares[l]) * own[(l + 1) % n_valid];
    }
}

/* Images X (n, LANES) and targets (classes, LANES). */
static void FN(mixup)(const lenet5_perturbation *p, const int64_t *numbers, int n_valid, T *X, int64_t n, T *targets,
                      int classes) {
    T shares[LANES];
    for (int l = 0; l < n_valid; l++)
        shares[l] = (T)FN(share)(p, numbers[l]);
    FN(mix)(shares, n_valid, X, n);
    FN(mix)(shares, n_valid, targets, classes);
}

/* ---- fast gradient sign: Goodfellow, Shlens and Szegedy (2015) ---------------------------------------------------------*/

/* Move every second image of X (n) by `distance` against the network, within low..high. */
static void FN(step_against)(const T *dX, T distance, T low, T high, T *X, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (i % 2) {
            const T moved = X[i] + (dX[i] > 0 ? distance : dX[i] < 0 ? -distance : 0);
            X[i] = moved < low ? low : moved > high ? high : moved;
        }
}
