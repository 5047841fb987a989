/* Training with one image at a time, as in 1998, for element type T: a lane group would compute 16 images and use one.
 *
 * Activations and lanes are those of net/batch1.h. Weights of dense layers are updated as soon as their gradient is
 * known, a vector at a time. A single thread does all.
 */

/* The gradient of the inputs, then that of the weights, which are updated. Rows of weights are read up to VL - 1
 * elements past their end, where the biases lie. dX is written equally far past its end. */
static void FN(single_dense_backward)(const FN(destination) *d, const lenet5_op *op, const T *X, const T *dY, T *dX) {
    const int F = N_FEATURES(op), O = op->out_channels;
    const T *W = d->t->parameters + op->weight;
    T *from = d->t->kept; /* elements written past the end may be dY */
    memcpy(from, dY, sizeof(T) * O);
    if (dX)
        FN(single_dense_input_gradient)(from, W, dX, F, O);
    for (int o = 0; o < O; o++)
        for (int f = 0; f < F; f += VL)
            FN(give)(d, op->weight + (int64_t)o * F + f, FN(load)(X + f) * from[o], F - f < VL ? F - f : VL);
    for (int o = 0; o < O; o += VL) {
        V g = {0};
        const int n = O - o < VL ? O - o : VL;
        memcpy(&g, from + o, sizeof(T) * n);
        FN(give)(d, op->bias + o, g, n);
    }
}

/* Update n parameters from `at` on by their gradients in the buffer. */
static void FN(update_alone)(FN(lenet5_training) *t, const FN(step) *s, int64_t at, int64_t n) {
    for (int64_t i = at; i < at + n; i += VL)
        FN(update_vector)(s, t->parameters + i, t->moment1 + i, t->moment2 + i, FN(load)(t->gradients + i));
}

/* The backward pass of one layer; offsets are those of the lanes, divided by LANES. */
static void FN(single_backward)(const FN(destination) *all, const lenet5_op *op, const T *A, T *dA, T *flat) {
    FN(lenet5_training) *t = all->t;
    const FN(step) step = FN(step_for)(all->step, op);
    const FN(destination) own = {t, &step, all->first_wave, all->last_wave, all->clipped}, *d = &own;
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

/* Whether this network and its perturbations support training with one image at a time. */
static int FN(trains_single)(const FN(lenet5_training) *t) {
    const lenet5_perturbation *p = &t->perturbation;
    if (t->batch_size != 1 || t->optimizer.clip_norm > 0 || p->mixup > 0 || p->adversarial > 0 || t->n_teachers)
        return 0;
    for (int i = 0; i < t->net->n_ops; i++) {
        const lenet5_op_kind kind = t->net->ops[i].kind;
        if (t->net->ops[i].is_frozen || kind == OP_CONV_POOL || kind == OP_BATCH_NORM || kind == OP_DROPOUT)
            return 0;
    }
    return 1;
}

/* Train on one image. Returns 0 at a loss that is not finite, before the update. arena: see lenet5_n_single. */
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
    const uint8_t *label = t->labels ? t->labels + picture : NULL;
    FN(targets)(&t->loss, classes, label, t->values, NULL, picture, 1, targets);
    int64_t n_correct = 0;
    const double loss = FN(weighted_loss)(&t->loss, classes, Z, targets, label, t->weights ? t->weights + picture : NULL, 1,
                                          1, dZ, &n_correct);
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
