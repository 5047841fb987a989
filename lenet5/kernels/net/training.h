/* A thread's share of training, for element type T.
 *
 * A batch is processed in waves of up to n_slices lane groups. Each group of a wave is one slice, with its own gradient
 * buffer, to which the next wave adds. For the weights of dense layers, inputs and output gradients are kept instead.
 * Their gradient is computed from the whole wave at once, some rows per thread. For a single group there would be only 16
 * multiply-adds for each weight written.
 *
 * At the end of the batch the buffers are added in order. All this depends only on the batch, not on the number of
 * threads. So the sums, and with them the weights, have the same bits for any number.
 */

/* Move every second image of a lane group a step against the network, in place. */
static void FN(go_against)(const FN(lenet5_training) *t, const T *prepared, const T *targets, const uint8_t *labels,
                           int n_valid, T *arena) {
    const lenet5_net *net = t->net;
    const lenet5_op *first = net->ops, *last = net->ops + net->n_ops - 1;
    const T background = (T)t->pictures->background, ink = (T)t->pictures->ink;
    const T low = background < ink ? background : ink, high = background < ink ? ink : background;
    T *dA = arena + net->n_activations, *scratch = dA + net->n_activations;
    int64_t n_correct = 0;
    FN(net_forward)(net, t->parameters, prepared, arena, n_valid, scratch);
    FN(loss)(&t->loss, last->out_channels, arena + last->output, targets, labels, n_valid, 1, dA + last->output,
             &n_correct);
    FN(net_backward)(net, t->parameters, prepared, arena, dA, NULL, NULL, 0, NULL, n_valid, scratch);
    FN(step_against)(dA, (T)t->perturbation.adversarial * (high - low), low, high, arena, FN(n_in)(first));
}

/* Replace a fraction of the targets (classes, LANES) by the mean of the teachers' answers to the distorted images. */
static void FN(teach)(const FN(lenet5_training) *t, const T *pictures, int classes, T *targets, T *arena) {
    const T share = (T)(t->loss.teacher_weight / t->n_teachers), sharpness = (T)(1 / t->loss.temperature);
    for (int i = 0; i < classes * LANES; i++)
        targets[i] *= (T)(1 - t->loss.teacher_weight);
    for (int teacher = 0; teacher < t->n_teachers; teacher++) {
        const lenet5_net *net = t->teachers[teacher].net;
        T *logits = arena + net->ops[net->n_ops - 1].output;
        memcpy(arena, pictures, sizeof(T) * FN(n_in)(net->ops));
        FN(predict_steps)(net, 0, net->n_ops, t->teachers[teacher].parameters, t->teachers[teacher].prepared, arena,
                          arena + net->n_activations);
        for (int i = 0; i < classes * LANES; i++)
            logits[i] *= sharpness;
        FN(softmax)(1, classes, LANES, logits, logits);
        for (int i = 0; i < classes * LANES; i++)
            targets[i] += logits[i] * share;
    }
}

/* One lane group, positions [first, first + n_valid) of a batch of n_batch. Its gradient, loss and number of right
 * answers are added to those of its slice, or written in the first wave. It is announced, as one of in_wave, as soon as
 * it is past the dense weights. */
