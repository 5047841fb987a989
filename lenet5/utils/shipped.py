"""The files of weights that ship with the package."""

from pathlib import Path

WEIGHTS = Path(__file__).parents[1] / "weights"  # importlib.resources would take 5 ms to import
