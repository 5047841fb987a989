/* Training by one picture at a time, as in 1998, for element type T: a lane group would compute 16 and use one.
 *
 * Activations are plain (C, H, W) and lanes are neighbouring pixels, as in net/batch1.h: a plane is one long row, and
 * gradients of outputs are laid out with the input's width, zeros where no output is, so that
 *     dW[o, c, ky, kx] = sum over p of dY[o][p] X[c][p + ky W + kx]
 *     dX[c][p] = sum over o, ky, kx of W[o, c, ky, kx] dY[o][p - ky W - kx]
 * Weights of dense layers are updated as soon as their gradient is known, a vector at a time. One thread does all.
 */

/* The number of the kernel between two channels, or -1. */
INLINE int64_t FN(kernel_of)(const lenet5_op *op, int o, int c) {
    const int64_t pair = (int64_t)o * op->in_channels + c;
    return op->kind == OP_TABLE_CONV2D ? op->constants[pair] : pair;
}

/* Zeros before and behind the gradients of a channel, so that every tap finds a number. */
INLINE int64_t FN(flat_before)(const lenet5_op *op) { return (int64_t)(op->kernel_size - 1) * (op->in_width + 1); }

INLINE int64_t FN(flat_plane)(const lenet5_op *op) {
    return FN(flat_before)(op) + (int64_t)op->in_height * op->in_width + LANES;
}

/* The first of a channel's gradients in flat (O, flat_plane). */
INLINE T *FN(flat_channel)(const lenet5_op *op, T *flat, int o) {
    return flat + o * FN(flat_plane)(op) + FN(flat_before)(op);
}

static void FN(flatten_gradients)(const lenet5_op *op, const T *dY, T *flat) {
    memset(flat, 0, sizeof(T) * op->out_channels * FN(flat_plane)(op));
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++, dY += op->out_width)
            memcpy(FN(flat_channel)(op, flat, o) + (int64_t)y * op->in_width, dY, sizeof(T) * op->out_width);
}

/* ---- weights of convolutions ----------------------------------------------------------------------------------- */

#define PAIR_OUTPUTS 3 /* with 5 taps 15 sums, a block of 16 for their sums over lanes */
#define PAIR_TAPS 5

/* Up to VL - 1 numbers behind the plane are multiplied by zeros: an arena never holds what is not finite there.
 *
 * NT taps of the kernels of PAIR_OUTPUTS outputs that see the plane x; where there are fewer, some are repeated. */
INLINE void FN(pair_weights)(const T *x, const T *const *dY, T *const *dW, int64_t n, int NT) {
    V sums[PAIR_OUTPUTS * PAIR_TAPS + 1];
    UNROLL for (int i = 0; i <= PAIR_OUTPUTS * PAIR_TAPS; i++) sums[i] = (V){0};
    for (int64_t p = 0; p < n; p += VL) {
        V xv[PAIR_TAPS];
        UNROLL for (int t = 0; t < NT; t++) xv[t] = FN(load)(x + p + t);
        UNROLL for (int o = 0; o < PAIR_OUTPUTS; o++) {
            V d = FN(load)(dY[o] + p);
            IN_REGISTER(d);
            UNROLL for (int t = 0; t < NT; t++) sums[o * PAIR_TAPS + t] += xv[t] * d;
        }
    }
    T totals[PAIR_OUTPUTS * PAIR_TAPS + 1];
    UNROLL for (int i = 0; i <= PAIR_OUTPUTS * PAIR_TAPS; i += VL) FN(store)(totals + i, FN(sum_lanes_of_all)(sums + i));
    UNROLL for (int o = 0; o < PAIR_OUTPUTS; o++)
        UNROLL for (int t = 0; t < NT; t++) dW[o][t] = totals[o * PAIR_TAPS + t];
}

