"""C functions in whole numbers, the arithmetic of docs/quantization.md: one for each stage, as in `c_float`."""

from string import Template

from ..nn.integer import IntegerLayer
from .c_stages import Stage
from .graph import Description, Graph, n_values

#: The only kernels that are unpacked for pairs of products; others are rare and small.
PAIRED_KERNEL, PAIRED_WINDOW = 5, 2
BYTE = """\
/* The byte of a sum, rounded; a sum above `most` gives 255, and no product has more than 31 bits. */
static uint8_t byte_of(int32_t sum, int32_t multiplier)
{
    const int32_t most = 2143289343 / multiplier;
    sum = sum < 0 ? 0 : sum > most ? most : sum;
    return (uint8_t)((sum * multiplier + 4194304) >> 23);
}
"""
# SMLAD adds two products of 16 bits at once. Bytes 0 and 2 of a word become such a pair, and so do bytes 1 and 3.
PAIRS = """\
/* Processors that add two products at once; the sums are those of the plain loops. GCC has the functions since 10. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && !defined(__ARM_BIG_ENDIAN) && \\
    (!defined(__GNUC__) || defined(__clang__) || __GNUC__ >= 10)
#define LENET5_PAIRS
#include <arm_acle.h>
#define PAIRS_INLINE static inline __attribute__((always_inline))

/* Four bytes, which need not be aligned */
PAIRS_INLINE uint32_t word(const void *x)
{
    uint32_t bytes;
    memcpy(&bytes, x, sizeof bytes);
    return bytes;
}
#endif
"""
WINDOW = """\
#ifdef LENET5_PAIRS
/* A row of a kernel: taps 0 and 2, 1 and 3, 4 */
typedef struct {
    int16x2_t even, odd;
    int32_t last;
} kernel_row;

PAIRS_INLINE kernel_row unpacked(const int8_t *w)
{
    const uint32_t taps = word(w);
    const kernel_row row = {__sxtb16((int8x4_t)taps), __sxtb16((int8x4_t)(taps >> 8)), w[4]};
    return row;
}

/* Adds the products of a row of a kernel with six pixels to the sums of two units side by side. */
PAIRS_INLINE void add_row(const uint8_t *x, kernel_row w, int32_t *sum)
{
    const uint32_t first = word(x), third = word(x + 2);
    const int16x2_t even = (int16x2_t)(first & 0xFF00FF), odd = (int16x2_t)(first >> 8 & 0xFF00FF);
    const int16x2_t next = (int16x2_t)(third & 0xFF00FF);
    sum[0] = __smlabt(w.last, next, __smlad(w.odd, odd, __smlad(w.even, even, sum[0])));
    sum[1] = __smlad(w.odd, next, __smlad(w.even, odd, sum[1])) + w.last * x[5];
}

/* Adds the products of a row of pixels with two rows of the kernel. */
PAIRS_INLINE void add_rows(const uint8_t *x, kernel_row below, kernel_row above, int32_t *sum)
{
    add_row(x, below, sum);
    add_row(x, above, sum + 2);
}

/* Adds the products of one channel to the sums of a window. */
PAIRS_INLINE void add_window(const uint8_t *x, int width, const int8_t *w, int32_t *sum)
{
    const kernel_row first = unpacked(w);
    add_row(x, first, sum);
    const kernel_row second = unpacked(w + 5);
    add_rows(x + width, second, first, sum);
    const kernel_row third = unpacked(w + 10);
    add_rows(x + 2 * width, third, second, sum);
    const kernel_row fourth = unpacked(w + 15);
    add_rows(x + 3 * width, fourth, third, sum);
    const kernel_row fifth = unpacked(w + 20);
    add_rows(x + 4 * width, fifth, fourth, sum);
    add_row(x + 5 * width, fifth, sum + 2);
}
#endif
"""
DOT = """\
#ifdef LENET5_PAIRS
/* Adds the products of n numbers with two rows of weights. */
PAIRS_INLINE void add_products(const uint8_t *x, const int8_t *w, const int8_t *v, int n, int32_t *sum)
{
    for (; n >= 4; n -= 4, x += 4, w += 4, v += 4) {
        const uint32_t four = word(x), a = word(w), b = word(v);
        const int16x2_t even = (int16x2_t)(four & 0xFF00FF), odd = (int16x2_t)(four >> 8 & 0xFF00FF);
        sum[0] = __smlad(__sxtb16((int8x4_t)(a >> 8)), odd, __smlad(__sxtb16((int8x4_t)a), even, sum[0]));
        sum[1] = __smlad(__sxtb16((int8x4_t)(b >> 8)), odd, __smlad(__sxtb16((int8x4_t)b), even, sum[1]));
    }
    for (; n > 0; n--, x++) {
        sum[0] += *w++ * *x;
        sum[1] += *v++ * *x;
    }
}
#endif
"""
# The window of one pooled unit: its sums are made together, so that each weight is read once for all of them.
SUMS = Template("""\
int32_t sum[$PP] = {$zeros};
for (int c = 0; c < $C; c++) {
    const uint8_t *window = $source;
$products}
""")
PAIRED = Template("""\
#ifdef LENET5_PAIRS
    add_window(window, $width, &${name}_weight[(o * $C + c) * 25], sum);
#else
$plain#endif
""")
PLAIN = Template("""\
    int32_t $parts;
    for (int i = 0; i < $K; i++)
        for (int j = 0; j < $K; j++) {
            const int w = ${name}_weight[((o * $C + c) * $K + i) * $K + j];
            const uint8_t *pixel = window + i * $width + j;
$each        }
$added""")
LARGEST = Template("""\
int32_t best = sum[0];
for (int p = 1; p < $PP; p++)
    if (sum[p] > best)
        best = sum[p];
""")
CONV = Template("""\
static void $name(const uint8_t *x, $type *y)
{
    for (int o = 0; o < $O; o++)
        for (int row = 0; row < $H; row++)
            for (int column = 0; column < $W; column++) {
$body            }
}
""")
# The rows under one row of units are taken from the image, with the background around it.
IMAGE = Template("""\
static void $name(const uint8_t *x, uint8_t *strip, $type *y)
{
    for (int row = 0; row < $H; row++) {
        memset(strip, 0, $C * $rows * $width);
        for (int c = 0; c < $C; c++)
            for (int i = 0; i < $rows; i++) {
                const int r = row * $P + i - $above;
                if (r >= 0 && r < $side)
                    memcpy(strip + (c * $rows + i) * $width + $left, x + (c * $side + r) * $side + $cut, $seen);
            }
        for (int o = 0; o < $O; o++)
            for (int column = 0; column < $W; column++) {
$body            }
    }
}
""")
# Two outputs at a time share what is unpacked of the inputs; of an odd number the last one is made twice.
DENSE = Template("""\
static void $name(const uint8_t *x, $type *y)
{
#ifdef LENET5_PAIRS
    for (int o = 0; o < $O; o += 2) {
        const int other = o + 1 < $O ? o + 1 : o;
        int32_t sum[2] = {0, 0};
        add_products(x, &${name}_weight[o * $C], &${name}_weight[other * $C], $C, sum);
        y[o] = $first;
        y[other] = $second;
    }
#else
    for (int o = 0; o < $O; o++) {
        int32_t sum = 0;
        for (int i = 0; i < $C; i++)
            sum += ${name}_weight[o * $C + i] * x[i];
        y[o] = $plain;
    }
#endif
}
""")


