"""Time of training, from arrays in memory to a given accuracy on MNIST's test images.

    python benchmarks/time_to_99.py --seeds 10 --threads 2
    python benchmarks/time_to_99.py --target 99.5 --recipe best --epochs 40 --seeds 5

The clock starts before the network is made; laying out the images and every step count. Reading the files and
evaluating the test images do not. The recipe fixes the length of training beforehand. Test images are evaluated after
each pass only to tell when the target was first reached, and at the end.
"""

import sys
from time import perf_counter

import common
import numpy as np

from lenet5 import LeNet5, datasets
from lenet5.training.config import RECIPES, Config
from lenet5.training.trainer import Trainer


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--seeds", type=int, default=10)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--target", type=float, default=99.0, help="per cent")
    p.add_argument("--recipe", choices=RECIPES, default="quick")
    p.add_argument("--epochs", type=int, help="default: the recipe's")
    options = p.parse_args()
    data = datasets.obtain("mnist", options.data_dir, offline=True)
    runs = [race(data, seed, options) for seed in range(options.seeds)]
    seconds = [run["seconds"] for run in runs]
    reached = [run["seconds_to_target"] for run in runs if run["seconds_to_target"] is not None]
    accuracies = np.array([run["accuracy"] for run in runs])
    print(f"whole training: median {np.median(seconds):.2f} s ({min(seconds):.2f} .. {max(seconds):.2f}), "
          f"{options.threads} threads, recipe {options.recipe}")  # fmt: skip
    if reached:
        print(f"{len(reached)} of {len(runs)} seeds reached {options.target:g} %: median {np.median(reached):.2f} s")
    print(f"accuracy at the end: mean {100 * accuracies.mean():.3f} %, least {100 * accuracies.min():.2f} %, most "
          f"{100 * accuracies.max():.2f} %, spread {100 * accuracies.std(ddof=1):.3f}")  # fmt: skip
    document = {"machine": common.machine(), "recipe": options.recipe, "epochs": options.epochs,
                "target": options.target, "threads": options.threads, "runs": runs}  # fmt: skip
    common.save(f"time-to-{options.target:g}", document, options.out)
    sys.exit(not (accuracies >= options.target / 100).all())


def race(data, seed: int, options) -> dict:
    """Train once; return its time, without the evaluations of test images."""
    started = perf_counter()
    model = LeNet5(seed=seed)
    changes = {"epochs": options.epochs} if options.epochs else {}
    config = Config.of_recipe(options.recipe, seed=seed, **changes)
    trainer = Trainer(model.network, *data.train, config, options.threads)
    looking, first, accuracy = 0.0, None, 0.0
    for _ in trainer.run():
        at = perf_counter()
        accuracy = model.score(*data.test, options.threads)
        if first is None and accuracy >= options.target / 100:
            first = at - started - looking
        looking += perf_counter() - at
    seconds = perf_counter() - started - looking
    print(f"seed {seed}: {seconds:.2f} s, {len(trainer.history)} passes, {100 * accuracy:.2f} %", file=sys.stderr)
    return {"seed": seed, "seconds": seconds, "seconds_to_target": first, "accuracy": accuracy}


if __name__ == "__main__":
    main()
