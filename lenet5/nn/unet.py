"""A U-Net: a probability of each class for every second pixel of an image, by convolutions that keep its size."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .. import _kernels

#: Channels of the stem and of each level below it, and of the steps back up.
ENCODER, DECODER = (16, 32, 32, 48), (32, 16, 16)


@dataclass(frozen=True)
class SameConv2d:
    """Convolution with zeros around its input, ReLU behind it but for the last one; ``skip``: upsamples its input by 2
    (nearest) and appends the output of that layer.
    """

    in_channels: int
    out_channels: int
    kernel_size: int = 3
    stride: int = 1
    dilation: int = 1
    relu: bool = True
    skip: str | None = None

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        k = self.kernel_size
        return {"weight": (self.out_channels, self.in_channels, k, k), "bias": (self.out_channels,)}


class UNet:
    """A stem, 5 x 5 with stride 2; levels of max-pooling and two convolutions, the last of them dilated; steps back up,
    each an upsampling, a skip connection and a convolution; a convolution of size 1 to the classes.

    Batch normalisation is folded into the weights before. Computing probabilities never writes to the
    network, so threads may share it.

    Parameters
    ----------
    encoder : channels of the stem and of the levels below it
    decoder : channels of the steps back up, one fewer, from the lowest on
    in_channels, n_classes : of the input planes; of the output
    tensors : weights and biases as `load_state_dict` takes them; zeros by default

    Attributes
    ----------
    layers : dict of name to `SameConv2d`, in the order of computation: stem, d1a, d1b, ..., u1, u0, out
    multiple : sides of the input planes are multiples of this
    """

    def __init__(
        self,
        encoder: Sequence[int] = ENCODER,
        decoder: Sequence[int] = DECODER,
        *,
        in_channels: int = 3,
        n_classes: int = 3,
        tensors: Mapping[str, np.ndarray] | None = None,
    ):
        if len(decoder) != len(encoder) - 1 or min(*encoder, *decoder, in_channels, n_classes) < 1:
            raise ValueError(
                f"encoder {tuple(encoder)} and decoder {tuple(decoder)} of {in_channels} planes and "
                f"{n_classes} classes, expected a decoder one shorter, and at least 1 of each"
            )
        self.layers = _layers(encoder, decoder, in_channels, n_classes)
        self.multiple = 2 ** len(encoder)
        if tensors is None:
            tensors = {name: np.zeros(shape, np.float32) for name, shape in self._shapes().items()}
        self.load_state_dict(tensors)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {
            f"{name}.{kind}": shape
            for name, layer in self.layers.items()
            for kind, shape in layer.parameter_shapes().items()
        }

    @property
    def n_parameters(self) -> int:
        """All weights and biases."""
        return sum(map(math.prod, self._shapes().values()))

    def state_dict(self) -> dict[str, np.ndarray]:
        """Each tensor by name (``stem.weight`` (16, 3, 5, 5), ...), read-only, in PyTorch's layouts and names."""
        return dict(self._weights[0])

    def load_state_dict(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take tensors of exactly these names and shapes, float32; ValueError names the first that differs."""
        own = self._shapes()
        for name in [*own, *tensors]:
            if name not in own or name not in tensors:
                raise ValueError(f"tensor {name!r} is {'missing' if name in own else 'not one of this network'}")
            if np.shape(tensors[name]) != own[name]:
                raise ValueError(f"tensor {name!r} has shape {np.shape(tensors[name])}, expected {own[name]}")
            if not np.isfinite(tensors[name]).all():
                raise ValueError(f"tensor {name!r} holds numbers that are not finite")
        self._weights = self._packed({name: np.array(tensors[name], np.float32, order="C") for name in own})

    def _packed(self, tensors: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], _kernels.FullyConvolutional]:
        """The tensors, read-only from now on, and the compiled steps that hold them: both change at once."""
        for tensor in tensors.values():
            tensor.setflags(write=False)
        return tensors, _kernels.FullyConvolutional(self.layers["stem"].in_channels, _steps(self.layers, tensors))

    def __getstate__(self) -> dict:
        """For copies, and for other processes: without the compiled steps, which are made again."""
        return {**self.__dict__, "_weights": self._weights[0]}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._weights = self._packed(state["_weights"])

    def probabilities(self, planes: np.ndarray) -> np.ndarray:
        """Softmax over the classes, (classes, H / 2, W / 2), of planes (C, H, W), both float32.

        H and W are multiples of `multiple`; ValueError for other shapes.
        """
        return self._weights[1].forward(np.ascontiguousarray(planes, np.float32))

    def probabilities_of_grey(self, grey: np.ndarray) -> np.ndarray:
        """The same of a grey image (h, w), float32 in 0..1, by way of the planes of `grey_planes`.

        H and W are h and w rounded up to multiples of `multiple`.
        """
        return self._weights[1].forward_grey(np.ascontiguousarray(grey, np.float32))


def grey_planes(grey: np.ndarray, multiple: int = 16) -> np.ndarray:
    """What a `UNet` of three planes sees of a grey image (h, w) in 0..1: (3, H, W), float32.

    Contrast with the mean of the image, in deviations, -4 to 4; contrast with the surroundings of some 36 pixels,
    likewise; 1 where it is image. H and W are h and w rounded up to a multiple; all is 0 beyond these.
    """
    return _kernels.grey_planes(np.ascontiguousarray(grey, np.float32), multiple)


def _layers(encoder: Sequence[int], decoder: Sequence[int], in_channels: int, n_classes: int) -> dict[str, SameConv2d]:
    layers = {"stem": SameConv2d(in_channels, encoder[0], 5, stride=2)}
    below = len(encoder) - 1
    for level in range(1, len(encoder)):
        before, channels = encoder[level - 1 : level + 1]
        layers[f"d{level}a"] = SameConv2d(before, channels)
        layers[f"d{level}b"] = SameConv2d(channels, channels, dilation=2 if level == below else 1)
    channels = encoder[-1]
    for level, out in zip(range(below - 1, -1, -1), decoder, strict=True):
        skip = f"d{level}b" if level else "stem"
        layers[f"u{level}"] = SameConv2d(channels + encoder[level], out, skip=skip)
        channels = out
    layers["out"] = SameConv2d(channels, n_classes, 1, relu=False)
    return layers


def _steps(layers: Mapping[str, SameConv2d], tensors: Mapping[str, np.ndarray]) -> list[tuple]:
    """As `_kernels.FullyConvolutional` takes them: a max-pooling before the first layer of each level."""
    steps: list[tuple] = []
    outputs: dict[str | None, int] = {None: 0}
    for name, layer in layers.items():
        if name.startswith("d") and name.endswith("a"):
            steps.append((_kernels.SAME_MAX_POOL2D, len(steps)))
        steps.append(
            (_kernels.SAME_CONV2D, len(steps), outputs[layer.skip], layer.kernel_size, layer.stride, layer.dilation,
             layer.relu, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
        )  # fmt: skip
        outputs[name] = len(steps)
    return steps
