"""The error on validation images with each training aid alone, beside a plain training.

    python benchmarks/ablation.py --seeds 2 --epochs 20

Each row changes one thing. The test images are not used.
"""

import sys
from time import perf_counter

import common
import numpy as np

from lenet5 import LeNet5, datasets
from lenet5.training.defaults import config_for
from lenet5.training.trainer import Trainer

PLAIN = {"augment": "none", "validation": 10_000}
AIDS: dict[str, dict] = {
    "nothing": {},
    "without weight decay": {"weight_decay": 0.0},
    "weight decay 1e-3": {"weight_decay": 1e-3},
    "L1 1e-5": {"l1": 1e-5},
    "dropout 0.2": {"dropout": 0.2},
    "batch normalisation": {"batch_norm": True},
    "label smoothing 0.05": {"label_smoothing": 0.05},
    "average 0.9995": {"average": 0.9995},
    "mixup 0.2": {"mixup": 0.2},
    "adversarial 0.05": {"adversarial": 0.05},
    "gradients clipped at 1": {"clip_norm": 1.0},
    "rotation": {"augment": "rotation"},
    "scale": {"augment": "scale"},
    "shear": {"augment": "shear"},
    "shift": {"augment": "shift"},
    "crop": {"augment": "crop"},
    "flip": {"augment": "flip"},
    "affine": {"augment": "affine"},
    "elastic": {"augment": "elastic"},
    "affine, elastic": {"augment": "affine,elastic"},
    "cutout": {"augment": "cutout"},
    "photo": {"augment": "photo"},
    "inversion": {"augment": "invert"},
    "average pooling": {"pool": "avg"},
    "tanh": {"activation": "tanh"},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.01},
    "rmsprop": {"optimizer": "rmsprop", "weight_decay": 0.0},
}


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--seeds", type=int, default=2)
    p.add_argument("--epochs", type=int, default=20)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--only", nargs="*", help="these rows")
    options = p.parse_args()
    data = datasets.obtain("mnist", options.data_dir, offline=True)
    rows = {}
    print(f"validation error of {PLAIN['validation']:,} images after {options.epochs} passes, {options.seeds} seeds")
    for name in options.only or AIDS:
        rows[name] = [error(data, AIDS[name], seed, options) for seed in range(options.seeds)]
        errors = np.array([100 * row["error"] for row in rows[name]])
        spread = f"{errors.min():.2f} .. {errors.max():.2f}"
        print(f"{name:24}  {errors.mean():.3f} %  ({spread})", flush=True)
    common.save("ablation", {"machine": common.machine(), "epochs": options.epochs, "plain": PLAIN, "rows": rows,
                             "aids": AIDS}, options.out)  # fmt: skip


def error(data, aid: dict, seed: int, options) -> dict:
    """Train once; return the error of the last epoch on validation images, 0..1, their loss, and the time."""
    settings = {**PLAIN, **aid, "seed": seed, "epochs": options.epochs}
    layers = {name: settings.pop(name) for name in ("pool", "activation") if name in settings}
    started = perf_counter()
    model = LeNet5(seed=seed, **layers)
    trainer = Trainer(model.network, *data.train, config_for(model.network, **settings), options.threads)
    for epoch in trainer.run():
        print(f"{epoch.epoch} {epoch.validation_accuracy:.4f}", end="\r", file=sys.stderr)
    return {"error": 1 - epoch.validation_accuracy, "loss": epoch.validation_loss, "seconds": perf_counter() - started}


if __name__ == "__main__":
    main()
