"""Quantities on the command line: train --task regression, evaluate, predict, info; and what does not go together."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from commandline import quick
from folders import write_classes
from PIL import Image

from lenet5 import datasets, load
from lenet5.errors import NothingLearnedError, StoppedError
from lenet5.runs import Listener, resume_run, train_run

TRAIN = ("train", "--data", "bars.csv", "--task", "regression", "--epochs", "8")


def write_bars(folder: Path, n: int = 300) -> None:
    """bars.csv: images of a bright bar and its height; turns.csv: the same as angles; flat.csv: 3 for each."""
    rng = np.random.default_rng(0)
    heights = rng.uniform(4, 24, n)
    rows = []
    (folder / "bars").mkdir()
    for k, height in enumerate(heights):
        image = rng.integers(0, 30, (28, 28), np.uint8)
        image[2 : 2 + int(height), 8:20] = 220
        Image.fromarray(image).save(folder / "bars" / f"{k}.png")
        rows.append((f"bars/{k}.png", height))
    tables = {
        "bars.csv": [("path", "target"), *rows],
        "two.csv": [("path", "target_a", "target_b"), *((name, height, -height) for name, height in rows)],
        "turns.csv": [("path", "target"), *((name, height * 18 % 360) for name, height in rows)],
        "flat.csv": [("path", "target"), *((name, 3) for name, _ in rows)],
        "single.csv": [("path", "target"), rows[0]],
        "huge.csv": [("path", "target"), *((name, height * 1e300) for name, height in rows)],
        "empty.csv": [("path", "target"), *((name, "") for name, _ in rows)],
        "both.csv": [("path", "label", "target"), *((name, "low" if h < 14 else "high", h) for name, h in rows)],
        "gaps.csv": [("path", "label", "target"), (*rows[0][:1], "", 3), (*rows[0][:1], "low", "x"), ("no", "low", 3)],
        "lost.csv": [("path", "target"), *((f"no/{k}.png", 1) for k in range(3))],
    }
    for name, lines in tables.items():
        with open(folder / name, "w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(lines)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantities")
    write_bars(folder)
    write_classes(folder / "shapes", 6)
    result = run(*TRAIN, "--out", "m", "--json", cwd=folder)
    assert result.code == 0, result.stderr
    (folder / "train.json").write_text(result.stdout)
    return folder


def run(*args, cwd, **env):
    return quick(*args, cwd=cwd, XDG_CACHE_HOME=str(Path(cwd) / "cache"), **env)


def test_training_tells_errors_in_the_unit_of_the_targets(place):
    found = json.loads((place / "train.json").read_text())
    assert found["test"]["r2"] > 0.9
    assert set(found["history"][0]) == {
        "epoch", "train_loss", "validation_loss", "validation_mae", "validation_r2", "learning_rate", "seconds",
        "images_per_second",
    }  # fmt: skip
    assert (place / "runs" / "train-001" / "curves.png").exists()
    assert "validation_mae" in (place / "runs" / "train-001" / "metrics.csv").read_text()


def test_evaluate(place):
    result = run("evaluate", "--model", "m", "--data", "bars.csv", "--residuals", "errors.png", "--json", cwd=place)
    found = json.loads(result.stdout)
    assert found["mae"] < 1.5
    assert found["rmse"] >= found["mae"]
    assert found["r2"] > 0.9
    assert found["interval"]["level"] == 0.9
    with Image.open(place / "errors.png") as drawn:
        assert drawn.size == (640, 400)
    told = run("evaluate", "--model", "m", "--data", "bars.csv", cwd=place).stdout
    assert told.startswith("bars.csv: MAE ")


def test_predict(place):
    result = run("predict", "--model", "m", "bars/0.png", "none.png", "bars/1.png", "--json", cwd=place)
    first, missing, _ = json.loads(result.stdout)
    assert result.code == 3
    low, high = first["interval"]
    assert low < first["value"] < high
    assert "confidence" not in first
    assert missing["value"] is None
    assert "none.png" in missing["error"]
    lines = run("predict", "--model", "m", "bars/0.png", cwd=place).stdout.split("\t")
    assert lines[0] == "bars/0.png"
    assert float(lines[1]) == pytest.approx(first["value"], rel=1e-5)
    assert len(lines) == 4


def test_info_names_a_linear_head(place):
    assert json.loads(run("info", "m", "--json", cwd=place).stdout)["head"] == "linear"
    assert "linear head" in run("info", "m", cwd=place).stdout


def test_export_gives_values(place):
    result = run("export", "m", "--to", "npz", "--out", "m.npz", "--check", cwd=place)
    assert result.code == 0, result.stderr
    assert "answers that differ: 0" in result.stdout
    own = run("export", "m", "--to", "npz", "--out", "m.npz", "--check", "--data", "bars.csv", "--json", cwd=place)
    assert json.loads(own.stdout)["differing"] == 0


def test_several_targets(place):
    assert (
        run("train", "--data", "two.csv", "--task", "regression", "--epochs", "6", "--out", "two", cwd=place).code == 0
    )
    [found] = json.loads(run("predict", "--model", "two", "bars/0.png", "--json", cwd=place).stdout)
    assert len(found["value"]) == len(found["interval"]) == 2
    assert "target" in run("evaluate", "--model", "two", "--data", "two.csv", cwd=place).stdout


def test_angles(place):
    result = run("train", "--data", "turns.csv", "--task", "regression", "--period", "360", "--epochs", "20",
                 "--out", "turns", cwd=place)  # fmt: skip
    assert result.code == 0, result.stderr
    assert (
        json.loads(run("evaluate", "--model", "turns", "--data", "turns.csv", "--json", cwd=place).stdout)["r2"] > 0.8
    )
    assert "with the period 360" in run("info", "turns", cwd=place).stdout


def test_a_constant_target_has_an_r2_of_0(place):
    result = run("train", "--data", "flat.csv", "--task", "regression", "--epochs", "2", "--out", "flat", "--json",
                 cwd=place)  # fmt: skip
    assert result.code == 0, result.stderr
    assert json.loads(result.stdout)["test"]["r2"] == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("train", "--data", "bars.csv"), 2, "a table of numbers; learn them by the task regression"),
        (("train", "--data", "shapes", "--task", "regression"), 2, "has classes and no numbers"),
        (("train", "--data", "bars.csv", "--period", "360"), 2, "period is of angles"),
        ((*TRAIN, "--period", "0"), 2, "period is 0"),
        ((*TRAIN, "--period", "nan"), 2, "period is nan, expected a number above 0"),
        (("train", "--data", "single.csv", "--task", "regression"), 4, "1 image to train on; a regression needs at le"),
        (("train", "--data", "huge.csv", "--task", "regression"), 4, "huge.csv, row 2: not a number up to 1e+150"),
        (("train", "--data", "empty.csv", "--task", "regression"), 4, "empty.csv, row 2: not a number up to 1e+150"),
        (("train", "--data", "lost.csv", "--task", "regression"), 4, "no/0.png: cannot be opened"),
        ((*TRAIN, "--members", "2"), 2, "learnt by one network"),
        ((*TRAIN, "--learning-rate", "auto"), 2, "learning rate of a regression is not found by itself"),
        ((*TRAIN, "--loss", "map"), 2, "loss is 'map', expected one of mse, mae, huber"),
        ((*TRAIN, "--class-weight", "balanced"), 2, "class_weight is about classes"),
        ((*TRAIN, "--quantize"), 2, "quantize is about classes"),
        ((*TRAIN, "--teacher", "m"), 2, "quantities are learnt by one network, without members and teachers"),
        (("train", "--data", "shapes", "--teacher", "m"), 2, "a teacher does not fit"),
        (("compress", "m", "--out", "x"), 2, "a model of quantities; this needs one of classes"),
        (("evaluate", "--model", "m"), 2, "--data names the table"),
        (("evaluate", "--model", "m", "--data", "shapes"), 2, "has classes and no numbers"),
        (("evaluate", "--model", "m", "--data", "bars.csv", "--errors", "e.png"), 2, "--errors is about classes"),
        (("evaluate", "--data", "bars.csv"), 4, "a table of numbers, and the model is of classes"),
        (
            ("evaluate", "--data", "bars.csv", "--residuals", "r.png"),
            2,
            "--residuals draws the errors of a model of qu",
        ),
        (("predict", "--model", "m", "bars/0.png", "--top", "2"), 2, "--top is about classes"),
        (("read", "--model", "m", "bars/0.png"), 2, "a model of quantities; this needs one of classes"),
        (("export", "m", "--to", "c-int8", "--out", "x"), 2, "a model of quantities; this needs one of classes"),
        (("quantize", "m", "--out", "x"), 2, "a model of quantities; this needs one of classes"),
        (("predict", "--model", "m", "--model", "m", "bars/0.png"), 2, "committees are of models of classes"),
    ],
)
def test_what_does_not_go_together_ends_in_one_line(place, args, code, message):
    result = run(*args, cwd=place, COLUMNS="1000")
    assert (result.code, result.stdout) == (code, "")
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_rows_without_a_number_are_left_out(place):
    rows = (place / "bars.csv").read_text().splitlines()
    (place / "odd.csv").write_text("\n".join([*rows, "bars/0.png,nan", "bars/1.png,tall", "bars/2.png,1,2"]))
    result = run("evaluate", "--model", "m", "--data", "odd.csv", "--json", cwd=place)
    assert json.loads(result.stdout)["n"] == 300
    assert result.stderr.count("left out") == 3


class _StopsAfterOne(Listener):
    done = False

    def epoch(self, epoch) -> None:
        self.done = True

    def stop(self) -> bool:
        return self.done


@pytest.mark.parametrize("period", [None, 360])
def test_stopped_and_resumed_a_run_ends_with_the_same_bits(place, tmp_path, monkeypatch, period):
    data = datasets.from_folder(place / "bars.csv")
    monkeypatch.chdir(tmp_path)
    how = {"task": "regression", "period": period, "epochs": 3}
    whole = train_run(data, out="whole", threads=1, **how)
    with pytest.raises(StoppedError) as stopped:
        train_run(data, out="parts", listener=_StopsAfterOne(), **how)
    parts = resume_run(stopped.value.run, load_data=lambda name: data, threads=2)
    np.testing.assert_array_equal(parts.model.parameters, whole.model.parameters)
    assert parts.model.intervals == whole.model.intervals
    assert load("parts").scaling == load("whole").scaling


def test_a_model_worse_than_the_mean_is_not_written(place, tmp_path, monkeypatch):
    data = datasets.from_folder(place / "bars.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NothingLearnedError, match=r"R2 .* is below the mean's"):
        train_run(data, task="regression", epochs=1, learning_rate=1e-9, out="bad")
    assert not Path("bad").exists()


# ---- a class and a quantity ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(place):
    result = run("train", "--data", "both.csv", "--task", "both", "--epochs", "20", "--out", "b", "--json", cwd=place)
    assert result.code == 0, result.stderr
    return json.loads(result.stdout)


def test_both_are_learnt_at_once(place, both):
    assert both["test"]["accuracy"] > 0.7
    assert both["test"]["r2"] > 0.9
    assert {"train_accuracy", "validation_accuracy", "validation_mae"} <= set(both["history"][0])
    found = json.loads(run("evaluate", "--model", "b", "--data", "both.csv", "--json", cwd=place).stdout)
    assert {"accuracy", "balanced_accuracy", "macro_f1", "mae", "rmse", "r2", "interval", "confusion"} <= set(found)
    shown = run("evaluate", "--model", "b", "--data", "both.csv", "--residuals", "both.png", cwd=place)
    assert "macro F1" in shown.stdout
    assert "MAE" in shown.stdout
    with Image.open(place / "both.png") as drawn:
        assert drawn.format == "PNG"


def test_a_row_has_label_confidence_value_and_interval(place, both):
    [answer] = json.loads(run("predict", "--model", "b", "bars/0.png", "--json", cwd=place).stdout)
    assert answer["label"] in ("low", "high")
    low, high = answer["interval"]
    assert low < answer["value"] < high
    name, label, _, value, *ends = run("predict", "--model", "b", "bars/0.png", cwd=place).stdout.split()
    assert (name, label) == ("bars/0.png", answer["label"])
    np.testing.assert_allclose([float(value), *map(float, ends)], [answer["value"], low, high], rtol=1e-4)
    told = run("info", "b", cwd=place).stdout
    assert "classes: high low" in told
    assert "targets: " in told


def test_one_table_serves_every_task(place, both):
    for task, model in (("classification", "c1"), ("regression", "r1")):
        how = ("--data", "both.csv", "--epochs", "2", "--out", model)
        assert run("train", *how, "--task", task, cwd=place).code == 0
        assert run("evaluate", "--model", model, "--data", "both.csv", cwd=place).code == 0
    assert "right alone" in run("compare", "c1", "b", "--data", "both.csv", cwd=place).stdout
    longer = run("train", "--resume", both["run"], "--epochs", "21", "--out", "b9", cwd=place)
    assert longer.code == 0, longer.stderr


@pytest.mark.parametrize(
    ("args", "code", "fault"),
    [
        (("train", "--data", "bars.csv", "--task", "both"), 2, "path, label and target"),
        (("train", "--data", "shapes", "--task", "both"), 2, "path, label and target"),
        (("train", "--data", "gaps.csv", "--task", "both"), 4, "no image that can be used"),
        (("train", "--data", "both.csv", "--task", "both", "--members", "2"), 2, "by one network"),
        (("export", "b", "--to", "onnx", "--out", "b.onnx"), 2, "split"),
        (("quantize", "b", "--data", "both.csv", "--out", "q"), 2, "one of quantities"),
        (("predict", "--model", "b", "--model", "b", "bars/0.png"), 2, "classes alone"),
        (("evaluate", "--model", "b", "--data", "shapes"), 4, "not a class of the model"),
    ],
)
def test_what_does_not_go_with_both(place, both, args, code, fault):
    result = run(*args, cwd=place)
    assert result.code == code
    assert fault in result.stderr
