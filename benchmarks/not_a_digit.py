"""Rejection by the out-of-distribution network (recipes/ood.py): `python benchmarks/not_a_digit.py`.

It is measured on images it never saw: fashion, printed letters, curves, faces, blots, blanks, noise; and real digits.
"""

import string
from pathlib import Path

import common
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lenet5 import datasets
from lenet5.errors import DataError
from lenet5.models import hands

AMBIGUOUS = "OolIiSsZzBbqg"  # letters that many readers take for digits


def letters(n: int, rng: np.random.Generator, ambiguous: bool) -> list[np.ndarray]:
    """Draw printed letters in Pillow's font, and in those of matplotlib if it is installed."""
    try:
        from matplotlib import get_data_path

        fonts = [str(path) for path in sorted(Path(get_data_path(), "fonts", "ttf").glob("DejaVuSans[!D]*.ttf"))]
    except ImportError:
        fonts = []
    names = [c for c in string.ascii_letters if (c in AMBIGUOUS) == ambiguous]
    pictures = []
    for _ in range(n):
        size = int(rng.integers(60, 160))
        font = ImageFont.truetype(str(rng.choice(fonts)), size) if fonts else ImageFont.load_default(size)
        page = Image.new("L", (220, 220), 250)
        ImageDraw.Draw(page).text((110, 110), str(rng.choice(names)), font=font, fill=20, anchor="mm")
        page = page.rotate(rng.normal(0, 6), fillcolor=250)
        values = np.asarray(page) + rng.normal(0, 3, page.size)
        pictures.append(np.clip(values, 0, 255).astype(np.uint8))
    return pictures


def curves(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw sums of waves with a pen."""
    pictures = []
    for _ in range(n):
        page = Image.new("L", (200, 200), 250)
        t = np.linspace(0, 1, 300)
        for _ in range(rng.integers(1, 4)):
            x, y = (
                100 + 55 * rng.uniform(0.3, 1) * np.sin(rng.uniform(6, 36) * t + rng.uniform(0, 6))
                + 25 * np.sin(rng.uniform(5, 25) * t + rng.uniform(0, 6)) for _ in range(2)
            )  # fmt: skip
            ImageDraw.Draw(page).line(list(zip(x, y, strict=True)), fill=20, width=int(rng.integers(2, 9)))
        pictures.append(np.asarray(page))
    return pictures


def faces(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw an oval, eyes and a mouth."""
    pictures = []
    for _ in range(n):
        page = Image.new("L", (200, 200), 250)
        draw, width, (a, b) = ImageDraw.Draw(page), int(rng.integers(2, 7)), rng.uniform(45, 85, 2)
        draw.ellipse((100 - a, 100 - b, 100 + a, 100 + b), outline=20, width=width)
        for x in (100 - 0.4 * a, 100 + 0.4 * a):
            draw.ellipse((x - 7, 93 - 0.3 * b, x + 7, 107 - 0.3 * b), fill=20)
        draw.arc((100 - 0.5 * a, 100, 100 + 0.5 * a, 100 + 0.6 * b), 20, 160, fill=20, width=width)
        pictures.append(np.asarray(page))
    return pictures


def blots(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw drops of ink."""
    pictures = []
    for _ in range(n):
        page = Image.new("L", (200, 200), 245)
        for _ in range(rng.integers(2, 9)):
            (x, y), r = rng.normal(100, 22, 2), rng.uniform(6, 38)
            ImageDraw.Draw(page).ellipse((x - r, y - 0.8 * r, x + r, y + 0.8 * r), fill=int(rng.integers(0, 60)))
        pictures.append(np.asarray(page.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3)))))
    return pictures


def empty(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Make blank pages, evenly and unevenly lit, and noise."""
    slope = np.linspace(0, 1, 200)
    pages = [rng.uniform(80, 250) + rng.normal(0, rng.uniform(0, 12), (200, 200)) + rng.uniform(-60, 60) * slope
             for _ in range(n // 2)]  # fmt: skip
    noise = [rng.uniform(0, 255, (side, side)) for side in rng.integers(20, 200, n - n // 2)]
    return [np.clip(page, 0, 255).astype(np.uint8) for page in pages + noise]


def refused(images) -> tuple[float, float]:
    """Return the fraction that `lenet5 predict` gives no digit, and the fraction where nothing was found."""
    answers = hands.shipped().recognize(list(images))
    nothing = sum(answer.probabilities is None for answer in answers)
    return sum(answer.reason is not None for answer in answers) / len(images), nothing / len(images)


def measure(data_dir: str | None) -> dict:
    """Print the fraction refused of each kind."""
    rng = np.random.default_rng(1)
    kinds = {
        "letters": letters(250, rng, False), "letters that are digits, too": letters(100, rng, True),
        "curves": curves(200, rng), "faces": faces(60, rng), "blots": blots(90, rng),
        "blank and noise": empty(150, rng),
    }  # fmt: skip
    for name in ("fashion-mnist", "mnist"):
        try:
            X, _ = datasets.obtain(name, data_dir, offline=True).test
        except DataError as error:
            print(error)
            continue
        kinds[name] = X[rng.choice(len(X), 250, replace=False)] if name == "fashion-mnist" else X
    result = {}
    for name, pictures in kinds.items():
        part, blank = refused(pictures)
        result[name] = {"n": len(pictures), "refused": part, "blank": blank}
        print(f"{name:30s} {len(pictures):6,}  refused {100 * part:6.2f} %  (nothing found {100 * blank:.1f} %)")
    return result


def main() -> None:
    args = common.parser(__doc__).parse_args()
    common.save("not-a-digit", {"machine": common.machine(), "refused": measure(args.data_dir)}, args.out)


if __name__ == "__main__":
    main()
