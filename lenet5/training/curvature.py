"""The curvature of the loss for each parameter: the diagonal of the Gauss-Newton matrix (P98 appendix C).

The stochastic diagonal Levenberg-Marquardt method needs it once per epoch, so NumPy over the layers' kernels is enough.

A second backward pass carries second derivatives h as the first one carries gradients, with everything squared:
through weights h_x = sum w^2 h_y, to weights h_w = sum x^2 h_y, through an activation h_a = f'(a)^2 h_y. It leaves out
f'', the products of different units, and those of different uses of a shared weight. So no value is negative.
"""

from collections.abc import Mapping

import numpy as np

from .. import _kernels
from ..nn.layers import RBF, AvgPool2d, Conv2d, Layer, MaxPool2d, SubSample2d
from ..nn.network import Network

#: Images on which the curvature is estimated.
N_PICTURES = 500
#: Added to the curvature, so that no step is too large.
MU = 0.02

Tensors = Mapping[str, np.ndarray]


def diagonal(
    network: Network, X: np.ndarray, y: np.ndarray, *, loss: str = "cross-entropy", rubbish: float = -np.inf
) -> np.ndarray:
    """Estimate the diagonal of the Gauss-Newton matrix (P98 appendix C).

    Parameters
    ----------
    X, y : images and labels, see `arrays.check_pictures`
    loss : "cross-entropy" or "mse"
        The cross-entropy of the scores' softmax, or minus the score of the right class.
    rubbish : float
        Score of one more class, the rubbish class, in the softmax (minus j in P98 eq. 9).

    Returns
    -------
    ndarray, float64, at least 0
        Mean second derivative over the images, laid out as ``network.parameters``.
    """
    tensors = network.state_dict(network.parameters.astype(np.float64))
    seen = network.pictures(X)
    layers = list(network.layers.items())
    values = [_kernels.to_lanes(_kernels.gather(seen, np.arange(seen.n)).astype(np.float64))]
    for name, layer in layers:
        values.append(_forward(layer, name, tensors, values[-1]))
    scores = _kernels.from_lanes(values[-1], seen.n)
    if scores.shape[2:] != (1, 1):
        raise ValueError(f"images give maps of shape {scores.shape[2:]}, expected one answer each")
    p = _probabilities(scores[:, :, 0, 0], rubbish)
    head = layers[-1][1]
    if isinstance(head, RBF):
        layers.pop()
        features = _kernels.from_lanes(values[-2], seen.n)[:, :, 0, 0]
        h = _of_distances(head, features, p, loss)
    else:
        h = np.zeros_like(p) if loss == "mse" else p * (1 - p)
    result = np.zeros(len(network.parameters))
    own = network.state_dict(result)
    h = _kernels.to_lanes(np.ascontiguousarray(h[:, :, None, None]))
    for i in range(len(layers) - 1, -1, -1):
        h = _backward(*layers[i][::-1], tensors, own, values[i], values[i + 1], h)
    return result / max(1, seen.n)


def rates(h: np.ndarray) -> np.ndarray:
    """Return the factor of the learning rate for each parameter, 1 / (mu + h), float32."""
    return (1 / (MU + h)).astype(np.float32)


# ---- the loss ------------------------------------------------------------------------------------------------------


def _probabilities(scores: np.ndarray, rubbish: float) -> np.ndarray:
    """Return the softmax (N, classes), in which the rubbish class takes part."""
    top = np.maximum(scores.max(axis=1, keepdims=True, initial=-np.inf), rubbish)
    e = np.exp(scores - top)
    return e / (e.sum(axis=1, keepdims=True) + np.exp(rubbish - top))


