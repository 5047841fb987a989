"""Calls of every compiled entry point with axes that are empty, enormous or just odd: `python kernelfuzz.py SEED N`.

Each call must return or raise one of ERRORS. Its arguments are written to the standard error before it is made, so that
the last line there names a call that ended the process.
"""

import math
import sys
from functools import partial
from random import Random
from types import FunctionType

import numpy as np

from lenet5 import _kernels
from lenet5.ocr import _oversegmentation

ERRORS = (ValueError, TypeError, MemoryError, OverflowError)
HUGE = [2**15, 2**16, 2**24, 2**24 + 1, 2**28, 2**30, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**40, 2**62]
MOST = 200_000  # elements of an array: what is larger has an empty axis beside the huge one
NUMBERS = [0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, float("nan"), float("inf"), -float("inf")]


class Fuzz:
    """Arguments drawn by chance; ``odd`` is the probability that a number is not an ordinary one."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.dtype = self.random.choice([np.float32, np.float64])
        self.odd = self.random.choice([0.0, 0.1, 0.1, 0.3])

    def size(self, *usual):
        if self.random.random() < self.odd:
            return self.random.choice([0, 0, 1, *HUGE])
        return self.random.choice(usual or (1, 1, 2, 3, 4, 5, 6, 8, 17))

    def number(self, *usual):
        return self.random.choice([*NUMBERS, *HUGE]) if self.random.random() < self.odd else self.random.choice(usual)

    def whole(self, *usual):
        return self.random.choice([-1, -(2**31), 0, *HUGE]) if self.random.random() < self.odd else self.size(*usual)

    def array(self, *shape, dtype=None, top=3):
        """Whole numbers 0..top of this shape, one axis of which may be another; empty where it would be too large."""
        shape = [max(0, n) for n in shape]
        if self.random.random() < self.odd / 2:
            shape[self.random.randrange(len(shape))] = self.size(0, 1, 2, 16)
        dtype = dtype or self.dtype
        if math.prod(shape) > MOST:
            shape[self.random.choice([0, shape.index(min(shape))])] = 0
        if not all(shape):
            while math.prod(n or 1 for n in shape) >= 2**59:  # numpy has no such arrays, empty or not
                shape[shape.index(max(shape))] = 2
            return np.zeros(shape, dtype)
        return np.random.default_rng(self.random.randrange(99)).integers(0, top, shape, endpoint=True).astype(dtype)

    def convolution(self):
        """B, C, H, W, O, K and the side of the output."""
        k = self.size(1, 2, 3, 5, 5)
        h, w = k + self.size(0, 0, 1, 2, 9), k + self.size(0, 0, 1, 2, 9)
        return self.size(0, 1, 2), self.size(), h, w, self.size(), k, h - k + 1, w - k + 1


# ---- layers ----------------------------------------------------------------------------------------------------


def conv2d(f):
    b, c, h, w, o, k, oh, ow = f.convolution()
    X, W = f.array(b, c, h, w, 16), f.array(o, c, k, k)
    yield _kernels.conv2d_forward, X, W, f.array(o)
    yield _kernels.conv2d_backward, f.array(b, o, oh, ow, 16), X, W


def conv_pool(f):
    b, c, o, h, w = f.size(0, 1, 2), f.size(1, 3), f.size(), f.size(6, 7, 9, 32), f.size(6, 7, 9, 32)
    X, W, dY = f.array(b, c, h, w, 16), f.array(o, c, 5, 5), f.array(b, o, (h - 4) // 2, (w - 4) // 2, 16)
    yield _kernels.conv_pool_forward, X, W, f.array(o)
    yield _kernels.conv_pool_backward, dY, X, f.array(b, 2, o, (h - 4) // 2, (w - 4) // 2, 16), W


def pool2d(f):
    b, c, h, w, k = f.size(0, 1, 2), f.size(), f.size(), f.size(), f.whole(1, 2, 3)
    X, small, use_max = f.array(b, c, h, w, 16), (b, c, h // max(k, 1), w // max(k, 1), 16), f.random.random() < 0.5
    yield _kernels.pool2d_forward, X, k, use_max
    yield _kernels.pool2d_backward, f.array(*small), X, f.array(*small), k, use_max


def table_conv2d(f):
    b, c, h, w, o, k, oh, ow = f.convolution()
    X, table = f.array(b, c, h, w, 16), f.array(o, c, dtype=np.int32, top=1) - 1
    n = int((table == 0).sum())
    table[table == 0] = range(n) if f.random.random() >= f.odd else f.random.choice([-7, 0, 1, 2**31 - 1])
    W = f.array(n, k, k)
    yield _kernels.table_conv2d_forward, X, W, f.array(o), table
    yield _kernels.table_conv2d_backward, f.array(b, o, oh, ow, 16), X, W, table


def subsample(f):
    b, c, h, w, k = f.size(0, 1, 2), f.size(), f.size(), f.size(), f.whole(1, 2, 3)
    o = c * f.size(1, 2, 3)
    X, weight = f.array(b, c, h, w, 16), f.array(o)
    yield _kernels.subsample_forward, X, k, weight, f.array(o)
    yield _kernels.subsample_backward, f.array(b, o, h // max(k, 1), w // max(k, 1), 16), X, k, weight


def rbf(f):
    b, c, h, w, o = f.size(0, 1, 2), f.size(), f.size(), f.size(), f.size()
    X, centres = f.array(b, c, h, w, 16), f.array(o, c, dtype=np.int32)
    yield _kernels.rbf_forward, X, centres
    yield _kernels.rbf_backward, f.array(b, o, h, w, 16), X, centres


def elementwise(f):
    X, kind = f.array(f.size(0, 1, 2), f.size(), f.size(), f.size(), 16), f.whole(*_kernels.ACTIVATIONS)
    yield _kernels.activation_forward, X, kind
    yield _kernels.activation_backward, X.copy(), X, kind
    yield _kernels.softmax, f.array(f.size(0, 1, 2), f.size(), f.size())
    yield _kernels.within, f.array(f.size(0, 1, 31), dtype=np.float32), f.number(0.0), f.number(1.0)
    yield _kernels.to_lanes, f.array(f.size(0, 1, 17), f.size(), f.size(), f.size())
    yield _kernels.from_lanes, X, f.whole(0, 1, 40)
    yield _kernels.aligned_zeros, (f.whole(0, 1, 3), f.whole(0, 2)), f.dtype
    yield _kernels.fma_peak, f.random.choice([-1, 0, 3])
    yield _kernels.n_extra, f.whole(_kernels.BATCH_NORM, _kernels.DROPOUT), f.whole(3), f.whole(2), f.whole(1)


# ---- pictures and programs -------------------------------------------------------------------------------------


def gather(f):
    side = f.size(1, 2, 5, 28, 64)
    X = f.array(f.size(0, 1, 3), f.size(1, 2), side, f.size(side), dtype=f.random.choice([np.uint8, np.float32]))
    try:
        pictures = _kernels.Pictures(X, f.whole(0, 1, 2, 16), f.number(0.0), f.number(1.0))
        if np.prod(pictures.shape, dtype=float) * 16 > 50 * MOST:
            return
        names = [
            "rotation", "scale", "shear", "shift", "flip_probability", "knot_range", "cutout_probability",
            "inversion_probability", "photo_pen", "photo_blur", "photo_uneven", "photo_grain", "photo_clutter",
            "photo_jpeg",
        ]  # fmt: skip
        ranges = {name: f.number(0.5, 0.9) for name in f.random.sample(names, f.random.randrange(4))}
        augmentation = _kernels.Augmentation(
            f.whole(0, 7), f.whole(0, 7), knot_spacing=f.number(3, 8), cutout_side=f.whole(1, 96), crop=f.whole(1, 3),
            **ranges,
        )  # fmt: skip
    except ERRORS:
        return
    index = f.array(f.size(0, 1, 20), dtype=np.int64, top=max(0, len(X) - 1))
    yield _kernels.gather, pictures, index, f.random.choice([None, augmentation])


def steps(f):
    """The steps of a small network for pictures (c, side, side), its numbers of parameters and activations."""
    k, at, weights, out, chain = _kernels, 0, 0, [], []
    c = first = f.random.choice([1, 1, 2])
    side = start = f.random.choice([6, 8, 12, 14, 32])
    kinds = [k.CONV2D, k.TABLE_CONV2D, k.AVG_POOL2D, k.MAX_POOL2D, k.SUBSAMPLE, k.RELU, k.TANH, k.RBF, k.BATCH_NORM,
             k.DROPOUT]  # fmt: skip
    chain = [f.random.choice(kinds) for _ in range(f.random.randrange(1, 4))] + [k.CONV2D]
    if c == 1 and f.random.random() < 0.4:
        chain = [k.CONV_POOL, *chain]
    end = c * side * side * 16
    for i, kind in enumerate(chain):
        o, size, to, table = c, 1, side, None
        if kind in (k.CONV2D, k.TABLE_CONV2D):
            o, size = (
                f.random.choice([1, 3, 6, 16]),
                side if i == len(chain) - 1 else min(side, f.random.choice([1, 3])),
            )
            to = side - size + 1
        elif kind == k.CONV_POOL:
            o, size, to = 6, 5, (side - 4) // 2
        elif kind in (k.AVG_POOL2D, k.MAX_POOL2D, k.SUBSAMPLE):
            size = min(side, 2)
            o, to = c * (2 if kind == k.SUBSAMPLE else 1), side // size
        if kind in (k.TABLE_CONV2D, k.RBF):
            table = np.arange(o * c, dtype=np.int32).reshape(o, c)
        n_weights = {k.CONV2D: o * c * size**2, k.TABLE_CONV2D: o * c * size**2, k.CONV_POOL: o * c * 25}.get(kind, o)
        bias = weights + -(-n_weights // 16) * 16
        out.append([kind, c, side, side, o, to, to, size, weights, bias, at, end, 0.5, table])
        weights = bias + (3 if kind == k.BATCH_NORM else 1) * -(-o // 16) * 16
        at, end = end, end + o * to * to * 16 + k.n_extra(kind, o, to, to)
        c, side = o, to
    return (first, start, start), out, weights, end


def program(f):
    shape, out, n_parameters, n_activations = steps(f)
    while f.random.random() < 3 * f.odd:
        step = f.random.choice(out)
        field = f.random.randrange(14)
        value = f.random.choice([-1, 0, 1, 7, 16, 4096, n_parameters, n_activations - 16, *HUGE])
        table = step[13]
        if field == 13:
            value = f.random.choice([None, np.full((1, 1) if table is None else table.shape, 9, np.int32)])
        step[field] = value
    if f.random.random() < f.odd:
        n_parameters, n_activations = f.whole(n_parameters, 0, 16), f.whole(n_activations, 0, 16)
    try:
        made = _kernels.Program([tuple(step) for step in out], n_parameters, n_activations)
    except ERRORS:
        return
    yield from uses(f, made, shape, out, n_parameters)


def uses(f, made, shape, out, n_parameters):
    n = f.random.choice([0, 1, 3, 5, 20, 37])
    pictures = _kernels.Pictures(np.random.default_rng(n).integers(0, 255, (n, *shape), np.uint8))
    parameters = f.array(n_parameters) / 8
    classes, height, width = made.out_shape
    labels = f.array(n, dtype=np.uint8, top=0)
    scores = f.array(n, classes, height, width)
    yield made.forward, parameters, pictures, scores, f.whole(0), f.whole(n), True, f.number(1.0)
    yield made.loss_and_gradients, parameters, pictures, labels, f.array(n_parameters)
    yield made.input_gradient, parameters, pictures, labels
    single = parameters.astype(np.float32)
    part = f.random.choice([*_kernels.PARTS, ""])
    yield made.repeat, single, pictures, f.whole(*range(len(out))), part, f.random.choice([-1, 0, 4])
    single.setflags(write=False)
    yield fixed, made, single, f.array(1, *shape, dtype=f.random.choice([np.uint8, np.float32]), top=1), f.number(1.0)
    yield train, f, made, single.copy(), pictures, labels


def fixed(made, parameters, X, temperature):
    _kernels.Fixed(made, parameters, 0, 1)(X, True, temperature)


def train(f, made, parameters, pictures, labels):
    moments = [f.array(len(parameters), dtype=np.float32) for _ in range(2)]
    teachers = f.random.choice([[], [(made, parameters)], [(None, None)], [(made, None)], [(made, parameters[1:])]])
    kind, batch_size = f.random.choice([0, 1, 2, 3, 4, f.whole(0)]), f.whole(1, 1, 4, 16, 40)
    n_threads = f.whole(1)
    training = _kernels.Training(
        made, parameters, *moments, kind, batch_size=batch_size, n_threads=n_threads, l1=f.number(0.0, 0.1),
        clip_norm=f.number(0.0, 1.0), mixup=f.number(0.0, 0.5), adversarial=f.number(0.0, 0.0, 0.1),
        loss=_kernels.Loss(teacher_weight=f.number(0.5, 0.0)), teachers=teachers,
    )  # fmt: skip
    order = f.array(f.size(1, 7, 40), dtype=np.int64, top=max(0, pictures.n - 1))
    rates = f.array(-(-len(order) // batch_size), dtype=np.float64) / 100
    training.prepare(pictures, labels, order, rates, f.whole(0), None, f.whole(0))
    if n_threads == 1:  # else it waits for the others
        training.run(f.whole(0))


# ---- strokes and pieces ----------------------------------------------------------------------------------------


def drawing(f):
    n, points = f.size(0, 1, 2), f.size(1, 2, 16)
    control = f.array(n, points, 2, dtype=np.float32) * np.float32(f.number(1.0, 0.1))
    pen = f.array(n, 17, dtype=np.float32) * np.float32(f.number(1.0, 0.1))
    kind = f.array(n, points, dtype=np.uint8, top=255)
    yield _kernels.draw_strokes, control, kind, pen, f.array(n, 28, 28, dtype=np.uint8)


def pieces(f):
    h, w = f.size(1, 2, 9, 30), f.size(1, 2, 9, 30)
    ink, labels = f.array(h, w, dtype=np.float32), f.array(h, w, dtype=np.int64, top=1)
    parts = labels.astype(np.int32)
    box = np.array([0, 0, min(h, 2**40), min(w, 2**40)], np.int64)
    cuts = {"most": f.whole(0, 3), "reach": f.whole(1, 2), "diagonal": f.number(0.3), "enclosed": f.number(1.0)}
    yield _oversegmentation.seams, ink, f.number(0.3)
    yield partial(_oversegmentation.split, **cuts), ink, labels, 1, box, parts, f.whole(0)
    yield _oversegmentation.soften, ink, parts, f.number(0.1)
    first, stop, n = f.array(2, dtype=np.int64), f.array(2, dtype=np.int64), f.number(4.0, 0.1)
    yield (
        _oversegmentation.pictures,
        f.array(h, w, dtype=np.uint8, top=255),
        parts,
        first,
        stop,
        np.array([box, box]),
        n,
    )


# ---- fully convolutional networks --------------------------------------------------------------------------------


def fcn_steps(f, channels):
    """Some steps, most of which fit, from planes of so many channels."""
    known, out = [(channels, 1)], []
    for i in range(f.random.randrange(1, 6)):
        source = f.random.randrange(i + 1)
        c, scale = known[source]
        if source and f.random.random() < 0.3:
            out.append([_kernels.SAME_MAX_POOL2D, source])
            known.append((c, 2 * scale))
            continue
        skips = [j for j in range(1, i + 1) if source and 2 * known[j][1] == scale]
        skip = f.random.choice([0, *skips])
        c, scale = c + (known[skip][0] if skip else 0), known[skip][1] if skip else scale
        o, k, stride = f.size(1, 3, 16, 20), f.random.choice([1, 3, 3, 5]), 1 if skip else f.random.choice([1, 1, 2])
        W, b = f.array(o, c, k, k, dtype=np.float32), f.array(o, dtype=np.float32)
        out.append([_kernels.SAME_CONV2D, source, skip, k, stride, 1, True, W, b])
        known.append((o, stride * scale))
    return out


def fully_convolutional(f):
    channels = f.size(1, 3, 3)
    out = fcn_steps(f, channels)
    while f.random.random() < 2 * f.odd:
        step = f.random.choice(out)
        step[f.random.randrange(len(step))] = f.random.choice([-1, 0, 1, 2, 3, 7, None, *HUGE])
    yield _kernels.grey_planes, f.array(f.size(1, 5, 33), f.size(1, 8, 20), dtype=np.float32, top=1), f.whole(16, 32)
    try:
        made = _kernels.FullyConvolutional(f.whole(channels), [tuple(step) for step in out])
    except ERRORS:
        return
    height, width = (made.multiple * f.random.choice([2, 4, 6, 9]) for _ in range(2))
    yield made.forward, f.array(channels, height, width, dtype=np.float32)
    yield made.forward_grey, f.array(f.size(1, 5, 33), f.size(1, 8, 20), dtype=np.float32, top=1)


# ---- networks in whole numbers -----------------------------------------------------------------------------------


def whole_numbers(f):
    shape = channels, _, _ = f.size(1, 1, 2), f.size(6, 9, 32), f.size(6, 9, 32)
    layers, n, isa = [], f.random.randrange(1, 4), f.random.choice([*_kernels.INT8_ISAS, None, "mmx"])
    for i in range(n):
        o, size = f.size(1, 3, 6, 17), f.random.choice([1, 2, 3, 5])
        multiplier = None if i + 1 == n else f.array(o, dtype=np.int32, top=2**30) + f.random.choice([0, 1, 1, 1])
        weight, bias = f.array(o, channels, size, size, dtype=np.int8, top=127), f.array(o, dtype=np.int32, top=99)
        layers.append([weight, bias, multiplier, 1 if i + 1 == n else f.random.choice([1, 2])])
        channels = o
    while f.random.random() < f.odd:
        f.random.choice(layers)[f.random.randrange(4)] = f.random.choice(
            [-1, 0, 1, 2, None, f.array(1, dtype=np.int32)]
        )
    yield _kernels.int8_dot, f.array(f.size(0, 3), 4, dtype=np.uint8), f.array(3, 16, 4, dtype=np.int8), isa
    try:
        made = _kernels.IntegerProgram(shape, [tuple(layer) for layer in layers], isa)
    except ERRORS:
        return
    n = f.random.choice([0, 1, 3, 14])
    given = _kernels.Pictures(np.ones((n, *shape), f.random.choice([np.uint8, np.float32])))
    scores = f.array(n, *made.out_shape, dtype=np.int32)
    yield made.forward, given, scores, f.whole(0), f.whole(n)
    yield made.answer_one, f.array(1, *shape, dtype=np.uint8), f.number(1.0), True, f.number(1.0)


GROUPS = [
    conv2d, conv_pool, pool2d, table_conv2d, subsample, rbf, elementwise, gather, program, drawing, pieces,
    fully_convolutional, whole_numbers,
]  # fmt: skip


def brief(argument):
    return f"{argument.dtype}{argument.shape}" if isinstance(argument, np.ndarray) else repr(argument)[:300]


def call(f, name, function, *arguments):
    if f.random.random() < f.odd / 2 and not isinstance(function, FunctionType):  # but not what is called here
        arguments = list(arguments)
        arguments[f.random.randrange(len(arguments))] = None
    print(name, getattr(function, "__name__", function), *map(brief, arguments), file=sys.stderr, flush=True)
    try:
        function(*arguments)
    except ERRORS:
        return 0
    return 1


def main(seed, n):
    np.seterr(all="ignore")
    done = {group.__name__: 0 for group in GROUPS}
    for i in range(seed, seed + n):
        f, group = Fuzz(i), GROUPS[i % len(GROUPS)]
        for function, *arguments in group(f):
            done[group.__name__] += call(f, f"{i} {group.__name__}:", function, *arguments)
    print(done)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
