"""A complete run: the parts in their order, and one document of all figures."""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np

from ..evaluation.calibration import Calibration
from ..models.documents import pretrained
from ..models.lenet import LeNet5
from . import figures, kernels, machine, peers, prediction, scaling, startup, training
from .timing import Rounds, check_clock, spread

PARTS = ("kernels", "training", "prediction", "startup", "scaling")
#: Parts that need images.
WITH_PICTURES = ("training", "prediction", "scaling")
#: Default rounds of each part; one number replaces all but those of the peak.
ROUNDS = {
    "peak": Rounds(5, 15, 0.3),
    "kernels": Rounds(5, 15, 3.0),
    "training": Rounds(3, 5, 4.0),
    "prediction": Rounds(5, 9, 1.5),
    "startup": Rounds(3, 7, 3.0),
    "scaling": Rounds(3, 5, 4.0),
}
QUICK_ROUNDS, QUICK_PICTURES = 3, 10_000
SIZES = (1, 1000, 10_000)


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to measure. ``repeats`` None: as often as each part needs; ``quick``: fewer images and rounds."""

    parts: tuple[str, ...] = PARTS
    threads: tuple[int, ...] = (1,)
    batch_sizes: tuple[int, ...] = (64,)
    sizes: tuple[int, ...] = SIZES
    repeats: int | None = None
    quick: bool = False
    peers: bool = False

    def rounds(self, part: str) -> Rounds:
        if (self.repeats and part != "peak") or self.quick:
            n = (self.repeats if part != "peak" else None) or QUICK_ROUNDS
            return Rounds(n, n)
        return ROUNDS[part]


@dataclass
class _Run:
    """A plan in progress. X uint8 (N, 28, 28), y uint8 (N,); both are empty if no part needs them."""

    plan: BenchmarkPlan
    X: np.ndarray
    y: np.ndarray
    say: Callable[[str], None]
    peaks: dict[int, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> Callable[[str, Exception], None] | None:
        """Callback for a peer that is left out, with the reason; None if no peers take part."""
        return self._failed if self.plan.peers else None

    def _failed(self, name: str, error: Exception) -> None:
        if name == figures.OURS:
            raise error
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        note = f"{name} is left out: {reason}"
        if note not in self.notes:
            self.notes.append(note)
            self.say(note)


def measure(plan: BenchmarkPlan, pictures: tuple[np.ndarray, np.ndarray] | None, data: str | None, command: str,
            say: Callable[[str], None] = lambda line: None) -> dict:  # fmt: skip
    """Carry out a plan.

    Parameters
    ----------
    pictures : (X, y) or None
        uint8 (N, 28, 28) and labels (N,), of the set named ``data``; None if no part needs them.
    command : str
        The command that asked for the run, for the record.
    say : callable
        Receives a line before each group of measurements, and for each peer that is left out.

    Returns
    -------
    dict
        The document described in benchmarks/README.md: JSON values only, no NaN.
    """
    if unknown := set(plan.parts) - set(PARTS):
        raise ValueError(f"no part {min(unknown)!r}; there are {', '.join(PARTS)}")
    check_clock()
    where = machine.describe()
    X, y = pictures or (np.empty((0, 28, 28), np.uint8), np.empty(0, np.uint8))
    if plan.quick:
        X, y = X[:QUICK_PICTURES], y[:QUICK_PICTURES]
    run = _Run(plan, X, y, say)
    _measure_peaks(run)
    rows = [row for part in PARTS if part in plan.parts for row in _MEASURES[part](run)]
    _measure_peaks(run)  # again, because the clock may have changed
    settings = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(plan).items()}
    return {
        "format": figures.FORMAT,
        "version": figures.VERSION,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command[: figures.MAX_COMMAND],
        "machine": where | {"peers": machine.versions((*peers.NEEDS, "onnx")) if plan.peers else {}},
        "settings": settings | {"data": data, "n_pictures": len(y)},
        "notes": run.notes,
        "figures": [*_peak_figures(run), *(_with_rates(row, run) for row in rows)],
    }


def _measure_peaks(run: _Run) -> None:
    """Measure the peak for each number of threads, with which every part is compared."""
    run.say("multiply-add peak")
    for threads in sorted({1, *run.plan.threads}):
        run.peaks.setdefault(threads, []).extend(kernels.peak_rates(threads, run.plan.rounds("peak")))


def _peak_figures(run: _Run) -> Iterator[dict]:
    for threads, rates in run.peaks.items():
        yield figures.figure("peak", "multiply-add peak", "GFLOP/s", spread(rates), threads=threads)


def _with_rates(row: dict, run: _Run) -> dict:
    """Compare ``row`` with the best rate that the same number of threads ever reached."""
    return figures.with_rates(row, max(run.peaks.get(row.get("threads", 0), [0.0])))


def _kernels(run: _Run) -> list[dict]:
    run.say("kernels")
    seconds = kernels.LOOP_SECONDS / (4 if run.plan.quick else 1)
    rows, rates = kernels.measure_kernels(run.plan.rounds("kernels"), seconds)
    run.peaks[1] += rates
    return rows


def _training(run: _Run) -> Iterator[dict]:
    for threads in run.plan.threads:
        for batch_size in run.plan.batch_sizes:
            run.say(f"training passes over {len(run.y):,} images, batch {batch_size}, {_threads(threads)}")
            rounds = run.plan.rounds("training")
            yield from training.measure_training(run.X, run.y, batch_size, threads, rounds, run.failed)


def uncalibrated() -> LeNet5:
    """Return the shipped network without its temperature, because other programs have none, and must agree."""
    model = pretrained()
    model.calibration = Calibration()
    return model


def _prediction(run: _Run) -> Iterator[dict]:
    model, rounds = uncalibrated(), run.plan.rounds("prediction")
    seconds = 0.01 if run.plan.quick else 0.05
    X = prediction.inputs(run.X[: max(run.plan.sizes)])
    for threads in run.plan.threads:
        for n in sorted({min(n, len(X)) for n in run.plan.sizes}):
            run.say(f"prediction, {n:,} image{'s' * (n > 1)} per call, {_threads(threads)}")
            yield from prediction.measure_prediction(model, X[:n], threads, rounds, seconds, run.failed)


def _startup(run: _Run) -> Iterator[dict]:
    run.say("startup of whole processes")
    yield from startup.measure_startup(run.plan.rounds("startup"))


def _scaling(run: _Run) -> Iterator[dict]:
    model, rounds = uncalibrated(), run.plan.rounds("scaling")
    run.say("scaling with the number of images")
    yield from scaling.measure_sizes(model, run.X, rounds, 0.002 if run.plan.quick else 0.02)
    counts = run.plan.threads if len(run.plan.threads) > 1 else scaling.thread_counts(max(run.plan.threads))
    run.say(f"scaling with threads: {', '.join(map(str, counts))}")
    yield from scaling.measure_threads(model, run.X, run.y, run.plan.batch_sizes[0], counts, rounds)


def _threads(n: int) -> str:
    return f"{n} thread{'s' * (n > 1)}"


_MEASURES = {
    "kernels": _kernels,
    "training": _training,
    "prediction": _prediction,
    "startup": _startup,
    "scaling": _scaling,
}
