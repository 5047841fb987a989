"""Does training for 8 bits keep the accuracy of float32: `python benchmarks/quantization_aware.py`.

Each seed is trained twice with the same settings, in float32 and with quantize. The first network is quantized
afterwards. Counts errors on validation and test images; nothing is chosen by them.

    python benchmarks/quantization_aware.py --recipe standard --threads 2
"""

import common
import numpy as np

from lenet5 import LeNet5, datasets
from lenet5.models.base import Classifier
from lenet5.training.config import RECIPES
from lenet5.training.sampler import validation_numbers

N_VALIDATION, N_CALIBRATION = 5000, 1000


def models(seed: int, X: np.ndarray, y: np.ndarray, **settings) -> dict[str, Classifier]:
    plain, aware = (LeNet5(seed=seed).fit(X, y, quantize=quantize, **settings) for quantize in (False, True))
    some = X[:N_CALIBRATION]
    return {"float32": plain, "8 bits afterwards": plain.quantize(some), "trained for 8 bits": aware.quantize(some)}


def n_errors(model: Classifier, X: np.ndarray, y: np.ndarray) -> int:
    return int((model.logits(X).argmax(axis=1) != y).sum())


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--recipe", choices=tuple(RECIPES), default="standard")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    p.add_argument("--threads", type=int, default=1)
    args = p.parse_args()
    data = datasets.obtain("mnist", args.data_dir)
    X, y = data.train
    chosen = validation_numbers(len(X), N_VALIDATION)
    rest = np.setdiff1d(np.arange(len(X)), chosen)
    sets = {"validation": (X[chosen], y[chosen]), "test": data.test}
    settings = {**RECIPES[args.recipe], "validation": 0, "threads": args.threads}
    rows = []
    for seed in args.seeds:
        for name, model in models(seed, X[rest], y[rest], **settings).items():
            errors = {which: n_errors(model, *images) for which, images in sets.items()}
            rows.append({"seed": seed, "model": name, **errors})
            print(rows[-1], flush=True)
    for name in dict.fromkeys(row["model"] for row in rows):
        means = {which: float(np.mean([row[which] for row in rows if row["model"] == name])) for which in sets}
        print(f"mean of {len(args.seeds)} seeds, {name}: {means}")
    document = {"machine": common.machine(), "recipe": args.recipe, "results": rows}
    common.save("quantization-aware", document, args.out)


if __name__ == "__main__":
    main()
