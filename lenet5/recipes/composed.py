"""How well composed strings are read: numbers made of single digits, read by a model and the networks that ship."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..datasets.synthetic import digit_strings
from ..models.base import Classifier
from ..ocr import evaluation
from ..ocr.networks import StringNetworks
from ..utils.tables import Lines


@dataclass(frozen=True)
class StringsReport:
    """What reading strings came to.

    Attributes
    ----------
    dataset, style : str
        Which digits the strings are composed of, and how.
    counts : dict
        The report of `ocr.evaluation.evaluation`.
    misread : list of (image, right, read)
        The strings that were not read rightly, as images (H, W) uint8.
    """

    dataset: str
    style: str
    counts: dict
    misread: list[tuple[np.ndarray, str, str]]

    def as_dict(self) -> dict:
        """As JSON."""
        return {"dataset": self.dataset, "style": self.style, **self.counts}

    def lines(self) -> Lines:
        """For people."""
        found = self.counts
        first = f"{self.dataset}, {found['n']:,} {self.style} strings composed of test images"
        return [f"{first}, {found['n_digits']:,} digits", *evaluation.lines(found, "strings")]

    def draw(self) -> Image.Image:
        """The strings that were misread."""
        return evaluation.sheet(self.misread)


def evaluate_strings(
    model: Classifier,
    dataset: str,
    X: np.ndarray,
    y: np.ndarray,
    *,
    style: str,
    n: int = 2000,
    networks: StringNetworks | None = None,
    threads: int | None = None,
) -> StringsReport:
    """Compose ``n`` strings of the digits X (N, 28, 28) uint8 with labels y (N,), and read them.

    networks : those that read, by default the ones that ship
    style : "plain", "apart", "varied" or "amounts", see `digit_strings.compose`
    """
    misread = []

    def pairs():
        for image, right in evaluation.pictures(digit_strings.compose(X, y, n, style=style)):
            text = str(model.read(image, invert="yes", networks=networks, threads=threads))
            if evaluation.digits_of(text) != right:
                misread.append((image, right, text))
            yield text, right

    return StringsReport(dataset, style, evaluation.evaluation(pairs()), misread)
