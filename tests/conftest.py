"""What all tests share: the data folder, and the rule that tests which need MNIST are skipped without it."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes depends on what else the machine does, and is no property of the code. The examples are the
# same in every run, so that a change is refused for what it does; `--hypothesis-profile=search` looks for others.
settings.register_profile("lenet5", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", settings.get_profile("lenet5"), derandomize=False, print_blob=True)
settings.load_profile("lenet5")
# Processes that tests start import the installed package, as the tests do, and not the source tree they stand in.
os.environ["PYTHONSAFEPATH"] = "1"
# A shell that runs tests in the background has them, and these processes, ignore Ctrl-C, which some of them are to get.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _data_dir() -> Path:
    """LENET5_DATA_DIR, else the cache of `lenet5 download`."""
    if "LENET5_DATA_DIR" in os.environ:
        return Path(os.environ["LENET5_DATA_DIR"])
    from lenet5.datasets.download import default_data_dir

    return default_data_dir()


DATA_DIR = _data_dir()
MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def pytest_collection_modifyitems(items):
    missing = [name for name in MNIST_FILES if not (DATA_DIR / "mnist" / name).is_file()]
    if missing:
        skip = pytest.mark.skip(reason=f"no MNIST in {DATA_DIR} (run `lenet5 download`): {missing[0]} is missing")
        for item in items:
            if "mnist" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The data folder that holds `mnist/` with the four official files."""
    return DATA_DIR
