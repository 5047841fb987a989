"""Natural images in colour, through the command line: of which of ten photographs is this patch?

The photographs are those that scikit-image and scikit-learn ship, cut into squares of 96 pixels. Every third square is
kept for the test; patches of 32 to 96 pixels lie within a square, so no pixel is in both. Further options are those of
`lenet5 train`.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from small_sets import measured

#: Class: the file in skimage/data or sklearn/datasets/images.
PHOTOGRAPHS = {
    "astronaut": "astronaut.png", "cat": "chelsea.png", "coffee": "coffee.png", "flower": "flower.jpg",
    "galaxies": "hubble_deep_field.jpg", "motorcycle": "motorcycle_left.png", "retina": "retina.jpg",
    "rocket": "rocket.jpg", "temple": "china.jpg", "tissue": "ihc.png",
}  # fmt: skip
HEIGHT, SQUARE = 384, 96  # pixels


def photographs() -> dict[str, Image.Image]:
    """Each brought to one height, so that patches of one size show as much."""
    import skimage
    import sklearn

    folders = Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images"
    found = {}
    for name, file in PHOTOGRAPHS.items():
        path = next(folder / file for folder in folders if (folder / file).exists())
        image = Image.open(path).convert("RGB")
        found[name] = image.resize((round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.BOX)
    return found


def write(folder: Path, n: int, rng: np.random.Generator, *, is_test: bool) -> Path:
    """``<class>/<number>.png``, n of each class."""
    for name, image in photographs().items():
        (folder / name).mkdir(parents=True)
        places = [(x, y) for y in range(0, image.height, SQUARE) for x in range(0, image.width - SQUARE + 1, SQUARE)]
        squares = [place for k, place in enumerate(places) if (k % 3 == 1) == is_test]
        for k in range(n):
            side = int(rng.integers(32, SQUARE + 1))
            x, y = squares[rng.integers(len(squares))] + rng.integers(0, SQUARE - side + 1, 2)
            image.crop((x, y, x + side, y + side)).save(folder / name / f"{k:04}.png")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=300, help="patches a class to train on")
    parser.add_argument("--n-test", type=int, default=200, help="test patches a class")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--peers", help="a Python with ultralytics and PyTorch, to train these on the same folders")
    args, how = parser.parse_known_args()
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        judged = write(folder / "judged", args.n_test, np.random.default_rng(999), is_test=True)
        for seed in range(args.seeds):
            data = write(folder / f"train-{seed}", args.n, np.random.default_rng(seed), is_test=False)
            found.append(measured(folder, data, judged, "--seed", seed, *how, peers=args.peers)[0])
    print(f"mean {np.mean(found):.2f} +- {np.std(found, ddof=1) if len(found) > 1 else 0:.2f} %")


if __name__ == "__main__":
    main()