def _of_distances(head: RBF, features: np.ndarray, p: np.ndarray, loss: str) -> np.ndarray:
    """Return the exact second derivatives of the loss for each feature, (N, features).

    For the mean of the right penalty, sum (x - w)^2, they are 2 everywhere. Eq. 9 adds two terms: from the curvature of
    the penalties 2 (1 - sum p), and from the softmax 4 times the variance of x - w under p.
    """
    if loss == "mse":
        return np.full_like(features, 2.0)
    centres = head.constants().astype(np.float64)
    mean, square = p @ centres, p @ centres**2
    total = p.sum(axis=1, keepdims=True)
    first = total * features - mean
    second = total * features**2 - 2 * features * mean + square
    return 2 * (1 - total) + 4 * np.maximum(second - first**2, 0)


# ---- layers, each forward beside its backward; all in lanes, float64 ------------------------------------------------


def _kernel_of(layer: Conv2d, tensor: np.ndarray) -> np.ndarray:
    """Return weights in the kernels' shape; a dense layer has kernels of 1 x 1."""
    k = layer.kernel_size
    return tensor.reshape(-1, k, k) if layer.table else tensor.reshape(layer.out_channels, layer.in_channels, k, k)


def _forward(layer: Layer, name: str, tensors: Tensors, X: np.ndarray) -> np.ndarray:
    if isinstance(layer, Conv2d):
        W, b = _kernel_of(layer, tensors[f"{name}.weight"]), tensors[f"{name}.bias"]
        if (kernels := layer.constants()) is not None:
            return _kernels.table_conv2d_forward(X, W, b, kernels)
        return _kernels.conv2d_forward(X, W, b)
    if isinstance(layer, SubSample2d):
        return _kernels.subsample_forward(X, layer.kernel_size, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
    if isinstance(layer, RBF):
        return _kernels.rbf_forward(X, layer.constants())
    if isinstance(layer, AvgPool2d):
        return _kernels.pool2d_forward(X, layer.kernel_size, isinstance(layer, MaxPool2d))
    return _kernels.activation_forward(X, layer.kind)


def _backward(
    layer: Layer, name: str, tensors: Tensors, own: Tensors, X: np.ndarray, Y: np.ndarray, h: np.ndarray
) -> np.ndarray:
    """Return h of X from h of Y, and write that of the layer's parameters to ``own``."""
    if isinstance(layer, Conv2d):
        W = np.square(_kernel_of(layer, tensors[f"{name}.weight"]))
        if (kernels := layer.constants()) is not None:
            hX, hW, hb = _kernels.table_conv2d_backward(h, np.square(X), W, kernels)
        else:
            hX, hW, hb = _kernels.conv2d_backward(h, np.square(X), W)
        # minimal filtering takes differences, which may make a 0 slightly negative
        own[f"{name}.weight"][...] = np.maximum(hW, 0).reshape(own[f"{name}.weight"].shape)
        own[f"{name}.bias"][...] = hb
        return np.maximum(hX, 0)
    if isinstance(layer, SubSample2d):
        return _backward_subsample(layer, name, tensors, own, X, h)
    if isinstance(layer, MaxPool2d):
        return _kernels.pool2d_backward(h, X, Y, layer.kernel_size, True)
    if isinstance(layer, AvgPool2d):
        return _kernels.pool2d_backward(h, X, Y, layer.kernel_size, False) / layer.kernel_size**2
    return h * np.square(_kernels.activation_backward(np.ones_like(h), Y, layer.kind))


def _backward_subsample(
    layer: SubSample2d, name: str, tensors: Tensors, own: Tensors, X: np.ndarray, h: np.ndarray
) -> np.ndarray:
    k, n_each = layer.kernel_size, layer.out_channels // layer.in_channels
    means = np.repeat(_kernels.pool2d_forward(X, k, False), n_each, axis=1)
    own[f"{name}.weight"][...] = (np.square(means) * h).sum(axis=(0, 2, 3, 4))
    own[f"{name}.bias"][...] = h.sum(axis=(0, 2, 3, 4))
    squared = np.square(tensors[f"{name}.weight"]) / k**2
    hX = (h * squared[:, None, None, None]).reshape(h.shape[0], layer.in_channels, n_each, *h.shape[2:]).sum(axis=2)
    return _kernels.pool2d_backward(hX, X, means[:, ::n_each].copy(), k, False)
