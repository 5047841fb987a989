"""How far an image may change before its digit is read wrongly: `python benchmarks/invariance.py`.

There is one clean image of each of 60 digits. Half are enlarged training images of MNIST, half are lines of the pen
model; those misread when clean are replaced. Each is changed in one way, more and more. Writes JSON and a chart,
invariance.png, beside it.
"""

import io
from pathlib import Path

import common
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lenet5.datasets.synthetic.encodings import in_mode, saved
from lenet5.datasets.synthetic.photo_scene import line_digit, mnist_digit
from lenet5.errors import NoDigitError
from lenet5.models import hands
from lenet5.preprocessing import decode, normalization

N = 60
SIDE = 280
MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"]
UNDO = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def placed(matte: np.ndarray, side: int, where=(0.5, 0.5), height: float = 0.5) -> Image.Image:
    """Draw dark ink on a white page: the digit ``height`` pages high, its middle at ``where``."""
    ink = Image.fromarray(np.rint(255 * matte).astype(np.uint8))
    k = height * side / max(matte.shape)
    ink = ink.resize(
        [max(1, round(n * k)) for n in ink.size], Image.Resampling.BICUBIC if k > 1 else Image.Resampling.BOX
    )
    page = Image.new("L", (side, side), 255)
    corner = [round(w * side - n / 2) for w, n in zip(where, ink.size, strict=True)]
    corner = [min(max(c, 1), side - n - 1) for c, n in zip(corner, ink.size, strict=True)]
    page.paste(0, tuple(corner), ink)
    return page


def noisy(picture: Image.Image, deviation: float) -> Image.Image:
    rng = np.random.default_rng(round(deviation))
    values = np.asarray(picture, np.float32) * 0.7 + 40 + rng.normal(0, deviation, picture.size[::-1])
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def faded(picture: Image.Image, contrast: float) -> Image.Image:
    rng = np.random.default_rng(0)
    values = 230 - contrast * (255.0 - np.asarray(picture)) + rng.normal(0, 1, picture.size[::-1])
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


CHANGES = {
    "side of the picture (pixels)": (
        [12, 16, 20, 24, 28, 40, 64, 128, 512, 1000, 2000, 4000], lambda m, x: placed(m, x, height=0.7)),
    "place (part of the page)": (
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], lambda m, x: placed(m, SIDE, (x, (x * 3.7) % 1), 0.3)),
    "scale": ([0.25, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4], lambda m, x: placed(m, SIDE, height=0.23 * x)),
    "rotation (degrees)": (
        list(range(-45, 46, 5)),
        lambda m, x: placed(m, SIDE).rotate(x, Image.Resampling.BICUBIC, fillcolor=255)),
    "noise (grey levels)": ([0, 5, 10, 15, 20, 30, 40, 50, 60, 80], lambda m, x: noisy(placed(m, SIDE), x)),
    "blur (part of the digit)": (
        [0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1],
        lambda m, x: placed(m, SIDE).filter(ImageFilter.GaussianBlur(x * SIDE / 2))),
    "JPEG quality": (
        [1, 5, 10, 15, 20, 30, 50, 70, 95],
        lambda m, x: Image.open(io.BytesIO(saved(placed(m, SIDE), "JPEG", quality=x)))),
    "contrast (part of full)": ([0.03, 0.05, 0.08, 0.1, 0.2, 0.4, 0.8], lambda m, x: faded(placed(m, SIDE), x)),
}  # fmt: skip


def answer(model, source) -> int | None:
    try:
        return int(model.predict(normalization.read_image(source)[None], 1)[0])
    except NoDigitError:
        return None


def digits(model) -> list[tuple[int, np.ndarray]]:
    """Choose N digits that are read correctly when clean; return them with their mattes."""
    rng, found = np.random.default_rng(0), []
    while len(found) < N:
        digit = len(found) % 10
        matte = mnist_digit(digit, rng, 200) if len(found) % 20 < 10 else None
        matte = line_digit(digit, rng, 200, rng.uniform(8, 22)) if matte is None else matte
        if answer(model, placed(matte, SIDE)) == digit:
            found.append((digit, matte))
    return found


def modes(model, digit: int, matte: np.ndarray) -> int:
    """Count the files of one digit that are read correctly, over 12 modes, 8 orientations, dark and light."""
    right = 0
    for mode in MODES:
        for orientation, undo in UNDO.items():
            for dark in (True, False):
                picture = placed(matte, 96, height=0.6)
                picture = picture if dark else Image.eval(picture, lambda v: 255 - v)
                if orientation > 1:
                    picture = picture.transpose(decode.TURNS[undo])
                exif = Image.Exif()
                exif[0x0112] = orientation
                picture = in_mode(picture, mode)
                if mode in ("PA", "YCbCr"):
                    picture.info["exif"] = exif.tobytes()
                    source = picture
                else:
                    kind = "PNG" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "TIFF"
                    source = saved(picture, kind, exif=exif)
                right += answer(model, source) == digit
    return right


def main() -> None:
    args = common.parser(__doc__).parse_args()
    model = hands.shipped()
    pool = digits(model)
    results, panels = {}, []
    for name, (levels, change) in CHANGES.items():
        few = [pool[: N // 5] if name.startswith("side") and x > 1000 else pool for x in levels]
        parts = [
            float(np.mean([answer(model, change(matte, x)) == digit for digit, matte in some]))
            for x, some in zip(levels, few, strict=True)
        ]
        results[name] = dict(zip(map(str, levels), parts, strict=True))
        print(name, " ".join(f"{x:g}: {100 * part:.0f}" for x, part in zip(levels, parts, strict=True)), flush=True)
        panels.append((name, levels, parts))
    results["modes, orientations, dark and light: right of 192"] = [modes(model, *pool[k]) for k in (0, 3, 7, 14)]
    print("192 files each of four digits, right:", results["modes, orientations, dark and light: right of 192"])
    document = {"machine": common.machine(), "digits": N, "accuracy": results}
    common.save("invariance", document, args.out)
    path = Path(__file__).parents[1] / "docs" / "invariance.png"
    chart(panels).save(path)
    print(f"written: {path}")


def chart(panels: list) -> Image.Image:
    """Draw one panel for each change: the fraction that is read correctly, level by level."""
    width, height, font = 480, 250, ImageFont.load_default(12)
    sheet = Image.new("RGB", (2 * width, height * ((len(panels) + 1) // 2)), "white")
    draw = ImageDraw.Draw(sheet)
    for k, (name, levels, parts) in enumerate(panels):
        left, top, bottom = k % 2 * width + 50, k // 2 * height + 34, k // 2 * height + height - 34
        draw.text((left, top - 24), name, fill="black", font=font)
        for part in (0, 0.25, 0.5, 0.75, 1):
            y = bottom - part * (bottom - top)
            draw.line((left, y, left + width - 80, y), fill=(225, 225, 225))
            draw.text((left - 8, y), f"{100 * part:.0f} %", fill="black", font=font, anchor="rm")
        places = np.linspace(left + 8, left + width - 92, len(levels))
        points = [(x, bottom - part * (bottom - top)) for x, part in zip(places, parts, strict=True)]
        draw.line(points, fill=(31, 119, 180), width=3)
        for (x, y), level in zip(points, levels, strict=True):
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(31, 119, 180))
            draw.text((x, bottom + 6), f"{level:g}", fill="black", font=font, anchor="ma")
    return sheet


if __name__ == "__main__":
    main()
