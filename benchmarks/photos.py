"""Photos of single digits, read: a table for each kind, the mistakes as a sheet; `python benchmarks/photos.py`.

The photos are composed by tests/photographs.py, for each reason that makes one hard; with `--folder`, those of a
folder with labels.csv (path, label, tier, kind) as well; with `--tesseract`, Tesseract reads them, too, where it is
installed (digits only, one character a picture).
"""

import csv
import io
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import common
import numpy as np
from PIL import Image, ImageDraw

from lenet5 import images, judge, pretrained
from lenet5.errors import NoDigitError

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from photographs import CAUSES, photograph


class Ours:
    """`lenet5 predict`: the answer, and whether it would be given."""

    def __init__(self):
        self.model = pretrained()

    def __call__(self, picture) -> tuple[int | None, bool]:
        try:
            X = images.read_image(picture)[None]
        except NoDigitError:
            return None, False
        return int(self.model.predict(X, 1)[0]), bool(judge.decide(X, 1)[0][0])


def tesseract(picture) -> int | None:
    """What Tesseract reads in a picture that is told to be one digit."""
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.open(picture)
    image.convert("RGB").save(stream, "PNG")
    command = ["tesseract", "-", "-", "--psm", "10", "-c", "tessedit_char_whitelist=0123456789"]
    text = subprocess.run(command, input=stream.getvalue(), capture_output=True, check=False).stdout.decode().strip()
    return int(text) if text.isdecimal() and len(text) == 1 else None


def composed(n: int, seed: int):
    """(kind, digit, picture) of n photos for each cause."""
    for cause in CAUSES:
        for k in range(n):
            yield cause, k % 10, photograph(cause, k % 10, seed + k)


def labelled(folder: Path):
    """The same of a folder."""
    with open(folder / "labels.csv", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield f"{row['tier']}, {row['kind']}", int(row["label"]), folder / row["path"]


def measure(pictures, with_tesseract: bool, mistakes: list) -> dict:
    """Counts for each kind: right, refused though it is a digit, right by Tesseract; mistakes are collected."""
    read, table = Ours(), defaultdict(lambda: defaultdict(int))
    for kind, digit, picture in pictures:
        answer, given = read(picture)
        row = table[kind]
        row["n"] += 1
        row["right"] += answer == digit
        row["refused"] += not given
        if with_tesseract:
            row["tesseract"] += tesseract(picture) == digit
        if answer != digit:
            mistakes.append((kind, digit, answer, picture))
    for kind, row in [*table.items(), ("all", _sum(table))]:
        line = f"{kind:16s} {row['n']:5d}  right {100 * row['right'] / row['n']:6.2f} %  refused {row['refused']:3d}"
        print(line + (f"  Tesseract {100 * row['tesseract'] / row['n']:6.2f} %" if with_tesseract else ""), flush=True)
    return {kind: dict(row) for kind, row in table.items()}


def _sum(table) -> dict:
    return {name: sum(row[name] for row in table.values()) for name in next(iter(table.values()))}


def sheet(mistakes: list, columns: int = 6) -> Image.Image:
    """Each picture beside what the network saw of it: kind, right > answered."""
    width, height = 260, 190
    rows = -(-len(mistakes) // columns) or 1
    page = Image.new("RGB", (columns * width, rows * height), (90, 90, 90))
    for k, (kind, digit, answer, picture) in enumerate(mistakes):
        x, y = k % columns * width, k // columns * height
        image = (picture if isinstance(picture, Image.Image) else Image.open(picture)).convert("RGB")
        image.thumbnail((150, 160))
        page.paste(image, (x + 4, y + 4))
        if answer is not None:
            field = np.rint(255 * images.prepare(picture).field).astype(np.uint8)
            page.paste(Image.fromarray(field).resize((84, 84), Image.Resampling.NEAREST), (x + 162, y + 4))
        ImageDraw.Draw(page).text((x + 4, y + 170), f"{kind}: {digit} > {answer}", fill="white")
    return page


def main() -> None:
    p = common.parser(__doc__, repeats=40)
    p.add_argument("--folder", type=Path, help="pictures with labels.csv")
    p.add_argument("--tesseract", action="store_true", help="beside Tesseract")
    p.add_argument("--sheet", type=Path, help="PNG of the mistakes")
    p.add_argument("--seed", type=int, default=0, help="of the first composed photo")
    args = p.parse_args()
    beside = args.tesseract and shutil.which("tesseract") is not None
    mistakes: list = []
    document = {"machine": common.machine(), "seed": args.seed}
    document["composed"] = measure(composed(args.repeats, args.seed), beside, mistakes)
    if args.folder:
        document["folder"] = measure(labelled(args.folder), beside, mistakes)
    common.save("photos", document, args.out)
    if args.sheet:
        sheet(mistakes).save(args.sheet)
        print(f"written: {args.sheet}")


if __name__ == "__main__":
    main()
