"""The networks by name: LeNet-5 in its modern form and as published in 1998, and its smaller relatives.

P98 is LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11),
1998; P89 is LeCun and others, "Handwritten Digit Recognition with a Back-Propagation Network", NIPS 2, 1989.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from .layers import ACTIVATIONS, RBF, AvgPool2d, Conv2d, Layer, Linear, MaxPool2d, SubSample2d, Table, Targets

POOLS = ("max", "avg", "trainable")
C3_CONNECTIONS = ("dense", "table")
HEADS = ("softmax", "rbf")

#: LeNet-5: the maps of S2 that each map of C3 sees (P98 table I).
#:   C3    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
#:   S2 0  X  .  .  .  X  X  X  .  .  X  X  X  X  .  X  X
#:   S2 1  X  X  .  .  .  X  X  X  .  .  X  X  X  X  .  X
#:   S2 2  X  X  X  .  .  .  X  X  X  .  .  X  .  X  X  X
#:   S2 3  .  X  X  X  .  .  X  X  X  X  .  .  X  .  X  X
#:   S2 4  .  .  X  X  X  .  .  X  X  X  X  .  X  X  .  X
#:   S2 5  .  .  .  X  X  X  .  .  X  X  X  X  .  X  X  X
C3_TABLE: Table = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
#: LeNet-1: the same for H3 (P89 table 1), in two unconnected halves.
LENET1_TABLE: Table = ((0,), (0, 1), (0, 1), (1,), (0, 1), (0, 1), (2,), (2, 3), (2, 3), (3,), (2, 3), (2, 3))
#: LeNet-4's tables were not published. Ours meet the published counts: each map of C3 sees half of S2, and each unit of
#: C5 sees four or five neighbouring maps. With all 16 maps C5 alone would have 48,120 parameters, not 17,000 in all.
LENET4_C3_TABLE: Table = tuple(
    tuple(sorted((first + step * i) % 8 for i in range(4))) for first in range(8) for step in (1, 3)
)
LENET4_C5_TABLE: Table = tuple(
    tuple(sorted((unit + i) % 16 for i in range(4 if unit < 60 else 5))) for unit in range(120)
)

#: The digits as 7 x 12 pixels, 12 rows of 7 bits: the RBF centres (P98 figure 3).
BITMAPS = (
    "3e001c3663636363361c0000", "0c1c3c0c0c0c0c0c0c3f0000", "3e003e6343061c30607f0000", "7f03060c1e030303633e0000",
    "3e00003333736363673f0303", "3e007f60603c1e03633e0000", "1e3060607e736363733e0000", "7f0303060c0c181818180000",
    "3e6363633e636363633e0000", "3e676363673f0303063c0000",
)  # fmt: skip


def centres() -> tuple[tuple[int, ...], ...]:
    """Return the bitmaps as RBF centres: 10 times 84 numbers, row by row, +1 for ink and -1 for background."""
    return tuple(
        tuple(1 if byte >> bit & 1 else -1 for byte in bytes.fromhex(rows) for bit in range(6, -1, -1))
        for rows in BITMAPS
    )


@dataclass(frozen=True)
class Choices:
    """The choices that a network leaves open.

    Parameters
    ----------
    activation : one of `layers.ACTIVATIONS`
    pool : "max", "avg", or "trainable" (followed by the activation)
    c3 : "dense" or "table" (the connection tables of this module)
    head : "softmax" or "rbf"
        "softmax" has one linear unit per class. "rbf" answers with the least squared distance to fixed targets (P98);
        the softmax of minus the distances is the confidence.
    """

    activation: str
    pool: str
    c3: str
    head: str

    def __post_init__(self):
        tables = {"activation": tuple(ACTIVATIONS), "pool": POOLS, "c3": C3_CONNECTIONS, "head": HEADS}
        for name, table in tables.items():
            if getattr(self, name) not in table:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(table)}")


@dataclass(frozen=True)
class Variant:
    """A network by name.

    Parameters
    ----------
    choices : the defaults
    build : makes the layers from choices, a number of classes, of input channels, stages (pairs of convolution and
        pooling), and widths, empty for the usual ones
    background, ink : the network's input for pixels without ink, and for full ink
    initializer : of the weights, see `initializers.INITIALIZERS`
    margin : pixels at each side of the 32 x 32 field that the network ignores
    """

    choices: Choices
    build: Callable[[Choices, int, int, "Stages", "Widths"], dict[str, Layer]]
    background: float = -0.1
    ink: float = 1.175
    initializer: str = "1998"
    margin: int = 0

    def choose(self, **given: str | None) -> Choices:
        """Return the variant's choices, replaced by those given (None: not given). ValueError for an unknown one."""
        return replace(self.choices, **{name: value for name, value in given.items() if value is not None})

    def initializer_for(self, choices: Choices) -> str:
        """Return the variant's initializer, but "he" for ReLU and sigmoid, which stay at chance with that of 1998."""
        return "he" if choices.activation in ("relu", "sigmoid") else self.initializer

    def layers(
        self, choices: Choices, n_classes: int, in_channels: int = 1, size: int = 32, widths: "Widths" = ()
    ) -> dict[str, Layer]:
        """Return layers by name in the order of computation. ValueError if the choices do not go together.

        in_channels : 1, or 3 for colour
        size : side of the images, see `stages_for`
        widths : output channels of each hidden layer with weights, from the first on; empty for the usual ones
        """
        if not 1 <= n_classes <= 256:
            raise ValueError(f"n_classes is {n_classes}, expected 1 to 256")
        if in_channels not in IN_CHANNELS or isinstance(in_channels, bool):
            raise ValueError(f"in_channels is {in_channels!r}, expected 1 (grey) or 3 (colour)")
        return self.build(choices, n_classes, in_channels, stages_for(size), widths)


