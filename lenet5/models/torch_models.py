"""Networks of PyTorch as models: their weights are recognised by their shapes, whatever their names."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.architectures import ACTIVATIONS, IN_CHANNELS, LARGEST, SMALLEST, VARIANTS, stages_for
from ..nn.bounds import is_bounded
from ..nn.layers import Conv2d, Layer
from ..nn.operations import own_weight
from ..utils.characters import DIGITS
from .lenet import LeNet5

if TYPE_CHECKING:
    import torch

#: How much logarithms of probabilities may differ between a module and its model, for each unit of the largest score.
TOLERANCE = 1e-4
#: Random images by which a module and its model are compared.
N_COMPARED = 8
#: A layer of the state dict: weight and bias.
Tensors = tuple[np.ndarray, np.ndarray | None]


def from_torch(
    source: "torch.nn.Module | Mapping[str, Any]",
    variant: str = "modern",
    *,
    labels: Sequence[str] | None = None,
    size: int | None = None,
    **choices: str | None,
) -> LeNet5:
    """The model with the weights of a PyTorch network.

    Parameters
    ----------
    source : module, or its state dict (of tensors or arrays)
        The layers may have any names: they are recognised by their shapes.
    variant : one of `architectures.VARIANTS`
    labels : names of the classes, in the order of the outputs; the ten digits, or numbers, unless given
    size : side of the images, where several would do
    **choices : activation, pool, c3 and head, as of `LeNet5`
        Of a module, activation and pooling are found by comparing answers to random images. A state dict does not tell
        them: the variant's are assumed.

    Raises
    ------
    ValueError
        No network of this variant has such weights, or the module answers otherwise.
    """
    if isinstance(source, Mapping):
        return from_state_dict(source, variant, labels=labels, size=size, **choices)
    state, asked = source.state_dict(), None
    best: tuple[float, LeNet5 | None] = np.inf, None
    for activation, pool in _open(choices):
        tried = choices | {"activation": activation, "pool": pool}
        model = from_state_dict(state, variant, labels=labels, size=size, **tried)
        asked = asked or _asked(source, model)
        best = min(best, (_difference(model, asked), model), key=lambda one: one[0])
    if best[1] is None or best[0] > TOLERANCE:
        raise ValueError(
            "the module answers otherwise than a LeNet5 with its weights: expected 5 x 5 convolutions of images in "
            "0..1, padded to 32 x 32 and not normalised, each with pooling of 2 x 2, and dense layers after them"
        )
    return best[1]


def _open(choices: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """The activations and kinds of pooling that a module may have, as its weights do not tell."""
    activation, pool = choices.get("activation"), choices.get("pool")
    return itertools.product([activation] if activation else ACTIVATIONS, [pool] if pool else ("max", "avg"))


def from_state_dict(
    state: Mapping[str, Any],
    variant: str = "modern",
    *,
    labels: Sequence[str] | None = None,
    size: int | None = None,
    **choices: str | None,
) -> LeNet5:
    """`from_torch` of a state dict."""
    if variant not in VARIANTS:
        raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
    chosen = VARIANTS[variant].choose(**choices)
    given, faults = _layers_of(state), []
    for n_classes, channels, side in _candidates(given, size):
        try:
            layers = VARIANTS[variant].layers(chosen, n_classes, channels, side)
        except ValueError:  # there is no such network
            continue
        tensors, fault = _matched(given, layers)
        if not fault:
            return _model(tensors, variant, labels or _names(n_classes), channels, side, choices)
        faults.append((len(tensors), fault))
    raise ValueError(max(faults, key=lambda one: one[0])[1] if faults else "no such network has 2 to 256 classes")


def _layers_of(state: Mapping[str, Any]) -> dict[str, Tensors]:
    """The weight and the bias of each layer, float32, by the layer's name."""
    arrays = {name: _array(value) for name, value in state.items() if not name.endswith(".centres")}
    weights = {name.removesuffix("weight"): array for name, array in arrays.items() if name.endswith("weight")}
    others = set(arrays) - {f"{name}{kind}" for name in weights for kind in ("weight", "bias")}
    if others:
        raise ValueError(f"tensor {min(others)[:40]!r} is not a weight or a bias of a layer that LeNet5 has")
    return {name.rstrip("."): (weight, arrays.get(f"{name}bias")) for name, weight in weights.items()}


def _array(value: Any) -> np.ndarray:
    """A tensor as float32, in the processor's memory."""
    return np.asarray(value.detach().cpu().float() if hasattr(value, "detach") else value, np.float32)


