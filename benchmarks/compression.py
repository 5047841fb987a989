"""What do fewer weights, bytes or multiply-adds cost in accuracy: `python benchmarks/compression.py`.

The model that ships is compressed once for each seed to each of the targets, and along a curve of sparsities. Errors
are those of the validation images, by which choices are made, and of the test images. Times are of the processor, one
thread, 1,000 images a call, in turns with the model that ships. Writes JSON, and with --picture the curve of error
against bytes.

    python benchmarks/compression.py --epochs 200 --seeds 0 1 2 3 4
    python benchmarks/compression.py --only curve --epochs 200 --picture docs/compression.png
"""

import statistics
import tempfile
import time
from pathlib import Path

import common
import numpy as np

from lenet5 import LeNet5, datasets, load, pretrained
from lenet5.compress.compress import CompressionReport, compress
from lenet5.datasets import Loaded
from lenet5.evaluation import contact_sheet, plots

TARGETS: dict[str, dict] = {
    "6.4 kB": {"sparsity": 0.9024, "codebook": 8},
    "2,000 weights": {"sparsity": 0.9676, "codebook": 8},
    "half of the multiply-adds": {"widths": (4, 10, 80, 60)},
    "microcontroller": {"widths": (6, 16, 24, 24)},
}
CURVE = [0.97, 0.95, 0.9, 0.85, 0.8]
ROUNDS = 15


def error(model: LeNet5, X: np.ndarray, y: np.ndarray) -> float:
    """In percent."""
    return round(100 * float((model.logits(X).argmax(axis=1) != y).mean()), 4)


def seconds(model: LeNet5, X: np.ndarray) -> float:
    start = time.process_time()
    model.logits(X, 1)
    return time.process_time() - start


def speed_up(model: LeNet5, X: np.ndarray) -> float:
    """How many times as fast it is as the model that ships: the median of the rounds."""
    usual = pretrained()
    return round(statistics.median(seconds(usual, X) / seconds(model, X) for _ in range(ROUNDS)), 2)


def row(report: CompressionReport, data: Loaded) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        report.save(path)
        n_bytes, model = path.stat().st_size, load(path)
    assert isinstance(model, LeNet5)
    return {
        "validation_error": round(100 * (1 - report.accuracy_after), 4),
        "test_error": error(model, *data.test),
        "bytes": n_bytes,
        "weights": report.n_weights_after,
        "macs": report.macs_after,
        "times_as_fast": speed_up(model, data.train[0][:1000]),
    }


def draw(rows: list[dict]):
    """The curve of error against bytes, on both sets."""
    points = sorted((row for row in rows if row["name"] == "curve"), key=lambda row: row["bytes"])
    x = np.array([row["bytes"] / 1000 for row in points])
    curves = [
        plots.Curve(f"{which} images", x, np.array([row[f"{which}_error"] for row in points]), which != "test")
        for which in ("test", "validation")
    ]
    return plots.draw("Error against the size of the file", curves, "kB", "error (%)")


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--epochs", type=int, default=200)
    p.add_argument("--seeds", type=int, nargs="+", default=[0])
    p.add_argument("--only", nargs="+", choices=[*TARGETS, "curve"], default=[*TARGETS, "curve"])
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--picture", type=Path, default=None)
    args = p.parse_args()
    data = datasets.obtain("mnist", args.data_dir)
    jobs = [(name, TARGETS[name]) for name in args.only if name in TARGETS]
    jobs += [("curve", {"sparsity": sparsity, "codebook": 8}) for sparsity in CURVE if "curve" in args.only]
    rows = []
    for name, settings in jobs:
        for seed in args.seeds:
            report = compress(pretrained(), data, epochs=args.epochs, seed=seed, threads=args.threads, **settings)
            rows.append({"name": name, "seed": seed, **settings, **row(report, data)})
            print(rows[-1], flush=True)
    common.save("compression", {"machine": common.machine(), "epochs": args.epochs, "results": rows}, args.out)
    if args.picture:
        contact_sheet.save_png(draw(rows), args.picture)


if __name__ == "__main__":
    main()
