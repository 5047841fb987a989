"""lenet5 train: what it writes and prints, and that it goes on exactly after any end."""

import csv
import json
import os
import pty
import random
import shutil
import signal
import time

import numpy as np
import pytest
from commandline import (
    ENTRY_POINT,
    WITH_FEW_STROKES,
    finish,
    has_escape_codes,
    interrupt,
    lenet5,
    quick,
    start,
    stopped,
    wait_for,
)
from safetensors.numpy import load_file

from lenet5 import LeNet5, load

TWO = ["train", "--dataset", "strokes", "--epochs", "2", "--validation", "1000", "--seed", "3"]
LONG = ["train", "--dataset", "strokes", "--epochs", "6", "--validation", "1000", "--seed", "3"]
RUN_FILES = {"config.json", "metrics.csv", "state.safetensors", "best.safetensors", "last.safetensors", "curves.png"}


def train(folder, *args, **env):
    return quick(*args, cwd=folder, few=True, **env)


def results(folder):
    """The tensors of the three files of weights, as bytes."""
    paths = (folder / "runs/train-001/best.safetensors", folder / "runs/train-001/last.safetensors",
             folder / "lenet5.safetensors")  # fmt: skip
    return [{name: tensor.tobytes() for name, tensor in load_file(path).items()} for path in paths]


def history(folder):
    rows = csv.DictReader((folder / "runs/train-001/metrics.csv").read_text().splitlines())
    return [{name: value for name, value in row.items() if "second" not in name} for row in rows]


