"""The errors of quantities, drawn against the truths."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import quantities

WIDTH, HEIGHT, MARGIN = 640, 400, 60
MOST = 5000  # points: more only cover each other
_PAPER, _INK, _RED, _DOT = (255, 255, 255), (40, 40, 40), (214, 39, 40), (31, 119, 180)


def draw(
    answers: np.ndarray, y: np.ndarray, period: float | None = None, width: np.ndarray | None = None
) -> Image.Image:
    """Answer minus truth over the truth: a panel for each target, below each other.

    answers, y : ndarray of shape (N, targets)
    width : ndarray of shape (targets,), half the widths of intervals, which broken lines show
    """
    wrong = quantities.errors(answers, y, period)
    sheet = Image.new("RGB", (WIDTH, HEIGHT * y.shape[1]), _PAPER)
    for k in range(y.shape[1]):
        ends = None if width is None else float(width[k])
        sheet.paste(_panel(y[:, k], wrong[:, k], f"target {k + 1}", ends), (0, k * HEIGHT))
    return sheet


def _panel(y: np.ndarray, wrong: np.ndarray, name: str, ends: float | None) -> Image.Image:
    panel = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(13)
    low, high = (float(y.min()), float(y.max())) if len(y) else (0.0, 1.0)
    most = max(float(np.abs(wrong).max(initial=0)), ends or 0.0) or 1.0
    middle, reach = HEIGHT / 2, HEIGHT / 2 - MARGIN
    pen.line((MARGIN, middle, WIDTH - MARGIN, middle), fill=_INK)
    across = (y - low) / ((high - low) or 1.0) * (WIDTH - 2 * MARGIN) + MARGIN
    for x, up in zip(across[:MOST], middle - wrong[:MOST] / most * reach, strict=True):
        pen.rectangle((float(x), float(up), float(x) + 1, float(up) + 1), fill=_DOT)
    for end in () if ends is None else (-ends, ends):
        for x in range(MARGIN, WIDTH - MARGIN, 12):
            pen.line((x, middle - end / most * reach, x + 6, middle - end / most * reach), fill=_RED)
    held = "" if ends is None else "; broken lines: the 90 % interval"
    pen.text((8, 8), f"{name}: answer minus truth over the truth, {len(y):,} images{held}", fill=_INK, font=font)
    for x, value, anchor in ((MARGIN, low, "lm"), (WIDTH - MARGIN, high, "rm")):
        pen.text((x, HEIGHT - MARGIN / 2), f"{value:.4g}", fill=_INK, font=font, anchor=anchor)
    for up, value in ((middle - reach, most), (middle, 0.0), (middle + reach, -most)):
        pen.text((MARGIN - 6, up), f"{value:.4g}", fill=_INK, font=font, anchor="rm")
    return panel
