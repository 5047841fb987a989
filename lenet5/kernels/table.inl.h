/* The functions that every instruction set offers for element type T: ENTRY(result, name, arguments) for each.
 *
 * Included twice: where ENTRY declares a member of the table, and where it assigns that member its function. So no member
 * can be left out, or exchanged for another one of the same type.
 *
 * Pointers are to contiguous memory of one lane group, (C, H, W, LANES), unless a comment says otherwise.
 * Gradients of weights are added to the present values; gradients of activations are written.
 */

/* U: the weights in this kernel's own form (lenet5_n_prepared elements), from W; made once for many groups. */
ENTRY(void, conv2d_prepare, (const lenet5_op *op, const T *W, T *U))
ENTRY(void, conv2d_forward, (const lenet5_op *op, const T *X, const T *W, const T *b, const T *U, T *Y, T *scratch))
/* dX, dW, db or dU is not computed if it is NULL; dW, db and dU are written, or added to if `accumulate`. */
ENTRY(void, conv2d_backward,
      (const lenet5_op *op, const T *X, const T *dY, const T *W, const T *U, T *dX, T *dW, T *db, T *dU, int accumulate,
       T *scratch))
/* dW from dU, once after many groups: the transpose of conv2d_prepare, added. */
ENTRY(void, conv2d_finish, (const lenet5_op *op, const T *dU, T *dW))
/* Y: the pooled values, and behind them, for training, their origins, as integers of the same size. */
ENTRY(void, conv_pool_prepare, (const lenet5_op *op, const T *W, T *U))
ENTRY(void, conv_pool_forward, (const lenet5_op *op, const T *X, const T *W, const T *b, const T *U, T *Y, int training))
ENTRY(void, conv_pool_backward,
      (const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dW, T *db, T *dU, int accumulate, T *scratch))
ENTRY(void, conv_pool_finish, (const lenet5_op *op, const T *dU, T *dW))
ENTRY(void, avg_pool2d_forward, (const lenet5_op *op, const T *X, T *Y))
ENTRY(void, avg_pool2d_backward, (const lenet5_op *op, const T *dY, T *dX))
ENTRY(void, max_pool2d_forward, (const lenet5_op *op, const T *X, T *Y))
ENTRY(void, max_pool2d_backward, (const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dX))
/* W (pairs, K, K); dX, dW and db may be NULL; dW and db are written, or added to if `accumulate`. */
ENTRY(void, table_conv2d_forward, (const lenet5_op *op, const T *X, const T *W, const T *b, T *Y))
ENTRY(void, table_conv2d_backward,
      (const lenet5_op *op, const T *X, const T *dY, const T *W, T *dX, T *dW, T *db, int accumulate, T *scratch))
/* W, b (out_channels): coefficients and biases; dW and db as above */
ENTRY(void, subsample_forward, (const lenet5_op *op, const T *X, const T *W, const T *b, T *Y))
ENTRY(void, subsample_backward,
      (const lenet5_op *op, const T *X, const T *dY, const T *W, T *dX, T *dW, T *db, int accumulate))
ENTRY(void, rbf_forward, (const lenet5_op *op, const T *X, T *Y))
ENTRY(void, rbf_backward, (const lenet5_op *op, const T *X, const T *dY, T *dX))
ENTRY(void, activation_forward, (lenet5_op_kind kind, int64_t n, const T *X, T *Y))
ENTRY(void, activation_backward, (lenet5_op_kind kind, int64_t n, const T *Y, const T *dY, T *dX))
/* Z, targets, dZ (classes, LANES); the first n_valid lanes count. Returns the sum of losses, adds to *n_correct. */
ENTRY(double, loss,
      (const lenet5_loss *loss, int classes, const T *Z, const T *targets, const uint8_t *labels, int n_valid, T scale,
       T *dZ, int64_t *n_correct))
ENTRY(void, targets,
      (const lenet5_loss *loss, int outputs, const uint8_t *labels, const T *values, const int64_t *index, int64_t first,
       int n_valid, T *targets))
/* logits, probabilities (n, classes, positions): softmax over the classes */
ENTRY(void, softmax, (int64_t n, int classes, int64_t positions, const T *logits, T *probabilities))
/* Whether every one of n values is a number in low..high. */
ENTRY(int, within, (int64_t n, const T *x, T low, T high))
/* The n_valid <= LANES images with the numbers index[0..] (or first, first + 1, ...), padded, scaled and
 * laid out; missing lanes are background. augmentation: their distortions, or NULL. */
ENTRY(void, gather,
      (const lenet5_pictures *pictures, const int64_t *index, int64_t first, int n_valid,
       const lenet5_augmentation *augmentation, T *X))
/* The factors of all dropouts; all are 1 if `perturbation` is NULL. */
ENTRY(void, draw_dropout,
      (const lenet5_net *net, const lenet5_perturbation *perturbation, const int64_t *numbers, int n_valid, T *activations))
/* The prepared weights of all steps, and their gradients added to those of the parameters. */
ENTRY(void, net_prepare, (const lenet5_net *net, const T *parameters, T *prepared))
ENTRY(void, net_finish, (const lenet5_net *net, const T *d_prepared, T *gradients))
/* The program of the network on one lane group whose input lies at the start of `activations`, for training. */
ENTRY(void, net_forward,
      (const lenet5_net *net, const T *parameters, const T *prepared, T *activations, int n_valid, T *scratch))
/* n <= 2 LANES images from `start` on, for prediction; scores are left in `first`, and in `second` if n > LANES. */
ENTRY(void, net_predict,
      (const lenet5_net *net, const T *parameters, const T *prepared, const lenet5_pictures *pictures, int64_t start, int n,
       T *first, T *second, T *scratch))
/* One image of any size, including gather; scores (classes, h, w) to `out`: faster for a few images, with the same bits.
 * ready: the weights from single_prepare (n_ready elements); those of dense layers only if with_dense. */
ENTRY(void, single_prepare, (const lenet5_net *net, const T *parameters, T *ready, int with_dense))
ENTRY(void, net_forward_single,
      (const lenet5_net *net, const T *parameters, const T *ready, int with_dense, const lenet5_pictures *pictures,
       int64_t picture, T *single, T *out))
/* dA mirrors `activations` and holds the gradient of the last output. `gradients` and `d_prepared` are written, or
 * added to if `accumulate`; net_finish combines them. kept: (n_kept), or NULL for the gradients themselves.
 * If `gradients` is NULL, that of the images is computed instead, unless the first step is OP_CONV_POOL. */
ENTRY(void, net_backward,
      (const lenet5_net *net, const T *parameters, const T *prepared, const T *activations, T *dA, T *gradients,
       T *d_prepared, int accumulate, T *kept, int n_valid, T *scratch))
/* n rounds of multiply-adds in registers; returns the number of operations. *out prevents their removal. */
ENTRY(double, fma_peak, (int64_t n, T *out))
