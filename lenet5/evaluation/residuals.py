"""The errors of quantities, drawn against the truths."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import quantities

WIDTH, HEIGHT, MARGIN = 640, 400, 60
MOST = 5000  # points: more only cover each other
_PAPER, _INK, _PALE, _DOT = (255, 255, 255), (40, 40, 40), (170, 170, 170), (31, 119, 180)


def draw(answers: np.ndarray, y: np.ndarray, period: float | None = None) -> Image.Image:
    """Answer minus truth over the truth: a panel for each target, below each other.

    answers, y : ndarray of shape (N, targets)
    """
    wrong = quantities.errors(answers, y, period)
    sheet = Image.new("RGB", (WIDTH, HEIGHT * y.shape[1]), _PAPER)
    for k in range(y.shape[1]):
        sheet.paste(_panel(y[:, k], wrong[:, k], f"target {k + 1}"), (0, k * HEIGHT))
    return sheet


def _panel(y: np.ndarray, wrong: np.ndarray, name: str) -> Image.Image:
    panel = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(13)
    low, high = (float(y.min()), float(y.max())) if len(y) else (0.0, 1.0)
    most = float(np.abs(wrong).max(initial=0)) or 1.0
    middle, reach = HEIGHT / 2, HEIGHT / 2 - MARGIN
    pen.line((MARGIN, middle, WIDTH - MARGIN, middle), fill=_PALE)
    across = (y - low) / ((high - low) or 1.0) * (WIDTH - 2 * MARGIN) + MARGIN
    for x, up in zip(across[:MOST], middle - wrong[:MOST] / most * reach, strict=True):
        pen.point((float(x), float(up)), fill=_DOT)
    pen.text((8, 8), f"{name}: answer minus truth over the truth, {len(y):,} images", fill=_INK, font=font)
    for x, value, anchor in ((MARGIN, low, "lm"), (WIDTH - MARGIN, high, "rm")):
        pen.text((x, HEIGHT - MARGIN / 2), f"{value:.5g}", fill=_INK, font=font, anchor=anchor)
    for up, value in ((middle - reach, most), (middle, 0.0), (middle + reach, -most)):
        pen.text((MARGIN - 6, up), f"{value:.4g}", fill=_INK, font=font, anchor="rm")
    return panel