def assert_nothing_half_written(folder):
    assert not list(folder.rglob("*.part"))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(folder, result) of an uninterrupted training of two epochs."""
    folder = tmp_path_factory.mktemp("done")
    return folder, lenet5(*TWO, cwd=folder, command=WITH_FEW_STROKES)


@pytest.fixture(scope="module")
def long_done(tmp_path_factory):
    """The folder of an uninterrupted training of six epochs."""
    folder = tmp_path_factory.mktemp("long")
    assert train(folder, *LONG).code == 0
    return folder


# ---- what it gives -------------------------------------------------------------------------------------------------


def test_the_result_is_all_of_standard_output(done):
    _, result = done
    assert result.code == 0
    assert result.stdout.startswith("test accuracy ")
    assert result.stdout.endswith("in 1,000 strokes\n")
    assert result.stdout.count("\n") == 1
    assert not has_escape_codes(result.stdout + result.stderr)


def test_a_layer_table_first_and_a_line_an_epoch(done):
    lines = done[1].stderr.splitlines()
    assert lines[0].startswith("layer ")
    assert "61,706" in next(line for line in lines if line.startswith("total"))
    assert [line[:9] for line in lines if line.startswith("epoch ")] == ["epoch 1/2", "epoch 2/2"]


def test_the_files(done):
    folder, _ = done
    assert {path.name for path in folder.iterdir()} == {"runs", "lenet5.safetensors"}
    assert {path.name for path in (folder / "runs/train-001").iterdir()} == RUN_FILES
    rows = history(folder)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    best, _, out = results(folder)
    assert best == out


def test_the_model_says_how_it_was_trained(done):
    model = load(done[0] / "lenet5.safetensors")
    assert model.training["command"] == "lenet5 " + " ".join(TWO)
    assert model.training["dataset"] == "strokes"
    assert len(model.training["data_sha256"]) == 64
    assert model.training["config"]["seed"] == 3
    assert model.training["metrics"]["test_n"] == 1000
    assert f"{100 * model.training['metrics']['test_accuracy']:.2f} %" in done[1].stdout


def test_out_replaces_nothing_but_a_model(tmp_path):
    (tmp_path / "picture.png").write_text("mine")
    result = train(tmp_path, *TWO, "--out", "picture.png")
    assert (result.code, result.stdout) == (2, "")
    assert (tmp_path / "picture.png").read_text() == "mine"
    assert not (tmp_path / "runs").exists()


def test_the_same_command_gives_the_same_bits_for_any_number_of_threads(done, tmp_path):
    result = train(tmp_path, *TWO, "--threads", "3", "--json", "-q")
    assert (result.code, result.stderr) == (0, "")
    assert results(tmp_path) == results(done[0])
    assert history(tmp_path) == history(done[0])
    document = json.loads(result.stdout, parse_constant=pytest.fail)
    assert document["run"] == os.path.join("runs", "train-001")
    assert (document["model"], document["dataset"]) == ("lenet5.safetensors", "strokes")
    assert [epoch["epoch"] for epoch in document["history"]] == [1, 2]
    assert document["test"]["n"] == 1000
    assert document["best_epoch"] in (1, 2)


def test_a_second_run_gets_a_folder_of_its_own(tmp_path):
    first = train(tmp_path, *TWO[:3], "--epochs", "1")
    before = results(tmp_path)
    second = train(tmp_path, *TWO[:3], "--epochs", "1", "--seed", "9", "--out", "other.safetensors")
    assert (first.code, second.code) == (0, 0)
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"train-001", "train-002"}
    assert results(tmp_path) == before
    assert (tmp_path / "other.safetensors").exists()


def test_variants(tmp_path):
    result = train(tmp_path, *TWO[:3], "--epochs", "1", "--activation", "tanh", "--pool", "avg", "--optimizer", "adamw",
                   "--learning-rate", "0.001", "--schedule", "cosine", "--augment", "cutout,affine",
                   "--validation", "0", "--batch-size", "100", "--runs", "elsewhere/deep")  # fmt: skip
    assert result.code == 0
    model = load(tmp_path / "lenet5.safetensors")
    assert (model.activation, model.pool) == ("tanh", "avg")
    assert model.training["config"]["optimizer"] == "adamw"
    assert model.training["config"]["augment"] == "affine,cutout"
    assert "validation" not in result.stderr.split("epoch 1/1")[1].splitlines()[0]
    assert (tmp_path / "elsewhere/deep/train-001").is_dir()


@pytest.mark.slow
def test_first_weights_can_be_chosen(tmp_path):
    losses = {}
    for initializer in ("1998", "1998-root"):
        result = train(tmp_path, *TWO[:3], "--variant", "1998", "--optimizer", "sdlm", "--initializer", initializer,
                       "--batch-size", "1", "--augment", "none", "--epochs", "1", "--validation", "0", "--json",
                       "--runs", initializer)  # fmt: skip
        assert result.code == 0
        losses[initializer] = json.loads(result.stdout)["history"][0]["train_loss"]
        assert json.loads((tmp_path / initializer / "train-001/config.json").read_text())["initializer"] == initializer
    assert losses["1998-root"] != losses["1998"]


def test_widths_make_a_smaller_network_and_go_on_with_its_run(tmp_path):
    options = ("--widths", "4,8,20,12", "--quantize", "--out", "s.safetensors")
    assert train(tmp_path, *TWO[:3], *options, "--epochs", "1", "--validation", "1000").code == 0
    small = load(tmp_path / "s.safetensors")
    assert [len(small.tensors()[f"{name}.weight"]) for name in ("c1", "c3", "c5", "f6")] == [4, 8, 20, 12]
    assert json.loads((tmp_path / "runs/train-001/config.json").read_text())["widths"] == [4, 8, 20, 12]
    assert train(tmp_path, "train", "--resume", "runs/train-001", "--epochs", "2").code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--widths", "4,8,x"), "whole numbers with commas between"),
        (("--widths", "4,8"), "expected 4 numbers"),
        (("--widths", "4,8,20,0"), "from 1 to 1024"),
        (("--widths", "4,8,20,12", "--variant", "lenet1"), "fixed widths"),
    ],
)
def test_widths_that_cannot_be_are_refused(tmp_path, options, said):
    result = train(tmp_path, *TWO, *options)
    assert (result.code, result.stdout) == (2, "")
    assert said in result.stderr.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_a_bar_on_a_terminal(tmp_path):
    ours, theirs = pty.openpty()
    process = start(*TWO, cwd=tmp_path, command=WITH_FEW_STROKES, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:
        pass
    os.close(ours)
    result = finish(process)
    assert result.code == 0
    assert not has_escape_codes(result.stdout)
    text = shown.decode()
    assert "/s  " in text
    assert "━" in text
    assert "\x1b[" in text
    assert "epoch 2/2" in text


# ---- what cannot be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["missing/model", "/proc/model", "runs-file/model"])
def test_an_out_that_cannot_be_written_is_said_first(tmp_path, out):
    (tmp_path / "runs-file").write_text("")
    result = train(tmp_path, *TWO, "--out", out)
    assert (result.code, result.stdout) == (1, "")
    assert "epoch" not in result.stderr
    assert result.error
    assert ".part" not in result.error
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("runs", ["/proc/runs", "file/runs", "/dev/null/runs"])
def test_a_folder_of_runs_that_cannot_be_made(tmp_path, runs):
    (tmp_path / "file").write_text("")
    result = train(tmp_path, *TWO, "--runs", runs)
    assert (result.code, result.stdout) == (1, "")
    assert "epoch 1" not in result.stderr
    assert result.error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_runs_without_permission(tmp_path):
    (tmp_path / "runs").mkdir(mode=0o500)
    result = train(tmp_path, *TWO)
    assert result.code == 1
    assert "Permission denied" in result.error


@pytest.mark.parametrize("n", ["10000", "60000"])
def test_more_validation_than_pictures_leaves_no_run(tmp_path, n):
    result = train(tmp_path, *TWO, "--validation", n)
    assert (result.code, result.stdout) == (2, "")
    assert "validation" in result.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("validation", ["0", "1000"])
@pytest.mark.parametrize("rate", ["1e9", "1e300"])
def test_divergence(tmp_path, rate, validation):
    result = train(tmp_path, *TWO, "--learning-rate", rate, "--validation", validation)
    assert (result.code, result.stdout) == (6, "")
    assert "the loss is not finite any more at epoch 1, batch" in result.error
    assert "Warning" not in result.stderr
    assert not (tmp_path / "lenet5.safetensors").exists()
    assert_nothing_half_written(tmp_path)
    kept = load(tmp_path / "runs/train-001/last.safetensors")
    assert np.isfinite(kept.parameters).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--learning-rate", "5"], "first epoch"),
        (["--learning-rate", "1e-9"], "is chance, so no model is written"),
        (["--learning-rate", "1e-9", "--members", "2"], "is chance, so no model is written"),
    ],
)
def test_a_training_that_learnt_nothing_replaces_no_model(tmp_path, options, message):
    LeNet5(seed=7).save(tmp_path / "lenet5.safetensors")
    before = (tmp_path / "lenet5.safetensors").read_bytes()
    result = train(tmp_path, *TWO, *options)
    assert (result.code, result.stdout) == (6, "")
    assert message in result.error
    assert "learning" in result.error
    assert (tmp_path / "lenet5.safetensors").read_bytes() == before
    again = train(tmp_path, "train", "--resume", "runs/train-001")
    assert (again.code, again.error) == (6, result.error)


@pytest.mark.parametrize("dataset", ["mnist", "auto"])
def test_a_folder_without_the_data(tmp_path, dataset):
    result = train(tmp_path, "train", "--dataset", dataset, "--data-dir", "empty", "--offline")
    assert (result.code, result.stdout) == (4, "")
    assert result.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--augment", "--finetune-augment"])
@pytest.mark.parametrize("names", ["", "mirror", "affine,affine", "none,affine", "affine,", "affine elastic"])
def test_other_distortions_than_there_are(tmp_path, option, names):
    result = train(tmp_path, *TWO[:3], option, names)
    assert (result.code, result.stdout) == (2, "")
    assert f"Invalid value for '{option}': {option[2:].replace('-', '_')} is {names!r}" in result.error
    assert "flip, elastic, photo, cutout, invert" in result.error
    assert list(tmp_path.iterdir()) == []


# ---- resume --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [["--seed", "3"], ["--batch-size", "64"], ["--dataset", "strokes"], ["--pool", "max"],
     ["--learning-rate", "0.1"], ["--validation", "1000"], ["--runs", "runs"], ["--augment", "none"],
     ["--finetune-augment", "crop"]],
)  # fmt: skip
def test_resume_with_another_training_is_usage(done, option):
    folder, _ = done
    before = results(folder)
    result = train(folder, "train", "--resume", "runs/train-001", *option)
    assert (result.code, result.stdout) == (2, "")
    assert f"{option[0]} cannot be changed by --resume" in result.error
    assert results(folder) == before


def test_resume_with_fewer_epochs_is_usage(done):
    folder, _ = done
    before = results(folder)
    result = train(folder, "train", "--resume", "runs/train-001", "--epochs", "1")
    assert (result.code, result.stdout) == (2, "")
    assert "epochs is 1, the number in all; the run in runs/train-001 is one of 2" in result.error
    assert results(folder) == before


@pytest.mark.parametrize("content", [None, "", "{}", "[]", "\x1b[31m", "NaN"])
def test_resume_of_what_is_no_run(tmp_path, content):
    (tmp_path / "run").mkdir()
    if content is not None:
        (tmp_path / "run" / "config.json").write_text(content)
    for name in ("run", "missing"):
        result = train(tmp_path, "train", "--resume", name)
        assert (result.code, result.stdout) == (4, "")
        assert name in result.error
        assert not has_escape_codes(result.stderr)


def test_resume_of_a_run_that_is_done_gives_its_result_again(done, tmp_path):
    folder, first = done
    before = results(folder)
    result = train(folder, "train", "--resume", "runs/train-001", "--out", tmp_path / "again", "--threads", "1")
    assert (result.code, result.stdout) == (0, first.stdout)
    assert results(folder) == before
    assert load_file(tmp_path / "again").keys() == load_file(folder / "lenet5.safetensors").keys()


def test_resume_with_other_pictures(done):
    result = quick("train", "--resume", "runs/train-001", cwd=done[0])  # all strokes, and not the few
    assert (result.code, result.stdout) == (4, "")
    assert "not the images that this run was trained on" in result.error


def test_resume_of_a_damaged_state(tmp_path):
    process = start(*LONG, cwd=tmp_path, command=WITH_FEW_STROKES)
    state = tmp_path / "runs/train-001/state.safetensors"
    wait_for(state.exists)
    process.kill()
    finish(process)
    state.write_bytes(state.read_bytes()[:5000])
    result = train(tmp_path, "train", "--resume", "runs/train-001")
    assert (result.code, result.stdout) == (3, "")
    assert "state.safetensors" in result.error


def started(folder, epochs_first=0, delay=0.0):
    """A long training that has done this many epochs, and then gone on for ``delay`` seconds."""
    process = start(*LONG, cwd=folder, command=WITH_FEW_STROKES)
    metrics = folder / "runs/train-001/metrics.csv"

    def epochs():
        return metrics.read_text().count("\n") - 1 if metrics.exists() else 0

    if epochs_first:
        wait_for(lambda: epochs() >= epochs_first)
    else:
        wait_for((folder / "runs/train-001/config.json").exists)
        while b"run folder" not in process.stderr.readline():  # the training begins
            pass
    time.sleep(delay)
    return process


def assert_resumes_exactly(folder, uninterrupted):
    result = train(folder, "train", "--resume", "runs/train-001", "--threads", "1")
    assert result.code == 0
    assert results(folder) == results(uninterrupted)
    assert history(folder) == history(uninterrupted)
    assert {path.name for path in (folder / "runs/train-001").iterdir() if path.suffix != ".part"} == RUN_FILES


MORE_MOMENTS = [pytest.param(*moment, marks=pytest.mark.slow) for moment in ((0, 0.1), (3, 0.05), (5, 0.1), (6, 0.0))]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(("epochs_first", "delay"), [(0, 0.0), (1, 0.02)])
def test_a_signal_saves_and_the_run_goes_on_exactly(long_done, tmp_path, number, code, epochs_first, delay):
    folder, result = stopped(tmp_path, lambda folder: interrupt(started(folder, epochs_first, delay), number))
    assert (result.code, result.stdout) == (code, "")
    assert "stopped; go on with: lenet5 train --resume runs/train-001" in result.stderr
    assert "Error" not in result.stderr
    assert_nothing_half_written(folder)
    assert not (folder / "lenet5.safetensors").exists()
    assert_resumes_exactly(folder, long_done)


@pytest.mark.parametrize(("epochs_first", "delay"), [(1, 0.0), *MORE_MOMENTS])
def test_a_kill_loses_nothing(long_done, tmp_path, epochs_first, delay):
    process = started(tmp_path, epochs_first, delay)
    process.kill()
    assert finish(process).code in (-signal.SIGKILL, 0)
    assert_resumes_exactly(tmp_path, long_done)


@pytest.mark.slow
def test_stopped_again_and_again(long_done, tmp_path):
    result = interrupt(started(tmp_path))
    for _ in range(3):
        process = start("train", "--resume", "runs/train-001", cwd=tmp_path, command=WITH_FEW_STROKES)
        while (line := process.stderr.readline()) and b"run folder" not in line:
            pass
        time.sleep(0.15)
        result = interrupt(process)
        assert result.code in (130, 0)
    assert_resumes_exactly(tmp_path, long_done)


def test_a_run_that_is_in_use_is_let_be(long_done, tmp_path):
    process = started(tmp_path)
    process.send_signal(signal.SIGSTOP)  # else it could end meanwhile
    result = lenet5("train", "--resume", "runs/train-001", cwd=tmp_path, command=WITH_FEW_STROKES)
    process.send_signal(signal.SIGCONT)
    assert (result.code, result.stdout) == (1, "")
    assert result.error == "Error: runs/train-001: another process is training this run; wait until it ends"
    assert finish(process).code == 0
    assert results(tmp_path) == results(long_done)
    assert train(tmp_path, "train", "--resume", "runs/train-001").code == 0


def test_trainings_at_once_have_runs_of_their_own(tmp_path):
    processes = [start(*TWO, "--epochs", "1", cwd=tmp_path, command=WITH_FEW_STROKES) for _ in range(2)]
    assert [finish(process).code for process in processes] == [0, 0]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["train-001", "train-002"]
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "lenet5.safetensors"}


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [3, 40])
def test_kills_while_files_are_written_leave_one_part_at_most(done, tmp_path, n_kills):
    """Of a training that is done, whose result is written again by each --resume."""
    shutil.copytree(done[0], tmp_path, dirs_exist_ok=True)
    rng = random.Random(n_kills)
    for _ in range(n_kills):
        process = start("train", "--resume", "runs/train-001", cwd=tmp_path, command=WITH_FEW_STROKES)
        while (line := process.stderr.readline()) and b"complete" not in line:
            pass
        time.sleep(rng.uniform(0, 0.25))
        process.kill()
        finish(process)
        assert len(list(tmp_path.rglob("*.part"))) <= 1
    assert train(tmp_path, "train", "--resume", "runs/train-001").code == 0
    assert_nothing_half_written(tmp_path)
    assert results(tmp_path) == results(done[0])


def test_ctrl_c_before_the_training(tmp_path):
    process = start(*LONG, cwd=tmp_path, command=ENTRY_POINT)
    time.sleep(0.6)
    result = interrupt(process)
    assert result.code in (130, -signal.SIGINT)  # the latter: before Python was up
    assert "fault of lenet5" not in result.stderr


@pytest.mark.slow
@pytest.mark.mnist
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_mnist_with_the_real_command(tmp_path, number):
    """Ended at several moments, resumed, and ended again: the bits of a run that was let be."""
    command = ["train", "--dataset", "mnist", "--epochs", "2", "--seed", "5"]
    whole = tmp_path / "whole"
    broken = tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    assert lenet5(*command, cwd=whole).code == 0
    next_command, rng = command, np.random.default_rng(number)
    for _ in range(5):
        process = start(*next_command, cwd=broken)
        while (line := process.stderr.readline()) and b"run folder" not in line:
            pass
        time.sleep(float(rng.uniform(0, 2)))
        result = interrupt(process, number)
        saved = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert result.code in (saved, 0, -number)  # the last: when all was done and Python was going down
        next_command = ["train", "--resume", "runs/train-001"]
    result = lenet5("train", "--resume", "runs/train-001", cwd=broken)
    assert result.code == 0
    assert results(broken) == results(whole)
    assert history(broken) == history(whole)


def test_a_recipe_and_what_is_given_beside_it(tmp_path):
    run = quick("train", "--dataset", "strokes", "--recipe", "quick", "--epochs", "1", cwd=tmp_path, few=True)
    assert run.code == 0
    config = json.loads((tmp_path / "runs/train-001/config.json").read_text())["config"]
    assert (config["epochs"], config["augment"], config["validation"]) == (1, "none", 0)
    assert config["learning_rate"] == 0.1


@pytest.mark.parametrize("how", [("--layer-rates", "c9=0.1"), ("--freeze", "c9"), ("--freeze", "c1,c3,c5,f6,output")])
def test_layers_that_there_are_not_are_refused_before_data_are_looked_for(tmp_path, how):
    result = quick("train", "--dataset", "mnist", "--offline", "--data-dir", "none", *how, cwd=tmp_path)
    assert result.code == 2
    assert "names" in result.stderr
    assert list(tmp_path.iterdir()) == []
