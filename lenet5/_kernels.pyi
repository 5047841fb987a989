"""What the compiled kernels take and give; see _kernels.pyx. Arrays of lanes are (B, C, H, W, 16)."""

from collections.abc import Sequence
from typing import Any, TypeVar, final

import numpy as np
from numpy.typing import DTypeLike, NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

COMPILER: str
ISAS: tuple[str, ...]
ISA: str
N_LANES: int
OPS: dict[str, int]
ACTIVATIONS: tuple[int, ...]
CONV2D: int
AVG_POOL2D: int
MAX_POOL2D: int
RELU: int
TANH: int
CONV_POOL: int
TABLE_CONV2D: int
SUBSAMPLE: int
RBF: int
SCALED_TANH: int
SIGMOID: int
BATCH_NORM: int
DROPOUT: int
SGD: int
ADAM: int
ADAMW: int
RMSPROP: int
SDLM: int
CROSS_ENTROPY: int
RIGHT_SCORE: int
SQUARED: int
ABSOLUTE: int
HUBER: int
SAME_CONV2D: int
SAME_MAX_POOL2D: int
PARTS: tuple[str, ...]

def aligned_zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]: ...

# ---- layers, each forward beside its backward ------------------------------------------------------------------

def to_lanes(X: NDArray[_Real]) -> NDArray[_Real]: ...
def from_lanes(X: NDArray[_Real], N: int) -> NDArray[_Real]: ...
def conv2d_forward(X: NDArray[_Real], W: NDArray[_Real], b: NDArray[_Real]) -> NDArray[_Real]: ...
def conv2d_backward(
    dY: NDArray[_Real], X: NDArray[_Real], W: NDArray[_Real]
) -> tuple[NDArray[_Real], NDArray[_Real], NDArray[_Real]]: ...
def conv_pool_forward(X: NDArray[_Real], W: NDArray[_Real], b: NDArray[_Real]) -> NDArray[_Real]: ...
def conv_pool_backward(
    dY: NDArray[_Real], X: NDArray[_Real], Y: NDArray[_Real], W: NDArray[_Real]
) -> tuple[NDArray[_Real], NDArray[_Real]]: ...
def pool2d_forward(X: NDArray[_Real], kernel_size: int, use_max: bool) -> NDArray[_Real]: ...
def pool2d_backward(
    dY: NDArray[_Real], X: NDArray[_Real], Y: NDArray[_Real], kernel_size: int, use_max: bool
) -> NDArray[_Real]: ...
def table_conv2d_forward(
    X: NDArray[_Real], W: NDArray[_Real], b: NDArray[_Real], kernels: NDArray[np.int32]
) -> NDArray[_Real]: ...
def table_conv2d_backward(
    dY: NDArray[_Real], X: NDArray[_Real], W: NDArray[_Real], kernels: NDArray[np.int32]
) -> tuple[NDArray[_Real], NDArray[_Real], NDArray[_Real]]: ...
def subsample_forward(X: NDArray[_Real], kernel_size: int, w: NDArray[_Real], b: NDArray[_Real]) -> NDArray[_Real]: ...
def subsample_backward(
    dY: NDArray[_Real], X: NDArray[_Real], kernel_size: int, w: NDArray[_Real]
) -> tuple[NDArray[_Real], NDArray[_Real], NDArray[_Real]]: ...
def rbf_forward(X: NDArray[_Real], centres: NDArray[np.int32]) -> NDArray[_Real]: ...
def rbf_backward(dY: NDArray[_Real], X: NDArray[_Real], centres: NDArray[np.int32]) -> NDArray[_Real]: ...
def activation_forward(X: NDArray[_Real], kind: int) -> NDArray[_Real]: ...
def activation_backward(dY: NDArray[_Real], Y: NDArray[_Real], kind: int) -> NDArray[_Real]: ...
def softmax(logits: NDArray[_Real]) -> NDArray[_Real]: ...

# ---- images, and what is drawn for them ------------------------------------------------------------------------

