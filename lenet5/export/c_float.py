"""C functions in float32: one for each stage, with all sizes as constants, so that compilers can unroll its loops."""

from string import Template

import numpy as np

from ..nn.layers import RBF, AvgPool2d, MaxPool2d, ScaledTanh, Sigmoid, SubSample2d, Tanh
from ..nn.operations import Angles
from . import c_text
from .c_stages import Stage
from .graph import Description, Graph, Op, n_values

# The window of one pooled unit: its sums are made together, so that each weight is read once for all of them. The sums
# of a channel are made apart, since many short sums round less than a long one.
SUMS = Template("""\
float sum[$PP];
for (int p = 0; p < $PP; p++)
    sum[p] = ${name}_bias[o];
$channels {
    const float *window = $source;
    float $parts;
    for (int i = 0; i < $K; i++)
        for (int j = 0; j < $K; j++) {
            const float w = ${name}_weight[($pair * $K + i) * $K + j];
            const float *pixel = window + i * $width + j;
$products        }
$added}
""")
CONV = Template("""\
static void $name(const float *x, float *y)
{
    for (int o = 0; o < $O; o++)
        for (int row = 0; row < $H; row++)
            for (int column = 0; column < $W; column++) {
$body            }
}
""")
# The rows under one row of units are taken from the image, with the background around it.
IMAGE = Template("""\
static void $name(const uint8_t *x, float *y)
{
    LENET5_BUFFERS float strip[$C * $rows * $width];
    for (int row = 0; row < $H; row++) {
        for (int c = 0; c < $C; c++)
            for (int i = 0; i < $rows; i++)
                for (int j = 0; j < $width; j++) {
                    const int r = row * $P + i - $padding, s = j - $padding;
                    const int inside = r >= 0 && r < $side && s >= 0 && s < $side;
                    const float pixel = inside ? x[(c * $side + r) * $side + s] : 0;
                    strip[(c * $rows + i) * $width + j] = $background + $scale * pixel;
                }
        for (int o = 0; o < $O; o++)
            for (int column = 0; column < $W; column++) {
$body            }
    }
}
""")
DENSE = Template("""\
static void $name(const float *x, float *y)
{
    for (int o = 0; o < $O; o++) {
        float sum = ${name}_bias[o];
        for (int n = 0; n < $C; n += $B) {
            float part = 0;
            for (int i = n; i < n + $B; i++)
                part += ${name}_weight[o * $C + i] * x[i];
            sum += part;
        }
        y[o] = $result;
    }
}
""")
# Minus the squared distance to the centre of each class.
RBF_CODE = Template("""\
static void $name(const float *x, float *y)
{
    for (int o = 0; o < $O; o++) {
        float sum = 0;
        for (int n = 0; n < $C; n++) {
            const float d = x[n] - (float)${name}_centre[o * $C + n];
            sum -= d * d;
        }
        y[o] = $result;
    }
}
""")
# From sine and cosine to an angle.
ANGLES = Template("""\
static void $name(const float *x, float *y)
{
    for (int k = 0; k < $O; k++)
        y[k] = $period * turn(x[2 * k], x[2 * k + 1]);
}
""")
MAXIMUM = """\
float best = sum[0];
for (int p = 1; p < $PP; p++)
    if (sum[p] > best)
        best = sum[p];
"""
MEAN = """\
float mean = 0;
for (int p = 0; p < $PP; p++)
    mean += $unit;
mean *= $part;
"""
COEFFICIENTS = """\
for (int m = o * $M; m < (o + 1) * $M; m++)
    y[(m * $H + row) * $W + column] = $result;
"""


def constants(stage: Stage, name: str) -> dict[str, np.ndarray]:
    """The arrays that a stage reads, by their names in C."""
    op = stage.op
    if isinstance(op.layer, RBF):
        return {f"{name}_centre": np.array(op.layer.centres, np.int8)}
    if isinstance(op.layer, Angles):
        return {}
    assert op.weight is not None
    assert op.bias is not None
    arrays = {f"{name}_weight": op.weight, f"{name}_bias": op.bias}
    if op.conv.table is not None:
        arrays[f"{name}_first"] = np.cumsum([0, *map(len, op.conv.table)], dtype=np.int16)
        arrays[f"{name}_channel"] = np.concatenate(op.conv.table).astype(np.uint8)
    if stage.pool and stage.pool.weight is not None and stage.pool.bias is not None:
        arrays |= {f"{name}_coefficient": stage.pool.weight, f"{name}_offset": stage.pool.bias}
    return arrays


