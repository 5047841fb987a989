/* Activations, for element type T. */

/* ---- activations, n elements (a multiple of LANES), in place if Y == X; the backward reads the output ------- */

static void FN(relu_forward)(int64_t n, const T *X, T *Y) {
    for (int64_t i = 0; i < n; i += VL) {
        V x = FN(load)(X + i), zero = {0};
        FN(store)(Y + i, FN(select)((FN(mask))(x <= zero), zero, x)); /* a NaN stays a NaN */
    }
}

static void FN(relu_backward)(int64_t n, const T *Y, const T *dY, T *dX) {
    for (int64_t i = 0; i < n; i += VL) {
        V zero = {0};
        FN(store)(dX + i, FN(select)((FN(mask))(FN(load)(Y + i) > zero), FN(load)(dY + i), zero));
    }
}

/* For float32, with coefficients of Cephes (Moshier): exp(y) - 1 = 2^k (p + 1) - 1. Here p = exp(r) - 1 by a polynomial,
 * and |r| is at most ln(2) / 2. Returns p and gives 2^k, for |k| up to 126. in_ln2: y / ln 2. */
INLINE V FN(exp_parts)(V y, V in_ln2, V *power) {
    const V shifted = in_ln2 + (T)12582912; /* the sum rounds to a whole number */
    const V whole = shifted - (T)12582912;
    const V r = y - whole * (T)0.693359375 + whole * (T)2.12194440e-4;
    V p = FN(splat)((T)1.9875691500e-4);
    p = p * r + (T)1.3981999507e-3;
    p = p * r + (T)8.3334519073e-3;
    p = p * r + (T)4.1665795894e-2;
    p = p * r + (T)1.6666665459e-1;
    p = p * r + (T)5.0000001201e-1;
    *power = (V)(((FN(mask))shifted - 0x4B400000 + 127) << 23);
    return p * (r * r) + r;
}

/* exp of a vector of float32 that are at most 0, to about 2 units in the last place; 0 below -87, and a NaN stays. */
INLINE V FN(exp_vector)(V x) {
    const V least = FN(splat)(-87), zero = {0};
    const FN(mask) is_small = (FN(mask))(x < least);
    x = FN(select)(is_small, least, x);
    V power;
    const V p = FN(exp_parts)(x, x * (T)1.4426950408889634, &power);
    return FN(select)(is_small, zero, p * power + power);
}

/* tanh of a vector of float32, to about 2 units in the last place: t / (t + 2) with t = exp(2 |x|) - 1. Near 0, k is 0, and
 * nothing cancels. */
INLINE V FN(tanh_vector)(V x) {
    const FN(mask) sign = (FN(mask))x & (FN(mask))(-(V){0});
    V a = (V)((FN(mask))x ^ sign), nine = FN(splat)(9), power;
    a = FN(select)((FN(mask))(a > nine), nine, a); /* flat from here on; a NaN stays a NaN */
    const V p = FN(exp_parts)(2 * a, a * (T)2.885390081777926814, &power);
    const V t = p * power + (power - 1);
    return (V)((FN(mask))(t / (t + 2)) | sign);
}

/* gain * tanh(slope * x) + shift, with constants */
INLINE void FN(squash_forward)(int64_t n, const T *X, T *Y, T gain, T slope, T shift) {
    if (sizeof(T) == sizeof(float))
        for (int64_t i = 0; i < n; i += VL)
            FN(store)(Y + i, FN(tanh_vector)(FN(load)(X + i) * slope) * gain + shift);
    else /* float64 is for checks, where accuracy counts and time does not */
        for (int64_t i = 0; i < n; i++)
            Y[i] = (T)(gain * tanh((double)(slope * X[i])) + shift);
}

INLINE void FN(squash_backward)(int64_t n, const T *Y, const T *dY, T *dX, T gain, T slope, T shift) {
    for (int64_t i = 0; i < n; i += VL) {
        const V t = (FN(load)(Y + i) - shift) * (1 / gain);
        FN(store)(dX + i, FN(load)(dY + i) * (gain * slope) * ((T)1 - t * t));
    }
}

/* The activation function of the 1998 paper: f(+-1) = +-1, where its second derivative is largest. */
#define SCALED_TANH (T)1.7159, (T)(2.0 / 3), 0
#define SIGMOID (T)0.5, (T)0.5, (T)0.5

static void FN(activation_forward)(lenet5_op_kind kind, int64_t n, const T *X, T *Y) {
    assert(n >= 1);
    ASSERT_ARRAYS(X, Y);
    switch (kind) {
    case OP_RELU: FN(relu_forward)(n, X, Y); break;
    case OP_TANH: FN(squash_forward)(n, X, Y, 1, 1, 0); break;
    case OP_SCALED_TANH: FN(squash_forward)(n, X, Y, SCALED_TANH); break;
    case OP_SIGMOID: FN(squash_forward)(n, X, Y, SIGMOID); break;
    default: break;
    }
}

static void FN(activation_backward)(lenet5_op_kind kind, int64_t n, const T *Y, const T *dY, T *dX) {
    assert(n >= 1);
    ASSERT_ARRAYS(Y, dY, dX);
    switch (kind) {
    case OP_RELU: FN(relu_backward)(n, Y, dY, dX); break;
    case OP_TANH: FN(squash_backward)(n, Y, dY, dX, 1, 1, 0); break;
    case OP_SCALED_TANH: FN(squash_backward)(n, Y, dY, dX, SCALED_TANH); break;
    case OP_SIGMOID: FN(squash_backward)(n, Y, dY, dX, SIGMOID); break;
    default: break;
    }
}

#undef SCALED_TANH
#undef SIGMOID
