"""Likely label errors."""

import numpy as np

from lenet5.evaluation.suspects import suspects, write_csv

LABELS = ("cat", "dog", "owl")
P = np.array([[0.9, 0.1, 0], [0.8, 0.1, 0.1], [0.1, 0.9, 0], [0.02, 0.97, 0.01], [0.2, 0.5, 0.3], [0.05, 0.9, 0.05]])
Y = np.array([0, 0, 1, 0, 0, 2])


def test_confident_disagreement_is_found_the_surest_first():
    """Answers of dog count from the mean confidence in dogs, 0.9; the fifth image is answered with 0.5 only."""
    found = suspects(Y, P, LABELS)
    assert [(one.number, one.label, one.answer) for one in found] == [(3, "cat", "dog"), (5, "owl", "dog")]
    assert (found[0].confidence, found[0].own) == (0.97, 0.02)


def test_a_class_without_images_is_never_suspected():
    assert suspects(np.array([0, 0]), np.array([[0.9, 0.1], [0.1, 0.9]]), LABELS[:2]) == []


def test_the_table(tmp_path):
    files = [f"{k}, é.png" for k in range(6)]
    write_csv(suspects(Y, P, LABELS), files, tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text(encoding="utf-8").splitlines() == [
        "path,label,answer,confidence,confidence_in_label",
        '"3, é.png",cat,dog,0.9700,0.0200',
        '"5, é.png",owl,dog,0.9000,0.0500',
    ]