/* All taps of the kernels of PAIR_OUTPUTS outputs that see channel c. */
static void FN(pair_kernels)(const lenet5_op *op, const T *X, int c, const T *const *dY, T *const *dW) {
    const int W = op->in_width, KS = op->kernel_size;
    const int64_t n = (int64_t)(op->out_height - 1) * W + op->out_width;
    const T *x = X + (int64_t)c * op->in_height * W;
    for (int tap = 0; tap < KS * KS;) {
        T *to[PAIR_OUTPUTS];
        for (int o = 0; o < PAIR_OUTPUTS; o++)
            to[o] = dW[o] + tap;
        const T *from = x + tap / KS * W + tap % KS;
        if (tap % KS + PAIR_TAPS <= KS) {
            FN(pair_weights)(from, dY, to, n, PAIR_TAPS);
            tap += PAIR_TAPS;
        } else {
            FN(pair_weights)(from, dY, to, n, 1);
            tap++;
        }
    }
}

static void FN(single_weight_gradient)(const lenet5_op *op, const T *X, T *flat, T *dW) {
    const int64_t n_taps = (int64_t)op->kernel_size * op->kernel_size;
    for (int c = 0; c < op->in_channels; c++) {
        const T *from[PAIR_OUTPUTS];
        T *to[PAIR_OUTPUTS];
        int n = 0;
        for (int o = 0; o < op->out_channels; o++) {
            const int64_t kernel = FN(kernel_of)(op, o, c);
            if (kernel < 0)
                continue;
            from[n] = FN(flat_channel)(op, flat, o);
            to[n++] = dW + kernel * n_taps;
            if (n == PAIR_OUTPUTS) {
                FN(pair_kernels)(op, X, c, from, to);
                n = 0;
            }
        }
        if (n) {
            for (int i = n; i < PAIR_OUTPUTS; i++)
                from[i] = from[0], to[i] = to[0];
            FN(pair_kernels)(op, X, c, from, to);
        }
    }
}

/* NV vectors of the gradient of one input channel, from position p on. */
INLINE void FN(single_input_block)(const lenet5_op *op, T *flat, const T *W, T *dX, int c, int64_t p, int NV) {
    const int KS = op->kernel_size;
    V acc[8];
    UNROLL for (int i = 0; i < NV; i++) acc[i] = (V){0};
    for (int o = 0; o < op->out_channels; o++) {
        const int64_t kernel = FN(kernel_of)(op, o, c);
        if (kernel < 0)
            continue;
        const T *w = W + kernel * KS * KS, *d = FN(flat_channel)(op, flat, o) + p;
        for (int ky = 0; ky < KS; ky++)
            for (int kx = 0; kx < KS; kx++) {
                V weight = FN(splat)(w[ky * KS + kx]);
                IN_REGISTER(weight);
                UNROLL for (int i = 0; i < NV; i++)
                    acc[i] += FN(load)(d - (int64_t)ky * op->in_width - kx + i * VL) * weight;
            }
    }
    UNROLL for (int i = 0; i < NV; i++) FN(store)(dX + p + i * VL, acc[i]);
}

/* Up to VL - 1 elements behind a channel are written too: the next one's, or gradients that nobody wants any more. */
static void FN(single_input_gradient)(const lenet5_op *op, T *flat, const T *W, T *dX) {
    const int64_t plane = (int64_t)op->in_height * op->in_width;
    for (int c = 0; c < op->in_channels; c++) {
        int64_t p = 0;
        for (; p + 7 * VL <= plane; p += 7 * VL)
            FN(single_input_block)(op, flat, W, dX + c * plane, c, p, 7);
        for (; p < plane; p += VL)
            FN(single_input_block)(op, flat, W, dX + c * plane, c, p, 1);
    }
}

/* ---- the other layers ------------------------------------------------------------------------------------------ */

/* dX = W^T dY, NV vectors of features from f on. */
INLINE void FN(single_dense_block)(const T *dY, const T *W, T *dX, int F, int O, int f, int NV) {
    V acc[8];
    UNROLL for (int i = 0; i < NV; i++) acc[i] = (V){0};
    for (int o = 0; o < O; o++)
        UNROLL for (int i = 0; i < NV; i++) acc[i] += FN(load)(W + (int64_t)o * F + f + i * VL) * dY[o];
    UNROLL for (int i = 0; i < NV; i++) FN(store)(dX + f + i * VL, acc[i]);
}

/* The gradient of the inputs, and then of the weights, which are updated. Rows of weights are read up to VL - 1
 * elements too far (the biases lie behind), and so much is written too much. */
