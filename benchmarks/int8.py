"""How much faster is a model in 8 bits than in float32, and are its scores the same on every instruction set?

    python benchmarks/int8.py
    LENET5_ISA=avx2 python benchmarks/int8.py

The contestants take turns on one thread. Times are of the processor, not of the clock, since other programs may run
beside; the ratio is the median of those of the rounds.
"""

import statistics
import time
from collections.abc import Callable

from lenet5 import _kernels, pretrained
from lenet5.datasets.synthetic import strokes
from lenet5.nn.integer import IntegerNetwork

ROUNDS, IMAGES = 25, 1000
Contestants = dict[str, Callable[[], object]]


def microseconds(work: Callable[[], object], seconds: float = 0.02) -> float:
    """Processor time of one call."""
    n, start = 0, time.process_time()
    while time.process_time() < start + seconds:
        work()
        n += 1
    return (time.process_time() - start) / n * 1e6


def compare(title: str, contestants: Contestants, n: int) -> None:
    """Print the median time per image of each, and how many times as fast as the first one it is."""
    rounds = [{name: microseconds(work) / n for name, work in contestants.items()} for _ in range(ROUNDS)]
    print(f"\n{title}")
    for name in contestants:
        times = [times[name] for times in rounds]
        ratio = statistics.median(times[next(iter(contestants))] / times[name] for times in rounds)
        print(f"  {name:12} {statistics.median(times):7.3f} us  (least {min(times):.3f})  {ratio:.2f} x")


def main() -> None:
    X, _ = strokes.draw(IMAGES, seed=1)
    model = pretrained()
    small = model.quantize(X[:300]).network
    networks = {isa: IntegerNetwork(small.shape, small.layers, small.scale, isa) for isa in _kernels.INT8_ISAS[:-1]}
    scores = {isa: network.scores(X).tobytes() for isa, network in networks.items()}
    print(
        f"float32: {_kernels.ISA} kernels; scores in 8 bits are {'' if len({*scores.values()}) == 1 else 'NOT '}equal"
    )
    many: Contestants = {"float32": lambda: model.logits(X, 1)}
    one: Contestants = {"float32": lambda: model.predict_proba(X[:1])}
    for isa, network in networks.items():
        many[isa] = lambda network=network: network.logits(X, 1)
        one[isa] = lambda network=network: network.probabilities(X[:1])
    compare(f"{IMAGES:,} images a call, per image", many, IMAGES)
    compare("one image a call", one, 1)


if __name__ == "__main__":
    main()
