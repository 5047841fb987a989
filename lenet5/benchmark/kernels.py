"""The processor's multiply-add peak, and the share of it that each kernel reaches.

A rate divides the layer's nominal multiply-adds, as in the layer table, by the time; padding, borders and biases count
nothing. A kernel that needs fewer multiplications for the same sums (minimal filtering) can exceed the peak.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import _kernels
from ..models.lenet import LeNet5
from ..nn.network import Network, execution_steps
from ..utils.threads import parallel
from .figures import figure
from .timing import Rounds, alternate, spread, timed

#: Rounds of `_kernels.fma_peak` per call: about 10 ms.
PEAK_ROUNDS = 1_000_000
#: Seconds that one loop over a kernel takes, so that its start hardly counts.
LOOP_SECONDS = 2e-3
#: The parts of a layer: name in the compiled program, and common name.
PARTS = {
    "forward": "forward",
    "backward_input": "input gradient",
    "backward_weights": "weight gradient",
    "backward": "both gradients",
}


@dataclass(frozen=True)
class Kernel:
    """One part of one layer for one lane group; ``loop(n)`` runs it n times."""

    layer: str
    part: str
    macs: int
    loop: Callable[[int], object]

    @property
    def name(self) -> str:
        return f"{self.layer} {self.part}"


def kernels(network: Network) -> Iterator[Kernel]:
    """Yield every kernel of a network. Only here a benchmark takes a compiled program apart."""
    X = network.pictures(np.random.default_rng(0).integers(0, 256, (_kernels.N_LANES, 28, 28), np.uint8))
    program, shape = network.program(X.shape), X.shape
    for step, (_, names) in enumerate(execution_steps(network.layers)):
        macs = network.layers[names[0]].macs(shape) * _kernels.N_LANES
        for name in names:
            shape = network.layers[name].output_shape(shape)
        for part in _parts(macs, is_first=step == 0, is_dense=shape[1:] == (1, 1)):
            loop = partial(program.repeat, network.parameters, X, step, part)
            yield Kernel("+".join(names), PARTS[part], macs * (2 if part == "backward" else 1), loop)


def _parts(macs: int, *, is_first: bool, is_dense: bool) -> tuple[str, ...]:
    """Return the parts of a step that training computes: no gradient of the images, and both of C3's in one part."""
    if not macs:
        return "forward", "backward_input"
    if is_first:
        return "forward", "backward_weights"
    return ("forward", "backward_input", "backward_weights") if is_dense else ("forward", "backward")


def flops_per_picture(network: Network) -> tuple[int, int]:
    """Return the nominal operations per image (two for a multiply-add), of a prediction and of a training step."""
    macs = [row.macs for row in network.summary()]
    return 2 * sum(macs), 2 * (3 * sum(macs) - macs[0])


def peak_rates(threads: int, rounds: Rounds) -> list[float]:
    """Return the multiply-add rates in GFLOP/s of ``threads`` threads, in registers only, without memory."""
    seconds = alternate({"peak": lambda: parallel(lambda thread: _fma(), threads)}, rounds)["peak"]
    return [threads * _rate(s) for s in seconds]


def _fma() -> None:
    _kernels.fma_peak(PEAK_ROUNDS)


def _rate(seconds: float) -> float:
    """Return the GFLOP/s of one thread that spent ``seconds`` in `_fma`."""
    return _kernels.fma_peak(1000) * (PEAK_ROUNDS / 1000) / seconds / 1e9


def measure_kernels(rounds: Rounds, loop_seconds: float = LOOP_SECONDS) -> tuple[list[dict], list[float]]:
    """Return figures (microseconds) of LeNet-5's kernels for one lane group on one thread, and rates of the peak.

    The peak takes turns with the kernels, so that both run at the same clock.
    """
    found = {kernel.name: kernel for kernel in kernels(LeNet5().network)}
    calls = {name: _calls(kernel, loop_seconds) for name, kernel in found.items()}
    contestants = {name: partial(kernel.loop, calls[name]) for name, kernel in found.items()}
    nothing = partial(next(iter(found.values())).loop, 0)
    seconds = alternate({"peak": _fma, "nothing": nothing, **contestants}, rounds)
    overhead = min(seconds["nothing"])  # of the call before the loop
    rows = []
    for name, kernel in found.items():
        values = [max(t - overhead, 0.0) for t in seconds[name]]
        row = figure("kernels", name, "us", spread(values, 1e6 / calls[name]), threads=1, n_pictures=_kernels.N_LANES)
        rows.append(row | ({"operations": 2 * kernel.macs} if kernel.macs else {}))
    return rows, [_rate(s) for s in seconds["peak"]]


def _calls(kernel: Kernel, seconds: float) -> int:
    """Return how many calls of a kernel take about ``seconds``."""
    kernel.loop(0)
    n = 64
    full, empty = (min(timed(partial(kernel.loop, k)) for _ in range(3)) for k in (n, 0))
    took = full - empty
    return int(min(max(seconds / max(took / n, 1e-8), 16), 1_000_000))
