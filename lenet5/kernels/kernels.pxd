"""The C side of the kernels (program.h, table.inl.h, thread_team.h), as Cython sees it."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "fcn.h" nogil:
    enum: FCN_STEPS, FCN_CHANNELS, FCN_KERNEL, FCN_DILATION, FCN_SCALE, FCN_SIDE
    ctypedef enum lenet5_fcn_kind:
        FCN_CONV2D
        FCN_MAX_POOL2D
    ctypedef struct lenet5_fcn_step:
        lenet5_fcn_kind kind
        int source, skip, source_channels, skip_channels, out_channels, kernel_size, stride, dilation, relu
        int64_t packed
    ctypedef struct lenet5_fcn_tensor:
        int channels, scale, border
    ctypedef struct lenet5_fcn:
        lenet5_fcn_step steps[64]
        lenet5_fcn_tensor tensors[65]
        int n_steps
        int64_t n_packed
    int64_t lenet5_fcn_n_arena(const lenet5_fcn *, int, int)
    int64_t lenet5_fcn_n_packed(const lenet5_fcn_step *)
    int lenet5_fcn_first(int, int)

cdef extern from "program.h" nogil:
    int LANES, PICTURE_SIDE, FIELD_SIDE
    int N_OPS
    const char *lenet5_op_name(int)
    bint lenet5_is_activation(int)
    ctypedef enum lenet5_op_kind:  # those that the Cython side asks for
        OP_CONV2D
        OP_AVG_POOL2D
        OP_MAX_POOL2D
        OP_RELU
        OP_TANH
        OP_CONV_POOL
        OP_TABLE_CONV2D
        OP_SUBSAMPLE
        OP_SCALED_TANH
        OP_SIGMOID
        OP_RBF
        OP_BATCH_NORM
        OP_DROPOUT
    ctypedef struct lenet5_op:
        lenet5_op_kind kind
        int in_channels, in_height, in_width, out_channels, out_height, out_width, kernel_size
        int64_t weight, bias, input, output, prepared, ready, kept
        double probability
        const int32_t *constants
        int n_pairs, number, is_frozen
        double rate_factor
    ctypedef struct lenet5_net:
        const lenet5_op *ops
        int n_ops
        int64_t n_parameters, n_activations, n_scratch, n_prepared, n_ready, n_kept
    int lenet5_has_winograd(const lenet5_op *)
    int64_t lenet5_n_weights(const lenet5_op *)
    int64_t lenet5_n_biases(const lenet5_op *)
    int64_t lenet5_n_extra(const lenet5_op *)
    int64_t lenet5_n_prepared(const lenet5_op *)
    int64_t lenet5_n_ready(const lenet5_op *)
    int64_t lenet5_n_kept(const lenet5_op *)
    int64_t lenet5_n_scratch(const lenet5_op *)
    int64_t lenet5_n_single(const lenet5_net *)
    ctypedef struct lenet5_pictures:
        const void *pixels
        int is_uint8, channels, height, width, padding
        float background, ink
    ctypedef struct lenet5_augmentation:
        uint64_t seed
        uint32_t epoch
        float rotation, scale, shear, shift
        int crop
        float flip_probability, knot_spacing, knot_range
        int cutout_side
        float cutout_probability, inversion_probability
        float photo_pen, photo_blur, photo_uneven, photo_grain, photo_clutter
        float photo_jpeg
    ctypedef enum lenet5_optimizer_kind:
        OPTIMIZER_SGD
        OPTIMIZER_ADAM
        OPTIMIZER_ADAMW
        OPTIMIZER_RMSPROP
        OPTIMIZER_SDLM
    ctypedef struct lenet5_optimizer:
        lenet5_optimizer_kind kind
        int nesterov
        double momentum, beta1, beta2, epsilon, weight_decay, l1, clip_norm
    ctypedef enum lenet5_loss_kind:
        LOSS_CROSS_ENTROPY
        LOSS_RIGHT_SCORE
        LOSS_SQUARED
        LOSS_ABSOLUTE
        LOSS_HUBER
    ctypedef struct lenet5_loss:
        lenet5_loss_kind kind
        double label_smoothing, teacher_weight, temperature, rubbish
        const double *shifts
        int n_values
        lenet5_loss_kind value_kind
        double value_weight
    ctypedef struct lenet5_perturbation:
        uint64_t seed
        uint32_t epoch
        double mixup, adversarial
    ctypedef struct lenet5_teacher_f32:
        const lenet5_net *net
        const float *parameters
        const float *prepared
    ctypedef struct lenet5_training_f32:
        const lenet5_net *net
        float *parameters
        float *gradients
        float *kept
        float *moment1
        float *moment2
        float *arenas
        const lenet5_pictures *pictures
        const uint8_t *labels
        const float *values
        const float *weights
        const int64_t *order
        const lenet5_augmentation *augmentation
        int64_t n_positions, batch_size, n_steps
        const double *learning_rates
        lenet5_optimizer optimizer
        lenet5_loss loss
        lenet5_perturbation perturbation
        const lenet5_teacher_f32 *teachers
        float *teacher_arenas
        int64_t n_teacher_arena
        int n_teachers
        int64_t first_step
        int n_slices, n_threads
        lenet5_team *team
        double *slice_losses
        int64_t *slice_corrects
        double loss_sum
        int64_t n_correct, steps_done
        int diverged
    ctypedef struct lenet5_kernels_f32:
        void (*conv2d_prepare)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*conv2d_forward)(const lenet5_op *, const float *, const float *, const float *, const float *,
                               float *, float *) noexcept nogil
        void (*conv2d_backward)(const lenet5_op *, const float *, const float *, const float *, const float *, float *,
                                float *, float *, float *, int, float *) noexcept nogil
        void (*conv2d_finish)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*conv_pool_prepare)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*conv_pool_forward)(const lenet5_op *, const float *, const float *, const float *, const float *,
                                  float *, int) noexcept nogil
        void (*conv_pool_backward)(const lenet5_op *, const float *, const float *, const float *, float *, float *,
                                   float *,
                                   int, float *) noexcept nogil
        void (*conv_pool_finish)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*avg_pool2d_forward)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*avg_pool2d_backward)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*max_pool2d_forward)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*max_pool2d_backward)(const lenet5_op *, const float *, const float *, const float *,
                                    float *) noexcept nogil
        void (*table_conv2d_forward)(const lenet5_op *, const float *, const float *, const float *,
                                     float *) noexcept nogil
        void (*table_conv2d_backward)(const lenet5_op *, const float *, const float *, const float *, float *, float *,
                                      float *, int, float *) noexcept nogil
        void (*subsample_forward)(const lenet5_op *, const float *, const float *, const float *,
                                  float *) noexcept nogil
        void (*subsample_backward)(const lenet5_op *, const float *, const float *, const float *, float *, float *,
                                   float *, int) noexcept nogil
        void (*rbf_forward)(const lenet5_op *, const float *, float *) noexcept nogil
        void (*rbf_backward)(const lenet5_op *, const float *, const float *, float *) noexcept nogil
        void (*activation_forward)(lenet5_op_kind, int64_t, const float *, float *) noexcept nogil
        void (*activation_backward)(lenet5_op_kind, int64_t, const float *, const float *, float *) noexcept nogil
        double (*loss)(const lenet5_loss *, int, const float *, const float *, const uint8_t *, int, float, float *,
                       int64_t *) noexcept nogil
        void (*targets)(const lenet5_loss *, int, const uint8_t *, const float *, const int64_t *, int64_t, int,
                        float *) noexcept nogil
        void (*softmax)(int64_t, int, int64_t, const float *, float *) noexcept nogil
        int (*within)(int64_t, const float *, float, float) noexcept nogil
        void (*gather)(const lenet5_pictures *, const int64_t *, int64_t, int, const lenet5_augmentation *,
                       float *) noexcept nogil
        void (*draw_dropout)(const lenet5_net *, const lenet5_perturbation *, const int64_t *, int,
                             float *) noexcept nogil
        void (*net_prepare)(const lenet5_net *, const float *, float *) noexcept nogil
        void (*net_finish)(const lenet5_net *, const float *, float *) noexcept nogil
        void (*net_forward)(const lenet5_net *, const float *, const float *, float *, int,
                            float *) noexcept nogil
        void (*net_predict)(const lenet5_net *, const float *, const float *, const lenet5_pictures *, int64_t, int,
                            float *, float *, float *) noexcept nogil
        void (*single_prepare)(const lenet5_net *, const float *, float *, int) noexcept nogil
        void (*net_forward_single)(const lenet5_net *, const float *, const float *, int, const lenet5_pictures *,
                                   int64_t, float *, float *) noexcept nogil
        void (*net_backward)(const lenet5_net *, const float *, const float *, const float *, float *, float *, float *,
                             int, float *, int, float *) noexcept nogil
        double (*fma_peak)(int64_t, float *) noexcept nogil
    ctypedef struct lenet5_kernels_f64:
        void (*conv2d_prepare)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*conv2d_forward)(const lenet5_op *, const double *, const double *, const double *, const double *,
                               double *, double *) noexcept nogil
        void (*conv2d_backward)(const lenet5_op *, const double *, const double *, const double *, const double *,
                                double *,
                                double *, double *, double *, int, double *) noexcept nogil
        void (*conv2d_finish)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*conv_pool_prepare)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*conv_pool_forward)(const lenet5_op *, const double *, const double *, const double *, const double *,
                                  double *, int) noexcept nogil
        void (*conv_pool_backward)(const lenet5_op *, const double *, const double *, const double *, double *,
                                   double *, double *,
                                   int, double *) noexcept nogil
        void (*conv_pool_finish)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*avg_pool2d_forward)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*avg_pool2d_backward)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*max_pool2d_forward)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*max_pool2d_backward)(const lenet5_op *, const double *, const double *, const double *,
                                    double *) noexcept nogil
        void (*table_conv2d_forward)(const lenet5_op *, const double *, const double *, const double *,
                                     double *) noexcept nogil
        void (*table_conv2d_backward)(const lenet5_op *, const double *, const double *, const double *, double *,
                                      double *,
                                      double *, int, double *) noexcept nogil
        void (*subsample_forward)(const lenet5_op *, const double *, const double *, const double *,
                                  double *) noexcept nogil
        void (*subsample_backward)(const lenet5_op *, const double *, const double *, const double *, double *,
                                   double *,
                                   double *, int) noexcept nogil
        void (*rbf_forward)(const lenet5_op *, const double *, double *) noexcept nogil
        void (*rbf_backward)(const lenet5_op *, const double *, const double *, double *) noexcept nogil
        void (*activation_forward)(lenet5_op_kind, int64_t, const double *, double *) noexcept nogil
        void (*activation_backward)(lenet5_op_kind, int64_t, const double *, const double *, double *) noexcept nogil
        double (*loss)(const lenet5_loss *, int, const double *, const double *, const uint8_t *, int, double, double *,
                       int64_t *) noexcept nogil
        void (*targets)(const lenet5_loss *, int, const uint8_t *, const double *, const int64_t *, int64_t, int,
                        double *) noexcept nogil
        void (*softmax)(int64_t, int, int64_t, const double *, double *) noexcept nogil
        int (*within)(int64_t, const double *, double, double) noexcept nogil
        void (*gather)(const lenet5_pictures *, const int64_t *, int64_t, int, const lenet5_augmentation *,
                       double *) noexcept nogil
        void (*draw_dropout)(const lenet5_net *, const lenet5_perturbation *, const int64_t *, int,
                             double *) noexcept nogil
        void (*net_prepare)(const lenet5_net *, const double *, double *) noexcept nogil
        void (*net_finish)(const lenet5_net *, const double *, double *) noexcept nogil
        void (*net_forward)(const lenet5_net *, const double *, const double *, double *, int,
                            double *) noexcept nogil
        void (*net_predict)(const lenet5_net *, const double *, const double *, const lenet5_pictures *, int64_t, int,
                            double *, double *, double *) noexcept nogil
        void (*single_prepare)(const lenet5_net *, const double *, double *, int) noexcept nogil
        void (*net_forward_single)(const lenet5_net *, const double *, const double *, int, const lenet5_pictures *,
                                   int64_t, double *, double *) noexcept nogil
        void (*net_backward)(const lenet5_net *, const double *, const double *, const double *, double *, double *,
                             double *,
                             int, double *, int, double *) noexcept nogil
    ctypedef struct lenet5_isa:
        const char *name
        lenet5_kernels_f32 f32
        const lenet5_kernels_f64 *f64
        void (*train)(lenet5_training_f32 *, int) noexcept nogil
        void (*train_dense_alone)(lenet5_training_f32 *, const lenet5_op *, int) noexcept nogil
        void (*fcn_pack)(const lenet5_fcn_step *, const float *, const float *, float *) noexcept nogil
        void (*fcn_forward)(const lenet5_fcn *, const float *, const float *, int, int, float *,
                            float *) noexcept nogil
        void (*fcn_forward_grey)(const lenet5_fcn *, const float *, const float *, int, int, int, int, float *,
                                 float *) noexcept nogil
        void (*grey_planes)(const float *, int, int, int, int, float *, float *) noexcept nogil

cdef extern from "int8.h" nogil:
    enum: INT8_STEPS, INT8_SPARE
    ctypedef struct lenet5_int8_step:
        int in_channels, in_height, in_width, out_channels, out_height, out_width, kernel_size, pool
        int64_t packed
    ctypedef struct lenet5_int8_net:
        lenet5_int8_step steps[16]
        int n_steps, n_convolutions
        int64_t n_packed, n_activations, n_dense, n_scores
    ctypedef struct lenet5_int8_kernels:
        const char *name
        int group
        void (*pack)(const lenet5_int8_step *, const int8_t *, const int32_t *, const int32_t *, char *) noexcept nogil
        void (*forward)(const lenet5_int8_net *, const char *, const lenet5_pictures *, int64_t, int64_t, char *,
                        int32_t *) noexcept nogil
        void (*dot)(int64_t, const void *, const void *, int32_t *) noexcept nogil
    int64_t lenet5_int8_n_packed(const lenet5_int8_step *, int)
    int64_t lenet5_int8_n_arena(const lenet5_int8_net *)

cdef extern from "thread_team.h" nogil:
    ctypedef struct lenet5_team:
        int n_threads
    int lenet5_team_init(lenet5_team *, int)
    void lenet5_team_destroy(lenet5_team *)
    void lenet5_team_reset(lenet5_team *)
