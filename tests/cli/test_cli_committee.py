"""Committees and confidence on the command line: train --members, several --model, --max-error, curves."""

import json

import numpy as np
import pytest
from commandline import WITH_FEW_STROKES, draw_digit, interrupt, model_path, quick, start, stopped, wait_for
from PIL import Image
from safetensors.numpy import load_file

from lenet5 import Committee, LeNet5, load
from lenet5.datasets.synthetic import strokes
from lenet5.evaluation.calibration import Calibration, Threshold

MEMBERS = ["train", "--dataset", "strokes", "--epochs", "2", "--validation", "1000", "--members", "2", "--seed", "4"]


def run(folder, *args, **env):
    return quick(*args, cwd=folder, few=True, **env)


def tensors(path):
    return {name: tensor.tobytes() for name, tensor in load_file(path).items()}


# ---- train --members -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, result) of an uninterrupted training of two members."""
    folder = tmp_path_factory.mktemp("members")
    return folder, run(folder, *MEMBERS)


def test_what_it_prints_and_writes(trained):
    folder, result = trained
    assert result.code == 0
    assert result.stdout.startswith("test accuracy ")
    assert result.stdout.count("\n") == 1
    assert [line for line in result.stderr.splitlines() if line.startswith("member 2 of")] == ["member 2 of 2"]
    assert result.stderr.count("c1 ") == 1  # one layer table
    whole = folder / "runs/train-001"
    assert {path.name for path in whole.iterdir()} == {"config.json", "best.safetensors", "member-1", "member-2"}
    assert {path.name for path in folder.iterdir()} == {"runs", "lenet5.safetensors"}
    assert tensors(whole / "best.safetensors") == tensors(folder / "lenet5.safetensors")


def test_the_file_is_the_committee_of_its_members(trained):
    folder, result = trained
    committee = load(folder / "lenet5.safetensors")
    members = [load(folder / f"runs/train-001/member-{k}/best.safetensors") for k in (1, 2)]
    assert isinstance(committee, Committee)
    assert [model.training["config"]["seed"] for model in committee.models] == [4, 5]
    for inside, alone in zip(committee.models, members, strict=True):
        np.testing.assert_array_equal(inside.parameters, alone.parameters)
        assert inside.info() == alone.info()
    assert committee.calibration.n == 1000
    assert committee.calibration.thresholds
    assert committee.training["metrics"]["members"] == 2
    assert f"{100 * committee.training['metrics']['test_accuracy']:.2f} %" in result.stdout


def test_a_member_is_what_a_run_of_its_seed_gives(trained, tmp_path):
    assert run(tmp_path, *MEMBERS[:-4], "--seed", "5").code == 0
    member = trained[0] / "runs/train-001/member-2/best.safetensors"
    assert tensors(tmp_path / "lenet5.safetensors") == tensors(member)


@pytest.mark.parametrize("moment", [pytest.param("member-1/state.safetensors", marks=pytest.mark.slow), "member-2"])
def test_stopped_and_resumed_it_ends_with_the_same_bytes(trained, tmp_path, moment):

    def interrupted(folder):
        process = start(*MEMBERS, cwd=folder, command=WITH_FEW_STROKES)
        wait_for((folder / "runs/train-001" / moment).exists)
        return interrupt(process)

    folder, result = stopped(tmp_path, interrupted)
    assert result.code == 130
    assert "go on with: lenet5 train --resume runs/train-001\n" in result.stderr
    assert not (folder / "lenet5.safetensors").exists()
    resumed = run(folder, "train", "--resume", "runs/train-001", "--threads", "3")
    assert resumed.code == 0
    assert resumed.stdout == trained[1].stdout
    for name in ("lenet5.safetensors", "runs/train-001/member-2/last.safetensors"):
        assert tensors(folder / name) == tensors(trained[0] / name)
    assert load(folder / "lenet5.safetensors").calibration == load(trained[0] / "lenet5.safetensors").calibration
    assert not list(folder.rglob("*.part"))


def test_killed_between_two_members_it_loses_nothing(trained, tmp_path):
    process = start(*MEMBERS, cwd=tmp_path, command=WITH_FEW_STROKES)
    wait_for((tmp_path / "runs/train-001/member-2").exists)
    process.kill()
    process.communicate()
    before = (tmp_path / "runs/train-001/member-1/metrics.csv").read_text()
    (tmp_path / "runs/train-001/member-2/config.json").unlink(missing_ok=True)  # killed before it was there
    assert run(tmp_path, "train", "--resume", "runs/train-001").code == 0
    assert (tmp_path / "runs/train-001/member-1/metrics.csv").read_text() == before
    assert tensors(tmp_path / "lenet5.safetensors") == tensors(trained[0] / "lenet5.safetensors")


def test_a_finished_committee_gives_its_result_again(trained):
    folder, first = trained
    result = run(folder, "train", "--resume", "runs/train-001", "--json", "-q", "--out", "again.safetensors")
    document = json.loads(result.stdout, parse_constant=pytest.fail)
    assert document["run"] == "runs/train-001"
    assert [member["seed"] for member in document["members"]] == [4, 5]
    assert [len(member["history"]) for member in document["members"]] == [2, 2]
    assert f"{document['test']['errors']:,} errors" in first.stdout
    (folder / "again.safetensors").unlink()


