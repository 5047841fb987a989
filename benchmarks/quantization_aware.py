"""Does training for 8 bits keep the accuracy of float32: `python benchmarks/quantization_aware.py`.

Each seed is trained twice with the same settings, in float32 and with quantize. The first network is quantized
afterwards. Counts errors on validation images, and with --test on the test images.

    python benchmarks/quantization_aware.py --recipe standard
    python benchmarks/quantization_aware.py --recipe quick --test
"""

import common
import numpy as np

from lenet5 import LeNet5, datasets
from lenet5.training.config import RECIPES
from lenet5.training.sampler import validation_numbers

N_VALIDATION, N_CALIBRATION = 5000, 1000


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--recipe", choices=tuple(RECIPES), default="standard")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--test", action="store_true")
    args = p.parse_args()
    data = datasets.obtain("mnist", args.data_dir)
    X, y = data.train
    chosen = validation_numbers(len(X), N_VALIDATION)
    rest = np.setdiff1d(np.arange(len(X)), chosen)
    judged, labels = data.test if args.test else (X[chosen], y[chosen])
    rows = []
    for seed in args.seeds:
        how = RECIPES[args.recipe] | {"threads": args.threads}
        plain, aware = (LeNet5(seed=seed).fit(X[rest], y[rest], quantize=q, **how) for q in (False, True))
        models = {
            "float32": plain,
            "8 bits afterwards": plain.quantize(X[rest[:N_CALIBRATION]]),
            "trained for 8 bits": aware.quantize(X[rest[:N_CALIBRATION]]),
        }
        errors = {name: int((model.logits(judged).argmax(axis=1) != labels).sum()) for name, model in models.items()}
        rows.append({"seed": seed, **errors})
        print(rows[-1], flush=True)
    print("mean:", {name: float(np.mean([row[name] for row in rows])) for name in models})
    common.save(
        "quantization-aware",
        {"machine": common.machine(), "recipe": args.recipe, "test": args.test, "n": len(labels), "results": rows},
        args.out,
    )


if __name__ == "__main__":
    main()