@final
class Pictures:
    def __init__(self, pixels: NDArray[Any], padding: int = 0, background: float = 0, ink: float = 1) -> None: ...
    @property
    def n(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...

@final
class Augmentation:
    def __init__(
        self,
        seed: int,
        epoch: int,
        *,
        rotation: float = 0,
        scale: float = 0,
        shear: float = 0,
        shift: float = 0,
        crop: int = 0,
        flip_probability: float = 0,
        knot_spacing: float = 8,
        knot_range: float = 0,
        cutout_side: int = 1,
        cutout_probability: float = 0,
        inversion_probability: float = 0,
        photo_pen: float = 0,
        photo_blur: float = 0,
        photo_uneven: float = 0,
        photo_grain: float = 0,
        photo_clutter: float = 0,
        photo_jpeg: float = 0,
    ) -> None: ...

def within(values: NDArray[np.float32], low: float, high: float) -> bool: ...
def gather(
    pictures: Pictures, index: NDArray[np.int64], augmentation: Augmentation | None = None
) -> NDArray[np.float32]: ...
def draw_strokes(
    control: NDArray[np.float32], kind: NDArray[np.uint8], pen: NDArray[np.float32], out: NDArray[np.uint8]
) -> None: ...

# ---- the whole network -----------------------------------------------------------------------------------------

@final
class Loss:
    def __init__(
        self,
        kind: int = ...,
        label_smoothing: float = 0,
        rubbish: float = ...,
        *,
        teacher_weight: float = 0,
        temperature: float = 1,
        shifts: NDArray[np.float64] | None = None,
        n_values: int = 0,
        value_kind: int = ...,
        value_weight: float = 1,
    ) -> None: ...

def n_extra(kind: int, channels: int, height: int, width: int) -> int: ...

@final
class Program:
    def __init__(self, steps: list[tuple[Any, ...]], n_parameters: int, n_activations: int, first: int = 0) -> None: ...
    @property
    def in_shape(self) -> tuple[int, int, int]: ...
    @property
    def out_shape(self) -> tuple[int, int, int]: ...
    def forward(
        self,
        parameters: NDArray[_Real],
        pictures: Pictures,
        scores: NDArray[_Real],
        first: int,
        last: int,
        probabilities: bool = False,
        temperature: float = 1,
    ) -> None: ...
    def loss_and_gradients(
        self,
        parameters: NDArray[_Real],
        pictures: Pictures,
        labels: NDArray[Any],
        gradients: NDArray[_Real],
        loss: Loss | None = None,
    ) -> float: ...
    def input_gradient(
        self, parameters: NDArray[_Real], pictures: Pictures, labels: NDArray[Any], loss: Loss | None = None
    ) -> NDArray[_Real]: ...
    def repeat(self, parameters: NDArray[np.float32], pictures: Pictures, step: int, part: str, n: int) -> None: ...

@final
class Fixed:
    def __init__(self, program: Program, parameters: NDArray[np.float32], background: float, ink: float) -> None: ...
    def __call__(self, X: object, probabilities: bool, temperature: float) -> NDArray[np.float32] | None: ...

# ---- fully convolutional networks ------------------------------------------------------------------------------

def grey_planes(grey: NDArray[np.float32], multiple: int = 16) -> NDArray[np.float32]: ...

@final
class FullyConvolutional:
    def __init__(self, in_channels: int, steps: list[tuple[Any, ...]]) -> None: ...
    @property
    def multiple(self) -> int: ...
    @property
    def scale(self) -> int: ...
    def forward(self, planes: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def forward_grey(self, grey: NDArray[np.float32]) -> NDArray[np.float32]: ...

# ---- networks in whole numbers -----------------------------------------------------------------------------------

INT8_ISAS: tuple[str, ...]

def int8_group(isa: str | None = None) -> int: ...
def int8_dot(x: NDArray[Any], w: NDArray[Any], isa: str | None = None) -> NDArray[np.int32]: ...

@final
class IntegerProgram:
    def __init__(
        self, in_shape: tuple[int, int, int], layers: list[tuple[Any, ...]], isa: str | None = None
    ) -> None: ...
    @property
    def in_shape(self) -> tuple[int, int, int]: ...
    @property
    def out_shape(self) -> tuple[int, int, int]: ...
    def forward(self, pictures: Pictures, scores: NDArray[np.int32], first: int, last: int) -> None: ...
    def answer_one(
        self, X: Any, scale: float, probabilities: bool, temperature: float
    ) -> NDArray[np.float32] | None: ...

# ---- training --------------------------------------------------------------------------------------------------

@final
class Training:
    def __init__(
        self,
        program: Program,
        parameters: NDArray[np.float32],
        moment1: NDArray[np.float32],
        moment2: NDArray[np.float32],
        kind: int,
        *,
        batch_size: int,
        n_threads: int,
        momentum: float = 0.9,
        nesterov: bool = False,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_norm: float = 0.0,
        loss: Loss | None = None,
        seed: int = 0,
        mixup: float = 0.0,
        adversarial: float = 0.0,
        teachers: list[tuple[Program, NDArray[np.float32]]] | None = None,
        frozen: Sequence[int] = (),
        rate_factors: dict[int, float] | None = None,
    ) -> None: ...
    def limit(self, n_threads: int) -> None: ...
    def prepare(
        self,
        pictures: Pictures,
        labels: NDArray[Any] | tuple[NDArray[Any], NDArray[Any]],
        order: NDArray[np.int64],
        learning_rates: NDArray[np.float64],
        first_step: int,
        augmentation: Augmentation | None = None,
        epoch: int = 0,
        weights: NDArray[np.float32] | None = None,
    ) -> None: ...
    def run(self, thread: int) -> None: ...
    @property
    def result(self) -> tuple[float, int, int, bool]: ...

# ---- timing ----------------------------------------------------------------------------------------------------

def fma_peak(n: int) -> int: ...
