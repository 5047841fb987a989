"""The machine on which figures are measured."""

import importlib.metadata
import os
import platform
from pathlib import Path

import lenet5

from ..utils.threads import affinity, default_threads


def describe() -> dict:
    """Return what figures depend on, as JSON values; ``load_before`` is the last minute's load average, or None."""
    import numpy as np  # here, because the rest of this module must work in broken installations, too

    from .. import _kernels

    return {
        "processor": processor(),
        "cores": affinity(),
        "threads": default_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "lenet5": lenet5.__version__,
        "isa": _kernels.ISA,
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def is_busy(machine: dict) -> bool:
    """Whether something else ran just before: load on more than a fifth of the processors."""
    load, cores = machine.get("load_before"), machine.get("cores")
    if not isinstance(load, int | float) or not isinstance(cores, int | float):
        return False
    return load > max(0.5, cores / 5)


def versions(distributions: tuple[str, ...]) -> dict[str, str]:
    """Return name and version of the distributions that are installed, without importing them."""
    found = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Return the processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "unknown"
