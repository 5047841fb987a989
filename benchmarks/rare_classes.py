"""Classes of unequal size: MNIST with 4,000 images of 0 down to 40 of 9, by balanced accuracy over seeds.

Each class has 0.6 times the images of the one before. Judged are 10,000 training images that are set apart, or the
test images. Each seed draws other images.
"""

import argparse

import numpy as np

from lenet5 import LeNet5, datasets

N_APART, LARGEST, RATIO = 10_000, 4000, 0.6


def long_tail(y: np.ndarray, seed: int) -> np.ndarray:
    """The numbers of the images to train on."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(y == k))[: round(LARGEST * RATIO**k)] for k in range(10)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logit-adjustment", type=float, default=0.0)
    parser.add_argument("--class-weight", choices=["none", "balanced"], default="none")
    parser.add_argument("--augment", default="affine")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--test", action="store_true", help="judge on the test images, once")
    args = parser.parse_args()
    how = {name: getattr(args, name) for name in ("logit_adjustment", "class_weight", "augment", "epochs")}
    (X, y), test = datasets.load("mnist")
    judged = test if args.test else (X[-N_APART:], y[-N_APART:])
    X, y, found = X[:-N_APART], y[:-N_APART], []
    for seed in range(args.seeds):
        some = long_tail(y, seed)
        report, _ = LeNet5(seed=seed).fit(X[some], y[some], **how).evaluate(*judged)
        found.append(100 * report["balanced_accuracy"])
        print(f"seed {seed}: {found[-1]:.2f} %", flush=True)
    print(f"mean {np.mean(found):.2f} % +- {np.std(found, ddof=1):.2f}")


if __name__ == "__main__":
    main()