static void FN(single_dense_backward)(const FN(destination) *d, const lenet5_op *op, const T *X, const T *dY, T *dX) {
    const int F = N_FEATURES(op), O = op->out_channels;
    const T *W = d->t->parameters + op->weight;
    T *from = d->t->kept; /* what is written too much may be dY */
    memcpy(from, dY, sizeof(T) * O);
    int f = 0;
    for (; dX && f + 5 * VL <= F; f += 5 * VL)
        FN(single_dense_block)(from, W, dX, F, O, f, 5);
    for (; dX && f < F; f += VL)
        FN(single_dense_block)(from, W, dX, F, O, f, 1);
    for (int o = 0; o < O; o++)
        for (f = 0; f < F; f += VL)
            FN(give)(d, op->weight + (int64_t)o * F + f, FN(load)(X + f) * from[o], F - f < VL ? F - f : VL);
    for (int o = 0; o < O; o += VL) {
        V g = {0};
        const int n = O - o < VL ? O - o : VL;
        memcpy(&g, from + o, sizeof(T) * n);
        FN(give)(d, op->bias + o, g, n);
    }
}

/* The mean of a window is spread over it; with a coefficient w that is trained, dw and db are those of the channel. */
static void FN(single_mean_backward)(const lenet5_op *op, const T *X, const T *dY, const T *w, T *dX, T *dw, T *db) {
    const int W = op->in_width, KS = op->kernel_size, M = op->out_channels / op->in_channels;
    const T factor = (T)1 / (KS * KS);
    memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * W);
    for (int o = 0; o < op->out_channels; o++) {
        T products = 0, total = 0;
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++) {
                const int64_t at = (int64_t)(o / M * op->in_height + y * KS) * W + x * KS;
                const T d = *dY++, share = d * factor * (w ? w[o] : 1);
                T mean = 0;
                for (int i = 0; i < KS; i++)
                    for (int j = 0; j < KS; j++) {
                        mean += X[at + i * W + j];
                        dX[at + i * W + j] += share;
                    }
                products += d * mean;
                total += d;
            }
        if (w)
            dw[o] = products * factor, db[o] = total;
    }
}

/* The gradient goes to the first pixel of the window, row by row, that equals the maximum. */
static void FN(single_max_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dX) {
    const int W = op->in_width, KS = op->kernel_size;
    memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * W);
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y++, dY++) {
                const int64_t at = (int64_t)(c * op->in_height + y * KS) * W + x * KS;
                int i = 0;
                while (i < KS * KS - 1 && X[at + i / KS * W + i % KS] != *Y)
                    i++;
                dX[at + i / KS * W + i % KS] = *dY;
            }
}

static void FN(single_rbf_backward)(const lenet5_op *op, const T *X, const T *dY, T *dX) {
    const int64_t P = (int64_t)op->in_height * op->in_width;
    for (int c = 0; c < op->in_channels; c++)
        for (int64_t p = 0; p < P; p++) {
            T total = 0;
            for (int o = 0; o < op->out_channels; o++)
                total += dY[o * P + p] * (X[c * P + p] - (T)op->constants[(int64_t)o * op->in_channels + c]);
            dX[c * P + p] = -2 * total;
        }
}

/* ---- the step -------------------------------------------------------------------------------------------------- */

/* n parameters from `at` on by their gradients in the buffer. */
static void FN(update_alone)(FN(lenet5_training) *t, const FN(step) *s, int64_t at, int64_t n) {
    for (int64_t i = at; i < at + n; i += VL)
        FN(update_vector)(s, t->parameters + i, t->moment1 + i, t->moment2 + i, FN(load)(t->gradients + i));
}