static void FN(train_group)(FN(lenet5_training) *t, int slice, int64_t first, int n_valid, int64_t n_batch, int first_wave,
                            int in_wave, int thread, T *arena) {
    const lenet5_net *net = t->net;
    const lenet5_op *last = net->ops + net->n_ops - 1;
    T *dA = arena + net->n_activations, *scratch = dA + net->n_activations, *prepared = scratch + net->n_scratch;
    T *targets = prepared + net->n_prepared, *gradients = t->gradients + slice * (net->n_parameters + net->n_prepared);
    const int classes = last->out_channels;
    const T scale = (T)1 / (T)n_batch;
    uint8_t labels_of_lanes[LANES], *labels = t->labels ? labels_of_lanes : NULL;
    float weights[LANES];
    for (int lane = 0; lane < n_valid; lane++) {
        if (t->labels)
            labels[lane] = t->labels[t->order[first + lane]];
        weights[lane] = t->weights ? t->weights[t->order[first + lane]] : 1;
        if (first + lane + t->batch_size < t->n_positions)
            FN(prefetch_picture)(t->pictures, t->order[first + lane + t->batch_size]);
    }
    FN(gather)(t->pictures, t->order + first, 0, n_valid, t->augmentation, arena);
    FN(targets)(&t->loss, classes, labels, t->values, t->order + first, 0, n_valid, targets);
    if (t->perturbation.mixup > 0)
        FN(mixup)(&t->perturbation, t->order + first, n_valid, arena, FN(n_in)(net->ops) / LANES, targets, classes);
    if (t->n_teachers)
        FN(teach)(t, arena, classes, targets, t->teacher_arenas + thread * t->n_teacher_arena);
    FN(draw_dropout)(net, &t->perturbation, t->order + first, n_valid, arena);
    if (t->perturbation.adversarial > 0)
        FN(go_against)(t, prepared, targets, labels, n_valid, arena);
    FN(net_forward)(net, t->parameters, prepared, arena, n_valid, scratch);
    if (first_wave)
        t->slice_losses[slice] = 0, t->slice_corrects[slice] = 0;
    t->slice_losses[slice] += FN(weighted_loss)(&t->loss, classes, arena + last->output, targets, labels,
                                                t->weights ? weights : NULL, n_valid, scale, dA + last->output,
                                                t->slice_corrects + slice);
    const int bottom = lenet5_first_trained(net), dense = FN(first_dense)(net, 0);
    const int ends[] = {net->n_ops, dense > bottom ? dense : bottom, bottom}; /* below dense, no dense weights are needed */
    for (int part = 0; part < 2; part++) {
        FN(net_backward_steps)(net, ends[part + 1], ends[part], t->parameters, prepared, arena, dA, gradients,
                               gradients + net->n_parameters, !first_wave, t->kept + slice * net->n_kept, n_valid, scratch);
        if (part == 0)
            lenet5_announce(t->team, (unsigned)in_wave);
    }
}

/* The use of a sum of gradients. */
enum { UPDATE, BUFFER, RUNNING };

/* A thread's share of n parameters from `at` on, with gradients in the buffers of n_slices. They are updated, or the sum,
 * times `factor`, is left in the first buffer, or it enters running means. */
INLINE void FN(update_range)(FN(lenet5_training) *t, const FN(step) *s, int64_t at, int64_t n, int n_slices, T factor,
                             int what, int thread) {
    const int64_t n_blocks = (n + LANES - 1) / LANES, stride = t->net->n_parameters + t->net->n_prepared;
    const int64_t from = at + n_blocks * thread / t->n_threads * LANES;
    const int64_t to = at + n_blocks * (thread + 1) / t->n_threads * LANES;
    for (int64_t i = from; i < to; i += VL) {
        V g = {0};
        for (int slice = 0; slice < n_slices; slice++)
            g += FN(load)(t->gradients + slice * stride + i);
        g *= factor;
        if (what == BUFFER)
            FN(store)(t->gradients + i, g);
        else if (what == RUNNING)
            FN(store)(t->parameters + i, FN(load)(t->parameters + i) * (1 - (T)NORM_MOMENTUM) + g * (T)NORM_MOMENTUM);
        else
            FN(update_vector)(s, t->parameters + i, t->moment1 + i, t->moment2 + i, g);
    }
}

/* ---- weights of dense layers --------------------------------------------------------------------------------------- */

