"""Which of a page's candidates are numbers: words, letters and specks are dropped.

The lattice says how much likelier a candidate is a number than rubbish, for each of its digits. How much of that is
needed depends on the page: on one of print hardly anything is a number, on one of numbers nearly everything is.
"""

from collections.abc import Sequence

import numpy as np

from .lines import Line
from .networks import N_DIGITS

#: The evidence for a digit, as a logarithm, where words and numbers are equally likely; the change that makes one of
#: them e times as likely. 75 % of printed words are below 12.3; 95 % of numbers of the style ``varied`` are above 13.9.
EVEN, SCALE = 12.5, 1.25
#: Numbers that every page is taken to hold besides its own: of few candidates only hopeless ones are dropped.
NUMBERS_BEFORE = 50
USUAL = 5  # digits of a number; a longer one, such as a line of words, is judged with more certainty
CAUTION = 2.0  # the logarithm of how much likelier it must be anything else: losing a number is worse


def are_numbers(lines: Sequence[Line]) -> np.ndarray:
    """Tell which of a page's candidates are numbers: (n,) bool."""
    n_digits = np.array([max(sum(step.label < N_DIGITS for step in line.path), 1) for line in lines])
    evidence = np.array([line.total for line in lines]) / n_digits
    odds = (evidence - EVEN) / SCALE * np.maximum(n_digits / USUAL, 1) ** 0.5
    before = np.log(NUMBERS_BEFORE)
    for _ in range(20):
        shares = 1 / (1 + np.exp(-np.clip(odds + before, -50, 50)))
        before = np.log((shares.sum() + NUMBERS_BEFORE) / ((1 - shares).sum() + 1))
    return odds + before > -CAUTION if len(lines) > 1 else np.ones(len(lines), bool)
