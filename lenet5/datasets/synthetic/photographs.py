"""Photos of one digit, composed of a page, ink, light and a camera, with each cause of difficulty, alone or mixed.

`photograph(cause, digit, seed)` is the same image for the same arguments.
"""

import numpy as np
from PIL import Image

from .photo_causes import CAUSES
from .photo_scene import Scene
from .photo_surroundings import SURROUNDINGS

__all__ = ["CAUSES", "SURROUNDINGS", "photograph"]


def photograph(cause: str, digit: int, seed: int) -> Image.Image:
    """Take a photo of ``digit`` that is hard for this reason, one of `CAUSES` and `SURROUNDINGS`."""
    rng = np.random.default_rng([seed, digit, [*sorted(CAUSES), *SURROUNDINGS].index(cause)])
    mark, settings = (CAUSES | SURROUNDINGS)[cause]
    scene = Scene(digit, rng, **settings)
    mark(scene)
    return scene.taken()
