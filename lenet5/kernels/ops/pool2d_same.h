/* Max-pooling 2 x 2 of one image, channels last, for element type T; see ops/conv2d_same.h. */
static void FN(max_pool2d_same)(const lenet5_fcn_place *from, const lenet5_fcn_place *to, int channels, T *arena) {
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++) {
            const T *window = arena + from->origin + 2 * (y * from->row + x * from->pixel);
            T *out = arena + to->origin + y * to->row + x * to->pixel;
            for (int c = 0; c < channels; c += VL) {
                const V above = FN(max)(FN(load)(window + c), FN(load)(window + c + from->pixel));
                window += from->row;
                const V below = FN(max)(FN(load)(window + c), FN(load)(window + c + from->pixel));
                window -= from->row;
                FN(store)(out + c, FN(max)(above, below));
            }
        }
}
