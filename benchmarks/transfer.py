"""Given weights, fresh ones, and given ones with frozen convolutions, by test accuracy over seeds.

usps: n images a class of 500, tested on the other 500. fashion: n a class of Fashion-MNIST. five-to-nine: all of
MNIST's 5 to 9, from a network of its 0 to 4.
"""

import argparse
from pathlib import Path

import numpy as np

from lenet5 import LeNet5, datasets, pretrained
from lenet5.datasets.idx import read_idx

WAYS = ("fresh", "given", "frozen")


def usps(folder: Path) -> tuple:
    """Training and test images, 16 x 16 laid in the middle of 28 x 28."""
    X, y = (read_idx(folder / "usps" / f"usps1000-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
    X, order = np.pad(X, ((0, 0), (6, 6), (6, 6))), np.random.default_rng(0).permutation(len(y))
    train, test = order[:500], order[500:]
    return (X[train], y[train]), (X[test], y[test])


def some(y: np.ndarray, n: int, seed: int) -> np.ndarray:
    """The numbers of n images of each class."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(y == k))[:n] for k in np.unique(y)])


def five_to_nine(given_epochs: int) -> tuple:
    """A network of the digits 0 to 4, and images of the others, counted from 0."""
    (X, y), (X_test, y_test) = datasets.load("mnist")
    low = LeNet5(labels=list("01234")).fit(X[y < 5], y[y < 5], epochs=given_epochs)
    return low, (X[y > 4], y[y > 4] - 5), (X_test[y_test > 4], y_test[y_test > 4] - 5)


def trained(way: str, given: LeNet5, X, y, labels, seed: int, epochs: int) -> LeNet5:
    start = {} if way == "fresh" else {"start_from": given}
    frozen = {"freeze": ("c1", "c3")} if way == "frozen" else {}
    return LeNet5(seed=seed, labels=labels).fit(X, y, epochs=epochs, **start, **frozen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["usps", "fashion", "five-to-nine"])
    parser.add_argument("--n", type=int, default=5, help="images a class of usps and fashion")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data-dir", type=Path, help="of usps")
    parser.add_argument("--epochs", type=int, default=2, help="of five-to-nine")
    parser.add_argument("--given-epochs", type=int, default=2, help="of the network of 0 to 4")
    args = parser.parse_args()
    given, epochs, labels = pretrained(), 20 if args.n >= 100 else 40, None
    if args.task == "five-to-nine":
        (given, train, test), epochs, labels = five_to_nine(args.given_epochs), args.epochs, list("56789")
    else:
        train, test = usps(args.data_dir) if args.task == "usps" else datasets.load("fashion-mnist")
    for way in WAYS:
        accuracies = []
        for seed in range(args.seeds):
            which = slice(None) if args.task == "five-to-nine" else some(train[1], args.n, seed)
            model = trained(way, given, train[0][which], train[1][which], labels, seed, epochs)
            accuracies.append(100 * model.score(*test))
        print(f"{args.task} {way}: {np.mean(accuracies):.2f} % +- {np.std(accuracies, ddof=1):.2f}", flush=True)


if __name__ == "__main__":
    main()
