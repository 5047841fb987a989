"""How time grows with the number of images, and shrinks with the number of threads."""

import numpy as np

from ..models.lenet import LeNet5
from .figures import figure
from .timing import Rounds, alternate, calls_lasting, repeated, spread
from .training import one_pass

#: Images per call, as far as the set is large enough.
SIZES = (1, 10, 100, 1000, 10_000, 60_000)
THROUGHPUT_SIZE = 10_000
#: A third of MNIST shows how a pass scales as well as all of it.
PASS_SIZE = 20_000


def thread_counts(most: int) -> tuple[int, ...]:
    """Return 1, 2, 4, ... and the largest number itself."""
    return (*(2**k for k in range(most.bit_length()) if 2**k < most), most)


def measure_sizes(model: LeNet5, X: np.ndarray, rounds: Rounds, call_seconds: float) -> list[dict]:
    """Return figures (microseconds per image) of calls with growing parts of X, uint8 (N, 28, 28), on one thread."""
    sizes = sorted({min(size, len(X)) for size in SIZES})
    functions = {n: (lambda n=n: model.predict_proba(X[:n], 1)) for n in sizes}
    calls = {n: calls_lasting(call_seconds, function) for n, function in functions.items()}
    seconds = alternate({n: repeated(function, calls[n]) for n, function in functions.items()}, rounds)
    return [
        figure("scaling", "prediction by pictures", "us/picture", spread(values, 1e6 / (n * calls[n])),
               threads=1, n_pictures=n)
        for n, values in seconds.items()
    ]  # fmt: skip


def measure_threads(
    model: LeNet5, X: np.ndarray, y: np.ndarray, batch_size: int, threads: tuple[int, ...], rounds: Rounds
) -> list[dict]:
    """Return figures of training passes (s) and predictions (us per image) for each number of threads, in turns."""
    many = X[:THROUGHPUT_SIZE]
    n_passed = min(PASS_SIZE, len(y))
    passes = {n: one_pass(X[:n_passed], y[:n_passed], batch_size, n) for n in threads}
    calls = {n: (lambda n=n: model.predict_proba(many, n)) for n in threads}
    trained, predicted = alternate(passes, rounds), alternate(calls, rounds)
    rows = [
        figure("scaling", "training pass by threads", "s", spread(values),
               batch_size=batch_size, threads=n, n_pictures=n_passed)
        for n, values in trained.items()
    ]  # fmt: skip
    return rows + [
        figure("scaling", "prediction by threads", "us/picture", spread(values, 1e6 / len(many)),
               threads=n, n_pictures=len(many))
        for n, values in predicted.items()
    ]  # fmt: skip