/* One layer's way back; offsets are those of the lanes, a LANES-th each. */
static void FN(single_backward)(const FN(destination) *d, const lenet5_op *op, const T *A, T *dA, T *flat) {
    FN(lenet5_training) *t = d->t;
    const T *X = A + op->input / LANES, *Y = A + op->output / LANES, *W = t->parameters + op->weight;
    T *dX = dA + op->input / LANES, *dY = dA + op->output / LANES;
    T *dW = t->gradients + op->weight, *db = t->gradients + op->bias;
    const int64_t plane = (int64_t)op->out_height * op->out_width, n = op->out_channels * plane;
    switch (op->kind) {
    case OP_CONV2D:
    case OP_TABLE_CONV2D:
        if (op->kind == OP_CONV2D && IS_DENSE(op)) {
            FN(single_dense_backward)(d, op, X, dY, op->input ? dX : NULL);
            return;
        }
        FN(flatten_gradients)(op, dY, flat);
        for (int o = 0; o < op->out_channels; o++) {
            db[o] = 0;
            for (int64_t p = 0; p < plane; p++)
                db[o] += dY[o * plane + p];
        }
        FN(single_weight_gradient)(op, X, flat, dW);
        if (op->input)
            FN(single_input_gradient)(op, flat, W, dX);
        break;
    case OP_SUBSAMPLE: FN(single_mean_backward)(op, X, dY, W, dX, dW, db); break;
    case OP_AVG_POOL2D: FN(single_mean_backward)(op, X, dY, NULL, dX, NULL, NULL); break;
    case OP_MAX_POOL2D: FN(single_max_backward)(op, X, Y, dY, dX); break;
    case OP_RBF: FN(single_rbf_backward)(op, X, dY, dX); break;
    default: FN(activation_backward)(op->kind, (n + VL - 1) / VL * VL, Y, dY, dX); break;
    }
    FN(update_alone)(t, d->step, op->weight, lenet5_n_weights(op));
    FN(update_alone)(t, d->step, op->bias, lenet5_n_biases(op));
}

/* Whether the network and what is done to its batches are among those that train by one picture. */
static int FN(trains_single)(const FN(lenet5_training) *t) {
    const lenet5_perturbation *p = &t->perturbation;
    if (t->batch_size != 1 || t->optimizer.clip_norm > 0 || p->mixup > 0 || p->adversarial > 0 || t->n_teachers)
        return 0;
    for (int i = 0; i < t->net->n_ops; i++) {
        const lenet5_op_kind kind = t->net->ops[i].kind;
        if (kind == OP_CONV_POOL || kind == OP_BATCH_NORM || kind == OP_DROPOUT)
            return 0;
    }
    return 1;
}

/* One picture. Returns 0 at a loss that is not finite, before the update. arena: see lenet5_n_single. */
static int FN(train_single)(FN(lenet5_training) *t, int64_t step, T *arena) {
    const lenet5_net *net = t->net;
    const lenet5_op *last = net->ops + net->n_ops - 1;
    const int classes = last->out_channels;
    const int64_t n_single = net->n_activations / LANES + 64, picture = t->order[step];
    T *A = arena + net->n_activations, *dA = A + n_single, *targets = dA + n_single, *Z = targets + classes * LANES;
    T *dZ = Z + classes * LANES, *scratch = dZ + classes * LANES;
    if (step + 1 < t->n_steps)
        FN(prefetch_picture)(t->pictures, t->order[step + 1]);
    if (t->augmentation) {
        FN(gather)(t->pictures, t->order + step, 0, 1, t->augmentation, arena);
        for (int64_t i = 0; i < FN(n_in)(net->ops) / LANES; i++)
            A[i] = arena[i * LANES];
    } else
        FN(gather_single)(t->pictures, picture, A);
    FN(single_forward)(net, t->parameters, NULL, 0, A, scratch);
    for (int k = 0; k < classes; k++)
        Z[k * LANES] = A[last->output / LANES + k];
    FN(targets_of_labels)(&t->loss, classes, t->labels + picture, 1, targets);
    int64_t n_correct = 0;
    const double loss = FN(loss)(&t->loss, classes, Z, targets, t->labels + picture, 1, 1, dZ, &n_correct);
    if (!isfinite(loss))
        return 0;
    t->loss_sum += loss;
    t->n_correct += n_correct;
    t->steps_done++;
    for (int k = 0; k < classes; k++)
        dA[last->output / LANES + k] = dZ[k * LANES];
    const FN(step) numbers = FN(step_of)(t, step, 1);
    const FN(destination) d = {t, &numbers, 1, 1, 0};
    for (int i = net->n_ops - 1; i >= 0; i--)
        FN(single_backward)(&d, net->ops + i, A, dA, scratch);
    return 1;
}