def needed(code: str) -> str:
    """The functions that the stages call."""
    wanted = {"byte_of": BYTE, "LENET5_PAIRS": PAIRS, "add_window": WINDOW, "add_products": DOT}
    return "\n".join(text for name, text in wanted.items() if name in code)


def function(
    stage: Stage, layer: IntegerLayer, name: str, description: Description, graph: Graph, *, is_first: bool
) -> str:
    """The function of a stage; the first one reads the image, by strips that another buffer has room for."""
    op = stage.op
    sizes: dict[str, object] = {"name": name, "O": op.out_shape[0], "C": op.in_shape[0]}
    sizes |= {"type": "int32_t" if layer.multiplier is None else "uint8_t"}
    if op.is_dense and not is_first:
        results = {"first": ("sum[0]", "o"), "second": ("sum[1]", "other"), "plain": ("sum", "o")}
        written = {place: _result(layer, name, *arguments) for place, arguments in results.items()}
        return DENSE.substitute(sizes, **written, **{"C": n_values(op.in_shape)})
    P, K = stage.window, op.conv.kernel_size
    rows, width = P + K - 1, op.in_shape[2]
    sizes |= {"H": stage.out_shape[1], "W": stage.out_shape[2], "K": K, "P": P, "PP": P * P, "rows": rows}
    sizes |= {"width": width}
    if is_first:
        sizes |= _image(description, graph, width)
        source = f"strip + c * {rows * width} + column * {P}"
    else:
        source = f"x + (c * {op.in_shape[1]} + row * {P}) * {width} + column * {P}"
    body = SUMS.substitute(sizes, source=source, zeros=", ".join("0" * (P * P)), products=_products(sizes))
    best = "best" if P > 1 else "sum[0]"
    body += LARGEST.substitute(sizes) if P > 1 else ""
    body += Template("y[(o * $H + row) * $W + column] = ").substitute(sizes) + f"{_result(layer, name, best, 'o')};\n"
    return (IMAGE if is_first else CONV).substitute(sizes, body=_indented(body))


def _indented(body: str) -> str:
    return "".join(f"{'' if line.startswith('#') else ' ' * 16}{line}\n" for line in body.splitlines())


def _products(sizes: dict) -> str:
    """The sums of one channel. One variable for each unit, which compilers keep in registers, as not with an array."""
    P, width = sizes["P"], sizes["width"]
    units = range(P * P)
    plain = PLAIN.substitute(
        sizes,
        parts=", ".join(f"part{p} = 0" for p in units),
        each="".join(f"            part{p} += w * pixel[{p // P * width + p % P}];\n" for p in units),
        added="".join(f"    sum[{p}] += part{p};\n" for p in units),
    )
    is_paired = (sizes["K"], P) == (PAIRED_KERNEL, PAIRED_WINDOW)
    return PAIRED.substitute(sizes, plain=plain) if is_paired else plain


def _result(layer: IntegerLayer, name: str, total: str, o: str) -> str:
    """The byte of a sum with its bias; of the last layer the sum itself."""
    total = f"{total} + {name}_bias[{o}]"
    return total if layer.multiplier is None else f"byte_of({total}, {name}_multiplier[{o}])"


def _image(description: Description, graph: Graph, width: int) -> dict[str, int]:
    """Where the image lies in the strip; negative padding cuts its edges off."""
    side, padding = description.image_size, description.padding(graph, description.image_size)
    left, cut = max(padding, 0), max(-padding, 0)
    return {"side": side, "above": padding, "left": left, "cut": cut, "seen": min(side - 2 * cut, width - left)}
