"""Structured pruning: whole channels and units are removed, so that a smaller dense network is left."""

import numpy as np

from ..models.lenet import LeNet5
from ..nn.layers import Conv2d

#: Channels of C1 and C3 for which there are fast kernels (`kernels/special_shapes.h`), for images of 32 x 32.
FAST = ((6, 16), (4, 8))
#: They are taken where at least this part of the multiply-adds that may stay is left, and of the other widths.
NEARLY_ALL, ENOUGH_OTHERS = 0.9, 0.3


def hidden_layers(model: LeNet5) -> dict[str, Conv2d]:
    """The layers with weights before the last one. ValueError where channels cannot be removed."""
    layers = {name: layer for name, layer in model.layers.items() if layer.parameter_shapes()}
    if model.variant not in ("modern", "1998") or not all(
        isinstance(layer, Conv2d) and layer.table is None for layer in layers.values()
    ):
        raise ValueError(
            "channels can be removed from LeNet-5 without connection table, trainable pooling and RBF head only"
        )
    return {name: layer for name, layer in list(layers.items())[:-1] if isinstance(layer, Conv2d)}


def widths_for(model: LeNet5, fraction: float) -> tuple[int, ...]:
    """The largest widths with at most this fraction of the model's multiply-adds.

    C1 and C3 get the channels that are fast where nearly as many multiply-adds are left; else all widths are reduced
    alike.
    """
    usual = [layer.out_channels for layer in hidden_layers(model).values()]
    most = fraction * model.macs
    for maps in FAST if model.size == 32 and tuple(usual[:2]) == FAST[0] else ():
        widths = _reduced(model, maps, usual[2:], most, ENOUGH_OTHERS)
        if widths and resized(model, widths).macs >= NEARLY_ALL * most:
            return widths
    if widths := _reduced(model, (), usual, most, 0.0):
        return widths
    raise ValueError(f"no network of this kind has {fraction:g} of the multiply-adds")


def _reduced(
    model: LeNet5, first: tuple[int, ...], others: list[int], most: float, least: float
) -> tuple[int, ...] | None:
    """The ``first`` widths, and the others reduced alike until at most ``most`` multiply-adds are left.

    None where that leaves less than the share ``least`` of the others.
    """
    for share in np.arange(1.0, least, -0.005):
        widths = (*first, *(max(1, round(share * n)) for n in others))
        if resized(model, widths).macs <= most:
            return widths
    return None


def resized(model: LeNet5, widths: tuple[int, ...]) -> LeNet5:
    """A model with the given widths, all weights 0, that is else as ``model``."""
    names = ("activation", "pool", "c3", "head", "labels", "in_channels", "size")
    small = LeNet5(model.variant, seed=None, preparation=model.preparation.kind, widths=widths,
                   **{name: getattr(model, name) for name in names})  # fmt: skip
    small.resized, small.seed = model.resized, model.seed
    return small


def without_channels(model: LeNet5, widths: tuple[int, ...]) -> LeNet5:
    """The model with as many channels in each hidden layer as given: those of the largest weights.

    A channel counts by the norm of the weights that lead to it, times that of the weights that lead from it.

    widths : as of `LeNet5`, none above the model's own
    """
    names = [*hidden_layers(model), list(model.layers)[-1]]
    small, tensors = resized(model, widths), model.state_dict()
    own = small.state_dict()
    seen = np.arange(tensors[f"{names[0]}.weight"].shape[1])
    for name, after, width in zip(names, [*names[1:], None], [*widths, model.n_classes], strict=True):
        weight = tensors[f"{name}.weight"]
        kept = np.arange(width) if after is None else _largest(weight, tensors[f"{after}.weight"], width, name)
        own[f"{name}.weight"][...] = weight[kept][:, seen]
        own[f"{name}.bias"][...] = tensors[f"{name}.bias"][kept]
        seen = kept
    return small


def _largest(weight: np.ndarray, after: np.ndarray, n: int, name: str) -> np.ndarray:
    """Numbers of the ``n`` channels that count most, ascending."""
    if n > len(weight):
        raise ValueError(f"{name} has {len(weight)} channels, so {n} of them cannot be kept")
    into = np.sqrt((weight.reshape(len(weight), -1) ** 2).sum(axis=1))
    out = np.sqrt((np.swapaxes(after, 0, 1).reshape(len(weight), -1) ** 2).sum(axis=1))
    return np.sort(np.argsort(-into * out, kind="stable")[:n])