/* NO rows from o on x NV vectors of features from f on, over the groups of the wave. */
INLINE void FN(dense_block)(const FN(destination) *d, const lenet5_op *op, int n_groups, int o, int f, int F, int NO,
                            int NV) {
    const FN(lenet5_training) *t = d->t;
    const int FP = FN(padded)(F);
    V acc[32];
    UNROLL for (int i = 0; i < NO * NV; i++) acc[i] = (V){0};
    for (int g = 0; g < n_groups; g++) {
        const T *xt = t->kept + g * t->net->n_kept + op->kept, *dY = xt + (int64_t)LANES * FP + o * LANES;
        for (int l = 0; l < LANES; l++)
            FN(dense_outer_product)(xt + (int64_t)l * FP + f, dY + l, acc, NO, NV);
    }
    UNROLL for (int r = 0; r < NO; r++) UNROLL for (int i = 0; i < NV; i++) {
        const int n = NV > 1 || F - f >= VL ? VL : F - f; /* only the last vector of a row may be incomplete */
        FN(give)(d, op->weight + (int64_t)(o + r) * F + f + i * VL, acc[r * NV + i], n);
    }
}

/* All rows of NV vectors of features, which stay in the first cache for all rows. */
INLINE void FN(dense_columns)(const FN(destination) *d, const lenet5_op *op, int n_groups, int f, int NV) {
    const int NO = 6, F = N_FEATURES(op), O = op->out_channels;
    int o = 0;
    for (; o + NO <= O; o += NO)
        FN(dense_block)(d, op, n_groups, o, f, F, NO, NV);
    for (; o < O; o++)
        FN(dense_block)(d, op, n_groups, o, f, F, 1, NV);
}

/* Features are taken a block at a time: as many vectors as leave registers for six rows, or fewer at the end. */
#define BLOCK_NV (VECTOR_BYTES == 64 ? 4 : 2)

INLINE int FN(n_blocks)(const lenet5_op *op) { return (N_FEATURES(op) + BLOCK_NV * VL - 1) / (BLOCK_NV * VL); }

/* Blocks [from, to) of one dense layer. */
static void FN(train_dense)(const FN(destination) *all, const lenet5_op *op, int n_groups, int from, int to) {
    const FN(step) step = FN(step_for)(all->step, op);
    const FN(destination) own = {all->t, &step, all->first_wave, all->last_wave, all->clipped}, *d = &own;
    for (int block = from; block < to; block++) {
        int f = block * BLOCK_NV * VL;
        if (f + BLOCK_NV * VL <= N_FEATURES(op))
            FN(dense_columns)(d, op, n_groups, f, BLOCK_NV);
        else
            for (; f < N_FEATURES(op); f += VL)
                FN(dense_columns)(d, op, n_groups, f, 1);
    }
}

/* One dense layer in one thread, with the update: for timing. */
static void FN(train_dense_alone)(FN(lenet5_training) *t, const lenet5_op *op, int n_groups) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(t->parameters, t->gradients, t->kept, t->moment1, t->moment2);
    assert(n_groups >= 1);
    const FN(step) numbers = FN(step_of)(t, 0, n_groups);
    const FN(destination) d = {t, &numbers, 1, 1, 0};
    FN(train_dense)(&d, op, n_groups, 0, FN(n_blocks)(op));
}

/* The dense weights in parts that threads can claim, in their order. */
typedef struct {
    int n;
    struct {
        const lenet5_op *op;
        int from, to; /* blocks */
        int64_t cost; /* of all parts up to this one */
    } part[TEAM_PARTS];
} FN(dense_parts);

#define MOST_PARTS 16 /* per layer: times the most steps of a program, at most TEAM_PARTS */

static void FN(part_dense)(const lenet5_net *net, FN(dense_parts) *parts) {
    int64_t cost = 0;
    parts->n = 0;
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        const int n_blocks = FN(n_blocks)(op), n = n_blocks < MOST_PARTS ? n_blocks : MOST_PARTS;
        for (int k = 0; FN(is_dense_step)(op) && !op->is_frozen && k < n; k++, parts->n++) {
            const int from = (int)((int64_t)n_blocks * k / n), to = (int)((int64_t)n_blocks * (k + 1) / n);
            cost += (int64_t)op->out_channels * (to - from);
            parts->part[parts->n].op = op;
            parts->part[parts->n].from = from;
            parts->part[parts->n].to = to;
            parts->part[parts->n].cost = cost;
        }
    }
}