@dataclass(frozen=True)
class Stages:
    """How LeNet-5 takes images of another size: ``n`` pairs of a convolution by 5 x 5 and a pooling, then C5.

    Each pair takes a side s to (s - 4) / 2. C5 sees all that is left, ``side`` x ``side``: 5 x 5 in LeNet-5.
    """

    n: int = 2
    side: int = 5

    @property
    def field(self) -> int:
        """The side of the network's input: 32 in LeNet-5."""
        field = self.side
        for _ in range(self.n):
            field = 2 * field + 4
        return field


#: From the least input to the largest; a further pair is added where C5 would otherwise see more than 8 x 8.
_STAGES = tuple(Stages(n, side) for n in range(2, 5) for side in range(5 if n == 2 else 3, 6 if n == 4 else 9))
SMALLEST, LARGEST = 28, 128  # sides of images
#: Output channels of the hidden layers with weights, from the first on.
Widths = tuple[int, ...]
WIDEST = 1024
IN_CHANNELS = (1, 3)


def stages_for(size: int) -> Stages:
    """The stages for images of ``size`` x ``size``: those of the least field that they can be padded to.

    Two pairs of convolution and pooling up to 44, three up to 92, four up to 128; 28 and 32 are LeNet-5.

    Raises
    ------
    ValueError
        The padding would differ on two sides, or the size is out of range; names the nearest sizes.
    """
    if type(size) is not int or not SMALLEST <= size <= LARGEST:
        raise ValueError(f"size is {size!r}, expected an even number from {SMALLEST} to {LARGEST}")
    if size % 2:
        raise ValueError(f"size is {size}, expected an even number; the nearest are {size - 1} and {size + 1}")
    return next(stages for stages in _STAGES if stages.field >= size)


def _only_usual(name: str, stages: Stages, widths: Widths) -> None:
    if widths:
        raise ValueError(f"{name} has fixed widths; others need the variants modern or 1998")
    if stages != Stages():
        raise ValueError(
            f"{name} takes images of 28 x 28 or 32 x 32 only; other sizes need the variants modern or 1998"
        )


def _pooling(name: str, choices: Choices, in_channels: int, out_channels: int | None = None) -> dict[str, Layer]:
    """Make a pooling layer; a trainable one is followed by its activation."""
    out_channels = out_channels or in_channels
    if choices.pool == "trainable":
        return {name: SubSample2d(in_channels, out_channels), f"{name}_activation": ACTIVATIONS[choices.activation]()}
    if out_channels != in_channels:
        raise ValueError(f"pool is {choices.pool!r}, expected 'trainable': {name} has {out_channels} maps of "
                         f"{in_channels}")  # fmt: skip
    return {name: MaxPool2d(2) if choices.pool == "max" else AvgPool2d(2)}


def _table(choices: Choices, table: Table) -> Table | None:
    return table if choices.c3 == "table" else None


def _outputs(choices: Choices, output: Conv2d) -> dict[str, Layer]:
    """Make the last layers of LeNet-1 and LeNet-4: one unit per class; for "rbf" squashed, with targets of +-1."""
    layers: dict[str, Layer] = {"output": output}
    if choices.head == "rbf":
        n = output.out_channels
        one_of_n = tuple(tuple(1 if i == k else -1 for i in range(n)) for k in range(n))
        layers |= {"output_activation": ACTIVATIONS[choices.activation](), "targets": Targets(one_of_n)}
    return layers


#: Maps of the convolutions before C5, from the first on, and the units of C5 and F6.
MAPS, UNITS = (6, 16, 32, 64), (120, 84)


