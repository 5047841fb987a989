"""Networks as they are trained, with batch normalisation and dropout, which prediction does without.

Once means and variances are fixed, the normalisation is an affine map of each channel, as is the convolution before it.
So the two fold into one convolution. Dropout scales its units such that nothing changes without it.
"""

from collections.abc import Sequence

import numpy as np

from ..nn.layers import BatchNorm2d, Conv2d, Dropout, Layer, Linear
from ..nn.network import Network

#: Added to the variances, as in the kernels.
EPSILON = 1e-5


def regularized_layers(
    layers: dict[str, Layer], *, dropout: float = 0.0, batch_norm: bool = False, frozen: Sequence[str] = ()
) -> dict[str, Layer]:
    """Add batch normalisation after every convolution but the last layer, and dropout in the dense part.

    Dropout follows the activations of hidden layers with one output per channel (C5 and F6 of LeNet-5).

    Parameters
    ----------
    dropout : float, 0 to below 1
        Probability that a unit is left out; 0 adds no layers.
    frozen : names of layers that stay as they are, and so are not normalised
    """
    result: dict[str, Layer] = {}
    names = list(layers)
    dense = set(names[_first_dense(layers) :])
    for i, (name, layer) in enumerate(layers.items()):
        result[name] = layer
        if batch_norm and isinstance(layer, Conv2d) and i < len(names) - 1 and name not in frozen:
            result[f"{name}_norm"] = BatchNorm2d(layer.out_channels)
        if dropout and name in dense and not isinstance(layer, Conv2d):
            result[f"{name.removesuffix('_activation')}_dropout"] = Dropout(dropout)
    return result


def _first_dense(layers: dict[str, Layer]) -> int:
    """Return the index of the convolution before the first dense layer; past the end if there is none."""
    names = list(layers)
    first = next((i for i, layer in enumerate(layers.values()) if isinstance(layer, Linear)), None)
    if first is None:  # LeNet-1
        return len(names)
    return max(i for i in range(first) if isinstance(layers[names[i]], Conv2d))


def fold(trained: Network, parameters: np.ndarray, network: Network) -> None:
    """Write to ``network`` the weights with which it computes what ``trained`` does.

    Parameters
    ----------
    trained : Network
        With the layers of `regularized_layers`.
    parameters : ndarray
        The weights of ``trained``.
    network : Network
        With the layers from which those of ``trained`` were made.
    """
    tensors, folded = trained.state_dict(parameters), network.state_dict()
    for name, tensor in folded.items():
        tensor[...] = tensors[name]
        layer, _, kind = name.rpartition(".")
        if f"{layer}_norm.weight" not in tensors:
            continue
        weight, bias, mean, variance = (
            tensors[f"{layer}_norm.{which}"].astype(np.float64)
            for which in ("weight", "bias", "running_mean", "running_var")
        )
        factor = weight / np.sqrt(variance + EPSILON)
        table = getattr(network.layers[layer], "table", None)
        if kind == "weight":
            each = factor if table is None else np.repeat(factor, [len(row) for row in table])
            tensor[...] = tensor * each.reshape(-1, *[1] * (tensor.ndim - 1))
        else:
            tensor[...] = (tensor - mean) * factor + bias
