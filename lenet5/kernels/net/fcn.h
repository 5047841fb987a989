/* A fully convolutional network on one image, for element type T; fcn.h says what it consists of. */

/* Zeros around a tensor of n planes. */
static void FN(clear_border)(const lenet5_fcn_place *place, int n, T *arena) {
    const int64_t side = place->border * place->pixel, above = place->border * place->row;
    if (!side)
        return;
    T *plane = arena + place->start;
    for (int i = 0; i < n; i++, plane += place->plane) {
        memset(plane, 0, sizeof(T) * (above + side));
        for (int y = 0; y < place->height; y++) /* the end of a row, and the start of the next */
            memset(plane + above + (y + 1) * place->row - side, 0, sizeof(T) * 2 * side);
        memset(plane + place->plane - above, 0, sizeof(T) * above);
    }
}

static void FN(fcn_copy_planes)(const lenet5_fcn_place *place, int channels, const T *planes, T *arena) {
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < place->height; y++, planes += place->width)
            memcpy(arena + place->origin + c * place->plane + y * place->row, planes, sizeof(T) * place->width);
}

static void FN(fcn_steps)(const lenet5_fcn *net, const T *packed, const lenet5_fcn_place *places, T *arena) {
    for (int i = 0; i < net->n_steps; i++) {
        const lenet5_fcn_step *step = net->steps + i;
        const lenet5_fcn_place *to = places + i + 1;
        FN(clear_border)(to, 1, arena);
        if (step->kind == FCN_MAX_POOL2D)
            FN(max_pool2d_same)(places + step->source, to, step->out_channels, arena);
        else
            FN(conv2d_same)(step, places, to, packed, arena);
    }
}

/* The planes of the input are in their place: probabilities (classes, h, w). */
static void FN(fcn_run)(const lenet5_fcn *net, const T *packed, const lenet5_fcn_place *places, T *arena,
                        T *probabilities) {
    FN(clear_border)(places, net->tensors[0].channels, arena);
    FN(fcn_steps)(net, packed, places, arena);
    FN(softmax_map)(places + net->n_steps, net->tensors[net->n_steps].channels, arena, probabilities);
}

/* Of planes (C, height, width). arena: lenet5_fcn_arrange elements, of any content. */
static void FN(fcn_forward)(const lenet5_fcn *net, const T *packed, const T *planes, int height, int width, T *arena,
                            T *probabilities) {
    ASSERT_FCN(net);
    ASSERT_ARRAYS(packed, planes, arena, probabilities);
    lenet5_fcn_place places[FCN_STEPS + 1];
    lenet5_fcn_arrange(net, height, width, places);
    FN(fcn_copy_planes)(places, net->tensors[0].channels, planes, arena);
    FN(fcn_run)(net, packed, places, arena, probabilities);
}

/* Of a grey image (h, w), which is padded to (height, width). arena: height * width elements more. */
static void FN(fcn_forward_grey)(const lenet5_fcn *net, const T *packed, const T *grey, int h, int w, int height, int width,
                                 T *arena, T *probabilities) {
    ASSERT_FCN(net);
    ASSERT_ARRAYS(packed, grey, arena, probabilities);
    assert(net->tensors[0].channels == 3 && h >= 1 && h <= height && w >= 1 && w <= width);
    lenet5_fcn_place places[FCN_STEPS + 1];
    const int64_t n = lenet5_fcn_arrange(net, height, width, places);
    FN(normalize_grey)(grey, h, w, places, arena, arena + n);
    FN(fcn_run)(net, packed, places, arena, probabilities);
}

/* planes (3, height, width) of a grey image (h, w); scratch: height * width elements. */
static void FN(grey_planes)(const T *grey, int h, int w, int height, int width, T *planes, T *scratch) {
    ASSERT_ARRAYS(grey, planes, scratch);
    assert(h >= 1 && h <= height && w >= 1 && w <= width && height % LANES == 0 && width % LANES == 0);
    const lenet5_fcn_place place = {
        .height = height, .width = width, .plane = (int64_t)height * width, .row = width, .pixel = 1};
    FN(normalize_grey)(grey, h, w, &place, planes, scratch);
}
