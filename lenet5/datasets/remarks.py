"""What is odd about a user's set, in one line each: it is told, and trained on all the same."""

from collections.abc import Iterator

import numpy as np

from ..errors import one_line
from .listing import Found
from .pixels import Facts

NAMED = 3  # of each oddity at most this many images are named


def all_of(
    images: list[Found], facts: Facts, names: tuple[str, ...], y: np.ndarray, parts: np.ndarray, pairs: np.ndarray
) -> list[str]:
    """All lines. ``parts`` says whether an image is for training, 0, or not; ``pairs`` are near duplicates."""
    lines = [f"{_of(read)}: {told}" for told, read in facts.remarks.items()]
    lines += [*_alike_names(names), *_lonely_classes(names, y, parts)]
    if names:
        lines += _pairs(images, pairs[y[pairs[:, 0]] != y[pairs[:, 1]]], "the same image in two classes, one is wrong")
    apart = pairs[(parts[pairs] == 0).any(axis=1) & (parts[pairs] > 0).any(axis=1)]
    return lines + _pairs(images, apart, "near duplicates of training images among those to judge by, which flatter")


def none_apart(parts: np.ndarray, validation: float | None) -> list[str]:
    """A line where nobody asked that all images be trained on."""
    told = (
        "fewer than ten images a class: all are trained on, and no result is of new images; give some in a folder test"
    )
    return [told] if validation is None and not parts.any() else []


def _alike_names(names: tuple[str, ...]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            yield f"classes {one_line(other)} and {one_line(name)} differ by case only; they are kept apart"


def _lonely_classes(names: tuple[str, ...], y: np.ndarray, parts: np.ndarray) -> Iterator[str]:
    for k, name in enumerate(names):
        if (parts[y == k] == 0).sum() == 1 and (y == k).sum() == 1:
            yield f"class {one_line(name)} has one image only, which is trained on; more are needed to judge it"


def _pairs(images: list[Found], pairs: np.ndarray, what: str) -> list[str]:
    if not len(pairs):
        return []
    shown = [f"{one_line(images[a].name)} = {one_line(images[b].name)}" for a, b in pairs[:NAMED].tolist()]
    return [f"{_and_more(shown, len(pairs))}: {what}"]


def _of(read: list[str]) -> str:
    return _and_more([one_line(name) for name in read[:NAMED]], len(read))


def _and_more(shown: list[str], n: int) -> str:
    return ", ".join(shown) + (f" and {n - len(shown):,} more" if n > len(shown) else "")
