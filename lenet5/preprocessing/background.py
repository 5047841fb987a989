"""What lies under the ink: an even page, shadows and table edges, printed lines.

All of it on a reduced image, as in binarization.py, whose surface (`binarization.paper`) is the first guess.
"""

import numpy as np

from .binarization import quantile
from .morphology import opened


def flattened(relief: np.ndarray, dark: bool, part: int) -> np.ndarray:
    """Take out all that is wider than 1/``part`` of the image: shadows, a table, a thumb; their edges may be sharp.

    ``relief`` (H, W) is image − paper. What holds a square of that width is background (a grey opening).
    """
    ink = -relief if dark else relief
    ink = ink - opened(ink, 1 + 2 * (max(relief.shape) // (2 * part)))
    ink -= quantile(ink, 0.25)  # what the opening cuts off grain; ink and its soft edges may cover half
    return -ink if dark else ink
