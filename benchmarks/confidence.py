"""Calibration, and scores that reveal wrong answers, on validation images that a model did not see.

For each model: expected calibration error and cross-entropy on one half of its validation images, before and after a
temperature fitted on the other half. For each score, on all images: the fraction to reject for an error, and the area
under the risk-coverage curve (the mean error over all fractions rejected).
"""

import argparse
from pathlib import Path

import numpy as np

from lenet5 import datasets, load
from lenet5.evaluation.calibration import fit_temperature
from lenet5.evaluation.metrics import expected_calibration_error, rejection_curve, rejection_for
from lenet5.nn.losses import cross_entropy
from lenet5.nn.network import softmax
from lenet5.training.sampler import validation_numbers

ERRORS = (0.005, 0.002, 0.001)


def fit_of_confidence(logits: np.ndarray, y: np.ndarray) -> list[float]:
    """Return temperature, calibration error and cross-entropy before and after, on the half not fitted on."""
    order = np.random.default_rng(0).permutation(len(y))
    fitted, other = np.array_split(order, 2)
    temperature = fit_temperature(logits[fitted], y[fitted])
    row = [temperature]
    for t in (1.0, temperature):
        confidence = softmax(logits[other], t).max(axis=1)
        correct = logits[other].argmax(axis=1) == y[other]
        row += [expected_calibration_error(confidence, correct), cross_entropy(logits[other] / t, y[other]).mean()]
    return row


def scores(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores that may tell how certain each answer is."""
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    second_score, first_score = np.sort(logits.astype(np.float64), axis=1)[:, -2:].T
    return {
        "highest probability": first,
        "gap of the two best probabilities": first - second,
        "gap of the two best scores": first_score - second_score,
        "highest score": first_score,
        "entropy": (probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(axis=1),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("models", nargs="+", type=Path, help="files of lenet5 train")
    data = datasets.obtain("mnist")
    of_scores: dict[str, list[list[float]]] = {}
    print("model, temperature, calibration error before, cross-entropy before, both after")
    rows = []
    for path in arguments.parse_args().models:
        model = load(path)
        numbers = validation_numbers(len(data.train[1]), model.training["config"]["validation"])
        X, y = (array[numbers] for array in data.train)
        logits = model.logits(X)
        rows.append(fit_of_confidence(logits, y))
        print(path, *(f"{value:.5f}" for value in rows[-1]))
        for name, score in scores(logits).items():
            curve = rejection_curve(score, logits.argmax(axis=1) == y)
            area = float(np.mean(np.interp(np.linspace(0, 1, 10_001), *curve)))
            of_scores.setdefault(name, []).append([area, *(rejection_for(error, curve) for error in ERRORS)])
    print("mean", *(f"{value:.5f}" for value in np.mean(rows, axis=0)))
    print("\nscore, means over the models: area x 1e6, % rejected for an error of", *(f"{e:.1%}" for e in ERRORS))
    for name, values in of_scores.items():
        area, *needed = np.mean(values, axis=0)
        print(f"{name:<36}{1e6 * area:8.1f}", *(f"{100 * part:8.2f}" for part in needed))


if __name__ == "__main__":
    main()
