"""Latency of one image and throughput of many, beside the installed peers."""

import numpy as np

from ..models.lenet import LeNet5
from . import kernels, peers
from .figures import OURS, figure
from .timing import REST, Rounds, alternate, calls_lasting, repeated, spread

NAME = "prediction"


def inputs(X: np.ndarray) -> np.ndarray:
    """Convert images uint8 (N, 28, 28) to the input of every program: float32 (N, 1, 32, 32) in 0..1."""
    return np.pad(X, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32) / 255


def measure_prediction(
    model: LeNet5, X: np.ndarray, threads: int, rounds: Rounds, call_seconds: float, failed=None
) -> list[dict]:
    """Return figures (microseconds per image) of a call with X, float32 (N, 1, 32, 32), softmax included.

    Calls are repeated until they last ``call_seconds``. Peers take part if ``failed`` is given.
    """
    functions = {OURS: lambda: model.predict_proba(X, threads)}
    if failed:
        functions |= peers.prediction_peers(model, X, threads, failed)
    calls = {name: calls_lasting(call_seconds, function) for name, function in functions.items()}
    loops = {name: repeated(function, calls[name]) for name, function in functions.items()}
    rows, operations = [], kernels.flops_per_picture(model.network)[0]
    for contestant, values in alternate(loops, rounds, failed, REST if failed else 0.0).items():
        numbers = spread(values, 1e6 / (len(X) * calls[contestant]))
        sizes = {"threads": threads, "n_pictures": len(X), "operations": operations}
        rows.append(figure("prediction", NAME, "us/picture", numbers, contestant, **sizes))
    return rows
