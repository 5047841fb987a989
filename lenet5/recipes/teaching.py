"""Networks that read strings, taught with corrected readings: images, and what is written on them.

The text is aligned with the segments of its image. They are examples of digits and of rubbish for the segment networks
and the digit networks; the sliding network stays as it is.

Two things keep what was known. Strings composed of MNIST's digits, or of drawn ones where MNIST is not on disk, are
learnt beside the corrections. And the weights go only a part of the way to what was learnt (Wortsman et al., "Robust
fine-tuning of zero-shot models", 2022).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..datasets.listing import LeftOut
from ..datasets.synthetic import allographs, digit_strings, strokes
from ..errors import DataError, PictureError
from ..nn.network import Network
from ..ocr import alignment, networks, orientation, reader
from ..ocr.evaluation import digits_of
from ..ocr.layout import evened
from ..ocr.lines import Line, Scorer, lines_of
from ..ocr.networks import N_DIGITS, StringNetworks
from ..ocr.own_strings import transcript
from ..preprocessing.decode import Decoded, decoded
from ..preprocessing.normalization import to_grey
from ..preprocessing.sources import source_name
from ..training.config import Config
from ..training.trainer import Trainer
from ..utils.tables import Lines
from . import segments
from .data import held_out_digits
from .fitting import as_stored

#: What is learnt beside the corrections: strings of each style, and single digits; all are made of the pool.
STYLES, STRINGS, SINGLE, POOL = ("plain", "amounts"), 100, 2_000, 6_000
SHARE = 0.25  # of the replayed examples: corrections are repeated until they are as many
ROUNDS = 3  # at most; fewer where all corrected images are read rightly
TRAINING: dict[str, Any] = {"epochs": 2, "learning_rate": 0.002, "validation": 0}
AUGMENT, WIDE = "affine,elastic", "affine-wide,elastic"  # of segment networks, and of digit networks
PARTS = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05, 0.0)  # of the way from the old weights to those that were learnt
MOST_LOST = 0.001  # of the held-out digits may be forgotten, which decides the part

Examples = tuple[np.ndarray, np.ndarray]  # images uint8, and their classes (N,)
#: Called with how many images are done, and how many there are.
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Correction:
    """An image, by its file, and the text on it; ``before`` and ``after`` are how it was read, and is read now."""

    file: str
    text: str
    before: str
    after: str = ""


@dataclass(frozen=True)
class Taught:
    """What teaching came to.

    Attributes
    ----------
    networks : StringNetworks
    corrections : list of Correction
    left_out : list of LeftOut
        Images that were not learnt from, and why.
    n_digits : int
    held_out : (float, float)
        Fraction of held-out digits that the digit networks know, before and after; 0..1.
    replayed : str
        What was learnt beside the corrections, "mnist" or "strokes".
    """

    networks: StringNetworks
    corrections: list[Correction]
    left_out: list[LeftOut]
    n_digits: int
    held_out: tuple[float, float]
    replayed: str

    def n_right(self, when: str) -> int:
        """How many images are read rightly, "before" or "after"."""
        return sum(digits_of(getattr(one, when)) == digits_of(one.text) for one in self.corrections)

    def as_dict(self) -> dict:
        """As JSON."""
        return {
            "n": len(self.corrections),
            "n_digits": self.n_digits,
            "right_before": self.n_right("before"),
            "right_after": self.n_right("after"),
            "replayed": self.replayed,
            "held_out_before": self.held_out[0],
            "held_out_after": self.held_out[1],
            "images": list(map(asdict, self.corrections)),
            "left_out": [{"file": one.name, "reason": one.reason} for one in self.left_out],
        }

    def lines(self) -> Lines:
        """For people."""
        before, after = (100 * share for share in self.held_out)
        n = len(self.corrections)
        return [
            f"{n:,} images, {self.n_digits:,} digits; read rightly {self.n_right('before'):,} before, "
            f"{self.n_right('after'):,} now",
            f"held-out digits ({self.replayed}) right {before:.2f} % before, {after:.2f} % now",
        ]


def teach(
    old: StringNetworks,
    pairs: Sequence[tuple[str, str]],
    *,
    network: Scorer | None = None,
    data_dir: str | os.PathLike | None = None,
    threads: int | None = None,
    report: Report = lambda done, total: None,
) -> Taught:
    """Fine-tune networks on images whose texts are known; ``old`` stays as it is.

    Parameters
    ----------
    old : StringNetworks
    pairs : (file, text) of each image, see `own_strings.transcript`
    network : LeNet5 or another model of the digits, optional
        With which images are read before and after.
    data_dir : path-like, optional
        Where MNIST may be; nothing is downloaded.

    Raises
    ------
    PictureError
        None of the images can be read and aligned with its text.
    DivergedError
        Training diverged.
    """
    learnt, examples, left_out = _aligned(old, pairs, network, threads, report)
    if not learnt:
        raise PictureError(f"{left_out[0] if left_out else 'no images'}; nothing was learnt")
    name, digits, held_out = _pool(data_dir)
    replayed, new = _replayed(digits), old.copy()
    for _ in range(ROUNDS):
        _train(new, examples, replayed, threads)
        _go_part_way(old, new, held_out, threads)
        learnt = [replace(one, after=_text(one.file, new, network, threads)) for one in learnt]
        if all(digits_of(one.after) == digits_of(one.text) for one in learnt):
            break
    n_digits = int((examples[1] < N_DIGITS).sum())
    new.training = (old.training or {}) | {"taught": {"images": len(learnt), "digits": n_digits, "replayed": name}}
    shares = _known(old, held_out, threads), _known(new, held_out, threads)
    return Taught(new, learnt, left_out, n_digits, shares, name)


def _aligned(
    old: StringNetworks, pairs: Sequence[tuple[str, str]], network: Scorer | None, threads: int | None, report: Report
) -> tuple[list[Correction], Examples, list[LeftOut]]:
    """The images that can be learnt from, their segments (N, 2, 28, 28) with classes, and the others."""
    learnt, found, left_out = [], [], []
    for done, (file, text) in enumerate(pairs, 1):
        report(done, len(pairs))
        try:
            text, picture = transcript(text), decoded(file)
        except (PictureError, ValueError) as error:
            left_out.append(LeftOut(file, str(error).removeprefix(f"{source_name(file)}: ")))
            continue
        some = alignment.align(_lines(picture, old, network, threads), text)
        if some is None:
            left_out.append(LeftOut(file, "its text has more digits than its ink can be cut into"))
            continue
        learnt.append(Correction(file, text, reader.read(picture, network=network, networks=old, threads=threads).text))
        found.append(some)
    empty = np.empty((0, 2, 28, 28), np.uint8), np.empty(0, np.uint8)
    X, y = (np.concatenate(arrays) for arrays in zip(empty, *found, strict=True))
    return learnt, (X, y), left_out


def _lines(picture: Decoded, networks: StringNetworks, network: Scorer | None, threads: int | None) -> list[Line]:
    """The numbers of an image, the right way up."""
    grey = to_grey(picture.pixels)
    return orientation.found(
        grey, lambda page, most: lines_of(page, "auto", networks, network, threads=threads, most=most)
    ).lines


def _text(file: str, networks: StringNetworks, network: Scorer | None, threads: int | None) -> str:
    return reader.read(file, network=network, networks=networks, threads=threads).text


def _pool(data_dir: str | os.PathLike | None) -> tuple[str, Examples, Examples]:
    """The name of the digits that are replayed, `POOL` of them, and others to judge by, (N, 28, 28)."""
    try:
        (X, y), held_out = held_out_digits(data_dir, offline=True)
    except DataError:
        return "strokes", strokes.draw(POOL, seed=1), strokes.draw(SINGLE, seed=2)
    kept = np.random.default_rng(0).permutation(len(y))[:POOL]
    return "mnist", (X[kept], y[kept]), held_out


def _replayed(digits: Examples) -> tuple[Examples, Examples]:
    """Examples for segment networks, and for digit networks, of composed strings and of single digits."""
    (X, y), forms = digits, allographs.draw(len(digits[1]) // 3, seed=1)
    both = np.concatenate([X, forms[0]]), np.concatenate([y, forms[1]])
    strings = (
        string
        for k, style in enumerate(STYLES)
        for string in digit_strings.compose(*both, STRINGS, style=style, seed=k)
    )
    runs, classes = segments.examples(strings, rubbish=alignment.RUBBISH_SHARE)
    is_digit = classes < N_DIGITS
    single = np.concatenate([runs[is_digit, :1], _as_read(X[:SINGLE])])
    return (runs, classes), (single, np.concatenate([classes[is_digit], y[:SINGLE]]))


def _as_read(X: np.ndarray) -> np.ndarray:
    """Single digits (N, 28, 28) uint8 as reading sees segments, (N, 1, 28, 28) uint8."""
    return np.rint(255 * evened(X.astype(np.float32) / 255, 1.0)).astype(np.uint8)[:, None]


def _train(new: StringNetworks, examples: Examples, replayed: tuple[Examples, Examples], threads: int | None) -> None:
    """Train the segment networks and the digit networks in place."""
    (X, y), (runs, single) = examples, replayed
    is_digit = y < N_DIGITS
    of_digits = _mixed((np.ascontiguousarray(X[is_digit, :1]), y[is_digit]), single)
    turned = networks.upright(of_digits[0]), of_digits[1]
    for members, (seen, classes), augment in (
        (new.segments, _mixed(examples, runs), AUGMENT),
        (new.digits, of_digits, WIDE),
        (new.upright, turned, WIDE),
    ):
        for network in members:
            trainer = Trainer(network, seen, classes, Config(augment=augment, **TRAINING), threads)
            for _ in trainer.run():
                pass
            network.parameters[:] = trainer.best


def _mixed(examples: Examples, replayed: Examples) -> Examples:
    """Both, the examples repeated until they are the fraction `SHARE` of those that are replayed."""
    times = max(1, round(SHARE * len(replayed[1]) / len(examples[1])))
    X, y = (np.concatenate([old, *[own] * times]) for old, own in zip(replayed, examples, strict=True))
    return X, y


def _go_part_way(old: StringNetworks, new: StringNetworks, held_out: Examples, threads: int | None) -> None:
    """Move the weights of ``new`` back towards those of ``old`` until next to no held-out digit is forgotten."""
    least = _known(old, held_out, threads) - MOST_LOST
    learnt = [network.parameters.copy() for network in _taught(new)]
    for part in PARTS:
        for network, before, after in zip(_taught(new), _taught(old), learnt, strict=True):
            network.parameters[:] = before.parameters + np.float32(part) * (after - before.parameters)
            as_stored(network)
        if _known(new, held_out, threads) >= least:
            return


def _taught(networks: StringNetworks) -> list[Network]:
    """The networks that learn."""
    return [*networks.segments, *networks.digits, *networks.upright]


def _known(networks: StringNetworks, digits: Examples, threads: int | None) -> float:
    """The fraction of single digits that the digit networks know."""
    X, y = digits
    return float((networks.digit_log_probabilities(_as_read(X), threads).argmax(axis=1) == y).mean())
