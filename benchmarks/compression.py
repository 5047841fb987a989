"""What do fewer weights, bytes or multiply-adds cost in accuracy: `python benchmarks/compression.py`.

The model that ships is compressed once for each seed to each of the targets, and along a curve of sparsities. Errors
are those of the validation images, by which choices are made, and of the test images. Times are of the processor, one
thread, 1,000 images a call, in turns with the model that ships. Writes JSON, and with --picture the error against the
bytes of the file. Models that were made before are measured with --models.

    python benchmarks/compression.py --epochs 200 --seeds 0 1 2 3 4 --picture docs/compression.png
    python benchmarks/compression.py --only --models a.safetensors b.safetensors --picture docs/compression.png
"""

import statistics
import tempfile
import time
from pathlib import Path

import common
import numpy as np

from lenet5 import datasets, load, pretrained
from lenet5.compress.compress import compress
from lenet5.datasets import Loaded
from lenet5.evaluation import contact_sheet, plots
from lenet5.models.base import Classifier
from lenet5.models.quantized import Quantized
from lenet5.training.sampler import validation_numbers

TARGETS: dict[str, dict] = {
    "6.4 kB": {"widths": (6, 16, 40, 40), "sparsity": 0.52, "codebook": 8},
    "2,000 weights": {"widths": (6, 16, 40, 40), "sparsity": 0.90861, "codebook": 16},
    "half of the multiply-adds": {"macs": 0.5},
    "microcontroller": {"widths": (6, 16, 24, 24)},
}
CURVE = [0.97, 0.95, 0.9, 0.85, 0.8]
ROUNDS = 15


def error(model: Classifier, X: np.ndarray, y: np.ndarray) -> float:
    """In percent."""
    return round(100 * float((model.logits(X).argmax(axis=1) != y).mean()), 4)


def seconds(model: Classifier, X: np.ndarray) -> float:
    start = time.process_time()
    model.logits(X, 1)
    return time.process_time() - start


def speed_up(model: Classifier, X: np.ndarray) -> float:
    """How many times as fast it is as the model that ships: the median of the rounds."""
    usual = pretrained()
    return round(statistics.median(seconds(usual, X) / seconds(model, X) for _ in range(ROUNDS)), 2)


def row(path: Path, data: Loaded) -> dict:
    """What is measured of a model file."""
    model, chosen = load(path), validation_numbers(len(data.train[1]), 5000)
    tensors = model.tensors() if isinstance(model, Quantized) else model.state_dict()
    return {
        "validation_error": error(model, *(part[chosen] for part in data.train)),
        "test_error": error(model, *data.test),
        "bytes": path.stat().st_size,
        "weights": sum(int((t != 0).sum()) for name, t in tensors.items() if "multiplier" not in name),
        "macs": model.macs,
        "times_as_fast": speed_up(model, data.train[0][:1000]),
    }


def draw(rows: list[dict]):
    """Test error against bytes: a curve of the sparsities, and a point for everything else."""
    names = dict.fromkeys(row["name"] for row in rows)
    curves = []
    for name in names:
        points = sorted((row["bytes"] / 1000, row["test_error"]) for row in rows if row["name"] == name)
        x, y = np.array(points).T
        curves.append(plots.Curve(f"{name}: {x[0]:.1f} kB, {y[0]:.2f} %" if len(x) == 1 else name, x, y))
    return plots.draw("Test error against the size of the file", curves, "kB", "error (%)", y_max=1.0)


def jobs(only: list[str]) -> list[tuple[str, dict]]:
    """Names and settings of what is to be compressed."""
    curve = [("curve", {"sparsity": sparsity, "codebook": 8}) for sparsity in CURVE]
    return [*((name, TARGETS[name]) for name in only if name in TARGETS), *(curve if "curve" in only else [])]


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--epochs", type=int, default=200)
    p.add_argument("--seeds", type=int, nargs="+", default=[0])
    p.add_argument("--only", nargs="*", choices=[*TARGETS, "curve"], default=[*TARGETS, "curve"])
    p.add_argument("--models", type=Path, nargs="+", default=[])
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--picture", type=Path, default=None)
    args = p.parse_args()
    data = datasets.obtain("mnist", args.data_dir)
    rows = [{"name": path.stem, **row(path, data)} for path in args.models]
    for name, settings in jobs(args.only):
        for seed in args.seeds:
            report = compress(pretrained(), data, epochs=args.epochs, seed=seed, threads=args.threads, **settings)
            with tempfile.TemporaryDirectory() as folder:
                report.save(path := Path(folder) / "model.safetensors")
                rows.append({"name": name, "seed": seed, **settings, **row(path, data)})
            print(rows[-1], flush=True)
    epochs = args.epochs if args.only else None
    common.save("compression", {"machine": common.machine(), "epochs": epochs, "results": rows}, args.out)
    if args.picture:
        contact_sheet.save_png(draw(rows), args.picture)


if __name__ == "__main__":
    main()
