"""Repeated timing of contestants in turns, and the spread of their times."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..errors import LeNet5Error

_Key = TypeVar("_Key")
MAX_CALLS = 1_000_000
#: Seconds of rest before each turn if other programs take part: some keep threads spinning after a call.
REST = 0.2


@dataclass(frozen=True)
class Rounds:
    """Number of turns: at least ``least``, then until ``seconds`` have passed, at most ``most``."""

    least: int
    most: int
    seconds: float = 0.0


def check_clock() -> None:
    """Raise LeNet5Error if the clock does not advance, as in some sandboxes."""
    started = time.perf_counter()
    if all(time.perf_counter() == started for _ in range(MAX_CALLS)):
        raise LeNet5Error("the clock of this machine stands still, so nothing can be measured")


def timed(function: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def alternate(
    contestants: Mapping[_Key, Callable[[], object]],
    rounds: Rounds,
    failed: Callable[[_Key, Exception], None] | None = None,
    rest: float = 0.0,
) -> dict[_Key, list[float]]:
    """Time the contestants' calls in turns, so that other load on the machine affects all of them.

    Nothing runs during ``rest`` seconds before each turn. The first call of each is not counted. A contestant whose
    first call raises is left out after ``failed(name, error)``; without ``failed`` the error is raised.
    """
    ready: dict[_Key, Callable[[], object]] = {}
    for name, function in contestants.items():
        try:
            function()
        except Exception as error:
            if failed is None:
                raise
            failed(name, error)
        else:
            ready[name] = function
    seconds: dict[_Key, list[float]] = {name: [] for name in ready}
    started = time.perf_counter()
    for done in range(rounds.most):
        if done >= rounds.least and time.perf_counter() - started >= rounds.seconds:
            break
        for name, function in ready.items():
            time.sleep(rest)
            seconds[name].append(timed(function))
    return seconds


def calls_lasting(seconds: float, function: Callable[[], object], most: int = MAX_CALLS) -> int:
    """Return how many calls of ``function`` together take about ``seconds``, from 1 to ``most``."""
    function()
    n = 1
    while True:
        took = timed(repeated(function, n))
        if took >= seconds / 8 or n >= most:
            return max(1, min(most, round(n * seconds / max(took, 1e-9))))
        n *= 4


def repeated(function: Callable[[], object], n: int) -> Callable[[], None]:
    """Return a function that makes ``n`` calls."""

    def calls() -> None:
        for _ in range(n):
            function()

    return calls


def spread(values: list[float], scale: float = 1.0) -> dict[str, float | int]:
    """Return median, least and most of ``values`` times ``scale``, to six digits, and their number."""
    found = {name: scale * of(values) for name, of in (("median", statistics.median), ("min", min), ("max", max))}
    return {name: float(f"{value:.6g}") for name, value in found.items()} | {"n": len(values)}
