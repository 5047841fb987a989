"""Train the networks of 1998 as the paper did, and compare our figures with the paper's.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11), 1998: 20
passes over the 60,000 training images, one image per update. Stochastic diagonal Levenberg-Marquardt has the
global rates of section III-C. Nothing is chosen by the test images: the result is that of the last pass.

Choices that the paper leaves open are made with --validation 5000. Training images are then set apart in place of the
test images. Each run is saved as soon as it is done, and finished runs are not repeated.
"""

import argparse
import json
import statistics
from dataclasses import asdict
from pathlib import Path

import numpy as np
from common import RESULTS, machine

from lenet5 import LeNet5, datasets
from lenet5.evaluation import contact_sheet, plots
from lenet5.training.config import Config
from lenet5.training.sampler import validation_numbers
from lenet5.training.trainer import Trainer
from lenet5.utils.files import atomic_write

#: The paper's test error in percent, plain and with distortions, and the share rejected for 0.5 % error.
PAPER = {"lenet1": (1.7, None, 3.7), "lenet4": (1.1, None, 1.8), "1998": (0.95, 0.80, None)}
TARGET_ERROR = 0.005
#: The rate of the first two passes, and j of eq. 9, chosen on validation images (docs/results.md).
CHOSEN = {"lenet1": (5e-4, 10.0), "lenet4": (5e-4, 3.0), "1998": (2e-4, 10.0)}
COPIES = 10  # 60,000 images and 540,000 distorted ones; here all are distorted, and anew in each pass


class FixedOrder:
    """An order of images that repeats that of the first pass."""

    def __init__(self, order):
        self._order, self.n = order, order.n

    def numbers(self, epoch: int, first: int, last: int) -> np.ndarray:
        return self._order.numbers(0, first, last)


def rejection(scores: np.ndarray, y: np.ndarray, target: float = TARGET_ERROR) -> float:
    """Return the least fraction of images to reject so that at most ``target`` of the others is wrong.

    Rejected are those whose two best scores lie nearest to each other (section III-C).
    """
    best = np.sort(scores, axis=1)
    surest = np.argsort(best[:, -2] - best[:, -1], kind="stable")  # the largest gap first
    wrong = np.cumsum(scores.argmax(axis=1)[surest] != y[surest])
    n_kept = np.arange(1, len(y) + 1)
    good = np.flatnonzero(wrong <= target * n_kept)
    return 1 - (good[-1] + 1) / len(y) if len(good) else 1.0


def settings_of(options: argparse.Namespace, variant: str, seed: int, augment: str) -> dict:
    """Return the settings that decide a run, as the key to its results."""
    learning_rate, j = CHOSEN[variant]
    learning_rate = learning_rate if options.learning_rate is None else options.learning_rate
    j = j if options.j is None else options.j
    config = Config(
        epochs=options.passes, batch_size=1, optimizer="sdlm", learning_rate=learning_rate, schedule="paper",
        weight_decay=0.0, loss=options.loss, rubbish_penalty=j, augment=augment, validation=0, seed=seed,
    )  # fmt: skip
    return {"variant": variant, "initializer": options.initializer, "fixed_order": options.fixed_order,
            "pictures": options.pictures, "copies": options.copies or (1 if augment == "none" else COPIES),
            "validation": options.validation, "config": asdict(config)}  # fmt: skip


def is_of(done: dict, settings: dict) -> bool:
    """Whether a saved run has these settings, where later settings count with their defaults."""
    done = {**done, "config": asdict(Config(**done["config"]))}
    return settings.items() <= done.items()


def run(settings: dict, data: datasets.Loaded, threads: int) -> dict:
    """Train once; return the curves of figure 5 and the final results."""
    (X, y), (X_test, y_test) = data.train, data.test
    if settings["validation"]:
        apart = np.isin(np.arange(len(y)), validation_numbers(len(y), settings["validation"]))
        (X_test, y_test), (X, y) = (X[apart], y[apart]), (X[~apart], y[~apart])
    X, y = X[: settings["pictures"]], y[: settings["pictures"]]
    config = Config(**settings["config"])
    model = LeNet5(settings["variant"], seed=config.seed, initializer=settings["initializer"])
    n_copies = settings["copies"]  # each copy is distorted differently
    trainer = Trainer(model.network, np.tile(X, (n_copies, 1, 1)), np.tile(y, n_copies), config, threads)
    if settings["fixed_order"]:
        trainer._order = FixedOrder(trainer._order)
    curve = []
    for epoch in trainer.run():
        train_error, test_error = (1 - model.score(*pair, threads) for pair in ((X, y), (X_test, y_test)))
        curve.append({"pass": epoch.epoch, "loss": epoch.train_loss, "train_error": train_error,
                      "test_error": test_error, "seconds": epoch.seconds})  # fmt: skip
        print(f"  pass {epoch.epoch:2}  loss {epoch.train_loss:.4f}  training error {100 * train_error:.2f} %  "
              f"test error {100 * test_error:.2f} %  {epoch.seconds:.0f} s", flush=True)  # fmt: skip
    scores = model.logits(X_test, threads)
    return {**settings, "curve": curve, "test_error": curve[-1]["test_error"], "rejection": rejection(scores, y_test)}


