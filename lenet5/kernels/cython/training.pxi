# Training.

cdef class Training:
    """Steps of an optimiser over float32 parameters, on ``n_threads`` threads that all call :meth:`run`.

    The weights after a run are the same bits for any number of threads (net/training.h says how).
    """
    cdef lenet5_training_f32 c
    cdef lenet5_team team
    cdef Program program
    cdef lenet5_op[32] ops
    cdef lenet5_net net
    cdef Pictures pictures
    cdef Loss loss
    cdef lenet5_teacher_f32[64] teachers
    cdef list arrays, run_arrays
    cdef int n_threads
    cdef bint has_team

    def __cinit__(self, Program program not None, float[::1] parameters not None, float[::1] moment1 not None,
                  float[::1] moment2 not None, int kind, *, int batch_size, int n_threads, double momentum=0.9,
                  bint nesterov=False, double beta1=0.9, double beta2=0.999, double epsilon=1e-8,
                  double weight_decay=0.0, double l1=0.0, double clip_norm=0.0, Loss loss=None, seed=0,
                  double mixup=0.0, double adversarial=0.0, list teachers=None, frozen=(), dict rate_factors=None):
        cdef Py_ssize_t n = program.c.n_parameters
        if not n == parameters.shape[0] == moment1.shape[0] == moment2.shape[0]:
            raise ValueError(f"parameters and moments have {parameters.shape[0]}, {moment1.shape[0]} and "
                             f"{moment2.shape[0]} elements, expected {n}")
        if not 0 <= kind <= <int>OPTIMIZER_SDLM:
            raise ValueError(f"kind is {kind}, expected one of SGD, ADAM, ADAMW, RMSPROP, SDLM: {OPTIMIZER_SGD} to "
                             f"{OPTIMIZER_SDLM}")
        if not (0 <= mixup <= 1 and 0 <= adversarial <= 1 and l1 >= 0 and clip_norm >= 0):
            raise ValueError(f"{mixup=}, {adversarial=}: expected 0..1; {l1=}, {clip_norm=}: expected at least 0")
        if adversarial and program.ops[0].kind == OP_CONV_POOL:
            raise ValueError("the first layer of this program is fused and passes no gradient to the images")
        if batch_size < 1 or n_threads < 1:
            raise ValueError(f"batch_size is {batch_size}, n_threads is {n_threads}, expected at least 1")
        cdef Py_ssize_t n_groups = _ceil_div(batch_size, LANES)
        self.program = program
        self._freeze(frozen)
        self._set_rates(rate_factors or {})
        self.c.n_slices = <int>min(n_groups, 8)
        self.n_threads = self.c.n_threads = n_threads
        self.c.batch_size = batch_size
        cdef int64_t n_arena = (2 * program.c.n_activations + program.c.n_scratch + program.c.n_prepared
                                + <int64_t>program.out_shape[0] * LANES)
        if batch_size == 1:  # one thread uses it
            n_arena = max(n_arena, program.c.n_activations + lenet5_n_single(&program.c))
        cdef float[:, ::1] arenas = aligned_zeros((n_threads, n_arena), np.float32)
        cdef float[::1] gradients = aligned_zeros(self.c.n_slices * (n + program.c.n_prepared), np.float32)
        cdef float[::1] kept = aligned_zeros(max(1, self.c.n_slices * program.c.n_kept), np.float32)
        cdef double[::1] losses = np.zeros(self.c.n_slices)
        cdef int64_t[::1] corrects = np.zeros(self.c.n_slices, np.int64)
        self.arrays = [parameters, moment1, moment2, arenas, gradients, kept, losses, corrects]
        self.c.parameters, self.c.moment1, self.c.moment2 = &parameters[0], &moment1[0], &moment2[0]
        self.c.arenas, self.c.gradients, self.c.kept = &arenas[0, 0], &gradients[0], &kept[0]
        self.c.slice_losses, self.c.slice_corrects = &losses[0], &corrects[0]
        self.c.optimizer = lenet5_optimizer(<lenet5_optimizer_kind>kind, nesterov, momentum, beta1, beta2,
                                            epsilon, weight_decay, l1, clip_norm)
        cdef Loss minimised = Loss() if loss is None else loss
        if teachers and (minimised.c.n_values or minimised.c.kind >= LOSS_SQUARED):
            raise ValueError("quantities are learnt without teachers")
        self.loss, self.c.loss = minimised, minimised.c
        self._hire(teachers or [])
        self.c.perturbation = lenet5_perturbation(<uint64_t>(seed % 2**64), 0, mixup, adversarial)
        if lenet5_team_init(&self.team, n_threads) != 0:
            raise MemoryError("no lock for the training threads")
        self.has_team = True
        self.c.team = &self.team

    def __dealloc__(self):
        if self.has_team:
            lenet5_team_destroy(&self.team)

    def _freeze(self, frozen):
        """Take the steps of the program; those with the numbers ``frozen`` keep their parameters."""
        cdef int i
        for i in range(self.program.c.n_ops):
            self.ops[i] = self.program.ops[i]
        for number in frozen:
            if not 0 <= number < self.program.c.n_ops:
                raise ValueError(f"step {number} is frozen, of {self.program.c.n_ops}")
            self.ops[<int>number].is_frozen = 1
        self.net = self.program.c
        self.net.ops, self.c.net = self.ops, &self.net

    def _set_rates(self, dict factors):
        """Give the steps with these numbers their factors of the learning rate."""
        for number, factor in factors.items():
            if not 0 <= number < self.program.c.n_ops or not 0 <= factor < np.inf:
                raise ValueError(f"step {number} of {self.program.c.n_ops} has the factor {factor}, expected a number "
                                 "of at least 0")
            self.ops[<int>number].rate_factor = factor

    def _hire(self, list teachers):
        cdef Program teacher
        cdef const float[::1] parameters
        cdef float[::1] prepared
        if len(teachers) > 64:
            raise ValueError(f"{len(teachers)} teachers, expected up to 64")
        for i, (teacher, parameters) in enumerate(teachers):
            if teacher is None or parameters is None:
                raise TypeError(f"teacher {i} is None, or its parameters are")
            if (teacher.in_shape, teacher.out_shape) != (self.program.in_shape, self.program.out_shape):
                raise ValueError(f"teacher {i} takes {teacher.in_shape} and answers {teacher.out_shape}, not "
                                 f"{self.program.in_shape} and {self.program.out_shape}")
            if parameters.shape[0] != teacher.c.n_parameters:
                raise ValueError(f"teacher {i} has {parameters.shape[0]} parameters, expected {teacher.c.n_parameters}")
            prepared = aligned_zeros(max(1, teacher.c.n_prepared), np.float32)
            _isa.f32.net_prepare(&teacher.c, &parameters[0], &prepared[0])
            self.teachers[i] = lenet5_teacher_f32(&teacher.c, &parameters[0], &prepared[0])
            self.c.n_teacher_arena = max(self.c.n_teacher_arena, teacher.c.n_activations + teacher.c.n_scratch)
            self.arrays += [teacher, parameters, prepared]
        cdef float[:, ::1] arenas = aligned_zeros((self.c.n_threads, max(1, self.c.n_teacher_arena)), np.float32)
        self.arrays.append(arenas)
        self.c.teachers, self.c.n_teachers, self.c.teacher_arenas = self.teachers, len(teachers), &arenas[0, 0]

    def limit(self, int n_threads):
        """Run on ``n_threads`` threads from now on, at most the number that has memory."""
        if not 1 <= n_threads <= self.n_threads:
            raise ValueError(f"n_threads is {n_threads}, expected 1 to {self.n_threads}")
        self.c.n_threads = self.team.n_threads = n_threads

    def prepare(self, Pictures pictures not None, labels not None,
                const int64_t[::1] order not None, double[::1] learning_rates not None, int64_t first_step,
                Augmentation augmentation=None, epoch=0, const float[::1] weights=None):
        """Set what the next run trains on: the images ``order`` in batches, one learning rate per batch.

        ``epoch`` decides what is drawn besides the augmentation: dropout and shares of mixed images. ``weights`` are
        factors of each image's loss, 1 unless given. ``labels`` are uint8 (N,), or float32 (N, outputs) where the
        loss is one of quantities. Where it is of both, they are a pair of such arrays.
        """
        cdef const uint8_t[::1] classes = None
        cdef const float[:, ::1] values = None
        cdef Py_ssize_t n = order.shape[0]
        self.program.check(pictures, self.program.c.n_parameters)
        if n < 1 or np.min(order) < 0 or np.max(order) >= pictures.n:
            raise ValueError(f"{n} of {pictures.n} images to train on, or an order that leaves them")
        if self.program.out_shape[1:] != (1, 1):
            raise ValueError(f"images of {pictures.shape} give a map of {self.program.out_shape[1:]} answers, "
                             "training needs one")
        found = _checked_targets(labels, self.program.out_shape[0], pictures.n, self.loss, np.asarray(order))
        classes, values = found
        if learning_rates.shape[0] != _ceil_div(n, self.c.batch_size):
            raise ValueError(f"{learning_rates.shape[0]} learning rates for {_ceil_div(n, self.c.batch_size)} steps")
        if augmentation is not None:
            augmentation.check(pictures)
        if weights is not None and weights.shape[0] != pictures.n:
            raise ValueError(f"{weights.shape[0]} weights for {pictures.n} images")
        self.pictures = pictures
        self.run_arrays = [labels, order, learning_rates, augmentation, weights]
        self.c.weights = NULL if weights is None else &weights[0]
        self.c.labels = NULL if classes is None else &classes[0]
        self.c.values = NULL if values is None else &values[0, 0]
        self.c.pictures, self.c.order = &pictures.c, &order[0]
        self.c.augmentation = NULL if augmentation is None else &augmentation.c
        self.c.n_positions, self.c.n_steps, self.c.first_step = n, learning_rates.shape[0], first_step
        self.c.learning_rates = &learning_rates[0]
        self.c.perturbation.epoch = <uint32_t>(epoch % 2**32)
        self.c.loss_sum, self.c.n_correct, self.c.steps_done, self.c.diverged = 0, 0, 0, 0
        lenet5_team_reset(&self.team)

    def run(self, int thread):
        """Do the share of ``thread``; return when all steps are done or a loss is not finite."""
        if self.pictures is None or not 0 <= thread < self.c.n_threads:
            raise ValueError(f"thread {thread} of {self.c.n_threads}, or run() before prepare()")
        with nogil:
            _isa.train(&self.c, thread)

    @property
    def result(self):
        """(sum of losses, right answers, steps done, diverged) of the last run."""
        return self.c.loss_sum, self.c.n_correct, self.c.steps_done, bool(self.c.diverged)