def test_a_member_can_be_resumed_by_itself(trained, tmp_path):
    folder, _ = trained
    before = tensors(folder / "lenet5.safetensors")
    result = run(folder, "train", "--resume", "runs/train-001/member-1", "--json", "-q")
    assert json.loads(result.stdout)["model"] == "runs/train-001/member-1/best.safetensors"
    assert tensors(folder / "lenet5.safetensors") == before


def test_another_run_in_the_place_of_a_member(trained, tmp_path):
    from shutil import copytree

    copytree(trained[0] / "runs", tmp_path / "runs")
    path = tmp_path / "runs/train-001/member-2/config.json"
    path.write_text(path.read_text().replace('"seed": 5', '"seed": 6'))
    result = run(tmp_path, "train", "--resume", "runs/train-001")
    assert result.code == 4
    assert "not member 2 of the run in runs/train-001" in result.error


@pytest.mark.parametrize("n", ["0", "65", "many"])
def test_a_wrong_number_of_members(tmp_path, n):
    result = run(tmp_path, *MEMBERS[:-4], "--members", n)
    assert (result.code, result.stdout) == (2, "")
    assert not list(tmp_path.iterdir())


def test_seeds_that_do_not_fit_are_said_before_anything_is_made(tmp_path):
    result = run(tmp_path, *MEMBERS[:-1], str(2**63 - 1))
    assert result.code == 2
    assert "seed is" in result.error
    assert not list(tmp_path.iterdir())


# ---- several models ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A picture of a seven; three models; one that has thresholds at which it is sometimes unsure."""
    folder = tmp_path_factory.mktemp("models")
    draw_digit(folder / "7.png", 7)
    X, y = strokes.draw(3000, seed=9)
    for seed in (1, 2):
        LeNet5(seed=seed).fit(X, y, epochs=2).save(folder / f"{seed}.safetensors")
    model = load(model_path())
    model.calibration = Calibration(1.5, (Threshold(0.1, 0, 0), Threshold(0.01, 1.0, 0.3)), 500)
    model.save(folder / "strict.safetensors")
    LeNet5(labels="abc").save(folder / "abc.safetensors")
    return folder


TWO = ["--model", "1.safetensors", "--model", "2.safetensors"]


def test_predict_with_several_models(folder):
    [row] = json.loads(quick("predict", "7.png", *TWO, "--json", cwd=folder).stdout)
    alone = [
        json.loads(quick("predict", "7.png", "--model", f"{k}.safetensors", "--json", cwd=folder).stdout)[0]
        for k in (1, 2)
    ]
    mean = np.mean([answer["probabilities"] for answer in alone], axis=0)
    np.testing.assert_allclose(row["probabilities"], mean, atol=2e-6)


def test_evaluate_with_several_models(folder):
    result = run(folder, "evaluate", *TWO, "--dataset", "strokes", "--json")
    X, y = strokes.draw(1000, seed=1)
    committee = Committee([load(folder / f"{k}.safetensors") for k in (1, 2)])
    assert json.loads(result.stdout)["accuracy"] == committee.score(X, y)
    assert [line for line in result.stderr.splitlines() if line.startswith("model: ")] == [
        "model: 1.safetensors", "model: 2.safetensors"]  # fmt: skip


def test_models_with_other_classes(folder):
    result = quick("predict", "7.png", "--model", "1.safetensors", "--model", "abc.safetensors", cwd=folder)
    assert (result.code, result.stdout) == (2, "")
    assert "other labels (a, b, c) than the first one (0, 1" in result.error


def test_info_of_a_committee(trained):
    folder, _ = trained
    text = quick("info", cwd=folder).stdout
    assert text.startswith("committee: the mean of the probabilities of\n")
    assert "123,412" in text  # parameters of both
    assert "confidence: temperature " in text
    document = json.loads(quick("info", "--json", cwd=folder).stdout, parse_constant=pytest.fail)
    assert [member["variant"] for member in document["members"]] == ["modern", "modern"]
    assert document["calibration"]["n"] == 1000


# ---- predict --max-error -------------------------------------------------------------------------------------------


def strict(folder, *args):
    return quick("predict", "7.png", "--model", "strict.safetensors", *args, cwd=folder)


def test_unsure_is_an_answer(folder):
    result = strict(folder, "--max-error", "1%")
    assert result.code == 0
    name, answer, confidence = result.stdout.rstrip("\n").split("\t")
    assert (name, answer) == ("7.png", "unsure")
    assert 0.5 < float(confidence) < 1
    [row] = json.loads(strict(folder, "--max-error", "0.01", "--json", "--top", "2").stdout)
    assert (row["digit"], row["note"]) == (None, "unsure")
    assert row["confidence"] == max(row["probabilities"])
    assert row["top"][0]["digit"] == 7


