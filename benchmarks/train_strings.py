"""Train the networks that read strings (`lenet5/data/strings.safetensors`): the whole recipe, from MNIST's training
digits and drawn strokes to the file that ships.

Strings are composed of the first 55,000 training digits (the last 5,000 are for choices) and of as many strokes. Runs
of their pieces, characters and rubbish, train the segment network, windows of their lines the sliding one. The same
command gives the same file, bit for bit, on one machine.
"""

import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from common import parser

from lenet5 import datasets, strokes
from lenet5.network import Network
from lenet5.strings import compose, examples, networks, sliding
from lenet5.train import Config, Trainer

SHARES = (("plain", 0.36), ("varied", 0.44), ("strokes", 0.2))  # of all strings


def composed(n: int, seed: int, data_dir: str | None):
    """Endless series of strings, cut to ``n`` in all: a list of iterators."""
    digits = datasets.obtain("mnist", data_dir).train
    X, y = (array[:55_000] for array in digits)
    drawn = strokes.draw(55_000, seed=seed)
    series = []
    for k, (name, share) in enumerate(SHARES):
        pictures = drawn if name == "strokes" else (X, y)
        style = "varied" if name == "strokes" else name
        series.append(compose.compose(*pictures, round(n * share), style=style, seed=1000 * seed + k))
    return series


def train(network: Network, X: np.ndarray, y: np.ndarray, config: Config, threads: int | None) -> list[dict]:
    """Train in place to the best epoch on pictures set apart; what each epoch gave."""
    trainer = Trainer(network, X, y, config, threads)
    records = []
    for epoch in trainer.run():
        records.append({"loss": epoch.train_loss, "validation_accuracy": epoch.validation_accuracy})
        print(f"epoch {epoch.epoch}/{config.epochs}  loss {epoch.train_loss:.4f}  validation "
              f"{100 * epoch.validation_accuracy:.2f} %  {epoch.seconds:.0f} s", flush=True)  # fmt: skip
    network.parameters[:] = trainer.best
    return records


def joined(parts) -> tuple[np.ndarray, np.ndarray]:
    X, y = zip(*parts, strict=True)
    return np.concatenate(X), np.concatenate(y)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--strings", type=int, default=40_000, help="composed strings for each network")
    arguments.add_argument("--epochs", type=int, default=14)
    arguments.add_argument("--widths", type=int, nargs=4, default=list(networks.WIDTHS), help="of C1, C3, C5, F6")
    arguments.add_argument("--members", type=int, default=2, help="segment networks, each on strings of its own")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--threads", type=int)
    options = arguments.parse_args()
    if options.out is None:
        sys.exit("--out FILE.safetensors is needed")
    started, records, segments = perf_counter(), {}, []
    for member in range(options.members):
        series = composed(options.strings, options.seed + 1 + member, options.data_dir)
        X, y = joined(examples.examples(strings, seed=member) for strings in series)
        print(f"segment network {member + 1}: {len(X):,} runs, {perf_counter() - started:.0f} s", flush=True)
        network = Network(networks.layers(tuple(options.widths)), seed=options.seed + member)
        config = Config(epochs=options.epochs, augment="affine,elastic", seed=options.seed + member)
        records[f"segments {member}"] = train(network, X, y, config, options.threads)
        segments.append(network)
    series = composed(options.strings, options.seed + 101, options.data_dir)
    X, y = joined(sliding.windows(strings, seed=k) for k, strings in enumerate(series))
    print(f"sliding network: {len(X):,} windows, {perf_counter() - started:.0f} s", flush=True)
    slider = networks.sliding_network(options.seed)
    # Nothing may move a digit from the middle: no distortions but those of the strings themselves.
    config = Config(epochs=options.epochs, augment="none", seed=options.seed)
    records["sliding"] = train(slider, X, y, config, options.threads)
    training = {
        "command": " ".join(["benchmarks/train_strings.py", *sys.argv[1:]]),
        "seed": options.seed,
        "data_sha256": datasets.obtain("mnist", options.data_dir).sha256,
        "records": records,
    }
    networks.StringNetworks(segments, slider, training).save(Path(options.out))
    print(f"written: {options.out}, {perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
