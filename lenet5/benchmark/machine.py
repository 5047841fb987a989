"""The machine that figures were measured on."""

import importlib.metadata
import os
import platform
from pathlib import Path

import lenet5

from ..utils.threads import affinity, default_threads


def describe() -> dict:
    """What figures depend on, as JSON values; ``load_before`` is the load average over the last minute, or None."""
    import numpy as np  # here, since the rest of this module is for broken installations, too

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
    """Whether something else ran just before: more than a fifth of the processors (each other job counts one)."""
    load, cores = machine.get("load_before"), machine.get("cores")
    if not isinstance(load, int | float) or not isinstance(cores, int | float):
        return False
    return load > max(0.5, cores / 5)


def versions(distributions: tuple[str, ...]) -> dict[str, str]:
    """Name to version of those distributions that are installed; nothing is imported."""
    found = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "unknown"