@pytest.mark.parametrize("error", ["10%", "0.1", "50 %", "1e1%"])
def test_sure_enough_for_a_larger_error(folder, error):
    result = strict(folder, "--max-error", error)
    assert result.stdout.startswith("7.png\t7\t")
    assert result.stdout == strict(folder).stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("0.5", "Write 0.5% or 0.005"), ("1", "Write 1% or 0.01"), ("abc", "not an error rate: write 0.5% or 0.005"),
        ("", "not an error rate"), ("%", "not an error rate"),
        ("0", "out of range"), ("-1%", "out of range"), ("101%", "out of range"),
        ("nan", "out of range"), ("inf", "out of range"), ("nan%", "out of range"),
        ("0.5%%", "not an error rate"), ("0.5%", "its 500 validation images go down to 1 %"),
    ],
)  # fmt: skip
def test_errors_that_cannot_be_promised(folder, error, said):
    result = strict(folder, f"--max-error={error}")
    assert (result.code, result.stdout) == (2, "")
    assert said in result.error


def test_a_model_without_thresholds(folder):
    result = quick("predict", "7.png", *TWO, "--max-error", "1%", cwd=folder)
    assert (result.code, result.stdout) == (2, "")
    assert "no thresholds" in result.error


# ---- evaluate --reject-curve, --cascade ----------------------------------------------------------------------------


def evaluate(folder, *args):
    return run(folder, "evaluate", "--dataset", "strokes", *args)


def test_rejection(folder, tmp_path):
    args = ["--model", folder / "strict.safetensors", "--reject-curve"]
    document = json.loads(evaluate(tmp_path, *args, "--json").stdout, parse_constant=pytest.fail)
    points = document["rejection"]["points"]
    assert points[0] == {"rejected": 0.0, "error": pytest.approx(1 - document["accuracy"])}
    assert points[-1]["error"] < points[0]["error"]
    for row in document["rejection"]["needed"]:
        assert 0 <= row["rejected"] <= 1
    assert [row["wanted_error"] for row in document["rejection"]["thresholds"]] == [0.1, 0.01]
    assert "published" not in document["rejection"]  # figures for MNIST say nothing about strokes
    text = evaluate(tmp_path, *args)
    assert "the least sure answers not given" in text.stdout
    assert "predict --max-error" in text.stdout
    assert not list(tmp_path.iterdir())


def test_the_rejection_curve_is_drawn(folder, tmp_path):
    result = evaluate(tmp_path, "--model", folder / "1.safetensors", "--reject-curve", "curve.png")
    assert "rejection curve drawn: curve.png" in result.stderr
    assert "no thresholds of its own" in result.stdout
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(100_000)) > 5


@pytest.mark.mnist
def test_published_figures_beside_mnist(folder):
    result = quick("evaluate", "--dataset", "mnist", "--model", "1.safetensors", "--reject-curve", cwd=folder)
    assert "zip-code net, 1990      1.00 %    9.00 %" in result.stdout
    assert "LeNet-4, 1998           0.50 %    1.80 %" in result.stdout


def test_a_cascade(trained, tmp_path):
    folder, _ = trained
    small = folder / "runs/train-001/member-1/best.safetensors"
    args = ["--model", folder / "lenet5.safetensors", "--cascade", small]
    document = json.loads(evaluate(tmp_path, *args, "--json").stdout, parse_constant=pytest.fail)
    cascade = document["cascade"]
    assert cascade["large"] == {"macs": 833_040, "error": pytest.approx(1 - document["accuracy"])}
    assert cascade["small"]["macs"] == 416_520
    assert cascade["n_validation"] == 1000
    costs = [point["macs"] for point in cascade["points"]]
    assert costs == sorted(costs)
    for point in [*cascade["points"], cascade["chosen"]]:
        assert point["macs"] == pytest.approx(416_520 + point["asked"] * 833_040)
    result = evaluate(tmp_path, *args, "--cascade-curve", "cost.png")
    assert "chosen: the least cost" in result.stdout
    with Image.open(tmp_path / "cost.png") as picture:
        assert picture.format == "PNG"


def test_without_common_validation_pictures_no_threshold_is_chosen(folder, tmp_path):
    result = evaluate(tmp_path, "--model", folder / "1.safetensors", "--cascade", folder / "2.safetensors")
    assert result.code == 0
    assert "no threshold is chosen" in result.stderr
    assert "chosen" not in result.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--cascade-curve", "x.png"], "name the small model with --cascade"),
        (["--strings", "plain", "--reject-curve"], "judge single digits"),
        (["--reject-curve", "x.jpg"], "must end in .png"),
        (["--reject-curve", "x.png", "--errors", "x.png"], "the same file"),
        (["--cascade", "abc.safetensors"], "other classes"),
        (["--cascade", "missing"], "missing: no such file"),
    ],
)
def test_wrong_options(folder, args, said):
    result = evaluate(folder, "--model", "1.safetensors", *args)
    assert result.code in (2, 3)
    assert result.stdout == ""
    assert said in result.error


def test_threads_change_nothing(folder):
    args = ["--model", "1.safetensors", "--cascade", "2.safetensors", "--reject-curve"]
    assert evaluate(folder, *args, "--threads", "3").stdout == evaluate(folder, *args, "--threads", "1").stdout