def function(stage: Stage, name: str, description: Description, graph: Graph, *, is_first: bool) -> str:
    """The function of a stage; the first one of a network reads the image."""
    op = stage.op
    sizes: dict[str, object] = {"name": name, "O": op.out_shape[0], "C": op.in_shape[0]}
    if isinstance(op.layer, Angles):
        return ANGLES.substitute(sizes, period=c_text.number(op.layer.period))
    if isinstance(op.layer, RBF) or (op.is_dense and not is_first):
        template = RBF_CODE if isinstance(op.layer, RBF) else DENSE
        return template.substitute(
            sizes, result=_squashed(stage.activation, "sum"), C=n_values(op.in_shape), B=_block(n_values(op.in_shape))
        )
    P, K = stage.window, op.conv.kernel_size
    rows = P + K - 1
    sizes |= {"H": stage.out_shape[1], "W": stage.out_shape[2], "K": K, "P": P, "PP": P * P, "rows": rows}
    sizes |= _channels(op, name) | {"width": op.in_shape[2]}
    if is_first:
        sizes |= _image(description, graph)
        source = f"strip + {sizes['channel']} * {rows} * {sizes['width']} + column * {P}"
    else:
        source = f"x + ({sizes['channel']} * {op.in_shape[1]} + row * {P}) * {sizes['width']} + column * {P}"
    body = SUMS.substitute(sizes, source=source, **_sums(P, op.in_shape[2])) + _pooled(stage, sizes)
    lines = "".join(f"{' ' * 16}{line}\n" for line in body.splitlines())
    return (IMAGE if is_first else CONV).substitute(sizes, body=lines)


def _sums(P: int, width: int) -> dict[str, str]:
    """One variable for each unit of a window, which compilers keep in registers, as they do not with an array."""
    units = range(P * P)
    return {
        "parts": ", ".join(f"part{p} = 0" for p in units),
        "products": "".join(f"            part{p} += w * pixel[{p // P * width + p % P}];\n" for p in units),
        "added": "".join(f"    sum[{p}] += part{p};\n" for p in units),
    }


def _block(n: int) -> int:
    """The divisor of n that is nearest to its root: sums of sums of that length round least."""
    return min((d for d in range(1, n + 1) if n % d == 0), key=lambda d: abs(d * d - n))


def _channels(op: Op, name: str) -> dict[str, str]:
    """The loop over the input channels of an output channel, and the number of the kernel there."""
    n = op.conv.in_channels
    if op.conv.table is None:
        return {"channels": f"for (int c = 0; c < {n}; c++)", "channel": "c", "pair": f"(o * {n} + c)"}
    loop = f"for (int n = {name}_first[o]; n < {name}_first[o + 1]; n++)"
    return {"channels": loop, "channel": f"{name}_channel[n]", "pair": "n"}


def _image(description: Description, graph: Graph) -> dict[str, object]:
    scale = (np.float64(graph.ink) - graph.background) / 255
    return {"side": description.image_size, "padding": description.padding(graph, description.image_size),
            "background": c_text.number(graph.background), "scale": c_text.number(scale)}  # fmt: skip


def _pooled(stage: Stage, sizes: dict) -> str:
    """What becomes of the sums of a window. Activations rise, so that of a maximum is the maximum of theirs."""
    here = "y[(o * $H + row) * $W + column] = $result;\n"
    pool = stage.pool.layer if stage.pool else None
    if pool is None:
        text, result = here, _squashed(stage.activation, "sum[0]")
    elif isinstance(pool, MaxPool2d):
        text, result = MAXIMUM + here, _squashed(stage.after, _squashed(stage.activation, "best"))
    elif isinstance(pool, SubSample2d):
        name, sizes = sizes["name"], sizes | {"M": pool.out_channels // pool.in_channels}
        unit = f"mean * {name}_coefficient[m] + {name}_offset[m]"
        text, result = MEAN + COEFFICIENTS, _squashed(stage.after, unit)
    else:
        assert isinstance(pool, AvgPool2d)
        text, result = MEAN + here, _squashed(stage.after, "mean")
    unit = _squashed(stage.activation, "sum[p]")
    return Template(text).substitute(sizes, result=result, unit=unit, part=c_text.number(1 / stage.window**2))


def _squashed(activation: Op | None, x: str) -> str:
    """The expression of an activation. The functions that it names are in `c_math`."""
    if activation is None:
        return x
    layer = activation.layer
    if isinstance(layer, ScaledTanh):
        return f"{c_text.number(1.7159)} * hyperbolic_tangent({c_text.number(2 / 3)} * ({x}))"
    if isinstance(layer, Tanh):
        return f"hyperbolic_tangent({x})"
    if isinstance(layer, Sigmoid):
        return f"0.5f * hyperbolic_tangent(0.5f * ({x})) + 0.5f"
    return f"positive({x})"
