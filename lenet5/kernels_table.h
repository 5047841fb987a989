/* Included once per element type T: the functions that every instruction set offers for it.
 *
 * All pointers are to contiguous memory of one lane group, (C, H, W, LANES), unless a comment says otherwise.
 * Gradients of weights are added to what is there; gradients of activations are written.
 */

typedef struct {
    const lenet5_net *net;
    T *parameters;             /* (n_parameters) */
    T *gradients;              /* (n_slices, n_parameters) */
    T *moment1, *moment2;      /* (n_parameters): momentum; AdamW's two means */
    T *arenas;                 /* (n_threads, 2 * n_activations + n_scratch) */
    const lenet5_pictures *pictures;
    const uint8_t *labels;     /* (N) */
    const int64_t *order;      /* (n_positions): the pictures in the order of this run */
    const lenet5_augmentation *augmentation; /* or NULL */
    int64_t n_positions, batch_size, n_steps;
    const double *learning_rates; /* (n_steps) */
    lenet5_optimizer optimizer;
    int64_t first_step;        /* updates made before this run: AdamW's bias correction */
    int n_slices, n_threads;
    struct lenet5_barrier *barrier;
    double *slice_losses;      /* (n_slices) */
    int64_t *slice_corrects;   /* (n_slices) */
    /* results, written by thread 0 */
    double loss_sum;
    int64_t n_correct, steps_done;
    int diverged;
} CONCAT(lenet5_training, SUFFIX);

typedef struct {
    void (*conv2d_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, T *Y);
    void (*conv2d_backward_input)(const lenet5_op *op, const T *dY, const T *W, T *dX, T *scratch);
    void (*conv2d_backward_weights)(const lenet5_op *op, const T *X, const T *dY, T *dW, T *db, T *scratch);
    void (*avg_pool2d_forward)(const lenet5_op *op, const T *X, T *Y);
    void (*avg_pool2d_backward)(const lenet5_op *op, const T *dY, T *dX);
    void (*max_pool2d_forward)(const lenet5_op *op, const T *X, T *Y);
    void (*max_pool2d_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dX);
    void (*relu_forward)(int64_t n, const T *X, T *Y);
    void (*relu_backward)(int64_t n, const T *Y, const T *dY, T *dX);
    void (*tanh_forward)(int64_t n, const T *X, T *Y);
    void (*tanh_backward)(int64_t n, const T *Y, const T *dY, T *dX);
    /* Z, dZ (classes, LANES); the first n_valid lanes count. Returns the sum of losses, adds to *n_correct. */
    double (*softmax_cross_entropy)(int classes, const T *Z, const uint8_t *labels, int n_valid, T scale, T *dZ,
                                    int64_t *n_correct);
    /* logits, probabilities (n, classes, positions): softmax over the classes */
    void (*softmax)(int64_t n, int classes, int64_t positions, const T *logits, T *probabilities);
    /* The n_valid <= LANES pictures with the numbers index[0..] (or first, first + 1, ...), padded, scaled and
     * laid out; missing lanes are background. augmentation: how they are distorted, or NULL. */
    void (*gather)(const lenet5_pictures *pictures, const int64_t *index, int64_t first, int n_valid,
                   const lenet5_augmentation *augmentation, T *X);
    /* The program of the network on one lane group whose input lies at the start of `activations`. */
    void (*net_forward)(const lenet5_net *net, const T *parameters, T *activations);
    /* Both for the n_valid pictures from `first` on, one after the other: faster where they are few, the same bits. */
    void (*net_forward_few)(const lenet5_net *net, const T *parameters, const lenet5_pictures *pictures, int64_t first,
                            int n_valid, T *activations, T *single);
    /* One picture of any size, scores (classes, h, w) to `out`. */
    void (*net_forward_map)(const lenet5_net *net, const T *parameters, const lenet5_pictures *pictures, int64_t picture,
                            T *single, T *out);
    /* dA mirrors `activations` and holds the gradient of the last output; adds to `gradients`. */
    void (*net_backward)(const lenet5_net *net, const T *parameters, const T *activations, T *dA, T *gradients,
                         T *scratch);
    /* One thread's share of a run of training steps; all n_threads must call it at the same time. */
    void (*train)(CONCAT(lenet5_training, SUFFIX) *training, int thread);
    /* n rounds of multiply-adds in registers; returns the operations done. *out keeps them from being left out. */
    double (*fma_peak)(int64_t n, T *out);
} CONCAT(kernels, SUFFIX);