def _candidates(given: Mapping[str, Tensors], size: int | None) -> Iterator[tuple[int, int, int]]:
    """Numbers of classes, channels and sides of images that the weights may be of, LeNet-5 first."""
    sides = [size] if size is not None else [32, *range(SMALLEST, LARGEST + 1, 2)]
    fields = {stages_for(side).field: side for side in reversed(sides)}  # one side, the least, for each network
    rows = [len(weight) for weight, _ in reversed([*given.values()]) if weight.ndim in (2, 4)]
    n_classes = dict.fromkeys([*rows, len(DIGITS)])  # fixed centres of digits are not weights
    yield from itertools.product((n for n in n_classes if n <= 256), IN_CHANNELS, [*reversed(fields.values())])


def _matched(given: Mapping[str, Tensors], layers: Mapping[str, Layer]) -> tuple[dict[str, np.ndarray], str]:
    """The tensors of as many layers as fit, and what does not fit, or nothing."""
    rest = dict(given)
    tensors: dict[str, np.ndarray] = {}
    for name, layer in layers.items():
        if not (shapes := layer.parameter_shapes()):
            continue
        fitting = (key for key, pair in rest.items() if _own(layer, *pair) is not None)
        key = next(fitting, None)
        if key is None:
            there = ", ".join(f"{key or 'weight'} {weight.shape}" for key, (weight, _) in rest.items())[:200]
            return tensors, f"no weights for layer {name}: expected {shapes['weight']}, found {there or 'no more'}"
        tensors |= {f"{name}.{kind}": value for kind, value in (_own(layer, *rest.pop(key)) or {}).items()}
    return tensors, f"no layer has weights as those of {next(iter(rest))!r}" if rest else ""


def _own(layer: Layer, weight: np.ndarray, bias: np.ndarray | None) -> dict[str, np.ndarray] | None:
    """The tensors of a layer; None where they are of another one. Without a bias it is 0."""
    shapes = layer.parameter_shapes()
    if isinstance(layer, Conv2d):
        found = own_weight(layer, weight)
    else:
        found = weight if weight.shape == shapes["weight"] else None
    bias = np.zeros(shapes["bias"], np.float32) if bias is None else bias
    return None if found is None or bias.shape != shapes["bias"] else {"weight": found, "bias": bias}


def _names(n_classes: int) -> Sequence[str]:
    return DIGITS if n_classes == len(DIGITS) else [str(k) for k in range(n_classes)]


def _model(tensors, variant, labels, channels, side, choices) -> LeNet5:
    model = LeNet5(variant, seed=None, labels=labels, in_channels=channels, size=side, **choices)
    model.load_state_dict(tensors)
    if not is_bounded(model.network):
        raise ValueError("the weights are too large, answers would not be finite")
    model.training = {"command": "lenet5.from_torch"}
    return model


def _asked(module: "torch.nn.Module", model: LeNet5) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random images, and the logarithms of the probabilities that a module gives them; none where it takes none."""
    rng, found = np.random.default_rng(0), []
    for side in (model.network.size, model.network.field):
        X = rng.random((N_COMPARED, model.in_channels, side, side), np.float32)
        scores = _answers(module, X)
        if scores is not None and scores.shape == (N_COMPARED, model.n_classes):
            found.append((X, _log_probabilities(scores)))
    return found


def _difference(model: LeNet5, asked: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """How far a model's answers are from those of `_asked`, where they are nearest; infinite where there are none."""
    differences = [np.inf]
    for X, theirs in asked:
        ours = model.logits(X).astype(np.float64)
        differences.append(np.abs(_log_probabilities(ours) - theirs).max() / max(1, np.abs(ours).max()))
    return float(min(differences))


def _answers(module: "torch.nn.Module", X: np.ndarray) -> np.ndarray | None:
    """What a module answers when it is not trained; None where it takes no such images."""
    import torch

    was_training, device = module.training, next(module.parameters()).device
    try:
        with torch.inference_mode():
            return np.asarray(module.eval()(torch.from_numpy(X).to(device)).cpu(), np.float64)
    except RuntimeError:
        return None
    finally:
        module.train(was_training)


def _log_probabilities(scores: np.ndarray) -> np.ndarray:
    """Of logits, of their logarithms, or of probabilities."""
    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-4):
        return np.log(np.maximum(scores, np.finfo(np.float32).tiny))
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
