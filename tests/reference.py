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


def warped(picture, warp, size):
    """One picture (h, w) in 0..1 read at (a x + b y + c, d x + e y + f) from the centre, zero outside, bilinear."""
    h, w = picture.shape
    a, b, c, d, e, f = (float(v) for v in warp)
    out = np.zeros(size)
    for row, column in np.ndindex(size):
        x, y = column - (size[1] - 1) / 2, row - (size[0] - 1) / 2
        sx, sy = a * x + b * y + c + (w - 1) / 2, d * x + e * y + f + (h - 1) / 2
        for i in range(int(np.floor(sy)), int(np.floor(sy)) + 2):
            for j in range(int(np.floor(sx)), int(np.floor(sx)) + 2):
                if 0 <= i < h and 0 <= j < w:
                    out[row, column] += picture[i, j] * (1 - abs(sy - i)) * (1 - abs(sx - j))
    return out


def sgd(p, g, state, rate, *, momentum=0.0, nesterov=False, weight_decay=0.0):
    """One step of SGD, in place: m <- momentum m + g, p <- p - rate (m, or g + momentum m)."""
    g = g + weight_decay * p
    state["m"] = momentum * state.get("m", 0) + g
    p -= rate * (g + momentum * state["m"] if nesterov else state["m"])


def adamw(p, g, state, rate, *, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0):
    """One step of AdamW (Loshchilov and Hutter), in place."""
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
    p -= rate * weight_decay * p
    p -= rate * (state["m"] / (1 - beta1**t)) / (np.sqrt(state["v"] / (1 - beta2**t)) + epsilon)
