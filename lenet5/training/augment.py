"""Augmentation: random distortions of training images, each a function of (seed, epoch, number of the image) alone.

Amounts are uniform in the ranges given here, and compiled code (kernels/augment/) applies them. They distort the field
that the network sees, an image with its padding, in this order: a photo's pen and lens; affine and elastic, in one
bilinear resampling with background outside; a photo's ink and paper; cutout; inversion. Colours change before all that,
by NumPy, and are a function of seed, epoch and position.
"""

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import numpy as np

from .. import _kernels

#: Images whose colours change together: bounds the memory that it takes.
CHUNK = 256


def _check(distortion, **ranges: tuple[float, float]) -> None:
    """Raise ValueError for a field that is not a number in its range."""
    for name, (low, high) in ranges.items():
        value = getattr(distortion, name)
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            what = f"{type(distortion).__name__}: {name}"
            raise ValueError(f"{what} is {value!r}, expected {low:g} to {high:g}")


@dataclass(frozen=True)
class Affine:
    """A random affine map; every parameter is uniform and independent.

    Parameters
    ----------
    rotation : degrees to either side, 0 to 180
    scale : relative change of width and of height, independently, 0 to 0.9
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
        """Return the kernels' parameters."""
        return {"rotation": math.radians(self.rotation), "scale": self.scale, "shear": self.shear, "shift": self.shift}


@dataclass(frozen=True)
class Crop:
    """A crop from the field with a widened frame: a shift by whole pixels, which blurs nothing.

    He and others, "Deep Residual Learning for Image Recognition" (2016), section 4.2.

    Parameters
    ----------
    pixels : to each side, a whole number, 0 to 32
    """

    pixels: int = 2

    def __post_init__(self):
        _check(self, pixels=(0, 32))
        if self.pixels != int(self.pixels):
            raise ValueError(f"Crop: pixels is {self.pixels!r}, expected a whole number")

    def ranges(self) -> dict[str, float]:
        """Return the kernels' parameters."""
        return {"crop": int(self.pixels)}


@dataclass(frozen=True)
class Flip:
    """A horizontal flip. Not for digits: a mirrored digit is another one, or none.

    Parameters
    ----------
    probability : that an image is mirrored, 0 to 1
    """

    probability: float = 0.5

    def __post_init__(self):
        _check(self, probability=(0, 1))

    def ranges(self) -> dict[str, float]:
        """Return the kernels' parameters."""
        return {"flip_probability": self.probability}


@dataclass(frozen=True)
class Elastic:
    """A random smooth displacement of every pixel.

    Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis"
    (ICDAR 2003), section 2. They filter uniform noise in -1..1 by a Gaussian and multiply it. Here the noise lies on a
    grid of knots and is interpolated by cubic B-splines, with the same deviation and nearly the same correlation.

    A pixel's displacement has a standard deviation of 0.163 alpha / sigma in each direction: 0.9 pixels by default. The
    paper's alpha 34 and sigma 4 give 1.4 pixels; that makes blots of some digits, too much for a network of this size.

    Parameters
    ----------
    alpha : pixels, the factor of the filtered noise, 0 to 200
    sigma : pixels, the filter's standard deviation, 2 to 32
    """

    alpha: float = 34.0
    sigma: float = 6.0

    def __post_init__(self):
        _check(self, alpha=(0, 200), sigma=(2, 32))

    def ranges(self) -> dict[str, float]:
        """Return the kernels' parameters."""
        # A cubic B-spline has the variance spacing^2 / 3. Filtering leaves noise 1 / (2 sqrt(pi) sigma) of its
        # deviation, interpolation 151/315: the mean, over a spacing, of the sum of the squared basis functions.
        gain = 1 / (2 * math.sqrt(math.pi) * self.sigma) / (151 / 315)
        return {"knot_spacing": self.sigma * math.sqrt(3), "knot_range": self.alpha * gain}


