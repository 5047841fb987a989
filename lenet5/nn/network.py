"""A network: its layers, its parameters in one flat buffer, and the scores that it gives to images."""

import math
from collections.abc import Mapping
from typing import Self

import numpy as np

from .. import _kernels
from ..utils.memmap import ROWS, pieces
from ..utils.threads import MAX_THREADS, check_threads, default_threads, in_shares
from . import initializers
from .arrays import check_pictures
from .layers import RBF, Conv2d, Layer, MaxPool2d, ReLU, Shape
from .summary import Summary, summarize

#: Fewer pixels than these (of 256 images of 32 x 32) are not worth starting a thread for.
PIXELS_PER_THREAD = 256 * 32 * 32
#: Sizes of input whose programs are kept.
MAX_PROGRAMS = 16
#: Steps whose output an activation may overwrite: no backward kernel reads it.
OVERWRITABLE = (_kernels.CONV2D, _kernels.TABLE_CONV2D, _kernels.AVG_POOL2D, _kernels.SUBSAMPLE, _kernels.BATCH_NORM)


class Network:
    """Layers in a row. Computing scores never writes to the parameters, so threads may share a network.

    Parameters
    ----------
    layers : dict of name to layer, in the order of computation
    seed : int or None
        Of the initial weights. None: all 0.
    background, ink : float
        What the network sees for a pixel of 0 and of full ink.
    initializer : one of `initializers.INITIALIZERS`
        "he": uniform, variance 2 / fan-in before a ReLU and 1 / fan-in elsewhere; biases 0; sub-sampling takes means.
        With sigmoids the same function as with tanhs: larger weights, and biases that centre their inputs.
        "1998": uniform within +-2.4 / fan-in, biases likewise (P98 appendix A). The weight of a connection in
        sub-sampling is a quarter of the coefficient, which therefore lies within +-2.4.
        "1998-root": uniform within +-2.4 / sqrt(fan-in), biases and coefficients likewise.
    margin : int
        Pixels at each side of the field that the network does not look at.
    size, field : int
        Images of ``size`` x ``size`` are padded to the field, the least input that gives an answer.
    fused : bool
        Whether the first layer may be computed together with its pooling and ReLU. This is quicker, but no gradient
        reaches the images.

    Attributes
    ----------
    parameters : ndarray of shape (n,), float32
        All weights and biases, layer by layer, each zero-padded to a multiple of 16: a vector that straddles two cache
        lines would cost twice.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        *,
        seed: int | None = 0,
        background: float = 0.0,
        ink: float = 1.0,
        initializer: str = "he",
        margin: int = 0,
        size: int = 28,
        field: int = 32,
        fused: bool = True,
    ):
        self.layers = dict(layers)
        self.size, self.field = size, field
        self.background, self.ink, self.margin = float(background), float(ink), margin
        self.is_fused = fused
        connected = [layer for layer in self.layers.values() if isinstance(layer, Conv2d | RBF)]
        self.in_channels, self.n_classes = connected[0].in_channels, connected[-1].out_channels
        self._offsets: dict[str, tuple[int, tuple[int, ...]]] = {}
        at = 0
        for name, layer in self.layers.items():
            for kind, shape in layer.parameter_shapes().items():
                self._offsets[f"{name}.{kind}"] = at, shape
                at += -(-math.prod(shape) // _kernels.N_LANES) * _kernels.N_LANES
        self.n_parameters = sum(math.prod(shape) for _, shape in self._offsets.values())
        self.parameters = _kernels.aligned_zeros(at, np.float32)
        self._programs: dict[Shape, _kernels.Program] = {}
        # What answers to one image, with the weights that it was made for: other threads may replace these meanwhile.
        self._fixed: tuple[np.ndarray, _kernels.Fixed] | None = None
        initializers.check(initializer)
        if seed is not None:
            initializers.initialize(initializer, self.layers, self.state_dict(), seed)

    def __getstate__(self) -> dict:
        """For copies and other processes: all but the compiled programs, which are made again when needed."""
        return {**self.__dict__, "_programs": {}, "_fixed": None}

    @property
    def is_read_only(self) -> bool:
        """Whether the weights are read-only."""
        return not self.parameters.flags.writeable

    def make_read_only(self) -> Self:
        """Let nothing change the weights, so that single images are answered more quickly; returns self.

        Arrays that `parameters` and `state_dict` gave before no longer belong to the network.
        """
        if not self.is_read_only:
            self._own_parameters().setflags(write=False)
        return self

    def make_writable(self) -> Self:
        """Undo `make_read_only`, as training does by itself; returns self."""
        if self.is_read_only:
            self._own_parameters()
        return self

    is_frozen, freeze, thaw = is_read_only, make_read_only, make_writable  # their names before `fit(freeze=)` came

    def _own_parameters(self) -> np.ndarray:
        """A new buffer of them, of which nobody else has a view."""
        parameters = _kernels.aligned_zeros(len(self.parameters), np.float32)
        parameters[:] = self.parameters
        self.parameters, self._fixed = parameters, None
        return parameters

    def state_dict(self, parameters: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Views of each tensor by name (``c1.weight`` (6, 1, 5, 5), ...), in PyTorch's layouts and names."""
        buffer = self.parameters if parameters is None else parameters
        return {name: buffer[at : at + math.prod(shape)].reshape(shape) for name, (at, shape) in self._offsets.items()}

    def load_state_dict(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Copy in tensors of exactly these names and shapes.

        ValueError names the first that differs, or says that the weights are read-only.
        """
        own = self.state_dict()
        for name in [*own, *tensors]:
            if name not in own or name not in tensors:
                raise ValueError(f"tensor {name!r} is {'missing' if name in own else 'not one of this network'}")
            if np.shape(tensors[name]) != own[name].shape:
                raise ValueError(f"tensor {name!r} has shape {np.shape(tensors[name])}, expected {own[name].shape}")
            if not np.isfinite(tensors[name]).all():
                raise ValueError(f"tensor {name!r} holds numbers that are not finite")
        for name, tensor in own.items():
            tensor[...] = tensors[name]

    def summary(self, height: int | None = None, width: int | None = None) -> Summary:
        """The layer table for images of this size, by default the field; an activation is counted with the layer
        before it."""
        height, width = height or self.field, width or self.field
        return summarize(self.layers, (self.in_channels, height - 2 * self.margin, width - 2 * self.margin))

    def program(self, shape: Shape) -> _kernels.Program:
        """The compiled steps for inputs (channels, height, width), made once for each size."""
        program = self._programs.get(shape)
        if program is None:  # two threads may both make it, and another one may forget it again: each has its own
            program = self._compile(shape, execution_steps(self.layers, self.is_fused))
            if len(self._programs) >= MAX_PROGRAMS:
                self._programs.clear()
            self._programs[shape] = program
        return program

    def split(self, shape: Shape, first: int) -> tuple[_kernels.Program, _kernels.Program]:
        """The compiled steps before the step ``first``, and those from there on, which take what the others give."""
        steps = execution_steps(self.layers, self.is_fused)
        before = self._compile(shape, steps[:first])
        return before, self._compile(before.out_shape, steps[first:], first)

    def _compile(self, shape: Shape, chosen: list[tuple[int, tuple[str, ...]]], first: int = 0) -> _kernels.Program:
        steps, at, end = [], 0, math.prod(shape) * _kernels.N_LANES
        before = None
        for kind, names in chosen:
            layer, out = self.layers[names[0]], shape
            for name in names:
                out = self.layers[name].output_shape(out)
            weight, bias = (self._offsets.get(f"{names[0]}.{kind}", (0, ()))[0] for kind in ("weight", "bias"))
            # In place only over an output that no backward kernel reads: max-pooling's and an activation's are read.
            in_place = kind in _kernels.ACTIVATIONS and before in OVERWRITABLE
            to, before = at if in_place else end, kind
            size, probability = getattr(layer, "kernel_size", 1), getattr(layer, "probability", 0.0)
            steps.append((kind, *shape, *out, size, weight, bias, at, to, probability, layer.constants()))
            if not in_place:
                at, end = end, end + math.prod(out) * _kernels.N_LANES + _kernels.n_extra(kind, *out)
            shape = out
        return _kernels.Program(steps, len(self.parameters), end, first)

    def check_pictures(self, X: np.ndarray) -> np.ndarray:
        """``X`` as a contiguous array, see :func:`arrays.check_pictures`; ValueError where it does not fit."""
        return check_pictures(X, self.in_channels, self.size, self.field)

    def side_of(self, X: np.ndarray) -> int:
        """The side that other images are resized to, to be as ``X``: ``size`` or ``field``."""
        return self.size if np.shape(X)[-1] == self.size else self.field

    def pictures(self, X: np.ndarray) -> _kernels.Pictures:
        """``X`` checked and wrapped for the kernels."""
        X = self.check_pictures(X)
        is_padded = X.shape[2:] == (self.size, self.size)
        padding = (self.field - self.size) // 2 - self.margin if is_padded else 0
        if self.margin and not is_padded:
            inside = slice(self.margin, -self.margin)
            X = np.ascontiguousarray(X[:, :, inside, inside])
        return _kernels.Pictures(X, padding, self.background, self.ink)

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Scores before the softmax, of shape (N, classes), float32.

        Images larger than the field give a map, (N, classes, h, w). It has one answer every 4 pixels, and every 8 or 16
        with further pairs of convolution and pooling. The scores of an
        image do not depend on the others, on its place among them, or on ``threads``.
        """
        return self._scores(X, threads, False, 1.0)

    def probabilities(self, X: np.ndarray, threads: int | None = None, temperature: float = 1.0) -> np.ndarray:
        """Softmax of :meth:`logits` / temperature over the classes; same shape."""
        return self._scores(X, threads, True, temperature)

    def _scores(self, X: np.ndarray, threads: int | None, probabilities: bool, temperature: float) -> np.ndarray:
        parameters, kept = self.parameters, self._fixed
        fixed = kept[1] if kept is not None and kept[0] is parameters else None
        if fixed is not None and (threads is None or (type(threads) is int and 1 <= threads <= MAX_THREADS)):
            scores = fixed(X, probabilities, temperature)
            if scores is not None:
                return scores
        if isinstance(X, np.memmap) and X.ndim and len(X) > ROWS:  # so that its pages do not pile up in memory
            return np.concatenate(
                [self._scores(piece, threads, probabilities, temperature) for piece in pieces(X, ROWS)]
            )
        pictures = self.pictures(X)
        program = self.program(pictures.shape)
        scores = np.empty((pictures.n, *program.out_shape), np.float32)
        n_threads = 1 if pictures.n == 1 and threads is None else useful_threads(pictures, threads)
        is_fixed = not parameters.flags.writeable
        if fixed is None and pictures.n == 1 and is_fixed and not self.margin and program.in_shape[1:] == (32, 32):
            self._fixed = parameters, _kernels.Fixed(program, parameters, self.background, self.ink)

        def answer(first: int, last: int) -> None:
            program.forward(parameters, pictures, scores, first, last, probabilities, temperature)

        in_shares(n_threads, pictures.n, answer)
        return scores[:, :, 0, 0] if program.out_shape[1:] == (1, 1) else scores


def useful_threads(pictures: _kernels.Pictures, threads: int | None) -> int:
    """Threads for these images: no more than have enough to do."""
    n_useful = max(1, min(pictures.n, pictures.n * math.prod(pictures.shape) // PIXELS_PER_THREAD))
    if threads is not None:
        return min(n_useful, check_threads(threads))
    return min(n_useful, default_threads()) if n_useful > 1 else 1


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities from logits (N, classes) or (N, classes, h, w), float32; the bits of `Network.probabilities`."""
    rows = np.ascontiguousarray(logits, np.float32) * np.float32(1 / temperature)
    return _kernels.softmax(rows.reshape(*logits.shape[:2], -1 if logits.size else 1)).reshape(logits.shape)


def execution_steps(layers: Mapping[str, Layer], fused: bool = True) -> list[tuple[int, tuple[str, ...]]]:
    """The layers in the order of computation, as (kind of step, names of its layers).

    A ReLU before a max-pooling is computed after it, where there is a quarter of the work. The two commute, values and
    gradients alike: a maximum that is not positive passes no gradient on either way. A 5 x 5 convolution of the image
    with both behind it is one step.
    """
    order = list(layers.items())
    for i in range(len(order) - 1):
        if isinstance(order[i + 1][1], MaxPool2d) and type(order[i][1]) is ReLU:
            order[i], order[i + 1] = order[i + 1], order[i]
    steps: list[tuple[int, tuple[str, ...]]] = [(layer.kind, (name,)) for name, layer in order]
    if fused and [layer for _, layer in order[1:3]] == [MaxPool2d(2), ReLU()] and _is_first(order[0][1]):
        steps[:3] = [(_kernels.CONV_POOL, tuple(name for name, _ in order[:3]))]
    return steps


def _is_first(layer: Layer) -> bool:
    return isinstance(layer, Conv2d) and layer.in_channels in (1, 3) and (layer.kernel_size, layer.table) == (5, None)
