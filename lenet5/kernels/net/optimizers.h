/* The optimisers: the update by a vector of gradients, for element type T. */

/* The optimiser's constants at one step. */
typedef struct {
    lenet5_optimizer_kind kind;
    int nesterov;
    T rate, decay, l1, momentum, beta1, beta2, epsilon, correct1, correct2;
    int64_t n_groups;          /* of the batch */
} FN(step);

static FN(step) FN(step_of)(const FN(lenet5_training) *t, int64_t step, int64_t n_groups) {
    const lenet5_optimizer *o = &t->optimizer;
    const double n_updates = (double)(t->first_step + step + 1);
    return (FN(step)){
        .kind = o->kind,
        .nesterov = o->nesterov,
        .rate = (T)t->learning_rates[step],
        .decay = (T)o->weight_decay,
        .l1 = (T)o->l1,
        .momentum = (T)o->momentum,
        .beta1 = (T)o->beta1,
        .beta2 = (T)o->beta2,
        .epsilon = (T)o->epsilon,
        .correct1 = (T)(1 / (1 - pow(o->beta1, n_updates))),
        .correct2 = (T)(1 / (1 - pow(o->beta2, n_updates))),
        .n_groups = n_groups,
    };
}

/* The same for the parameters of one layer, whose learning rate has a factor. */
INLINE FN(step) FN(step_for)(const FN(step) *s, const lenet5_op *op) {
    FN(step) own = *s;
    own.rate *= (T)op->rate_factor;
    return own;
}

INLINE V FN(sign)(V x) {
    V sign;
    for (int l = 0; l < VL; l++)
        sign[l] = (T)((x[l] > 0) - (x[l] < 0));
    return sign;
}

/* Update one vector of parameters and moments by its gradient. */
INLINE void FN(update_vector)(const FN(step) *s, T *parameters, T *moment1, T *moment2, V g) {
    V p = FN(load)(parameters), m = FN(load)(moment1), v, direction;
    if (s->l1 > 0)
        g += FN(sign)(p) * s->l1;
    if (s->kind != OPTIMIZER_ADAMW)
        g += p * s->decay;
    switch (s->kind) {
    case OPTIMIZER_SGD:
        m = m * s->momentum + g;
        direction = m;
        if (s->nesterov)
            direction = g + m * s->momentum;
        p -= direction * s->rate;
        break;
    case OPTIMIZER_SDLM: FN(store)(parameters, p - g * FN(load)(moment2) * s->rate); return;
    case OPTIMIZER_RMSPROP:
        v = FN(load)(moment2) * s->beta2 + g * g * (1 - s->beta2);
        FN(store)(moment2, v);
        p -= g * s->rate / (FN(square_root)(v) + s->epsilon);
        break;
    default:
        m = m * s->beta1 + g * (1 - s->beta1);
        v = FN(load)(moment2) * s->beta2 + g * g * (1 - s->beta2);
        FN(store)(moment2, v);
        if (s->kind == OPTIMIZER_ADAMW)
            p -= p * (s->rate * s->decay);
        p -= m * s->correct1 * s->rate / (FN(square_root)(v * s->correct2) + s->epsilon);
    }
    FN(store)(moment1, m);
    FN(store)(parameters, p);
}

/* The destination of a row of gradients: the buffer of slice 0 until the last wave, then the update. */
typedef struct {
    FN(lenet5_training) *t;
    const FN(step) *step;
    int first_wave, last_wave;
    int clipped;               /* the update waits for the norm of the whole gradient, in the buffer */
} FN(destination);

/* A vector of gradients: its place in the buffer, its parameters and their moments. */
INLINE void FN(give_vector)(const FN(destination) *d, T *buffer, T *parameters, T *moment1, T *moment2, V g) {
    if (!d->first_wave)
        g += FN(load)(buffer);
    if (d->last_wave && !d->clipped)
        FN(update_vector)(d->step, parameters, moment1, moment2, g);
    else
        FN(store)(buffer, g);
}

/* Take n <= VL gradients of the parameters from `at` on. */
INLINE void FN(give)(const FN(destination) *d, int64_t at, V g, int n) {
    FN(lenet5_training) *t = d->t;
    if (n == VL) {
        FN(give_vector)(d, t->gradients + at, t->parameters + at, t->moment1 + at, t->moment2 + at, g);
        return;
    }
    T *whole[4] = {t->gradients + at, t->parameters + at, t->moment1 + at, t->moment2 + at};
    T part[4][VECTOR_BYTES / ELEMENT_BYTES] = {{0}};
    for (int i = 0; i < 4; i++)
        memcpy(part[i], whole[i], sizeof(T) * n);
    FN(give_vector)(d, part[0], part[1], part[2], part[3], g);
    for (int i = 0; i < 4; i++)
        memcpy(whole[i], part[i], sizeof(T) * n);
}
