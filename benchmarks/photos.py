"""Accuracy on photos of single digits: a table for each kind, and a contact sheet; `python benchmarks/photos.py`.

The photos are composed (lenet5/datasets/synthetic/photographs.py), for each cause of difficulty. `--folder` adds those
of a folder with labels.csv (path, label, tier, kind), or of two IDX files with images and labels. With `--others N`,
Tesseract (digits only, one character per image) and RapidOCR read up to N of each kind too, if they are installed
(readers.py).
"""

import csv
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import common
import numpy as np
import readers
from PIL import Image, ImageDraw, ImageOps

from lenet5.datasets.idx import read_idx
from lenet5.datasets.synthetic.photographs import CAUSES, SURROUNDINGS, photograph
from lenet5.models import hands
from lenet5.ocr import evaluation
from lenet5.preprocessing import normalization


class Ours:
    """Run `lenet5 predict`; return the answer, and whether it would be given."""

    def __init__(self):
        self.model = hands.shipped()

    def __call__(self, picture) -> tuple[int | None, bool]:
        [answer] = self.model.recognize(picture, threads=1)
        return answer.top[0][0] if answer.top else None, answer.reason is None


def composed(causes, n: int, seed: int):
    """Yield (kind, digit, image) of n photos for each cause."""
    for cause in causes:
        for k in range(n):
            yield cause, k % 10, photograph(cause, k % 10, seed + k)


def labelled(folder: Path):
    """Yield the same from a folder."""
    if not (folder / "labels.csv").exists():
        X, y = (read_idx(next(folder.glob(f"*{kind}-idx*"))) for kind in ("images", "labels"))
        yield from ((folder.name, int(label), Image.fromarray(picture)) for picture, label in zip(X, y, strict=True))
        return
    with open(folder / "labels.csv", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield f"{row['tier']}, {row['kind']}", int(row["label"]), folder / row["path"]


def measure(pictures, mistakes: list) -> dict:
    """Count for each kind: right, refused though it is a digit; mistakes are collected."""
    read, table = Ours(), defaultdict(lambda: defaultdict(int))
    for kind, digit, picture in pictures:
        answer, given = read(picture)
        row = table[kind]
        row["n"] += 1
        row["right"] += answer == digit
        row["refused"] += not given
        if answer != digit:
            mistakes.append((kind, digit, answer, picture))
    for kind, row in [*table.items(), ("all", _sum(table))]:
        print(f"{kind:16s} {row['n']:5d}  right {100 * row['right'] / row['n']:6.2f} %  refused {row['refused']:3d}")
    return {kind: dict(row) for kind, row in table.items()}


def beside(pictures: list, n: int, others: dict) -> dict:
    """Count by kind, for at most n images, how many each program reads as the right digit.

    The better of two sizes counts: as they are, and enlarged to 96 pixels.
    """
    kinds = defaultdict(list)
    for row in pictures:
        kinds[row[0]].append(row)
    rows = [of_kind[k] for of_kind in kinds.values() for k in range(0, len(of_kind), -(-len(of_kind) // n))]
    table = {kind: {"n": 0, **dict.fromkeys(["lenet5", *others], 0)} for kind in kinds}
    ours = Ours()
    for kind, digit, picture in rows:
        table[kind]["n"] += 1
        table[kind]["lenet5"] += ours(picture)[0] == digit
    with tempfile.TemporaryDirectory() as folder:
        files = [_as_files(picture, Path(folder) / str(i)) for i, (_, _, picture) in enumerate(rows)]
        for name, read in others.items():
            sizes = [list(map(evaluation.digits_of, read([pair[size] for pair in files]))) for size in (0, 1)]
            right = [[text == str(row[1]) for text, row in zip(texts, rows, strict=True)] for texts in sizes]
            for is_right, row in zip(max(right, key=sum), rows, strict=True):
                table[row[0]][name] += is_right
    for kind, row in [*table.items(), ("all", _sum(table))]:
        counts = "  ".join(f"{name} {100 * row[name] / row['n']:.1f} %" for name in ["lenet5", *others])
        print(f"{kind:16s} {row['n']:5d}  {counts}", flush=True)
    return table


def _as_files(picture, stem: Path) -> tuple[Path, Path]:
    """Write PNG files of an image as it is, upright and without transparency, and enlarged."""
    image = ImageOps.exif_transpose(picture if isinstance(picture, Image.Image) else Image.open(picture))
    if "A" in image.getbands() or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    k = max(96 / min(image.size), 1)
    large = image.convert("RGB").resize((round(image.width * k), round(image.height * k)), Image.Resampling.BICUBIC)
    files = Path(f"{stem}.png"), Path(f"{stem}-large.png")
    for file, version in zip(files, (image.convert("RGB"), large), strict=True):
        version.save(file)
    return files


def _sum(table) -> dict:
    return {name: sum(row[name] for row in table.values()) for name in next(iter(table.values()))}


def sheet(mistakes: list, columns: int = 6) -> Image.Image:
    """Draw each image beside the network's input: kind, right > answered."""
    width, height = 260, 190
    rows = -(-len(mistakes) // columns) or 1
    page = Image.new("RGB", (columns * width, rows * height), (90, 90, 90))
    for k, (kind, digit, answer, picture) in enumerate(mistakes):
        x, y = k % columns * width, k // columns * height
        image = (picture if isinstance(picture, Image.Image) else Image.open(picture)).convert("RGB")
        image.thumbnail((150, 160))
        page.paste(image, (x + 4, y + 4))
        if answer is not None:
            field = np.rint(255 * normalization.prepare(picture).field).astype(np.uint8)
            page.paste(Image.fromarray(field).resize((84, 84), Image.Resampling.NEAREST), (x + 162, y + 4))
        ImageDraw.Draw(page).text((x + 4, y + 170), f"{kind}: {digit} > {answer}", fill="white")
    return page


def main() -> None:
    p = common.parser(__doc__, repeats=40)
    p.add_argument("--folder", type=Path, nargs="*", default=[], help="images with labels.csv, or IDX files")
    p.add_argument("--others", type=int, default=0, metavar="N", help="other programs, too, on N of each kind at most")
    p.add_argument("--rapidocr", default=sys.executable, help="a Python that has rapidocr and onnxruntime")
    p.add_argument("--sheet", type=Path, help="PNG of the mistakes")
    p.add_argument("--seed", type=int, default=0, help="of the first composed photo")
    args = p.parse_args()
    others = readers.others(args.rapidocr, readers.CHARACTER) if args.others else {}
    mistakes: list = []
    document = {"machine": common.machine(), "seed": args.seed}
    sets = {"composed": CAUSES, "surroundings": SURROUNDINGS}
    sets = {name: list(composed(causes, args.repeats, args.seed)) for name, causes in sets.items()}
    sets |= {folder.name: list(labelled(folder)) for folder in args.folder}
    for name, pictures in sets.items():
        document[name] = {"kinds": measure(pictures, mistakes)}
        if others:
            document[name]["beside"] = beside(pictures, args.others, others)
    common.save("photos", document, args.out)
    if args.sheet:
        sheet(mistakes).save(args.sheet)
        print(f"written: {args.sheet}")


if __name__ == "__main__":
    main()
