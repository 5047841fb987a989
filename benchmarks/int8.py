"""How much faster is a model in 8 bits than in float32, and are its scores the same on every instruction set?

    python benchmarks/int8.py
    LENET5_ISA=avx2 python benchmarks/int8.py
    python benchmarks/int8.py --peers

The contestants take turns on one thread. Times are of the processor, not of the clock, since other programs may run
beside; the ratio is the median of those of the rounds. With --peers ONNX Runtime, OpenVINO and LiteRT take part, as far
as they are installed. The first two run what `lenet5 export` writes. Images are float32 then, but bytes for LiteRT.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from lenet5 import _kernels, pretrained
from lenet5.datasets.synthetic import strokes
from lenet5.export import onnx_file, onnx_int8_file
from lenet5.export.check import network_input
from lenet5.models.quantized import Quantized
from lenet5.nn.extras import is_installed
from lenet5.nn.integer import IntegerNetwork

ROUNDS, IMAGES = 25, 1000
Contestant = Callable[[], object]
Contestants = dict[str, Contestant]


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
        print(f"  {name:21} {statistics.median(times):7.3f} us  (least {min(times):.3f})  {ratio:.2f} x")


def onnxruntime_of(document: bytes, X: np.ndarray) -> Contestant:
    """What gives logits, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(document, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"input": X})[0]


def openvino_of(document: bytes, X: np.ndarray) -> Contestant:
    """The same."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(core.read_model(document), "CPU", settings)
    return lambda: compiled({"input": X})[0]


def litert_of(document: bytes, X: np.ndarray) -> Contestant:
    """What gives scores of one byte, on one thread; images are bytes already."""
    from litert import runner

    return runner(document, X)


def peers(small: Quantized) -> dict[str, Callable[[np.ndarray], Contestant]]:
    """By name: from images, float32 (N, 1, 32, 32), to what is timed, for the peers that are installed."""
    found: dict[str, Callable[[np.ndarray], Contestant]] = {}
    for module, title, make in (
        ("onnxruntime", "ONNX Runtime", onnxruntime_of),
        ("openvino", "OpenVINO", openvino_of),
    ):
        if is_installed(module):
            found[f"{title}, float32"] = partial(make, onnx_file.contents(pretrained())[""])
            found[f"{title}, 8 bits"] = partial(make, onnx_int8_file.contents(small)[""])
    if is_installed("ai_edge_litert"):
        from litert import contents

        found["LiteRT, 8 bits"] = partial(litert_of, contents(small))
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--peers", action="store_true", help="time ONNX Runtime, OpenVINO and LiteRT, too")
    with_peers = p.parse_args().peers
    images, _ = strokes.draw(IMAGES, seed=1)
    model = pretrained()
    quantized = model.quantize(images[:300])
    small = quantized.network
    networks = {isa: IntegerNetwork(small.shape, small.layers, small.scale, isa) for isa in _kernels.INT8_ISAS[:-1]}
    scores = {isa: network.scores(images).tobytes() for isa, network in networks.items()}
    are_equal = len({*scores.values()}) == 1
    print(f"float32: {_kernels.ISA} kernels; scores in 8 bits are {'' if are_equal else 'NOT '}equal")
    X = network_input(images[:, None], 2) if with_peers else images
    many: Contestants = {"float32": lambda: model.logits(X, 1)}
    one: Contestants = {"float32": lambda: model.predict_proba(X[:1])}
    for isa, network in networks.items():
        many[isa] = partial(network.logits, X, 1)
        one[isa] = partial(network.probabilities, X[:1])
    for name, of in (peers(quantized) if with_peers else {}).items():
        many[name], one[name] = of(X), of(X[:1])
        n_equal = (np.asarray(many[name]()).argmax(axis=1) == small.logits(X).argmax(axis=1)).sum()
        print(f"{name}: {n_equal:,} of {IMAGES:,} answers are ours in 8 bits")
    compare(f"{IMAGES:,} images a call, per image", many, IMAGES)
    compare("one image a call", one, 1)


if __name__ == "__main__":
    main()
