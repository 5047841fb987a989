"""Every kernel once more, slow and obvious: NumPy in float64, written from the definitions. Arrays are (N, C, H, W)."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv2d(X, W, b):
    """Y[n, o, y, x] = b[o] + sum over c, i, j of W[o, c, i, j] X[n, c, y + i, x + j]."""
    X, W, b = (np.asarray(a, np.float64) for a in (X, W, b))
    windows = sliding_window_view(X, W.shape[2:], axis=(2, 3))  # (N, C, OH, OW, K, K)
    return np.einsum("ncyxij,ocij->noyx", windows, W) + b[:, None, None]


def conv2d_gradients(dY, X, W):
    """dX, dW, db: one tap of the kernel after the other."""
    dY, X, W = (np.asarray(a, np.float64) for a in (dY, X, W))
    dX, dW = np.zeros_like(X), np.zeros_like(W)
    height, width = dY.shape[2:]
    for i in range(W.shape[2]):
        for j in range(W.shape[3]):
            seen = np.s_[:, :, i : i + height, j : j + width]
            dX[seen] += np.einsum("noyx,oc->ncyx", dY, W[:, :, i, j])
            dW[:, :, i, j] = np.einsum("noyx,ncyx->oc", dY, X[seen])
    return dX, dW, dY.sum(axis=(0, 2, 3))


def pool_windows(X, k):
    """(N, C, H//k, W//k, k * k): the pixels of each window, row by row."""
    n, c, height, width = X.shape
    whole = X[:, :, : height // k * k, : width // k * k]
    windows = whole.reshape(n, c, height // k, k, width // k, k).swapaxes(3, 4)
    return windows.reshape(n, c, height // k, width // k, k * k)


def avg_pool2d(X, k):
    return pool_windows(np.asarray(X, np.float64), k).mean(axis=-1)


def max_pool2d(X, k):
    return pool_windows(np.asarray(X), k).max(axis=-1)


def pool2d_gradient(dY, X, k, use_max):
    """dX, window by window: to the first of the largest pixels, or to all in equal parts."""
    dX = np.zeros(X.shape)
    for n, c, y, x in np.ndindex(dY.shape):
        window = np.s_[n, c, y * k : (y + 1) * k, x * k : (x + 1) * k]
        if use_max:
            first = np.unravel_index(np.argmax(X[window]), (k, k))
            dX[window][first] = dY[n, c, y, x]
        else:
            dX[window] = dY[n, c, y, x] / k**2
    return dX


def table_conv2d(X, W, b, table):
    """conv2d with the kernels W (pairs, K, K) of the connected pairs, row by row of the table, zeros elsewhere."""
    return conv2d(X, spread(W, table, X.shape[1]), b)


def spread(W, table, n_channels):
    """(O, C, K, K) from kernels (pairs, K, K)."""
    dense = np.zeros((len(table), n_channels, *W.shape[1:]))
    pairs = [(o, c) for o, row in enumerate(table) for c in row]
    for kernel, (o, c) in zip(W, pairs, strict=True):
        dense[o, c] = kernel
    return dense


def gathered(dense, table):
    """The kernels (pairs, K, K) of the connected pairs."""
    return np.array([dense[o, c] for o, row in enumerate(table) for c in row])


def subsample2d(X, k, w, b):
    """w[o] times the mean of the window in channel o // (O / C), plus b[o]."""
    means = np.repeat(avg_pool2d(X, k), len(w) // X.shape[1], axis=1)
    return means * w[:, None, None] + b[:, None, None]


def rbf(X, centres):
    """Minus the squared distances (N, O, H, W) of X (N, C, H, W) to centres (O, C)."""
    return -((np.asarray(X, np.float64)[:, None] - np.asarray(centres)[:, :, None, None]) ** 2).sum(axis=2)


def scaled_tanh(X):
    return 1.7159 * np.tanh(2 / 3 * np.asarray(X, np.float64))


def sigmoid(X):
    return 1 / (1 + np.exp(-np.asarray(X, np.float64)))


def network(layers, tensors, X):
    """The scores (N, O, h, w) of any network of this program, layer by layer, for X (N, C, H, W)."""
    for name, layer in layers.items():
        kind, w, b = type(layer).__name__, tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
        if kind in ("Conv2d", "Linear"):
            table = layer.table or ((*range(X.shape[1]),),) * len(b)
            X = table_conv2d(X, w.reshape(-1, layer.kernel_size, layer.kernel_size), b, table)
        elif kind == "SubSample2d":
            X = subsample2d(X, layer.kernel_size, w.astype(np.float64), b.astype(np.float64))
        elif kind in ("RBF", "Targets"):
            X = rbf(X, layer.centres)
        elif kind in ("AvgPool2d", "MaxPool2d"):
            X = {"AvgPool2d": avg_pool2d, "MaxPool2d": max_pool2d}[kind](X, layer.kernel_size)
        else:
            X = {"ReLU": relu, "Tanh": np.tanh, "ScaledTanh": scaled_tanh, "Sigmoid": sigmoid}[kind](X)
    return X


def relu(X):
    return np.maximum(X, 0)


def softmax(logits):
    """Over axis 1."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(logits, y):
    """Mean over the pictures of -log p[label]."""
    return -np.log(softmax(np.asarray(logits, np.float64))[np.arange(len(y)), y]).mean()


def modern(tensors, X, activation="relu", pool="max"):
    """The logits (N, 10) of the modern LeNet-5 for X (N, 1, 32, 32), from its tensors by name."""
    squash = {"relu": relu, "tanh": np.tanh}[activation]
    subsample = {"max": max_pool2d, "avg": avg_pool2d}[pool]
    for name, k in (("c1", 2), ("c3", 2), ("c5", 1)):
        X = subsample(squash(conv2d(X, tensors[f"{name}.weight"], tensors[f"{name}.bias"])), k)
    X = X[:, :, 0, 0]
    X = squash(X @ tensors["f6.weight"].T.astype(np.float64) + tensors["f6.bias"])
    return X @ tensors["output.weight"].T.astype(np.float64) + tensors["output.bias"]


# ---- fully convolutional networks, one image (C, H, W) ---------------------------------------------------------------


def same_conv2d(x, W, b, stride=1, dilation=1):
    """With zeros around: output (y, x) looks at rows stride y + dilation (i - K // 2), i = 0..K-1, and such columns."""
    x, W, b = (np.asarray(a, np.float64) for a in (x, W, b))
    k, (_, height, width) = len(W[0, 0]), x.shape
    r = k // 2 * dilation
    padded = np.pad(x, ((0, 0), (r, r), (r, r)))
    out = b[:, None, None] + np.zeros((len(W), -(-height // stride), -(-width // stride)))
    for i in range(k):
        for j in range(k):
            rows, columns = (slice(at * dilation, at * dilation + n, stride) for at, n in ((i, height), (j, width)))
            out += np.einsum("oc,cyx->oyx", W[:, :, i, j], padded[:, rows, columns])
    return out


def upsample(x):
    """Nearest neighbours, twice the size."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


def fully_convolutional(steps, planes):
    """The probabilities (classes, h, w) of steps as `_kernels.FullyConvolutional` takes them."""
    tensors = [np.asarray(planes, np.float64)]
    for _, source, *rest in steps:
        x = tensors[source]
        if rest:
            skip, _, stride, dilation, has_relu, W, b = rest
            x = np.concatenate([upsample(x), tensors[skip]]) if skip else x
            x = same_conv2d(x, W, b, stride, dilation)
            tensors.append(relu(x) if has_relu else x)
        else:
            tensors.append(max_pool2d(x[None], 2)[0])
    return softmax(tensors[-1][None])[0]


def unet(tensors, planes):
    """The probabilities (classes, H / 2, W / 2) of a U-Net from its tensors by name."""

    def conv(name, x, **how):
        return relu(same_conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], **how))

    n_levels = sum(name.startswith("d") for name in tensors) // 4
    levels = [conv("stem", planes, stride=2)]
    for level in range(1, n_levels + 1):
        x = conv(f"d{level}a", max_pool2d(levels[-1][None], 2)[0])
        levels.append(conv(f"d{level}b", x, dilation=2 if level == n_levels else 1))
    x = levels.pop()
    for level in range(n_levels - 1, -1, -1):
        x = conv(f"u{level}", np.concatenate([upsample(x), levels[level]]))
    return softmax(same_conv2d(x, tensors["out.weight"], tensors["out.bias"])[None])[0]


def box_mean(t):
    """Means over 9 x 9 of means over 4 x 4, zeros around."""
    blocks = t.reshape(len(t) // 4, 4, -1, 4).mean(axis=(1, 3))
    return sliding_window_view(np.pad(blocks, 4), (9, 9)).mean(axis=(2, 3))


def upsample_bilinear(t):
    """Four times the size; pixels are squares, and edges are clamped."""
    for _ in range(2):
        at = np.clip((np.arange(4 * len(t)) + 0.5) / 4 - 0.5, 0, len(t) - 1)
        low = at.astype(int)
        part = (at - low)[:, None]
        t = ((1 - part) * t[low] + part * t[np.minimum(low + 1, len(t) - 1)]).T
    return t


def grey_planes(grey, multiple=16):
    """Planes (3, H, W) of a grey image (h, w): normalised as a whole, by its surroundings, and where it is image."""
    h, w = grey.shape
    v, g = np.zeros((2, -(-h // multiple) * multiple, -(-w // multiple) * multiple))
    v[:h, :w], g[:h, :w] = 1, grey
    x1 = np.clip((g - grey.mean(dtype=np.float64)) / (grey.std(dtype=np.float64) + 0.004), -4, 4) * v
    vs = box_mean(v) + 1e-6
    e = (g - upsample_bilinear(box_mean(g * v) / vs)) * v
    deviation = np.sqrt(np.maximum(upsample_bilinear(box_mean(e * e) / vs), 0))
    x2 = np.clip(e / (deviation + 0.25 * np.sqrt((e * e).sum() / (h * w)) + 0.004), -4, 4) * v
    return np.stack([x1, x2, v])


# ---- distortions, from the same random numbers -----------------------------------------------------------------------


def philox4x32(counter, key):
    """Philox4x32-10 (Salmon and others, SC 2011): four words from four words of counter and two of key."""
    x, k = [int(v) for v in counter], [int(v) for v in key]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(p1 >> 32) ^ x[1] ^ k[0], p1 % 2**32, (p0 >> 32) ^ x[3] ^ k[1], p0 % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return x


def words(seed, epoch, picture, first, n):
    """n words of a picture, from its block ``first`` on, four in a block."""
    seed, picture = seed % 2**64, int(picture)
    counter, key = [picture % 2**32, picture >> 32, epoch % 2**32], [seed % 2**32, seed >> 32]
    blocks = [philox4x32([*counter, first + i], key) for i in range(-(-n // 4))]
    return np.array(blocks, np.float64).reshape(-1)[:n]


def draws(seed, epoch, picture):
    """The numbers, -1 to 1, of the affine map: angle, scales, shear, shifts; and, 0 to 1, of cutout and inversion."""
    w = words(seed, epoch, picture, 0, 12) / 2**32
    return 2 * w[:6] - 1, w[8:]


def cropped_and_flipped(seed, epoch, picture, crop, flip_probability):
    """The matrix (3, 3) of a shift by whole pixels, down and to the right, and then of x to -x where it is mirrored."""
    flip, shift = words(seed, epoch, picture, 0, 8)[6:].astype(np.int64)
    right, down = shift // 2**16 % (2 * crop + 1) - crop, shift % 2**16 % (2 * crop + 1) - crop
    side = -1 if flip / 2**32 < flip_probability else 1
    return side, right, down


def affine(u, *, rotation=0.0, scale=0.0, shear=0.0, shift=0.0):
    """The map (a, b, c, d, e, f) of radians and ranges: R(angle) [1 shear; 0 1] diag(1 / sx, 1 / sy), and a shift."""
    cos, sin = np.cos(rotation * u[0]), np.sin(rotation * u[0])
    matrix = np.array([[cos, -sin], [sin, cos]]) @ [[1, shear * u[3]], [0, 1]] @ np.diag(1 / (1 + scale * u[1:3]))
    return np.array([*matrix[0], shift * u[4], *matrix[1], shift * u[5]])


def cubic_b_spline(t):
    """The basis function with its middle at 0."""
    t = abs(t)
    return (4 - 6 * t**2 + 3 * t**3) / 6 if t < 1 else (2 - t) ** 3 / 6 if t < 2 else 0.0


def displacement(seed, epoch, picture, size, *, knot_spacing, knot_range):
    """In x and in y, (2, *size): knots, row by row from one before the field, interpolated by cubic B-splines."""
    n = [int((side - 1) / knot_spacing) + 4 for side in size]
    word = words(seed, epoch, picture, 16, n[0] * n[1]).reshape(n)
    knots = knot_range * (2 * (np.stack([word % 2**16, word // 2**16]) + 0.5) / 2**16 - 1)
    rows, columns = (
        np.array([[cubic_b_spline(at / knot_spacing - knot + 1) for knot in range(count)] for at in range(side)])
        for side, count in zip(size, n, strict=True)
    )
    return rows @ knots @ columns.T


def warped(picture, warp, size, moved=None):
    """One picture (h, w) in 0..1 read at (a x + b y + c, d x + e y + f) from the centre, zero outside, bilinear.

    moved (2, *size): pixels in x and in y that are added to that.
    """
    h, w = picture.shape
    a, b, c, d, e, f = (float(v) for v in warp)
    out, moved = np.zeros(size), np.zeros((2, *size)) if moved is None else moved
    for row, column in np.ndindex(size):
        x, y = column - (size[1] - 1) / 2, row - (size[0] - 1) / 2
        sx = a * x + b * y + c + (w - 1) / 2 + moved[0, row, column]
        sy = d * x + e * y + f + (h - 1) / 2 + moved[1, row, column]
        for i in range(int(np.floor(sy)), int(np.floor(sy)) + 2):
            for j in range(int(np.floor(sx)), int(np.floor(sx)) + 2):
                if 0 <= i < h and 0 <= j < w:
                    out[row, column] += picture[i, j] * (1 - abs(sy - i)) * (1 - abs(sx - j))
    return out


def cut_square(u, size, *, cutout_side=1, cutout_probability=0.0):
    """What is cut out of a field: two slices."""
    if u[0] >= cutout_probability:
        return slice(0), slice(0)
    starts = [int(u[1 + axis] * size[axis]) - cutout_side // 2 for axis in range(2)]
    return tuple(slice(max(start, 0), start + cutout_side) for start in starts)


def hashed(x):
    """The finalizer of MurmurHash3 on an array of 32-bit words, as float64."""
    x = np.asarray(x, np.uint64) % 2**32
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor) % 2**32
    return x ^ (x >> np.uint64(16))


def through_pen_and_lens(picture, w, *, pen=0.0, blur=0.0):
    """One channel with three pixels of background around it, (h + 6, w + 6); the outermost ones stay."""
    inner = (slice(1, -1), slice(1, -1))
    out = np.pad(picture.astype(np.float64), 3)
    pen = pen * (2 * w[0] - 1)
    extreme = np.min if pen < 0 else np.max
    windows = np.lib.stride_tricks.sliding_window_view
    out[inner] += abs(pen) * (extreme(windows(out, (3, 3)), axis=(2, 3)) - out[inner])
    weights = np.outer([1, 2, 1], [1, 2, 1]) / 16
    out[inner] += blur * w[1] * ((windows(out, (3, 3)) * weights).sum(axis=(2, 3)) - out[inner])
    return out


def in_jpeg_blocks(plane, factor, row, column):
    """A plane but for its outermost pixels, after JPEG with K.1's steps times a factor; blocks without ink stay."""
    if factor <= 1e-3:
        return plane
    u, x = np.indices((8, 8))
    wave = np.where(u == 0, np.sqrt(1 / 8), np.cos((2 * x + 1) * u * np.pi / 16) / 2)
    out = plane.copy()
    height, width = plane.shape
    ink = np.pad(plane[1:-1, 1:-1], ((row, 8), (column, 8)))
    for y in range(0, height - 2 + row, 8):
        for x in range(0, width - 2 + column, 8):
            block = ink[y : y + 8, x : x + 8]
            if (block > 0).any():
                steps = factor * JPEG_STEPS / 255
                block = wave.T @ (np.rint(wave @ (block - 0.5) @ wave.T / steps) * steps) @ wave + 0.5
                ink[y : y + 8, x : x + 8] = np.clip(block, 0, 1)
    out[1:-1, 1:-1] = ink[row : row + height - 2, column : column + width - 2]
    return out


# The steps for brightness that JPEG's standard proposes (ITU-T T.81, table K.1).
JPEG_STEPS = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
])  # fmt: skip


def clutter_bar(w, size, probability):
    """Two slices and the ink of a bar near the edge of a field; none, mostly."""
    if w[5] >= probability:
        return slice(0), slice(0), 0
    edge = int(w[6] * 4)
    across = edge % 2
    n, m = size[across], size[1 - across]
    depth, gap = 1 + int(w[7] * n / 6), int(w[6] * 4 % 1 * n / 8)
    length = 1 + int(w[8] * m)
    start = int(w[9] * m) - length // 2
    first = n - gap - depth if edge >= 2 else gap
    deep, wide = slice(first, first + depth), slice(max(start, 0), start + length)
    return (wide, deep, 0.3 + 0.7 * w[10]) if across else (deep, wide, 0.3 + 0.7 * w[10])


def on_paper(field, w, *, uneven=0.0, grain=0.0, clutter=0.0):
    """A field (H, W) of ink that covers unevenly, grain and clutter added."""
    key = int(w[4] * 2**32)
    y, x = np.indices(field.shape)
    knot = lambda i, j: (hashed(key + i * 64 + j) >> np.uint64(8)) / 2**24  # noqa: E731
    down, right = y % 8 / 8, x % 8 / 8
    left, other = (knot(y // 8, j) * (1 - down) + knot(y // 8 + 1, j) * down for j in (x // 8, x // 8 + 1))
    out = field * (1 - uneven * w[2] * (left + right * (other - left)))
    h = hashed((key ^ ((y + 1) << 16)) + x)
    ink, paper = (h >> np.uint64(16)) / 2**16, (h % 2**16) / 2**16
    out = out + grain * w[3] * w[11] * (paper**2 * (1 - out) - ink * out)
    rows, columns, bar = clutter_bar(w, field.shape, clutter)
    out[rows, columns] = np.maximum(out[rows, columns], bar)
    return out


def augmented(picture, seed, epoch, number, size, **ranges):
    """One channel (h, w) in 0..1 of a picture, distorted; ranges as of `_kernels.Augmentation`."""
    own = {name: ranges.pop(name) for name in list(ranges) if name in ("rotation", "scale", "shear", "shift")}
    elastic = {name: ranges.pop(name) for name in list(ranges) if name.startswith("knot_")}
    inversion = ranges.pop("inversion_probability", 0.0)
    u, chance = draws(seed, epoch, number)
    moved = displacement(seed, epoch, number, size, **elastic) if elastic else None
    w = words(seed, epoch, number, 4, 16) / 2**32
    photo = {name: ranges.pop(f"photo_{name}", 0.0) for name in ("pen", "blur", "uneven", "grain", "clutter", "jpeg")}
    source = through_pen_and_lens(picture, w, pen=photo.pop("pen"), blur=photo.pop("blur"))
    source = in_jpeg_blocks(source, 2 * w[12] * photo.pop("jpeg"), int(w[13] * 8), int(w[14] * 8))
    out = on_paper(warped(source, affine(u, **own), size, moved), w, **photo)
    out[cut_square(chance, size, **ranges)] = 0
    return 1 - out if chance[3] < inversion else out


def penalised(p, g, weight_decay, l1):
    """The gradient with those of the weights' sizes."""
    return g + weight_decay * p + l1 * np.sign(p)


def sgd(p, g, state, rate, *, momentum=0.0, nesterov=False, weight_decay=0.0, l1=0.0):
    """One step of SGD, in place: m <- momentum m + g, p <- p - rate (m, or g + momentum m)."""
    g = penalised(p, g, weight_decay, l1)
    state["m"] = momentum * state.get("m", 0) + g
    p -= rate * (g + momentum * state["m"] if nesterov else state["m"])


def adam(p, g, state, rate, *, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0, l1=0.0):
    """One step of Adam (Kingma and Ba), in place; the decay is part of the gradient."""
    g = penalised(p, g, weight_decay, l1)
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
    p -= rate * (state["m"] / (1 - beta1**t)) / (np.sqrt(state["v"] / (1 - beta2**t)) + epsilon)


def adamw(p, g, state, rate, *, weight_decay=0.0, l1=0.0, **settings):
    """One step of AdamW (Loshchilov and Hutter), in place: the decay is beside the gradient."""
    g = penalised(p, g, 0.0, l1)
    p -= rate * weight_decay * p
    adam(p, g, state, rate, **settings)


def rmsprop(p, g, state, rate, *, beta2=0.99, epsilon=1e-8, weight_decay=0.0, l1=0.0):
    """One step of RMSprop (Tieleman and Hinton), in place, without momentum."""
    g = penalised(p, g, weight_decay, l1)
    state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
    p -= rate * g / (np.sqrt(state["v"]) + epsilon)


def pictures(n, height=28, width=28, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (n, height, width), dtype=np.uint8)
    return X * (rng.random(X.shape) < 1 / 3)


def seen(model, X):
    """What the network gets of pictures of 28 x 28."""
    side = 2 - model.margin
    X = np.pad(X, ((0, 0), (side, side), (side, side)))[:, None] / 255
    return model.background + (model.ink - model.background) * X


def integer_layer(X, weight, bias, multiplier=None, pool=1):
    """A layer of docs/quantization.md: bytes (N, C, H, W) to bytes, or, without multipliers, to scores."""
    windows = sliding_window_view(np.asarray(X, np.int64), weight.shape[2:], axis=(2, 3))
    sums = np.einsum("ncyxij,ocij->noyx", windows, weight.astype(np.int64)) + bias[:, None, None].astype(np.int64)
    assert abs(sums).max(initial=0) < 2**31
    sums = max_pool2d(sums, pool)
    if multiplier is None:
        return sums
    products = sums * multiplier[:, None, None].astype(np.int64)
    return np.clip((products + 2**22) // 2**23, 0, 255)


def integer_scores(network, X):
    """The scores (N, classes, h, w) of an `IntegerNetwork` for bytes (N, C, H, W) that have their border."""
    for block in network.blocks:
        layer = network.layers[block.name]
        X = integer_layer(X, layer.weight, layer.bias, layer.multiplier, 2 if block.is_pooled else 1)
    return X
