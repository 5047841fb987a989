/* The network as a program over one lane group, and a thread's share of training, for element type T. */

#define FN(name) CONCAT(name, SUFFIX)
#define V FN(vector)
#define VL ((int)(VECTOR_BYTES / sizeof(T)))

/* ---- the program -------------------------------------------------------------------------------------------- */

INLINE int64_t FN(n_out)(const lenet5_op *op) {
    return (int64_t)op->out_channels * op->out_height * op->out_width * LANES;
}

static void FN(net_forward)(const lenet5_net *net, const T *parameters, T *activations) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        const T *X = activations + op->input;
        T *Y = activations + op->output;
        switch (op->kind) {
        case OP_CONV2D: FN(conv2d_forward)(op, X, parameters + op->weight, parameters + op->bias, Y); break;
        case OP_AVG_POOL2D: FN(avg_pool2d_forward)(op, X, Y); break;
        case OP_MAX_POOL2D: FN(max_pool2d_forward)(op, X, Y); break;
        case OP_RELU: FN(relu_forward)(FN(n_out)(op), X, Y); break;
        case OP_TANH: FN(tanh_forward)(FN(n_out)(op), X, Y); break;
        }
    }
}

static void FN(net_backward)(const lenet5_net *net, const T *parameters, const T *activations, T *dA, T *gradients,
                             T *scratch) {
    for (int i = net->n_ops - 1; i >= 0; i--) {
        const lenet5_op *op = net->ops + i;
        const T *X = activations + op->input, *Y = activations + op->output;
        T *dX = dA + op->input, *dY = dA + op->output;
        switch (op->kind) {
        case OP_CONV2D:
            FN(conv2d_backward_weights)(op, X, dY, gradients + op->weight, gradients + op->bias, scratch);
            if (op->input != 0) /* nobody asks for the gradient of the pictures */
                FN(conv2d_backward_input)(op, dY, parameters + op->weight, dX, scratch);
            break;
        case OP_AVG_POOL2D: FN(avg_pool2d_backward)(op, dY, dX); break;
        case OP_MAX_POOL2D: FN(max_pool2d_backward)(op, X, Y, dY, dX); break;
        case OP_RELU: FN(relu_backward)(FN(n_out)(op), Y, dY, dX); break;
        case OP_TANH: FN(tanh_backward)(FN(n_out)(op), Y, dY, dX); break;
        }
    }
}

/* ---- training ------------------------------------------------------------------------------------------------
 *
 * A batch is cut into n_slices slices of whole lane groups, each with a gradient buffer of its own; the update adds
 * the buffers in their order. The cut depends on the batch alone and not on the number of threads, so the sums, and
 * with them the weights, are the same bits for any number.
 */

/* Pictures come in random order from more memory than the caches hold: ask for each one a step ahead. */
INLINE void FN(prefetch_picture)(const lenet5_pictures *pictures, int64_t picture) {
    const int64_t n = (int64_t)pictures->channels * pictures->height * pictures->width * (pictures->is_uint8 ? 1 : 4);
    for (int64_t i = 0; i < n; i += 64)
        __builtin_prefetch((const char *)pictures->pixels + picture * n + i, 0, 2);
}

/* Slice `slice` of the batch at positions [start, end): its gradient, loss and number of right answers. */
static void FN(train_slice)(CONCAT(lenet5_training, SUFFIX) *t, int slice, int64_t start, int64_t end, T *arena) {
    const lenet5_net *net = t->net;
    const lenet5_op *last = net->ops + net->n_ops - 1;
    const int64_t n_groups = (end - start + LANES - 1) / LANES;
    T *dA = arena + net->n_activations, *scratch = dA + net->n_activations;
    T *gradients = t->gradients + slice * net->n_parameters;
    double loss = 0;
    int64_t n_correct = 0;
    memset(gradients, 0, sizeof(T) * net->n_parameters);
    for (int64_t g = n_groups * slice / t->n_slices; g < n_groups * (slice + 1) / t->n_slices; g++) {
        const int64_t first = start + g * LANES;
        const int n_valid = end - first < LANES ? (int)(end - first) : LANES;
        uint8_t labels[LANES];
        for (int lane = 0; lane < n_valid; lane++) {
            labels[lane] = t->labels[t->order[first + lane]];
            if (first + lane + t->batch_size < t->n_positions)
                FN(prefetch_picture)(t->pictures, t->order[first + lane + t->batch_size]);
        }
        FN(gather)(t->pictures, t->order + first, 0, n_valid, t->augmentation, arena);
        FN(net_forward)(net, t->parameters, arena);
        loss += FN(softmax_cross_entropy)(last->out_channels, arena + last->output, labels, n_valid,
                                          (T)1 / (T)(end - start), dA + last->output, &n_correct);
        FN(net_backward)(net, t->parameters, arena, dA, gradients, scratch);
    }
    t->slice_losses[slice] = loss;
    t->slice_corrects[slice] = n_correct;
}