def table(runs: list[dict]) -> str:
    """Print our figures beside the paper's, a line for each kind of run."""
    kinds: dict[tuple, list[dict]] = {}
    for one in runs:
        c = one["config"]
        kind = (one["variant"], c["augment"], c["loss"], one["initializer"], c["learning_rate"], c["epochs"],
                one["pictures"], one["copies"], one["validation"], one["fixed_order"],
                c["rubbish_penalty"], c["schedule"])  # fmt: skip
        kinds.setdefault(kind, []).append(one)
    lines = ["network  distortions  loss  first weights  rate    passes  seeds  test error (least, most)     paper   "
             "rejected for 0.5 %  paper"]  # fmt: skip
    for (variant, augment, loss, initializer, rate, passes, *_), same in sorted(kinds.items(), key=str):
        errors = [100 * one["test_error"] for one in same]
        plain, distorted, rejected = PAPER[variant]
        paper = plain if augment == "none" else distorted
        lines.append(
            f"{variant:7}  {augment:11}  {loss:4}  {initializer:13}  {rate:g}  {passes:6}  {len(same):5}  "
            f"{statistics.mean(errors):.3f} % ({min(errors):.2f}, {max(errors):.2f})        "
            f"{'-' if paper is None else f'{paper:.2f} %'}   "
            f"{100 * statistics.mean(one['rejection'] for one in same):.2f} %              "
            f"{'-' if rejected is None or augment != 'none' else f'{rejected:.1f} %'}"
        )
    return "\n".join(lines)


def draw(runs: list[dict], path: Path) -> None:
    """Draw the learning curves of the first seed of each kind side by side, as in figure 5."""
    panels, longest = {}, max(len(one["curve"]) for one in runs)
    for one in runs:
        kind = "distorted" if one["config"]["augment"] != "none" else "plain"
        kind += f" x {one['copies']}" * (one["copies"] > 1)
        title = f"{one['variant']}, {kind}, {one['config']['loss']}: error (%)"
        if title not in panels:
            missing = [None] * (longest - len(one["curve"]))
            panels[title] = {
                which: [100 * point[f"{which}_error"] for point in one["curve"]] + missing
                for which in ("train", "test")
            }
    contact_sheet.save_png(plots.curves(list(range(1, longest + 1)), panels), path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--variant", action="append", choices=sorted(PAPER), help="default: 1998; may be given again")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--augment", nargs="+", default=["none"], help="none and paper: plain, and with distortions")
    p.add_argument("--passes", type=int, default=20)
    p.add_argument("--pictures", type=int, default=60000, help="training images, the first of the set")
    p.add_argument("--copies", type=int, help=f"of each image in a pass; default: 1, with distortions {COPIES}")
    p.add_argument("--validation", type=int, default=0, help="training images in the place of the test images")
    p.add_argument("--loss", choices=["mse", "map"], default="map", help="eq. 8 or eq. 9")
    p.add_argument("--j", type=float, help="of eq. 9; default: as chosen for the variant")
    p.add_argument("--initializer", choices=["1998", "1998-root"], default="1998-root")
    p.add_argument("--learning-rate", type=float, help="of the first two passes, 5e-4 in 1998; default: as chosen")
    p.add_argument("--fixed-order", action="store_true", help="the same order in every pass")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--data-dir", default=None)
    p.add_argument("--out", type=Path, default=RESULTS / "reproduce.json")
    options = p.parse_args()
    data = datasets.obtain("mnist", options.data_dir)
    document = json.loads(options.out.read_text()) if options.out.exists() else {"machine": machine(), "runs": []}
    for augment in options.augment:
        for variant in options.variant or ["1998"]:
            for seed in options.seeds:
                settings = settings_of(options, variant, seed, augment)
                if any(is_of(done, settings) for done in document["runs"]):
                    continue
                print(f"{variant}, seed {seed}, distortions: {augment}", flush=True)
                result = run(settings, data, options.threads)
                if options.out.exists():  # another process may have added to it meanwhile
                    document = json.loads(options.out.read_text())
                document["runs"].append(result)
                atomic_write(options.out, json.dumps(document, indent=1) + "\n")
                draw(document["runs"], options.out.with_suffix(".png"))
    print(table(document["runs"]))


if __name__ == "__main__":
    main()
