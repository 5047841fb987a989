"""Random distortions of training pictures, a function of (seed, epoch, number of the picture) and of nothing else.

What is drawn is uniform in the ranges that are given here and made in compiled code (kernels/augment/). The distortions
are those of the field that the network sees, a picture with its padding. In the order in which they are done:
a photo's pen and lens; affine and elastic, in one resampling, bilinear, background outside; a photo's ink and paper;
cutout; inversion.
"""

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from .. import _kernels


def _check(distortion, **ranges: tuple[float, float]) -> None:
    """ValueError where a field is no number in its range."""
    for name, (low, high) in ranges.items():
        value = getattr(distortion, name)
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            what = f"{type(distortion).__name__}: {name}"
            raise ValueError(f"{what} is {value!r}, expected {low:g} to {high:g}")


@dataclass(frozen=True)
class Affine:
    """A random affine map, every parameter uniform and independent.

    rotation : degrees to either side, 0 to 180
    scale : relative change of width and of height, each for itself, 0 to 0.9
    shear : horizontal, as a tangent, 0 to 2
    shift : pixels to each side, 0 to 32
    """

    rotation: float = 10.0
    scale: float = 0.1
    shear: float = 0.15
    shift: float = 1.5

    def __post_init__(self):
        _check(self, rotation=(0, 180), scale=(0, 0.9), shear=(0, 2), shift=(0, 32))

    def ranges(self) -> dict[str, float]:
        """As the kernels take them."""
        return {"rotation": math.radians(self.rotation), "scale": self.scale, "shear": self.shear, "shift": self.shift}


@dataclass(frozen=True)
class Crop:
    """A window of the field's size, cut out of the field with its frame widened: a shift by whole pixels, which blurs
    nothing. He and others, "Deep Residual Learning for Image Recognition" (2016), section 4.2.

    pixels : to each side, a whole number, 0 to 32
    """

    pixels: int = 2

    def __post_init__(self):
        _check(self, pixels=(0, 32))
        if self.pixels != int(self.pixels):
            raise ValueError(f"Crop: pixels is {self.pixels!r}, expected a whole number")

    def ranges(self) -> dict[str, float]:
        """As the kernels take them."""
        return {"crop": int(self.pixels)}


@dataclass(frozen=True)
class Flip:
    """Left and right exchanged. Not for digits, of which a mirrored one is another or none.

    probability : 0 to 1, of a picture being mirrored
    """

    probability: float = 0.5

    def __post_init__(self):
        _check(self, probability=(0, 1))

    def ranges(self) -> dict[str, float]:
        """As the kernels take them."""
        return {"flip_probability": self.probability}


@dataclass(frozen=True)
class Elastic:
    """A random smooth displacement of every pixel: Simard, Steinkraus and Platt, "Best Practices for Convolutional
    Neural Networks Applied to Visual Document Analysis" (ICDAR 2003), section 2.

    There, uniform noise in -1..1 goes through a Gaussian filter and is multiplied; here it lies on a grid of knots and
    is interpolated by cubic B-splines, with the same deviation and nearly the same correlation. The displacement of a
    pixel has a standard deviation of 0.163 alpha / sigma in each direction: 0.9 pixels by default. The paper's own
    alpha 34 and sigma 4 give 1.4 pixels, which makes blots of some digits and is too much for a network of this size.

    alpha : pixels, what the filtered noise is multiplied by, 0 to 200
    sigma : pixels, the filter's standard deviation, 2 to 32
    """

    alpha: float = 34.0
    sigma: float = 6.0

    def __post_init__(self):
        _check(self, alpha=(0, 200), sigma=(2, 32))

    def ranges(self) -> dict[str, float]:
        """As the kernels take them."""
        # A cubic B-spline has the variance spacing^2 / 3. Filtered noise has 1 / (2 sqrt(pi) sigma) of the deviation
        # that it had, interpolated noise 151/315: the mean over a spacing of the sum of the squared basis functions.
        gain = 1 / (2 * math.sqrt(math.pi) * self.sigma) / (151 / 315)
        return {"knot_spacing": self.sigma * math.sqrt(3), "knot_range": self.alpha * gain}


