"""The first weights of a network: uniform, within bounds that suit each layer, and a function of the seed alone."""

from collections.abc import Mapping

import numpy as np

from .. import _kernels
from .layers import AvgPool2d, BatchNorm2d, Conv2d, Layer, SubSample2d

INITIALIZERS = ("he", "1998", "1998-root")


def check(initializer: str) -> None:
    """ValueError unless this is one of INITIALIZERS."""
    if initializer not in INITIALIZERS:
        raise ValueError(f"initializer is {initializer!r}, expected one of {', '.join(INITIALIZERS)}")


def initialize(initializer: str, layers: Mapping[str, Layer], tensors: Mapping[str, np.ndarray], seed: int) -> None:
    """Write the first weights to ``tensors``, all of them 0 before.

    Parameters
    ----------
    initializer : one of INITIALIZERS
        See `network.Network`.
    layers : dict of name to layer, in the order of computation
    tensors : dict of name to ndarray, as `Network.state_dict` gives them
    seed : int
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    if initializer == "he":
        _he(layers, tensors, rng)
    else:
        _of_1998(layers, tensors, rng, 0.5 if initializer == "1998-root" else 1)


def _he(layers: Mapping[str, Layer], tensors: Mapping[str, np.ndarray], rng: "np.random.Generator") -> None:
    following = dict(zip(layers, list(layers.values())[1:], strict=False))
    after_sigmoid = False
    for name, layer in layers.items():
        kind = getattr(following.get(name), "kind", None)
        # sigmoid(x) is (1 + tanh(x / 2)) / 2: with weights larger by this much, and centred, it starts as a tanh would.
        scale = (2 if after_sigmoid else 1) * (2 if kind == _kernels.SIGMOID else 1)
        if f"{name}.running_var" in tensors:
            tensors[f"{name}.running_var"][...] = 1
        if f"{name}.weight" in tensors:
            weight = tensors[f"{name}.weight"]
            if isinstance(layer, SubSample2d | BatchNorm2d):
                weight[...] = scale
            elif isinstance(layer, Conv2d):
                gain = 6 if kind == _kernels.RELU else 3
                weight[...] = _uniform(rng, scale * np.sqrt(gain / layer.fan_in()), layer, weight.shape)
            if after_sigmoid:
                tensors[f"{name}.bias"][...] = -_sums(layer, weight) / 2
        after_sigmoid = layer.kind == _kernels.SIGMOID or (after_sigmoid and isinstance(layer, AvgPool2d))


def _of_1998(
    layers: Mapping[str, Layer], tensors: Mapping[str, np.ndarray], rng: "np.random.Generator", power: float
) -> None:
    for name, tensor in tensors.items():
        owner, kind = name.rsplit(".", 1)
        layer = layers[owner]
        assert isinstance(layer, Conv2d | SubSample2d)  # no other layer of a network with these weights has any
        bound = 2.4 / layer.fan_in() ** power
        if kind == "weight" and isinstance(layer, SubSample2d) and power == 1:
            bound *= layer.kernel_size**2
        tensor[...] = _uniform(rng, bound, layer, tensor.shape)


def _sums(layer: Layer, weight: np.ndarray) -> np.ndarray:
    """The sum of the weights of one unit of each output channel, (O,); sub-sampling, which takes means, has one."""
    kernels = weight.reshape(len(weight), -1).sum(axis=1)
    if not isinstance(layer, Conv2d) or layer.table is None:
        return kernels
    return np.add.reduceat(kernels, np.cumsum([0, *map(len, layer.table[:-1])]))


def _uniform(rng: "np.random.Generator", bound: np.ndarray, layer: Layer, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers for a tensor of ``layer``, uniform within +-bound (out_channels,)."""
    if isinstance(layer, Conv2d) and layer.table is not None and len(shape) > 1:  # a kernel has the bound of its output
        bound = np.repeat(bound, [len(row) for row in layer.table])
    bound = bound.reshape(-1, *[1] * (len(shape) - 1))
    return rng.uniform(-bound, bound, shape)
