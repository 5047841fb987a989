"""What is printed for people fits a terminal of 80 columns: every line, as far as names of files are not long."""

import os
import pty
import re

import pytest
from commandline import WITH_FEW_STROKES, draw_digit, finish, model_path, quick, start

from lenet5.benchmark import figures

FEW = ["--dataset", "strokes", "--validation", "1000", "--threads", "1"]


def too_wide(text):
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line for line in re.split(r"[\r\n]+", plain) if len(line) > 80]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a model and what a first training said of it, a small one, a committee, a picture."""
    folder = tmp_path_factory.mktemp("width")
    draw_digit(folder / "seven.png", 7)
    (folder / "strokes.safetensors").write_bytes(model_path().read_bytes())
    for args in (
        ["--epochs", "1", "--out", "a.safetensors"],
        ["--epochs", "1", "--variant", "lenet1", "--out", "small.safetensors"],
        ["--epochs", "1", "--members", "2", "--out", "both.safetensors"],
    ):
        result = quick("train", *FEW, *args, cwd=folder, few=True)
        assert result.code == 0
        assert too_wide(result.stdout + result.stderr) == []
    return folder


QUICK = [
    "evaluate --dataset strokes --model a.safetensors --reject-curve",
    "evaluate --dataset strokes --model a.safetensors --cascade small.safetensors",
    "evaluate --dataset strokes --strings plain --n 2", "evaluate --errors m.png --model both.safetensors",
    "info", "info a.safetensors", "info small.safetensors", "info both.safetensors",
    "predict seven.png", "predict seven.png seven.png --top 3", "predict seven.png --show-input s.png",
    "read seven.png --boxes b.png",
]  # fmt: skip
SLOW = [
    "train --dataset strokes --epochs 200 --patience 1 --validation 1000 --out a.safetensors",
    "train --recipe quick --epochs 1 --learning-rate auto --variant 1998 --out c.safetensors",
    "benchmark --quick --repeats 1", "benchmark --quick training --repeats 1",
]  # fmt: skip


@pytest.mark.parametrize("command", [*QUICK, *(pytest.param(command, marks=pytest.mark.slow) for command in SLOW)])
def test_no_line_is_longer_than_a_terminal(folder, command):
    result = quick(*command.split(), cwd=folder, few=True, LENET5_DATA_DIR="none", COLUMNS="80")
    assert result.code == 0, result.stderr
    assert too_wide(result.stdout + result.stderr) == []


def test_the_figures_of_a_whole_benchmark(folder):
    """As they are on a usual machine: six digits, and a processor with a long name."""
    rows = []
    for threads in (1, 2):
        for name in ("training pass", "training pass with affine distortions"):
            spread = {"median": 12.345, "min": 10.123, "max": 15.678, "n": 5}
            rows.append(figures.figure("training", name, "s", spread, threads=threads, batch_size=64,
                                       n_pictures=60_000) | {"gflops": 120.0, "share_of_peak": 1.2})  # fmt: skip
        for n in (1, 1000, 10_000):
            spread = {"median": 12.345, "min": 10.123, "max": 15.678, "n": 5}
            rows.append(figures.figure("prediction", "prediction", "us/picture", spread, threads=threads, n_pictures=n)
                        | {"gflops": 120.0, "share_of_peak": 1.2})  # fmt: skip
    where = {"processor": "12th Gen Intel(R) Core(TM) i9-12900K CPU @ 3.20GHz", "cores": 24, "isa": "baseline",
             "lenet5": "0.1.0", "python": "3.11.7", "numpy": "2.4.6"}  # fmt: skip
    figures.save(folder / "r.json", {
        "format": "lenet5-benchmark", "version": 1, "date": "2026-01-01T00:00:00+00:00", "command": "lenet5 benchmark",
        "machine": where, "settings": {"data": "fashion-mnist"}, "notes": [], "figures": rows,
    })  # fmt: skip
    result = quick("benchmark", "--from", "r.json", cwd=folder)
    assert (result.code, too_wide(result.stdout)) == (0, [])


def test_the_longest_epoch_line_and_bar(folder):
    """On a terminal of 80 columns, where a bar moves beside the figures."""
    ours, theirs = pty.openpty()
    args = ["train", *FEW, "--epochs", "2", "--out", "bar.safetensors"]
    process = start(*args, cwd=folder, command=WITH_FEW_STROKES, stderr=theirs, env={"COLUMNS": "80"})
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:
        pass
    os.close(ours)
    assert finish(process).code == 0
    text = shown.decode()
    assert "epoch 2/2" in text
    assert "left" in text[text.index("━") :]
    assert too_wide(text) == []
