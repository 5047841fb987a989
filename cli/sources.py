"""What commands read: images by their names, and data sets."""

import sys
from collections.abc import Mapping
from pathlib import Path

from lenet5.utils.text import wrapped

from . import bars, options, output
from .own_data import load_own
from .usage import refusals_as_usage


class _StandardInput:
    """What `-` stands for, as a file; PictureError where it is closed."""

    name = "-"

    def read(self, n: int = -1) -> bytes:
        if sys.stdin is None:
            from lenet5.errors import PictureError

            raise PictureError("-: standard input is closed")
        return sys.stdin.buffer.read(n)


def source(name: str):
    """What the library reads an image from, by its name among the arguments."""
    return _StandardInput() if name == "-" else name


def load_data(name: str | Mapping, data_dir: Path | None, offline: bool | None):
    """`datasets.obtain` with bars, and its notes on standard error."""
    from lenet5 import datasets

    if isinstance(name, Mapping):
        return load_own(**name)
    with bars.of_download() as report:
        loaded = datasets.obtain(name, data_dir, offline=offline, progress=report)
    for line in loaded.notes:
        output.note(wrapped(f"note: {line}"))
    return loaded


def load_own_for(models: list, own: Path, threads: int, **settings):
    """Own images as the first of the models needs them; a usage error where the classes of one differ."""
    from lenet5.models import judgement

    data = load_own(str(own), threads=threads, **judgement.wanted_by(models[0]) | settings)
    with refusals_as_usage():
        judgement.check_classes(models, data)
    return data.of_task(judgement.task_of(models[0]))


def load_data_for(models: list, dataset: str, data_dir: Path | None, offline: bool | None):
    """The data set of models, ``auto`` the one that the first was trained on; a usage error where classes differ."""
    from lenet5.models import judgement

    if dataset == "auto":
        name = judgement.trained_on(models[0])
        dataset = name if name in options.DATASETS else "auto"
    data = load_data(dataset, data_dir, offline)
    with refusals_as_usage():
        judgement.check_classes(models, data)
    return data