/* The dense weights that this thread can claim. Threads begin at different parts, so that most weights stay in the caches
 * of one processor from step to step; of two neighbours one goes up and one down, until they meet. */
static void FN(train_dense_parts)(const FN(destination) *d, const FN(dense_parts) *parts, int n_groups, int thread) {
    const int n = parts->n, up = thread % 2 == 0, n_threads = d->t->n_threads;
    if (n == 0)
        return;
    const int64_t before = parts->part[n - 1].cost * (thread + !up) / n_threads;
    int at = 0;
    while (at < n - 1 && parts->part[at].cost <= before - !up)
        at++;
    for (int k = 0; k < n; k++, at = up ? (at + 1) % n : (at + n - 1) % n)
        if (lenet5_claim(d->t->team, at))
            FN(train_dense)(d, parts->part[at].op, n_groups, parts->part[at].from, parts->part[at].to);
}

/* ---- a run of steps ------------------------------------------------------------------------------------------------ */

/* The sums over all slices so far; the same for every thread. */
static double FN(loss_of_slices)(const FN(lenet5_training) *t, int n_slices, int64_t *n_correct) {
    double loss = 0;
    *n_correct = 0;
    for (int slice = 0; slice < n_slices; slice++) {
        loss += t->slice_losses[slice];
        *n_correct += t->slice_corrects[slice];
    }
    return loss;
}

/* A thread's share of all parameters but dense weights, at the end of the batch. */
static void FN(train_others)(const FN(destination) *d, int n_slices, int thread) {
    FN(lenet5_training) *t = d->t;
    const int what = d->clipped ? BUFFER : UPDATE;
    for (int i = 0; i < t->net->n_ops; i++) {
        const lenet5_op *op = t->net->ops + i;
        const int64_t n_weights = lenet5_n_weights(op), n_biases = lenet5_n_biases(op);
        if (op->is_frozen)
            continue;
        const FN(step) own = FN(step_for)(d->step, op);
        if (!FN(is_dense_step)(op))
            FN(update_range)(t, &own, op->weight, n_weights, n_slices, 1, what, thread);
        FN(update_range)(t, &own, op->bias, n_biases, n_slices, 1, what, thread);
        if (op->kind == OP_BATCH_NORM)
            FN(update_range)(t, d->step, op->bias + FN(padded_n)(n_biases), 2 * FN(padded_n)(n_biases), n_slices,
                             (T)1 / (T)d->step->n_groups, RUNNING, thread);
    }
}

/* The sum of squares of n gradients of the first buffer. */
static double FN(squares)(const FN(lenet5_training) *t, int64_t at, int64_t n) {
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += (double)t->gradients[at + i] * (double)t->gradients[at + i];
    return total;
}

/* A thread's share of the update by the whole gradient, in the first buffer, shortened to clip_norm. Every thread computes
 * the norm itself, so that all have the same bits. */
static void FN(train_clipped)(FN(lenet5_training) *t, const FN(step) *s, int thread) {
    double total = 0;
    for (int i = 0; i < t->net->n_ops; i++) {
        const lenet5_op *op = t->net->ops + i;
        if (op->is_frozen)
            continue;
        total += FN(squares)(t, op->weight, lenet5_n_weights(op)) + FN(squares)(t, op->bias, lenet5_n_biases(op));
    }
    const double norm = sqrt(total);
    const T factor = norm > t->optimizer.clip_norm ? (T)(t->optimizer.clip_norm / norm) : 1;
    for (int i = 0; i < t->net->n_ops; i++) {
        const lenet5_op *op = t->net->ops + i;
        if (op->is_frozen)
            continue;
        const FN(step) own = FN(step_for)(s, op);
        FN(update_range)(t, &own, op->weight, lenet5_n_weights(op), 1, factor, UPDATE, thread);
        FN(update_range)(t, &own, op->bias, lenet5_n_biases(op), 1, factor, UPDATE, thread);
    }
}

