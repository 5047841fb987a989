"""The composed photos of photographs.py with the segmenter's truth: each whole, and once more close to its digit."""

import numpy as np

from ...preprocessing.normalization import to_grey
from .photo_causes import CAUSES
from .photo_scene import Scene
from .photo_surroundings import SURROUNDINGS
from .segmentation import Sample, scene_sample

#: Scenes whose marks on the page are something else, and no paper: rules, boxes, frames, lines, specks.
_MARKED = ("ruled", "squared", "mixed", "boxed", "framed", "underlined", "circled", "specks", "ruled-pencil")
_PAPER = ("grain",)


def draw(n: int, *, seed: int, first: int = 0) -> list[Sample]:
    """Samples of scenes number first ... first + n, two of each: whole, and zoomed."""
    return [sample for i in range(first, first + n) for sample in _samples(np.random.default_rng([seed, i]))]


def _samples(rng: np.random.Generator) -> list[Sample]:
    marks = CAUSES | SURROUNDINGS
    name = str(rng.choice(list(marks)))
    mark, settings = marks[name]
    digit = int(rng.integers(10))
    scene = Scene(digit, rng, **settings)
    ink, bare = scene.ink.copy(), scene.page.copy()
    mark(scene)
    other = _other(name, scene, ink, bare)
    grey = to_grey(np.asarray(scene.taken(), np.float32) / 255)
    if rng.random() < 0.4:
        grey = 1 - grey
    top, left, bottom, right = scene.box
    margin = rng.uniform(0.03, 0.8, 4) * (bottom - top)
    zoomed = np.s_[
        max(0, int(top - margin[0])) : int(bottom + margin[1]), max(0, int(left - margin[2])) : int(right + margin[3])
    ]
    whole = scene_sample(grey, ink, other, digit)
    return [whole, scene_sample(grey[zoomed], ink[zoomed], other[zoomed], digit)]


def _other(name: str, scene: Scene, ink: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Coverage by what is neither the digit nor paper, (H, W) float32."""
    other = np.clip(scene.ink - ink, 0, 1) * (ink < 0.5)
    if name in _MARKED:
        other = np.maximum(other, np.clip(3 * abs(scene.page / bare - 1).max(2) - 0.15, 0, 1))
    if scene.over is not None:
        other = np.maximum(other, scene.over[0])
    if name in _PAPER:
        other = np.zeros_like(other)
    return other * (1 - ink)