def _checked_widths(choices: Choices, stages: Stages, widths: Widths) -> Widths:
    """``widths``, or the usual ones where there are none; ValueError unless they fit."""
    usual = MAPS[: stages.n] + UNITS
    if not widths:
        return usual
    if len(widths) != len(usual) or not all(type(n) is int and 1 <= n <= WIDEST for n in widths):
        raise ValueError(f"widths are {list(widths)}, expected {len(usual)} numbers from 1 to {WIDEST}")
    if widths != usual and (choices.c3 == "table" or choices.head == "rbf"):
        raise ValueError(f"widths are {list(widths)}, but a table of C3 and an RBF head need the usual {list(usual)}")
    return widths


def _lenet5(
    choices: Choices, n_classes: int, in_channels: int = 1, stages: Stages = Stages(), widths: Widths = ()
) -> dict[str, Layer]:
    """Make LeNet-5 (P98 section II-B); larger images have more pairs of convolution and pooling before C5."""
    squash = ACTIVATIONS[choices.activation]
    if choices.head == "rbf" and n_classes != len(BITMAPS):
        raise ValueError(
            f"head is 'rbf', which has bitmaps for the {len(BITMAPS)} digits only, not {n_classes} classes"
        )
    *maps, c5, f6 = _checked_widths(choices, stages, widths)
    layers: dict[str, Layer] = {}
    for i, n_maps in enumerate(maps):
        before = maps[i - 1] if i else in_channels
        table = _table(choices, C3_TABLE) if i == 1 else None
        layers[f"c{2 * i + 1}"] = Conv2d(before, n_maps, 5, table)
        layers[f"c{2 * i + 1}_activation"] = squash()
        layers |= _pooling(f"s{2 * i + 2}", choices, n_maps)
    last = 2 * stages.n + 1
    layers[f"c{last}"] = Conv2d(maps[-1], c5, stages.side)
    layers[f"c{last}_activation"] = squash()
    layers[f"f{last + 1}"] = Linear(c5, f6)
    layers[f"f{last + 1}_activation"] = squash()
    layers["output"] = RBF(centres()) if choices.head == "rbf" else Linear(f6, n_classes)
    return layers


def _lenet1(choices: Choices, n_classes: int, in_channels: int, stages: Stages, widths: Widths) -> dict[str, Layer]:
    """Make LeNet-1 (P89): 2,578 parameters, 98,442 connections on a field of 28 x 28.

    P98 gave it digits of 16 x 16 pixels in that field; here they have MNIST's 20 x 20.
    """
    _only_usual("lenet1", stages, widths)
    squash = ACTIVATIONS[choices.activation]
    return {
        "h1": Conv2d(in_channels, 4, 5),
        "h1_activation": squash(),
        **_pooling("h2", choices, 4),
        "h3": Conv2d(4, 12, 5, _table(choices, LENET1_TABLE)),
        "h3_activation": squash(),
        **_pooling("h4", choices, 12),
        **_outputs(choices, Conv2d(12, n_classes, 4)),
    }


def _lenet4(choices: Choices, n_classes: int, in_channels: int, stages: Stages, widths: Widths) -> dict[str, Layer]:
    """Make LeNet-4 (P98 section III-C): "about 17,000 free parameters and 260,000 connections".

    It has 4 maps, sub-sampled to 8 in pairs, then 16 and 16 maps, 120 units, and one output per class.
    """
    _only_usual("lenet4", stages, widths)
    squash = ACTIVATIONS[choices.activation]
    return {
        "c1": Conv2d(in_channels, 4, 5),
        "c1_activation": squash(),
        **_pooling("s2", choices, 4, 8),
        "c3": Conv2d(8, 16, 5, _table(choices, LENET4_C3_TABLE)),
        "c3_activation": squash(),
        **_pooling("s4", choices, 16),
        "c5": Conv2d(16, 120, 5, LENET4_C5_TABLE),
        "c5_activation": squash(),
        **_outputs(choices, Linear(120, n_classes)),
    }


_1998 = Choices("scaled-tanh", "trainable", "table", "rbf")
#: By name; the first is the default of a new model.
VARIANTS = {
    "modern": Variant(Choices("relu", "max", "dense", "softmax"), _lenet5, background=0.0, ink=1.0, initializer="he"),
    "1998": Variant(_1998, _lenet5),
    "lenet1": Variant(_1998, _lenet1, margin=2),
    "lenet4": Variant(_1998, _lenet4),
}
CHOICES = tuple(field.name for field in fields(Choices))


def modern(activation: str = "relu", pool: str = "max", n_classes: int = 10) -> dict[str, Layer]:
    """Return the layers of the usual modern LeNet-5, 61,706 parameters."""
    variant = VARIANTS["modern"]
    return variant.layers(variant.choose(activation=activation, pool=pool), n_classes)
