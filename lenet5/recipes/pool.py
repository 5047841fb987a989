"""The pool of digits that the networks of `lenet5 predict` learn from: those that read, and the one that rejects.

It holds MNIST's training digits, and digits of the pen model in usual, other and angular forms. There are digits out of
composed strings, and those that the segmenter cut out of drawn images and composed photos.
"""

from dataclasses import dataclass

from ..datasets.synthetic import allographs, digit_strings, hands, strokes
from ..datasets.synthetic.segmentation import AS_IT_IS
from ..ocr import networks
from . import cut, segments
from .command import setting
from .cut import Examples
from .ocr import FLAGGED


@dataclass(frozen=True)
class PoolSettings:
    """How much of each kind is drawn."""

    strokes: int = setting(40_000, "digits of the pen model, in usual and again in angular forms")
    forms: int = setting(50_000, "in forms that MNIST's writers hardly use")
    strings: int = setting(7_000, "composed strings, of whose digits each is one image")
    drawn: int = setting(40_000, "images of a digit that are drawn for the segmenter to cut")
    photographs: int = setting(1_500, "and composed photos")
    coarse: int = setting(30_000, "images of any of the digits as they are, many of few pixels, also to be cut")


#: Amounts for a run of seconds.
SMALL = {"strokes": 500, "forms": 500, "strings": 10, "drawn": 60, "photographs": 2, "coarse": 20}


def draw(mnist: Examples, settings: PoolSettings, seed: int, threads: int | None = None) -> Examples:
    """Images (N, 28, 28) uint8 and their classes; ``mnist`` are the training digits.

    Both recipes draw the same pool from a seed.
    """
    seed *= 100
    whole = cut.joined(
        [
            mnist,
            strokes.draw(settings.strokes, seed=seed),
            strokes.draw(settings.strokes, seed=seed + 1, ways=hands.FORMS),
            allographs.draw(settings.forms, seed=seed + 2),
            _of_strings(mnist, settings.strings, seed + 3),
        ]
    )
    return cut.joined(
        [
            whole,
            cut.digits(settings.drawn, mnist, seed=seed + 4, threads=threads),
            cut.photographed(settings.photographs, seed=seed + 5, threads=threads),
            cut.digits(settings.coarse, whole, seed=seed + 6, layouts=AS_IT_IS, threads=threads),
        ]
    )


def _of_strings(mnist: Examples, n: int, seed: int) -> Examples:
    """The digits of ``n`` strings as they are read: thick and thin, touching, with flags and bars."""
    forms = allographs.draw(len(mnist[1]), seed=seed)
    X, y = cut.joined((mnist, forms))
    composed = digit_strings.compose(X, y, n, style=FLAGGED, seed=seed)
    segment, label = segments.examples(composed, seed=seed, rubbish=0)
    is_digit = label < networks.N_DIGITS
    return segment[is_digit, 0], label[is_digit]
