"""What lies under the ink: an even page, shadows and table edges, printed lines.

All of it on a reduced picture, as in binarization.py, whose surface (`binarization.paper`) is the first guess.
"""

import numpy as np

from .binarization import noise_of, quantile
from .morphology import opened, slide

STEEPEST = 0.1  # printed lines may rise by this part of their length
LINE = 5  # pixels; wider ones are no printed lines
BANDS = 4  # parts of a page, each with lines of its own slope: a page is seen a little from one side
FAINTEST_LINE = 0.03  # of contrast


def flattened(relief: np.ndarray, dark: bool, part: int) -> np.ndarray:
    """Take out all that is wider than 1/``part`` of the picture: shadows, a table, a thumb; their edges may be sharp.

    ``relief`` (H, W) is picture − paper. What holds a square of that width is ground (a grey opening).
    """
    ink = -relief if dark else relief
    ink = ink - opened(ink, 1 + 2 * (max(relief.shape) // (2 * part)))
    ink -= quantile(ink, 0.25)  # what the opening cuts off grain; ink and its soft edges may cover half
    return -ink if dark else ink


def rules(ink: np.ndarray) -> np.ndarray:
    """Find the lines of ruled or squared paper: how much of ``ink`` (H, W) they are, (H, W), 0 where there are none.

    A printed line goes through the whole picture: in each quarter of it and at both ends, even the lesser values
    stand out from those beside it. It may rise a little, and each of four bands may have lines of its own slope.
    """
    return 1 - (1 - _lines(ink)) * (1 - _lines(ink.T).T)


def _lines(ink: np.ndarray) -> np.ndarray:
    """As `rules`, the lines that go from left to right only."""
    height, width = ink.shape
    strength = np.zeros_like(ink)
    if min(height, width) < 48:
        return strength
    limit = max(FAINTEST_LINE, 0.7 * noise_of(ink))
    broad = slide(np.pad(ink, ((1, 1), (0, 0)), mode="edge"), 3, 0, np.maximum)  # lines are not quite straight
    columns = np.arange(width)
    step, reach = -(-height // BANDS), int(STEEPEST * width / 2)
    for top in range(0, height, step):
        rows = np.arange(top, min(top + step, height))
        near = ink[max(top - reach, 0) : top + step + reach]
        if (near.max(0) > limit).mean() < 0.7:  # most columns would be crossed
            continue
        slope, profile, typical = _best_slope(broad, rows)
        clear = max(limit, 4 * quantile(profile, 0.5))
        if profile.max() <= clear:
            continue
        profile = np.pad(np.where(profile > clear, typical + limit / 2, 0), 1)[:, None]
        profile = slide(profile, 3, 0, np.maximum)
        y = np.clip(rows[:, None] + _rise(slope, columns, width), 0, height - 1)
        np.maximum.at(strength, (y, columns), np.broadcast_to(profile, y.shape))
    return strength


def _rise(slope, x: np.ndarray, width: int) -> np.ndarray:
    """How many rows a line that crosses the middle lies lower at columns ``x``."""
    return np.rint(slope * (x - width / 2)).astype(int)


def _best_slope(ink: np.ndarray, rows: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Try slopes for lines that cross the middle at ``rows``.

    The best one, how much each row stands out there in every quarter, and how strong its line mostly is.
    """
    height, width = ink.shape
    slopes = np.arange(-STEEPEST, STEEPEST, 1.5 / width)
    columns = np.linspace(1, width - 2, 4 * (width // 20)).astype(int)
    around = np.arange(rows[0] - 2 * LINE, rows[-1] + 2 * LINE + 1)
    y = np.clip(around[:, None] + _rise(slopes[:, None, None], columns, width), 0, height - 1)
    quarters = ink[y, columns].reshape(*y.shape[:2], 4, -1)
    level = quantile(quarters, 0.25, axis=3).min(axis=2)  # (slopes, rows)
    ends = np.stack([quarters[:, :, 0, :3], quarters[:, :, 3, -3:]], axis=2)  # a digit leaves some page there
    level = np.minimum(level, quantile(ends, 0.5, axis=3).min(axis=2))
    ground = slide(slide(level, 2 * LINE + 1, 1, np.minimum), 2 * LINE + 1, 1, np.maximum)
    peaks = level[:, 2 * LINE : -2 * LINE] - ground
    best = int((peaks * peaks).sum(axis=1).argmax())
    strong = quantile(quantile(quarters[best], 0.8, axis=2), 0.6, axis=1)[2 * LINE : -2 * LINE]
    return float(slopes[best]), peaks[best], strong