@dataclass(frozen=True)
class Photo:
    """What pens, paper and cameras do: lines wider or thinner, blur, JPEG's blocks, ink that covers unevenly, grain,
    and a bar of something else near the edge. Each amount is uniform from 0 to what is given here; that of grain is
    mostly little.

    pen : part of the way to the greatest or to the least value among a pixel and its eight neighbours, 0 to 1
    blur : part of the way to their mean, weighted 1 2 1 in each direction, 0 to 1
    uneven : part of the ink that is lost in spots of some 8 pixels, 0 to 1
    grain : part of the ink that single pixels lose, and of full ink that the background gains, 0 to 1
    clutter : 0 to 1, probability of a bar, up to a sixth of the field wide
    jpeg : how coarse JPEG's steps are, 0 to 1, which is its quality 25; 0.5 is its quality 50
    """

    pen: float = 0.5
    blur: float = 0.7
    uneven: float = 0.5
    grain: float = 0.3
    clutter: float = 0.15
    jpeg: float = 0.5

    def __post_init__(self):
        _check(self, **dict.fromkeys(("pen", "blur", "uneven", "grain", "clutter", "jpeg"), (0, 1)))

    def ranges(self) -> dict[str, float]:
        """As the kernels take them."""
        return {f"photo_{name}": value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Cutout:
    """A square set to background, its centre anywhere in the field: DeVries and Taylor, "Improved Regularization of
    Convolutional Neural Networks with Cutout" (2017).

    side : pixels, a whole number, 1 to 96; what lies outside of the field is cut off. 8 already hides what makes a
        digit of 20 pixels itself
    probability : 0 to 1, of a picture being cut
    """

    side: int = 6
    probability: float = 0.5

    def __post_init__(self):
        _check(self, side=(1, 96), probability=(0, 1))
        if self.side != int(self.side):
            raise ValueError(f"Cutout: side is {self.side!r}, expected a whole number")

    def ranges(self) -> dict[str, float]:
        """As the kernels take them."""
        return {"cutout_side": int(self.side), "cutout_probability": self.probability}


@dataclass(frozen=True)
class Invert:
    """Ink and background of the whole field exchanged.

    probability : 0 to 1, of a picture being inverted
    """

    probability: float = 0.5

    def __post_init__(self):
        _check(self, probability=(0, 1))

    def ranges(self) -> dict[str, float]:
        """As the kernels take them."""
        return {"inversion_probability": self.probability}


Distortion = Affine | Crop | Flip | Elastic | Photo | Cutout | Invert
#: By name, in the order in which they are done; the last one in the place of affine.
AUGMENTATIONS: dict[str, Distortion] = {
    "affine": Affine(),
    "affine-wide": Affine(rotation=15.0, scale=0.15, shear=0.2, shift=2.0),
    "rotation": Affine(scale=0.0, shear=0.0, shift=0.0),
    "scale": Affine(rotation=0.0, shear=0.0, shift=0.0),
    "shear": Affine(rotation=0.0, scale=0.0, shift=0.0),
    "shift": Affine(rotation=0.0, scale=0.0, shear=0.0),
    "crop": Crop(),
    "flip": Flip(),
    "elastic": Elastic(),
    "photo": Photo(),
    "cutout": Cutout(),
    "invert": Invert(),
    # Those of P98, in ranges that it does not print: shifts, scaling, squeezing, horizontal shear, no rotation.
    "paper": Affine(rotation=0.0, scale=0.12, shear=0.2, shift=2.0),
}


def canonical(names: str, what: str = "augment") -> str:
    """Names of distortions with commas between, or ``none``, in the order of `AUGMENTATIONS`; else ValueError, which
    calls them ``what``."""
    given = [name.strip() for name in names.split(",")] if isinstance(names, str) else []
    if given == ["none"]:
        return "none"
    both = "paper" in given and {"affine", "affine-wide"} & set(given)  # two ranges of the same
    if not given or len(set(given)) < len(given) or not set(given) <= set(AUGMENTATIONS) or both:
        expected = f"none, or one or more of {', '.join(AUGMENTATIONS)}, each once, with commas between"
        raise ValueError(f"{what} is {names!r}, expected {expected}{' and not affine beside paper' if both else ''}")
    return ",".join(name for name in AUGMENTATIONS if name in given)


def chosen(names: str) -> list[Distortion]:
    """The distortions of a list of names, see `canonical`; none for ``none``."""
    names = canonical(names)
    return [] if names == "none" else [AUGMENTATIONS[name] for name in names.split(",")]


def for_epoch(distortions: list[Distortion], *, seed: int, epoch: int) -> _kernels.Augmentation | None:
    """The distortions of one pass over the pictures, for `_kernels.gather` and `_kernels.Training.prepare`."""
    if not distortions:
        return None
    ranges: dict[str, Any] = {}
    for distortion in distortions:
        for name, value in distortion.ranges().items():  # affine, and a part of it: the wider range
            ranges[name] = max(value, ranges.get(name, 0))
    return _kernels.Augmentation(seed, epoch, **ranges)
