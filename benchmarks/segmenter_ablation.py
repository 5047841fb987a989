"""What each part of the segmenter is worth: short trainings that differ in one thing; `pip install torch`.

    python benchmarks/segmenter_ablation.py --steps 1500 --samples 20000

Each is judged by the Dice coefficient of ink in drawn images of held-out digits. The shipped digit networks then read
held-out digits cut to their ink, and composed photos; nothing is refused.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple
from unittest.mock import patch

import common
import numpy as np
from PIL import Image

from lenet5.datasets.synthetic import segmentation, segmentation_digits
from lenet5.datasets.synthetic.photographs import CAUSES, SURROUNDINGS, photograph
from lenet5.models import hands
from lenet5.preprocessing import segmenter as vision
from lenet5.recipes import segmenter, segmenter_torch
from lenet5.recipes.data import held_out_digits
from lenet5.utils.geometry import box_of

HALF = tuple(width // 2 for width in segmenter_torch.WIDTHS)
WIDER = tuple(width * 3 // 2 for width in segmenter_torch.WIDTHS)
_planes = segmenter_torch.planes


def planes_without(k: int) -> Callable:
    """The planes without one of those of grey levels."""

    def planes(grey, shapes):
        seen = _planes(grey, shapes).clone()
        seen[:, k] = 0
        return seen

    return planes


def without(*layouts: str) -> dict[str, float]:
    """The layouts but for some."""
    rest = {name: share for name, share in segmentation.LAYOUTS.items() if name not in layouts}
    return {name: share / sum(rest.values()) for name, share in rest.items()}


class Variant(NamedTuple):
    """What differs: replaced values as (object, attribute, value), and what is left out.

    plane : the plane of grey levels that the network does not see, 0 or 1
    """

    changes: tuple[tuple, ...] = ()
    plane: int | None = None
    has_scenes: bool = True
    has_other_marks: bool = True


LOOSE = without("tight", "raw")
VARIANTS = {
    "as it is": Variant(),
    "half of the maps": Variant(((segmenter_torch, "WIDTHS", HALF),)),
    "1.5 times the maps": Variant(((segmenter_torch, "WIDTHS", WIDER),)),
    "only levels over the image": Variant(((segmenter_torch, "planes", planes_without(1)),), plane=1),
    "only levels over a window": Variant(((segmenter_torch, "planes", planes_without(0)),), plane=0),
    "two classes": Variant(has_other_marks=False),
    "without composed photos": Variant(has_scenes=False),
    "MNIST's digits only": Variant(((segmentation_digits, "SOURCES", {"mnist": 1.0}),)),
    "drawn digits only": Variant(((segmentation_digits, "SOURCES", {"usual": 0.4, "allographs": 0.3, "hands": 0.3}),)),
    "no digits cut to their ink": Variant(((segmentation.draw, "__kwdefaults__", {"first": 0, "layouts": LOOSE}),)),
}


def trained(variant: Variant, digits: tuple, judged: segmenter.Truth, options) -> tuple[vision.Segmenter, float]:
    """A segmenter of one variant, and its Dice coefficient on the images of ``judged``."""
    scenes = options.samples // 15 if variant.has_scenes else 0
    settings = segmenter.Settings(samples=options.samples, scenes=scenes, steps=options.steps, seed=options.seed)
    with ExitStack() as replaced:
        for change in variant.changes:
            replaced.enter_context(patch.object(*change))
        truth = drawn(options.samples, options.seed + 1, digits, options.threads, scenes)
        if not variant.has_other_marks:
            truth.truth[:, 1] = 0
        tensors, dice = segmenter_torch.train(truth, judged, settings, options.threads)
    if variant.plane is not None:
        tensors["stem.weight"][:, variant.plane] = 0
    return vision.Segmenter(tensors), dice


def drawn(n: int, seed: int, digits: tuple, threads: int, scenes: int = 0) -> segmenter.Truth:
    """Samples, and composed photos."""
    parts = [*segmenter._drawn("samples", n, seed, digits, threads)]
    return segmenter.Truth.joined([*parts, *segmenter._drawn("scenes", scenes, seed + 1, digits, threads)])


def cut_digits(held_out: tuple, n: int) -> tuple[list[np.ndarray], list[int]]:
    """Digits cut to their ink with 0 to 4 pixels around, in three sizes and both polarities."""
    rng, images = np.random.default_rng(3), []
    for X in held_out[0][:n]:
        box = box_of(X > 0)
        image = np.pad(X[box.top : box.bottom, box.left : box.right], int(rng.choice([0, 1, 2, 4])))
        k = int(rng.choice([1, 4, 16]))
        image = np.asarray(Image.fromarray(image).resize((image.shape[1] * k, image.shape[0] * k), 3))
        images.append(image if rng.random() < 0.5 else 255 - image)
    return images, held_out[1][:n].tolist()


def photos(n: int) -> tuple[list, list[int]]:
    """Composed photos of all causes, ``n`` of each."""
    named = [(name, i) for name in (*CAUSES, *SURROUNDINGS) for i in range(n)]
    return [photograph(name, i % 10, 700 + i) for name, i in named], [i % 10 for _, i in named]


def read(found: vision.Segmenter, images: list, labels: list[int]) -> float:
    """The fraction that is read right through a segmenter."""
    with patch.object(vision, "shipped", lambda: found):
        answers = hands.shipped().recognize(images, reject=False, threads=1)
    return float(np.mean([answer.label == label for answer, label in zip(answers, labels, strict=True)]))


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--steps", type=int, default=1500)
    p.add_argument("--samples", type=int, default=20_000)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--only", nargs="*", help="these variants")
    options = p.parse_args()
    digits, held_out = held_out_digits(options.data_dir)
    judged = drawn(1500, 98, held_out, options.threads)
    sets = {"cut to the ink": cut_digits(held_out, 1000), "composed": photos(15)}
    rows = {}
    for name in options.only or VARIANTS:
        found, dice = trained(VARIANTS[name], digits, judged, options)
        rows[name] = {"dice": dice} | {kind: read(found, *examples) for kind, examples in sets.items()}
        print(f"{name:30s}" + "".join(f"  {kind} {value:.4f}" for kind, value in rows[name].items()), flush=True)
    document = {"machine": common.machine(), "steps": options.steps, "samples": options.samples, "rows": rows}
    common.save("segmenter-ablation", document, options.out)


if __name__ == "__main__":
    sys.exit(main())
