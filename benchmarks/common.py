"""Shared parts of the scripts here, over `lenet5.benchmark`: options, summaries, results as JSON."""

import argparse
import datetime
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lenet5 import datasets
from lenet5.benchmark import timing
from lenet5.benchmark.machine import describe as machine
from lenet5.benchmark.timing import spread as summary

__all__ = ["alternate", "machine", "parser", "pictures", "save", "summary"]

RESULTS = Path(__file__).parent / "results"


def alternate(contestants: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Time the contestants' calls in turns; the first call of each is not counted."""
    return timing.alternate(contestants, timing.Rounds(repeats, repeats))


def parser(description: str, **defaults) -> argparse.ArgumentParser:
    """Make a parser with the options that every script has."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--repeats", type=int, default=defaults.get("repeats", 5), help="counted runs of each")
    p.add_argument("--data-dir", default=None, help="holds mnist/; default as for `lenet5 train`")
    p.add_argument("--out", type=Path, default=None, help="JSON file (default: results/<date>-<machine>-<name>.json)")
    return p


def pictures(data_dir: str | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Return MNIST's training images and labels if they are on disk, else strokes, and the name of the set."""
    loaded = datasets.obtain("auto", data_dir, offline=True)
    return *loaded.train, loaded.name


def save(name: str, document: dict, out: Path | None) -> None:
    """Write the results together with the machine."""
    stamp = datetime.date.today().isoformat()
    label = "".join(c if c.isalnum() else "-" for c in document["machine"]["processor"].lower()).strip("-")
    path = out or RESULTS / f"{stamp}-{label}-{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    number = 2
    while out is None and path.exists():  # published figures must not be replaced by accident
        path, number = RESULTS / f"{stamp}-{label}-{name}-{number}.json", number + 1
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"written: {path}")