/* Parameters [from, to), multiples of the vector length: sum of the slices' gradients, then the optimiser. */
static void FN(update)(CONCAT(lenet5_training, SUFFIX) *t, int64_t step, int64_t from, int64_t to) {
    const lenet5_optimizer *o = &t->optimizer;
    const T rate = (T)t->learning_rates[step], decay = (T)o->weight_decay, momentum = (T)o->momentum;
    const T beta1 = (T)o->beta1, beta2 = (T)o->beta2, epsilon = (T)o->epsilon;
    const double n_updates = (double)(t->first_step + step + 1);
    const T correct1 = (T)(1 / (1 - pow(o->beta1, n_updates))), correct2 = (T)(1 / (1 - pow(o->beta2, n_updates)));
    for (int64_t i = from; i < to; i += VL) {
        V p = *(V *)(t->parameters + i), m = *(V *)(t->moment1 + i), g = {0};
        for (int s = 0; s < t->n_slices; s++)
            g += *(V *)(t->gradients + s * t->net->n_parameters + i);
        if (o->kind == OPTIMIZER_SGD) {
            g += p * decay;
            m = m * momentum + g;
            V direction = m;
            if (o->nesterov)
                direction = g + m * momentum;
            p -= direction * rate;
        } else {
            V v = *(V *)(t->moment2 + i), root;
            m = m * beta1 + g * (1 - beta1);
            v = v * beta2 + g * g * (1 - beta2);
            *(V *)(t->moment2 + i) = v;
            for (int l = 0; l < VL; l++)
                root[l] = (T)sqrt((double)(v[l] * correct2));
            p -= p * (rate * decay);
            p -= m * correct1 * rate / (root + epsilon);
        }
        *(V *)(t->moment1 + i) = m;
        *(V *)(t->parameters + i) = p;
    }
}

static void FN(train)(CONCAT(lenet5_training, SUFFIX) *t, int thread) {
    const lenet5_net *net = t->net;
    T *arena = t->arenas + thread * (2 * net->n_activations + net->n_scratch);
    const int64_t n_blocks = net->n_parameters / LANES;
    const int64_t from = n_blocks * thread / t->n_threads * LANES, to = n_blocks * (thread + 1) / t->n_threads * LANES;
    for (int64_t step = 0; step < t->n_steps; step++) {
        const int64_t start = step * t->batch_size;
        const int64_t end = start + t->batch_size < t->n_positions ? start + t->batch_size : t->n_positions;
        for (int slice = thread; slice < t->n_slices; slice += t->n_threads)
            FN(train_slice)(t, slice, start, end, arena);
        lenet5_barrier_wait(t->barrier);
        double loss = 0;
        int64_t n_correct = 0;
        for (int slice = 0; slice < t->n_slices; slice++) {
            loss += t->slice_losses[slice];
            n_correct += t->slice_corrects[slice];
        }
        if (!isfinite(loss)) { /* every thread sees the same sum and stops here, before the update */
            if (thread == 0)
                t->diverged = 1;
            return;
        }
        if (thread == 0) {
            t->loss_sum += loss;
            t->n_correct += n_correct;
            t->steps_done++;
        }
        FN(update)(t, step, from, to);
        lenet5_barrier_wait(t->barrier);
    }
}

#undef V
#undef VL
#undef FN