@dataclass(frozen=True)
class Photo:
    """The effects of pens, paper and cameras.

    Lines become wider or thinner; blur and JPEG's blocks appear; ink covers unevenly; there is grain, and a bar of
    something else near the edge. Each amount is uniform from 0 to the one given here; grain is mostly weak.

    Parameters
    ----------
    pen : 0 to 1, fraction of the way to the highest or lowest value of a pixel and its eight neighbours
    blur : 0 to 1, fraction of the way to their mean, weighted 1 2 1 in each direction
    uneven : 0 to 1, fraction of the ink that is lost in spots of about 8 pixels
    grain : 0 to 1, fraction of the ink that single pixels lose, and of full ink that the background gains
    clutter : 0 to 1, probability of a bar, up to a sixth of the field wide
    jpeg : 0 to 1, coarseness of JPEG's steps: 0.5 is quality 50, 1 is quality 25
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
        """Return the kernels' parameters."""
        return {f"photo_{name}": value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Cutout:
    """A square set to background, centred anywhere in the field.

    DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout" (2017).

    Parameters
    ----------
    side : pixels, a whole number, 1 to 96
        The part outside the field is cut off. A side of 8 already hides what identifies a digit of 20 pixels.
    probability : that an image is cut, 0 to 1
    """

    side: int = 6
    probability: float = 0.5

    def __post_init__(self):
        _check(self, side=(1, 96), probability=(0, 1))
        if self.side != int(self.side):
            raise ValueError(f"Cutout: side is {self.side!r}, expected a whole number")

    def ranges(self) -> dict[str, float]:
        """Return the kernels' parameters."""
        return {"cutout_side": int(self.side), "cutout_probability": self.probability}


@dataclass(frozen=True)
class Invert:
    """Ink and background of the whole field exchanged.

    Parameters
    ----------
    probability : that an image is inverted, 0 to 1
    """

    probability: float = 0.5

    def __post_init__(self):
        _check(self, probability=(0, 1))

    def ranges(self) -> dict[str, float]:
        """Return the kernels' parameters."""
        return {"inversion_probability": self.probability}


@dataclass(frozen=True)
class Colour:
    """Another light and another background: each channel of an image times a factor, plus an offset.

    Parameters
    ----------
    gain : the factor's logarithm is up to this, to either side, 0 to 3
    offset : as a fraction of white, to either side, 0 to 1
    """

    gain: float = 0.7
    offset: float = 0.3

    def __post_init__(self):
        _check(self, gain=(0, 3), offset=(0, 1))

    def ranges(self) -> dict[str, float]:
        """Return no parameters, since the kernels have no such distortion."""
        return {}

    def changed(self, X: np.ndarray, *seeds: int) -> np.ndarray:
        """Images (N, C, H, W) in other colours, uint8 or float32 in 0..1 as they are; a function of the seeds."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))
        shape, white = (*X.shape[:2], 1, 1), 255 if X.dtype == np.uint8 else 1
        factors = np.exp(rng.uniform(-self.gain, self.gain, shape)).astype(np.float32)
        offsets = (white * rng.uniform(-self.offset, self.offset, shape)).astype(np.float32)
        changed = np.empty(X.shape, X.dtype)
        for some in (slice(k, k + CHUNK) for k in range(0, len(X), CHUNK)):
            values = np.clip(X[some] * factors[some] + offsets[some], 0, white)
            changed[some] = np.rint(values) if white == 255 else values
        return changed


Distortion = Affine | Crop | Flip | Elastic | Photo | Cutout | Invert | Colour
#: By name, in the order of application; "paper" takes the place of affine.
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
    "colour": Colour(),
    # Those of P98, which does not print their ranges: shifts, scaling, squeezing, horizontal shear, no rotation.
    "paper": Affine(rotation=0.0, scale=0.12, shear=0.2, shift=2.0),
}


def canonical(names: str, what: str = "augment") -> str:
    """Put comma-separated names of distortions, or ``none``, into the order of `AUGMENTATIONS`.

    Otherwise raise a ValueError, in which they are called ``what``.
    """
    given = [name.strip() for name in names.split(",")] if isinstance(names, str) else []
    if given == ["none"]:
        return "none"
    both = "paper" in given and {"affine", "affine-wide"} & set(given)  # two ranges of the same parameters
    if not given or len(set(given)) < len(given) or not set(given) <= set(AUGMENTATIONS) or both:
        expected = f"none, or one or more of {', '.join(AUGMENTATIONS)}, each once, comma-separated"
        raise ValueError(f"{what} is {names!r}, expected {expected}{' and not affine beside paper' if both else ''}")
    return ",".join(name for name in AUGMENTATIONS if name in given)


def chosen(names: str) -> list[Distortion]:
    """Return the distortions named, see `canonical`; an empty list for ``none``."""
    names = canonical(names)
    return [] if names == "none" else [AUGMENTATIONS[name] for name in names.split(",")]


def for_epoch(distortions: list[Distortion], *, seed: int, epoch: int) -> _kernels.Augmentation | None:
    """Return the distortions of one epoch, for `_kernels.gather` and `_kernels.Training.prepare`."""
    ranges: dict[str, Any] = {}
    for distortion in distortions:
        for name, value in distortion.ranges().items():  # affine and one of its parts: the wider range counts
            ranges[name] = max(value, ranges.get(name, 0))
    return _kernels.Augmentation(seed, epoch, **ranges) if ranges else None


def colour_in(distortions: list[Distortion]) -> Colour | None:
    """Return the one that changes colours, if there is such."""
    return next((distortion for distortion in distortions if isinstance(distortion, Colour)), None)
