"""Networks as they are trained: with batch normalisation and dropout, which prediction knows nothing of.

The normalisation is an affine map of each channel once its means and variances are fixed, and the convolution before it
one too; so both together are one convolution. Dropout's units are scaled so that without it nothing is to be changed.
"""

import numpy as np

from ..nn.layers import BatchNorm2d, Conv2d, Dropout, Layer, Linear
from ..nn.network import Network

#: Added to the variances, as in the kernels.
EPSILON = 1e-5


def regularized_layers(layers: dict[str, Layer], *, dropout: float = 0.0, batch_norm: bool = False) -> dict[str, Layer]:
    """Layers with batch normalisation behind every convolution but the last layer, and dropout behind the activations
    of the hidden layers that have one output a channel (C5 and F6 of LeNet-5).

    dropout : 0 to below 1, the probability of a unit being left out; 0: none
    """
    result: dict[str, Layer] = {}
    names = list(layers)
    dense = set(names[_first_dense(layers) :])
    for i, (name, layer) in enumerate(layers.items()):
        result[name] = layer
        if batch_norm and isinstance(layer, Conv2d) and i < len(names) - 1:
            result[f"{name}_norm"] = BatchNorm2d(layer.out_channels)
        if dropout and name in dense and not isinstance(layer, Conv2d):
            result[f"{name.removesuffix('_activation')}_dropout"] = Dropout(dropout)
    return result


def _first_dense(layers: dict[str, Layer]) -> int:
    """The index of the convolution before the first dense layer: it has one output a channel; past the end: none."""
    names = list(layers)
    first = next((i for i, layer in enumerate(layers.values()) if isinstance(layer, Linear)), None)
    if first is None:  # LeNet-1
        return len(names)
    return max(i for i in range(first) if isinstance(layers[names[i]], Conv2d))


def fold(trained: Network, parameters: np.ndarray, network: Network) -> None:
    """Write to ``network`` the weights that do what ``trained`` does with these parameters.

    ``trained`` has the layers of `regularized_layers`, ``network`` those that it was made from.
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
