"""What each part of the segmenter is worth: short trainings that differ in one thing; `pip install torch`.

    python benchmarks/segmenter_ablation.py --steps 1500 --samples 20000

Each is judged by the Dice coefficient of ink in drawn images of held-out digits. The shipped digit networks then read
held-out digits cut to their ink, and composed photos; nothing is refused.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

HALF = {name: width // 2 for name, width in segmenter_torch.WIDTHS.items()}
WIDER = {name: width * 3 // 2 for name, width in segmenter_torch.WIDTHS.items()}
_planes = segmenter_torch.planes


def only_plane(k: int) -> Callable:
    """The planes without the other one of grey levels."""

    def planes(grey, shapes):
        seen = _planes(grey, shapes).clone()
        seen[:, 1 - k] = 0
        return seen

    return planes


def without(*layouts: str) -> dict[str, float]:
    """The layouts but for some."""
    rest = {name: share for name, share in segmentation.LAYOUTS.items() if name not in layouts}
    return {name: share / sum(rest.values()) for name, share in rest.items()}


LOOSE = without("tight", "raw")
#: name -> what is replaced, as (object, attribute, value).
VARIANTS: dict[str, list[tuple]] = {
    "as it is": [],
    "half of the maps": [(segmenter_torch, "WIDTHS", HALF)],
    "1.5 times the maps": [(segmenter_torch, "WIDTHS", WIDER)],
    "only levels over the image": [(segmenter_torch, "planes", only_plane(0))],
    "only levels over a window": [(segmenter_torch, "planes", only_plane(1))],
    "two classes": [(segmenter_torch, "two_classes", True)],
    "without composed photos": [],
    "MNIST's digits only": [(segmentation_digits, "SOURCES", {"mnist": 1.0})],
    "drawn digits only": [(segmentation_digits, "SOURCES", {"usual": 0.4, "allographs": 0.3, "hands": 0.3})],
    "no digits cut to their ink": [(segmentation.draw, "__kwdefaults__", {"first": 0, "layouts": LOOSE})],
}  # fmt: skip


def trained(name: str, options) -> tuple[vision.Segmenter, float]:
    """A segmenter of one variant, and its Dice coefficient."""
    scenes = 0 if name == "without composed photos" else options.samples // 15
    settings = segmenter.Settings(samples=options.samples, scenes=scenes, steps=options.steps, seed=options.seed)
    digits, held_out = held_out_digits(options.data_dir)
    with replaced(VARIANTS[name]) as is_merged:
        parts = [*segmenter._drawn("samples", settings.samples, options.seed + 1, digits, options.threads)]
        parts += segmenter._drawn("scenes", scenes, options.seed + 2, digits, options.threads)
        truth = segmenter.Truth.joined(parts)
        if is_merged:
            truth.truth[:, 1] = 0
        judged = segmenter.Truth(*drawn_judged(held_out))
        tensors, dice = segmenter_torch.train(truth, judged, settings, options.threads)
    if name.startswith("only"):
        tensors["stem.weight"][:, 1 if "over the image" in name else 0] = 0
    return vision.Segmenter(tensors), dice


@contextmanager
def replaced(changes: list[tuple]) -> Iterator[bool]:
    """With the changes of a variant; whether other marks are paper."""
    patches = [patch.object(*change) for change in changes if change[1] != "two_classes"]
    for one in patches:
        one.start()
    try:
        yield len(patches) < len(changes)
    finally:
        for one in patches:
            one.stop()


def drawn_judged(held_out: tuple) -> tuple[np.ndarray, ...]:
    """The same images for all variants."""
    samples = segmentation.draw(1500, seed=98, X=held_out[0], y=held_out[1], layouts=LAYOUTS)
    images, truth = (np.stack([getattr(sample, name) for sample in samples]) for name in ("image", "truth"))
    return images, truth, np.array([sample.shape for sample in samples], np.int16)


LAYOUTS = dict(segmentation.LAYOUTS)


def cut_digits(held_out: tuple, n: int) -> tuple[list[np.ndarray], list[int]]:
    """Digits cut to their ink with 0 to 4 pixels around, in three sizes and both polarities."""
    rng, images = np.random.default_rng(3), []
    for X in held_out[0][:n]:
        rows, columns = np.flatnonzero(X.any(1)), np.flatnonzero(X.any(0))
        image = np.pad(X[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(rng.choice([0, 1, 2, 4])))
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
    held_out = held_out_digits(options.data_dir)[1]
    sets = {"cut to the ink": cut_digits(held_out, 1000), "composed": photos(15)}
    rows = {}
    for name in options.only or VARIANTS:
        found, dice = trained(name, options)
        rows[name] = {"dice": dice} | {kind: read(found, *examples) for kind, examples in sets.items()}
        print(f"{name:30s}" + "".join(f"  {kind} {value:.4f}" for kind, value in rows[name].items()), flush=True)
    document = {"machine": common.machine(), "steps": options.steps, "samples": options.samples, "rows": rows}
    common.save("segmenter-ablation", document, options.out)


if __name__ == "__main__":
    sys.exit(main())
