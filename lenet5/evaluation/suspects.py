"""Likely label errors: images that a model confidently answers otherwise than they are labelled.

Confident learning (Northcutt, Jiang, Chuang, 2021). Each class has a mean probability on the images labelled with it;
an answer counts as confident from there on, and from `SURE` on in any case.
"""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..utils.files import atomic_write

SURE = 0.95  # a probability: models that are nearly always right have means so close to 1 that few answers reach them


@dataclass(frozen=True)
class Suspect:
    """An image that is perhaps labelled wrongly; ``confidence`` is that of the answer, ``own`` that of the label."""

    number: int
    label: str
    answer: str
    confidence: float
    own: float


def suspects(y: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]) -> list[Suspect]:
    """Find likely label errors, the likeliest first.

    Parameters
    ----------
    y : ndarray of shape (N,), indices into ``labels``
    probabilities : ndarray of shape (N, classes), 0..1
        Of a model that was not trained on these images: it would repeat their errors.
    """
    answers = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    means = [probabilities[y == k, k].mean() if (y == k).any() else SURE for k in range(len(labels))]
    least = np.minimum(means, SURE)
    numbers = np.flatnonzero((answers != y) & (sure >= least[answers]))
    own = probabilities[np.arange(len(y)), y]
    numbers = numbers[np.argsort(own[numbers] - sure[numbers], kind="stable")]
    return [Suspect(int(i), labels[y[i]], labels[answers[i]], float(sure[i]), float(own[i])) for i in numbers]


def write_csv(found: Sequence[Suspect], files: Sequence[str], path: str | os.PathLike) -> None:
    """Write a row for each suspect: its file, label and answer, and the confidence in both; whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "label", "answer", "confidence", "confidence_in_label"))
    for one in found:
        writer.writerow((files[one.number], one.label, one.answer, f"{one.confidence:.4f}", f"{one.own:.4f}"))
    atomic_write(path, text.getvalue().encode("utf-8", "surrogateescape"))
