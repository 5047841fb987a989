"""The few functions that a C file needs beyond additions and products, so that it needs no mathematical library."""

#: In the order of their use of each other: a name, the names it needs, its code.
FUNCTIONS = {
    "positive": ((), """\
/* A NaN stays a NaN. */
static float positive(float x)
{
    return x <= 0 ? 0 : x;
}
"""),
    "power_of_two": ((), """\
/* 2^k for k from -126 to 127 */
static float power_of_two(int32_t k)
{
    const uint32_t bits = (uint32_t)(k + 127) << 23;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
"""),
    "exponential_less_1": ((), """\
/* exp(r) - 1, where r = x - k ln(2) and |r| is at most ln(2) / 2; the polynomial is that of Cephes. */
static float exponential_less_1(float x, int32_t k)
{
    const float r = x - (float)k * 0.693359375f + (float)k * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + r;
}
"""),
    "hyperbolic_tangent": (("power_of_two", "exponential_less_1"), """\
/* tanh(x), off by at most 1e-7: t / (t + 2), where t = exp(2 |x|) - 1. */
static float hyperbolic_tangent(float x)
{
    const float size = x < 0 ? -x : x, y = 2 * (size < 9 ? size : 9);
    const int32_t k = (int32_t)(y * 1.44269504f + 0.5f);
    const float power = power_of_two(k), t = exponential_less_1(y, k) * power + (power - 1);
    return x < 0 ? -t / (t + 2) : t / (t + 2);
}
"""),
    "exponential": (("power_of_two", "exponential_less_1"), """\
/* exp(x) for x of at most 0, with a relative error of at most 1e-7; 0 below -87. */
static float exponential(float x)
{
    if (x < -87)
        return 0;
    const int32_t k = (int32_t)(x * 1.44269504f - 0.5f);
    const float power = power_of_two(k);
    return exponential_less_1(x, k) * power + power;
}
"""),
    "logarithm": ((), """\
/* log(x) for x from FLT_MIN to 1, with a relative error of at most 1e-7; the polynomial is that of Cephes. */
static float logarithm(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t k = (int32_t)(bits >> 23) - 126;
    bits = (bits & 0x7FFFFF) | 0x3F000000;
    memcpy(&x, &bits, sizeof x);
    if (x < 0.707106781f) {
        k -= 1;
        x += x;
    }
    x -= 1;
    const float square = x * x;
    float p = 7.0376836292e-2f;
    p = p * x - 1.1514610310e-1f;
    p = p * x + 1.1676998740e-1f;
    p = p * x - 1.2420140846e-1f;
    p = p * x + 1.4249322787e-1f;
    p = p * x - 1.6668057665e-1f;
    p = p * x + 2.0000714765e-1f;
    p = p * x - 2.4999993993e-1f;
    p = p * x + 3.3333331174e-1f;
    p = p * x * square - 2.12194440e-4f * (float)k - 0.5f * square;
    return x + p + 0.693359375f * (float)k;
}
"""),
    "turn": ((), """\
/* The angle of a point as a fraction of a full turn, 0 to below 1, off by at most 1e-7; the polynomial is that of
 * Cephes. */
static float turn(float sine, float cosine)
{
    const float s = sine < 0 ? -sine : sine, c = cosine < 0 ? -cosine : cosine;
    const float longer = s > c ? s : c, ratio = longer > 0 ? (s > c ? c : s) / longer : 0;
    const int is_past = ratio > 0.414213562f;
    const float x = is_past ? (ratio - 1) / (ratio + 1) : ratio, z = x * x;
    float p = 8.05374449538e-2f;
    p = p * z - 1.38776856032e-1f;
    p = p * z + 1.99777106478e-1f;
    p = p * z - 3.33329491539e-1f;
    float angle = (p * z * x + x) * 0.159154943f + (is_past ? 0.125f : 0);
    angle = s > c ? 0.25f - angle : angle;
    angle = cosine < 0 ? 0.5f - angle : angle;
    angle = sine < 0 ? 1 - angle : angle;
    return angle < 1 ? angle : 0;
}
"""),
    "add_probabilities": (("exponential",), """\
/* Adds the share of each class to total: its probability, times the given weight. */
static void add_probabilities(float *scores, float inverse_temperature, float weight, float *total)
{
    float best = scores[0], sum = 0;
    for (int k = 1; k < LENET5_CLASSES; k++)
        if (scores[k] > best)
            best = scores[k];
    for (int k = 0; k < LENET5_CLASSES; k++) {
        scores[k] = exponential((scores[k] - best) * inverse_temperature);
        sum += scores[k];
    }
    for (int k = 0; k < LENET5_CLASSES; k++)
        total[k] += scores[k] / sum * weight;
}
"""),
}  # fmt: skip


def needed(code: str) -> str:
    """The functions that ``code`` calls, and those that they call, in an order in which each is defined before use."""
    wanted = {name for name in FUNCTIONS if f"{name}(" in code}
    while more := {other for name in wanted for other in FUNCTIONS[name][0]} - wanted:
        wanted |= more
    return "\n".join(text for name, (_, text) in FUNCTIONS.items() if name in wanted)