/* One batch, positions [start, end). Returns 0 at a loss that is not finite, before the update. */
static int FN(train_batch)(FN(lenet5_training) *t, const FN(dense_parts) *parts, int thread, int64_t step, int64_t start,
                           int64_t end, T *arena) {
    const lenet5_net *net = t->net;
    const int64_t n_groups = (end - start + LANES - 1) / LANES, stride = net->n_parameters + net->n_prepared;
    const int n_slices = n_groups < t->n_slices ? (int)n_groups : t->n_slices;
    const FN(step) numbers = FN(step_of)(t, step, n_groups);
    const int clipped = t->optimizer.clip_norm > 0;
    FN(net_prepare)(net, t->parameters, arena + 2 * net->n_activations + net->n_scratch);
    for (int64_t wave = 0; wave < n_groups; wave += n_slices) {
        const FN(destination) d = {t, &numbers, wave == 0, wave + n_slices >= n_groups, clipped};
        const int in_wave = d.last_wave ? (int)(n_groups - wave) : n_slices;
        for (int slice; (slice = lenet5_claim_next(t->team)) < n_slices;) {
            const int64_t first = start + (wave + slice) * LANES;
            if (slice < in_wave)
                FN(train_group)(t, slice, first, end - first < LANES ? (int)(end - first) : LANES, end - start,
                                d.first_wave, in_wave, thread, arena);
            if (d.last_wave)
                FN(net_finish)(net, t->gradients + slice * stride + net->n_parameters, t->gradients + slice * stride);
        }
        lenet5_wait_announced(t->team, (unsigned)in_wave);
        int64_t n_correct;
        const double loss = FN(loss_of_slices)(t, n_slices, &n_correct);
        if (!isfinite(loss))
            return 0;
        if (d.last_wave && thread == 0) {
            t->loss_sum += loss;
            t->n_correct += n_correct;
            t->steps_done++;
        }
        FN(train_dense_parts)(&d, parts, in_wave, thread);
        lenet5_meet(t->team);
        if (d.last_wave) {
            FN(train_others)(&d, n_slices, thread);
            lenet5_meet(t->team);
        }
    }
    if (clipped) {
        FN(train_clipped)(t, &numbers, thread);
        lenet5_meet(t->team);
    }
    return 1;
}

static void FN(train)(FN(lenet5_training) *t, int thread) {
    ASSERT_NET(t->net);
    ASSERT_PICTURES(t->pictures);
    ASSERT_ARRAYS(t->parameters, t->gradients, t->kept, t->moment1, t->moment2, t->arenas);
    assert((t->labels || t->values) && t->order && t->learning_rates && t->team && t->batch_size >= 1 && t->n_slices >= 1);
    assert(thread >= 0 && thread < t->n_threads);
    T *arena = t->arenas + thread * (2 * t->net->n_activations + t->net->n_scratch + t->net->n_prepared +
                                     t->net->ops[t->net->n_ops - 1].out_channels * LANES);
    if (FN(trains_single)(t)) {
        for (int64_t step = 0; thread == 0 && !t->diverged && step < t->n_steps; step++)
            t->diverged = !FN(train_single)(t, step, arena);
        return;
    }
    FN(dense_parts) parts;
    FN(part_dense)(t->net, &parts);
    for (int64_t step = 0; step < t->n_steps; step++) {
        const int64_t start = step * t->batch_size;
        const int64_t end = start + t->batch_size < t->n_positions ? start + t->batch_size : t->n_positions;
        if (!FN(train_batch)(t, &parts, thread, step, start, end, arena)) {
            if (thread == 0)
                t->diverged = 1;
            return;
        }
    }
}
