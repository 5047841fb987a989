"""What the benchmarks share: repeated, alternated timing, the machine they ran on, results as JSON."""

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import lenet5
from lenet5 import _kernels, datasets

RESULTS = Path(__file__).parent / "results"


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def alternate(contestants: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each contestant's calls, taken in turns: what the machine does meanwhile meets all of them.

    One call of each comes first and is not counted.
    """
    for function in contestants.values():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, function in contestants.items():
            seconds[name].append(timed(function))
    return seconds


def summary(seconds: list[float], scale: float = 1.0) -> dict[str, float]:
    """Median, least and most, times ``scale``."""
    return {name: scale * f(seconds) for name, f in (("median", statistics.median), ("min", min), ("max", max))}


def row(name: str, s: dict[str, float], unit: str) -> str:
    return f"{name:<34} {s['median']:10.3f} {unit}   ({s['min']:.3f} .. {s['max']:.3f})"


def parser(description: str, **defaults) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--repeats", type=int, default=defaults.get("repeats", 5), help="counted runs of each")
    p.add_argument("--data-dir", default=None, help="holds mnist/; default as for `lenet5 train`")
    p.add_argument("--out", type=Path, default=None, help="JSON file (default: results/<date>-<machine>-<name>.json)")
    return p


def pictures(data_dir: str | None) -> tuple[np.ndarray, np.ndarray, str]:
    """MNIST's training pictures and labels where they are on disk, else as many strokes; and which."""
    loaded = datasets.obtain("auto", data_dir, offline=True)
    return *loaded.train, loaded.name


def machine() -> dict:
    """What the figures depend on."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "lenet5": lenet5.__version__,
        "isa": _kernels.ISA,
        "load_before": os.getloadavg()[0],
    }


#: Of `_kernels.fma_peak`: some 10 ms.
PEAK_ROUNDS = 1_000_000


def peak_gflops(seconds: float) -> float:
    """The multiply-add rate in GFLOP/s that PEAK_ROUNDS in so many seconds are."""
    return _kernels.fma_peak(1000) * (PEAK_ROUNDS / 1000) / seconds / 1e9


def save(name: str, document: dict, out: Path | None) -> None:
    """Write the results with the machine beside them."""
    stamp = datetime.date.today().isoformat()
    label = "".join(c if c.isalnum() else "-" for c in document["machine"]["processor"].lower()).strip("-")
    path = out or RESULTS / f"{stamp}-{label}-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    number = 2
    while out is None and path.exists():  # figures that were published are not replaced by accident
        path, number = RESULTS / f"{stamp}-{label}-{name}-{number}.json", number + 1
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"written: {path}")
