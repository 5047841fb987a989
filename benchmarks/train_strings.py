"""Train the networks that read strings (`lenet5/weights/strings.safetensors`): the whole recipe, from MNIST's training
digits and drawn strokes to the file that ships.

Strings are composed of 55,000 training digits, of strokes, and of forms of digits that MNIST's writers hardly use. Runs
of their pieces, characters and rubbish, train the segment networks, windows of their lines the sliding one. The digit
networks are trained on the runs that are digits, on those of more strings, in which such forms are as frequent as
MNIST's, and on the 55,000 as they are, some on all of them put upright. The other 5,000 digits, on which the digit
model that ships was not trained either, are for choices (strings.py beside this), and strings of them give the
thresholds of `lenet5 read --max-error`. The same command gives the same file, bit for bit, on one machine.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

import numpy as np
from common import held_out_digits, parser

from lenet5 import datasets, pretrained
from lenet5.datasets.synthetic import allographs, digit_strings, strokes
from lenet5.evaluation.calibration import Calibration, find_thresholds
from lenet5.nn.network import Network
from lenet5.ocr import evaluation, networks, reader
from lenet5.ocr.layout import evened
from lenet5.recipes import segments
from lenet5.training.trainer import Config, Trainer

# Style, and share of all strings, of MNIST's digits, these and forms, and strokes.
SHARES = (("plain", "mnist", 0.34), ("varied", "mnist", 0.12), ("amounts", "forms", 0.4), ("varied", "strokes", 0.14))
# And for the segment networks alone so many more, of the plain style: neighbouring ones are the hardest to part.
ONES_SHARE, ONES = 0.125, replace(digit_strings.STYLES["plain"], ones=0.6)

# For the digit networks more ones have a flag, and more sevens a bar: who writes one writes the other.
FLAGGED = replace(digit_strings.STYLES["amounts"], flags=0.6)

# How the networks are trained.
SEGMENTS = {"augment": "affine,elastic", "finetune": 0.125}
DIGITS = {"augment": "affine-wide,elastic", "finetune": 0.08, "finetune_augment": "crop", "validation": 0}
SLIDING = {"augment": "rotation,scale,shear,elastic"}  # nothing may move a digit from the middle


def composed(n: int, seed: int, data_dir: str | None) -> Iterator[digit_strings.Composed]:
    """``n`` strings in all, as `SHARES` says."""
    (X, y), _ = held_out_digits(data_dir)
    drawn = allographs.draw(len(X) // 3, seed=seed)
    pools = {"mnist": (X, y), "strokes": strokes.draw(len(X), seed=seed)}
    pools["forms"] = tuple(np.concatenate(pair) for pair in zip((X, y), drawn, strict=True))
    for k, (style, pool, share) in enumerate(SHARES):
        yield from digit_strings.compose(*pools[pool], round(n * share), style=style, seed=1000 * seed + k)


def segments_of(strings: int, seed: int, rubbish: float, data_dir: str | None) -> tuple[np.ndarray, ...]:
    """Pictures and classes of the runs of ``strings``, and how many these are, with those of the strings of ones behind
    them."""
    (X, y), _ = held_out_digits(data_dir)
    ones = digit_strings.compose(X, y, round(ONES_SHARE * strings), style=ONES, seed=1000 * (seed + 1) + len(SHARES))
    runs = segments.examples(composed(strings, seed + 1, data_dir), seed=seed, rubbish=rubbish)
    more = segments.examples(ones, seed=seed + 1, rubbish=rubbish)
    return *(np.concatenate(pair) for pair in zip(runs, more, strict=True)), len(runs[0])


def digits_of(X: np.ndarray, y: np.ndarray, options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """What digit networks are trained on: the own ink of runs that are digits, here and of more strings, and the single
    pictures."""
    (single, label), _ = held_out_digits(options.data_dir)
    drawn = allographs.draw(len(single), seed=options.seed + 1)
    both = (np.concatenate(pair) for pair in zip((single, label), drawn, strict=True))
    plain = digit_strings.compose(
        single, label, options.plain_strings, style="plain", seed=1000 * (options.seed + 1) + 10
    )
    flagged = digit_strings.compose(*both, options.flagged_strings, style=FLAGGED, seed=1000 * (options.seed + 1) + 11)
    runs = [(X, y), *(segments.examples(strings, seed=options.seed + 2, rubbish=0) for strings in (plain, flagged))]
    as_read = np.rint(255 * evened(single.astype(np.float32) / 255, 1.0)).astype(np.uint8)
    X = np.concatenate([*(X[y < 10, :1] for X, y in runs), as_read[:, None]])
    return X, np.concatenate([*(y[y < 10] for _, y in runs), label])


def train(network: Network, X: np.ndarray, y: np.ndarray, config: Config, threads: int | None) -> float | None:
    """Train in place, to the best epoch on pictures set apart if there are any, and tell the accuracy on these."""
    trainer = Trainer(network, X, y, config, threads)
    for epoch in trainer.run():
        accuracy = f"  validation {100 * epoch.validation_accuracy:.2f} %" if config.validation else ""
        print(
            f"epoch {epoch.epoch}/{config.epochs}  loss {epoch.train_loss:.4f}{accuracy}  {epoch.seconds:.0f} s",
            flush=True,
        )
    network.parameters[:] = trainer.best
    return trainer.history[trainer.best_epoch - 1].validation_accuracy


def calibrate(found: networks.StringNetworks, n: int, data_dir: str | None, threads: int | None) -> Calibration:
    """Thresholds for digits from ``n`` strings of held-out digits in each style, read beside the model that ships."""
    _, (X, y) = held_out_digits(data_dir)
    network = pretrained()
    confidence, correct = [], []
    for style in ("plain", "varied", "amounts"):
        for picture, right in evaluation.pictures(digit_strings.compose(X, y, n, style=style, seed=9)):
            digits = reader.read(picture, network=network, networks=found, threads=threads).digits
            confidence += [digit.confidence for digit in digits]
            correct += evaluation.matches("".join(digit.text for digit in digits), right)
    correct = np.array(correct, bool)
    repeats = max(len(correct) / len(X), 1.0)
    return Calibration(thresholds=find_thresholds(np.array(confidence), correct, repeats), n=len(correct))


def options_of() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("--strings", type=int, default=28_000, help="composed for segment and digit networks")
    arguments.add_argument("--plain-strings", type=int, default=8_000, help="more for digit networks")
    arguments.add_argument("--flagged-strings", type=int, default=12_000, help="more for them, with other forms")
    arguments.add_argument("--sliding-strings", type=int, default=40_000, help="composed for the sliding network")
    arguments.add_argument("--epochs", type=int, default=8, help="of segment networks")
    arguments.add_argument("--digit-epochs", type=int, default=15, help="of digit networks")
    arguments.add_argument("--sliding-epochs", type=int, default=16, help="of the sliding network")
    arguments.add_argument(
        "--rubbish", type=float, default=1.5, help="runs that are none, for each that is a character"
    )
    arguments.add_argument("--widths", type=int, nargs=4, default=list(networks.WIDTHS), help="of C1, C3, C5, F6")
    arguments.add_argument("--digit-widths", type=int, nargs=4, default=list(networks.WIDTHS))
    arguments.add_argument("--sliding-widths", type=int, nargs=4, default=list(networks.SMALL_WIDTHS))
    arguments.add_argument("--members", type=int, default=1, help="segment networks")
    arguments.add_argument("--digit-members", type=int, default=1, help="digit networks that see runs as they are")
    arguments.add_argument("--upright-members", type=int, default=1, help="digit networks that see them upright")
    arguments.add_argument("--average", type=float, default=0.9995, help="of the running average of the weights")
    arguments.add_argument("--calibration", type=int, default=2_000, help="strings of each style for thresholds")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--threads", type=int)
    options = arguments.parse_args()
    if options.out is None:
        sys.exit("--out FILE.safetensors is needed")
    return options


def main() -> None:
    options = options_of()
    started, accuracies = perf_counter(), {}

    def trained(what: str, network: Network, X: np.ndarray, y: np.ndarray, member: int, **settings) -> Network:
        print(f"{what} {member}: {len(X):,} pictures, {perf_counter() - started:.0f} s", flush=True)
        config = Config(seed=options.seed + member, average=options.average, **settings)
        accuracy = train(network, X, y, config, options.threads)
        if accuracy is not None:
            accuracies[f"{what} {member}"] = accuracy
        return network

    X, y, n_runs = segments_of(options.strings, options.seed, options.rubbish, options.data_dir)
    segments = []
    for member in range(options.members):
        network = Network(networks.layers(tuple(options.widths)), seed=options.seed + member)
        segments.append(trained("segments", network, X, y, member, epochs=options.epochs, **SEGMENTS))
    X, y = digits_of(X[:n_runs], y[:n_runs], options)
    digits, upright = [], []
    for member in range(options.digit_members + options.upright_members):
        network = networks.digit_network(options.seed + member, tuple(options.digit_widths))
        if member == options.digit_members:
            X = networks.upright(X)
        trained("digits", network, X, y, member, epochs=options.digit_epochs, **DIGITS)
        (digits if member < options.digit_members else upright).append(network)
    X, y = segments.windows(composed(options.sliding_strings, options.seed + 1, options.data_dir), seed=options.seed)
    slider = networks.sliding_network(options.seed, tuple(options.sliding_widths))
    trained("sliding", slider, X, y, 0, epochs=options.sliding_epochs, **SLIDING)
    training = {
        "command": f"benchmarks/train_strings.py --out {options.out.name}",
        "options": {k: v for k, v in vars(options).items() if k not in ("out", "data_dir", "threads", "repeats")},
        "data_sha256": datasets.obtain("mnist", options.data_dir).sha256,
        "validation_accuracy": accuracies,
    }
    networks.StringNetworks(segments, digits, slider, training, upright=upright).save(options.out)
    found = networks.load(options.out)  # as it will be read
    found.calibration = calibrate(found, options.calibration, options.data_dir, options.threads)
    found.save(options.out)
    print(f"written: {options.out}, {perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
