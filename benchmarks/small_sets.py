"""Few images of one's own, through the command line: accuracy and processor seconds, for each of several draws.

Fashion-MNIST's T-shirts, sandals and bags in colour: an ink of 128 to 255 in each channel, a background of 0 to 63,
resized to 28 to 120 pixels. Each draw takes other images, in other colours; all are tested on the same test images.
Further options are those of `lenet5 train`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from lenet5 import datasets

CLASSES = {0: "t-shirt", 5: "sandal", 8: "bag"}
PEERS = {"torch": 30, "yolo": 20}  # and their epochs


def coloured(grey: np.ndarray, rng: np.random.Generator) -> Image.Image:
    ink, background = rng.integers(128, 256, 3), rng.integers(0, 64, 3)
    pixels = background + (ink - background) * (grey[..., None] / 255)
    side = int(rng.integers(28, 121))
    return Image.fromarray(np.rint(pixels).astype(np.uint8)).resize((side, side), Image.Resampling.BILINEAR)


def write(folder: Path, X: np.ndarray, y: np.ndarray, n: int, rng: np.random.Generator) -> Path:
    """``<class>/<number>.png``, n of each class."""
    for number, name in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for k, place in enumerate(rng.permutation(np.flatnonzero(y == number))[:n]):
            coloured(X[place], rng).save(folder / name / f"{k:04}.png")
    return folder


def lenet5(folder: Path, *args) -> tuple[dict, float]:
    """What a command answers, and the processor seconds that it took."""
    env = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    return timed([sys.executable, "-m", "lenet5", *map(str, args), "--json", "-q"], folder, env)


def peer(python: str, name: str, train: Path, test: Path, epochs: int) -> tuple[dict, float]:
    """The same of one of classifier_peers.py; training and test are timed together, with the start."""
    command = [python, str(Path(__file__).with_name("classifier_peers.py")), name, str(train), str(test), str(epochs)]
    return timed(command, train, dict(os.environ))


def timed(command: list[str], folder: Path, env: dict[str, str]) -> tuple[dict, float]:
    """The JSON document in the last line that a command prints, and its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout[done.stdout.rindex(b"\n{") if b"\n{" in done.stdout else 0 :]), seconds


def measured(folder: Path, data: Path, judged: Path, *how, peers: str | None = None) -> tuple[float, float]:
    """Accuracy in percent on ``judged`` after a training on ``data``, and its processor seconds; peers' are printed."""
    _, seconds = lenet5(folder, "train", "--data", data, "--channels", 3, *how)
    report, _ = lenet5(folder, "evaluate", "--model", "lenet5.safetensors", "--data", judged)
    accuracy = 100 * report["accuracy"]
    print(f"{data.name}: {accuracy:.2f} %, {seconds:.1f} processor seconds", flush=True)
    for name, epochs in PEERS.items() if peers else ():
        report, of_peer = peer(peers, name, data, judged, epochs)
        print(f"    {name}: {100 * report['accuracy']:.2f} %, {of_peer:.1f} processor seconds", flush=True)
    return accuracy, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=5, help="images a class")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--n-test", type=int, default=200, help="test images a class")
    parser.add_argument("--of-train", action="store_true", help="judge on training images that no draw has")
    parser.add_argument("--peers", help="a Python with ultralytics and PyTorch, to train these on the same folders")
    args, how = parser.parse_known_args()
    (X, y), test = datasets.load("fashion-mnist")
    judged = (X[50_000:], y[50_000:]) if args.of_train else test
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "judged", *judged, args.n_test, np.random.default_rng(999))
        for draw in range(args.draws):
            data = write(folder / f"draw-{draw}", X[:50_000], y[:50_000], args.n, np.random.default_rng(draw))
            found.append(measured(folder, data, folder / "judged", *how, peers=args.peers))
    accuracy, seconds = np.array(found).T
    print(f"mean {accuracy.mean():.2f} % ({accuracy.min():.2f} to {accuracy.max():.2f}), {seconds.mean():.1f} s")


if __name__ == "__main__":
    main()
