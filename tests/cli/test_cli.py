"""The command as a whole: help, wrong calls, streams, exit codes, environment."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest
from commandline import (
    WITH_FEW_STROKES,
    draw_digit,
    environment,
    finish,
    has_escape_codes,
    lenet5,
    model_path,
    quick,
    start,
)

from lenet5 import LeNet5, __version__
from lenet5.cli.commands import HINTS, option_names
from lenet5.cli.main import cli
from lenet5.cli.train import train
from lenet5.cli.training_options import GROUPS

COMMANDS = [
    "download", "train", "evaluate", "compare", "predict", "read", "teach", "info",
    "quantize", "compress", "export", "import", "benchmark", "doctor", "completion",
]  # fmt: skip


@pytest.fixture
def digit(tmp_path):
    return draw_digit(tmp_path / "seven.png", 7)


# ---- help ----------------------------------------------------------------------------------------------------------


def test_help_names_commands_examples_and_exit_codes(tmp_path):
    result = lenet5("--help", cwd=tmp_path)
    assert (result.code, result.stderr) == (0, "")
    assert all(f"\n  {name}" in result.stdout for name in COMMANDS)
    assert "Examples:" in result.stdout
    assert "Exit codes: 0 fine" in result.stdout
    assert lenet5("-h", cwd=tmp_path).stdout == result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(tmp_path, command):
    result = quick(command, "--help", cwd=tmp_path)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: lenet5 {command}")
    assert "Example" in result.stdout
    assert f"lenet5 {command}" in result.stdout.split("Example")[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "args",
    [["--help"], ["--version"], ["predict", "--help"], ["train", "--help"], ["benchmark", "--help"], ["nothing"]],
)
def test_help_needs_no_heavy_imports(tmp_path, args):
    code = (
        "import sys\nfrom lenet5.cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'PIL', 'tqdm', 'requests', 'safetensors'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    command = [sys.executable, "-c", code, *args]
    result = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert "imported" not in result.stderr
    assert result.returncode == 0


def test_version(tmp_path):
    assert lenet5("--version", cwd=tmp_path).stdout == f"lenet5, version {__version__}\n"


def test_without_arguments_comes_the_help(tmp_path):
    result = lenet5(cwd=tmp_path)
    assert result.code == 2
    assert "Commands:" in result.stdout + result.stderr


# ---- wrong calls ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["--nothing"], ["predict"], ["predict", "--nothing", "x"], ["predict", "--top", "0", "x"],
        ["predict", "--invert", "maybe", "x"], ["predict", "--threads", "0", "x"], ["predict", "--threads", "257", "x"],
        ["predict", "--threads", "two", "x"], ["predict", "x", "--show-input"], ["predict", "--show-input", ".", "x"],
        ["train", "--epochs", "0"], ["train", "--epochs", "1.5"], ["train", "--batch-size", "0"],
        ["train", "--learning-rate", "nan"], ["train", "--learning-rate", "-1"], ["train", "--learning-rate", "inf"],
        ["train", "--learning-rate", "fast"], ["train", "--momentum", "1"], ["train", "--weight-decay", "-1"],
        ["train", "--seed", "-1"], ["train", "--seed", str(2**63)], ["train", "--optimizer", "sgdm"],
        ["train", "--dropout", "1"],
        ["train", "--patience", "2", "--validation", "0"],
        ["train", "--validation", "-1"], ["train", "--dataset", "cifar"], ["train", "--out", "."], ["train", "extra"],
        ["evaluate", "--dataset", "x"], ["evaluate", "--errors", "."], ["info", "a", "b"], ["completion"],
        ["completion", "tcsh"], ["download", "cifar"],
    ],
)  # fmt: skip
def test_a_wrong_call_is_usage(tmp_path, args):
    result = quick(*args, cwd=tmp_path)
    assert result.code == 2
    assert result.stdout == ""
    assert result.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("wrong", "right"), [("trian", "train"), ("evalute", "evaluate"), ("Predict", "predict")])
def test_a_wrong_command_gets_a_suggestion(tmp_path, wrong, right):
    result = quick(wrong, cwd=tmp_path)
    assert result.code == 2
    assert f"Did you mean '{right}'?" in result.error


def test_a_command_unlike_any_gets_the_list(tmp_path):
    result = quick("xyzzy", cwd=tmp_path)
    assert result.code == 2
    assert all(name in result.error for name in COMMANDS)


def test_a_wrong_option_gets_a_suggestion(tmp_path):
    assert "--optimizer" in quick("train", "--optimiser", "sgd", cwd=tmp_path).error


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["train", "--lr", "0.1"], "--lr: the learning rate is --learning-rate"),
        (["train", "--device", "cuda"], "lenet5 runs on the CPU; --threads sets how much of it"),
        (["predict", "--gpu", "x"], "lenet5 runs on the CPU; --threads sets how much of it"),
        (["info", "--cuda"], "--cuda: lenet5 runs on the CPU"), (["--device", "cpu", "train"], "runs on the CPU"),
        (["train", "-lr", "3"], "--learning-rate"), (["predict", "--threshold", "0.9", "x"], "--max-error"),
        (["train", "--batch", "3"], "--batch-size"), (["train", "--epoch", "3"], "--epochs"),
        (["evaluate", "--workers=4"], "--threads"), (["read", "-j", "4", "x"], "--threads"),
        (["predict", "--imgsz", "28", "x"], "images become 32 x 32"), (["train", "-o", "x"], "--out"),
        (["predict", "--image", "x"], "name the images without an option"), (["info", "--image", "x"], "--image"),
        (["predict", "--lr", "1", "x"], "--learning-rate belongs to: train"),
        (["evaluate", "--epochs", "3"], "--epochs belongs to: train"),
        (["--threads", "2", "info"], "--threads belongs to: train, evaluate, compare, predict, read, teach,"),
    ],
)  # fmt: skip
def test_an_option_of_another_program_gets_an_answer(tmp_path, args, says):
    result = quick(*args, cwd=tmp_path)
    assert (result.code, result.stdout) == (2, "")
    assert re.match("Error: No such option[ :]", result.error)
    assert says in result.error


def test_every_answer_can_be_given():
    have = {name: set(option_names(cli.get_command(None, name).params)) for name in COMMANDS}
    for tried, needs, _ in HINTS:
        owners = [name for name in COMMANDS if not needs or needs in have[name]]
        assert owners, needs
        for option in tried.split():
            assert all(option not in have[name] for name in owners), f"{option} is an option itself"


def test_the_help_of_train_comes_in_groups_and_loses_no_option(tmp_path):
    text = quick("train", "--help", cwd=tmp_path).stdout
    text = text[text.index("lenet5 train --resume") :]
    params = {param.name: param for param in train.params}
    grouped = [name for names in GROUPS.values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) <= set(params)
    assert len(next(iter(GROUPS.values()))) == 5
    positions = [text.index(f"\n{title}:") for title in (*GROUPS, "More options")]
    assert positions == sorted(positions)
    for param in params.values():
        assert len(re.findall(rf"^  (-., )?{param.opts[-1]}(?![-\w])", text, re.MULTILINE)) == 1, param.name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["predict", "closed"], 3), (["read", "closed"], 3), (["predict", "x", "--model", "closed"], 3),
        (["info", "closed"], 3), (["evaluate", "--model", "closed"], 3), (["evaluate", "--cascade", "closed"], 3),
        (["train", "--dataset", "strokes", "--teacher", "closed"], 3), (["benchmark", "--from", "closed"], 4),
    ],
)  # fmt: skip
def test_a_file_that_may_not_be_read(tmp_path, args, code):
    (tmp_path / "closed").write_bytes(model_path().read_bytes())
    (tmp_path / "closed").chmod(0)
    result = quick(*args, cwd=tmp_path, few=True)
    assert (result.code, result.stdout) == (code, "")
    assert "closed" in result.error


# ---- environment ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["0", "abc", "-1", "257", "1.5", " "])
def test_wrong_threads_in_the_environment(tmp_path, digit, value):
    result = quick("predict", digit, "--model", model_path(), cwd=tmp_path, LENET5_THREADS=value)
    assert (result.code, result.stdout) == (2, "")
    assert "LENET5_THREADS" in result.error


def test_threads_in_the_environment_change_nothing(tmp_path, digit):
    results = [quick("predict", digit, "--model", model_path(), cwd=tmp_path, LENET5_THREADS=n) for n in ("", "1", "3")]
    assert len(set(results)) == 1
    assert results[0].code == 0


@pytest.mark.parametrize("value", ["foo", "AVX2", "../x", "\x1b[31m"])
def test_a_wrong_instruction_set(tmp_path, digit, value):
    result = lenet5("predict", digit, "--model", model_path(), cwd=tmp_path, LENET5_ISA=value)
    assert (result.code, result.stdout) == (2, "")
    assert "LENET5_ISA" in result.error
    assert not has_escape_codes(result.stderr)


def test_the_baseline_reads_the_same_digit(tmp_path, digit):
    result = lenet5("predict", digit, "--model", model_path(), cwd=tmp_path, LENET5_ISA="baseline")
    assert result.stdout.split("\t")[1] == "7"


def test_the_model_in_the_environment(tmp_path, digit):
    result = quick("predict", digit, cwd=tmp_path, LENET5_MODEL=str(model_path()))
    assert result.code == 0
    assert str(model_path()) in result.stderr
    result = quick("predict", digit, cwd=tmp_path, LENET5_MODEL="missing.safetensors")
    assert (result.code, result.stdout) == (3, "")
    assert "missing.safetensors: no such file" in result.error


def test_the_order_of_models(tmp_path, digit):
    (tmp_path / "lenet5.safetensors").write_bytes(model_path().read_bytes())
    assert "model: lenet5.safetensors" in quick("predict", digit, cwd=tmp_path).stderr
    result = quick("predict", digit, cwd=tmp_path, LENET5_MODEL=str(model_path()))
    assert f"model: {model_path()}" in result.stderr
    (tmp_path / "other").write_bytes(model_path().read_bytes())
    result = quick("predict", digit, "--model", "other", cwd=tmp_path, LENET5_MODEL="missing")
    assert "model: other" in result.stderr


def test_a_model_of_other_classes_is_not_picked_up(tmp_path, digit):
    """After a training on Fashion-MNIST a digit must not become a T-shirt because of the folder it is read in."""
    letters = LeNet5(labels=list("abcdefghij"))
    letters.save(tmp_path / "lenet5.safetensors")
    for command in ("predict", "read", "info"):
        arguments = [command] if command == "info" else [command, digit]
        result = quick(*arguments, "--json", cwd=tmp_path)
        assert result.code == 0
        document = json.loads(result.stdout)
        assert (document if command == "info" else document[0])["model"] == "pretrained"
        assert result.stderr.splitlines() == [
            "note: ./lenet5.safetensors reads a, b, c, ... and no digits; to use it: --model lenet5.safetensors",
            "model: the one that ships with lenet5",
        ]
    for given in (["--model", "lenet5.safetensors"], []):
        env = {} if given else {"LENET5_MODEL": "lenet5.safetensors"}
        [row] = json.loads(quick("predict", digit, "--json", "--no-reject", *given, cwd=tmp_path, **env).stdout)
        assert (row["model"], row["digit"] in letters.labels) == ("lenet5.safetensors", True)


# ---- streams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args", [["predict", "seven.png"], ["info"], ["predict", "--json", "seven.png"], ["info", "--json"]]
)
def test_quiet_leaves_standard_error_empty(tmp_path, digit, args):
    loud = quick(*args, cwd=tmp_path, LENET5_MODEL=str(model_path()))
    for flag in ("-q", "--quiet"):
        quiet = quick(*args, flag, cwd=tmp_path, LENET5_MODEL=str(model_path()))
        assert (quiet.code, quiet.stderr, quiet.stdout) == (0, "", loud.stdout)
    assert not has_escape_codes(loud.stdout + loud.stderr)


def test_errors_are_said_even_when_quiet(tmp_path):
    assert quick("predict", "-q", "x.png", "--model", "y", cwd=tmp_path).error


def test_verbose_shows_where_an_error_comes_from(tmp_path):
    result = quick("info", "-v", "missing", cwd=tmp_path)
    assert result.code == 3
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: missing: no such file")


@pytest.mark.parametrize("json", [[], pytest.param(["--json"], marks=pytest.mark.slow)])
def test_a_reader_that_goes_away(tmp_path, digit, json):
    names = [digit] * 2000
    process = start("predict", *json, *names, "-q", "--model", model_path(), cwd=tmp_path)
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    result = finish(process)
    assert result.stderr == ""
    assert result.code not in (0, 3)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize(
    "args", [["predict", "seven.png"], ["info"], ["info", "--json"], ["--help"], ["completion", "bash"]]
)
def test_standard_output_is_full(tmp_path, digit, args):
    with open("/dev/full", "wb") as full:
        result = finish(start(*args, cwd=tmp_path, stdout=full, env={"LENET5_MODEL": str(model_path())}))
    assert result.code == 1
    assert "No space left on device" in result.error


def with_streams(folder, args, streams, command=WITH_FEW_STROKES):
    """Run the command in a shell that closes or redirects some of its streams."""
    command = ["/bin/sh", "-c", f'exec "$@" {streams}', "sh", *command]
    return lenet5(*args, cwd=folder, command=command, LENET5_MODEL=str(model_path()))


QUICK_CALLS = [["predict", "seven.png", "--show-input", "stages.png"], ["info"], ["--help"]]
SLOW_CALLS = [
    ["predict", "--json", "seven.png"], ["read", "seven.png"], ["completion", "bash"], ["--version"],
    ["evaluate", "--dataset", "strokes"], ["evaluate", "--dataset", "strokes", "--strings", "plain", "--n", "1"],
    ["train", "--dataset", "strokes", "--epochs", "1", "--validation", "0"], ["benchmark", "kernels", "--quick"],
]  # fmt: skip
CALLS = [
    *QUICK_CALLS,
    *(pytest.param(call, marks=pytest.mark.slow) for call in SLOW_CALLS),
    pytest.param(["download", "mnist"], marks=[pytest.mark.slow, pytest.mark.mnist]),
]


@pytest.mark.parametrize("args", CALLS)
@pytest.mark.parametrize("closed", ["2>&-", "<&-", "2>/dev/full"])
def test_closed_streams(tmp_path, digit, args, closed):
    """What is said on standard error is lost, and nothing else."""
    result = with_streams(tmp_path, args, closed)
    assert result.code == 0
    assert result.stdout
    assert "Error" not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("args", CALLS)
def test_a_closed_standard_output(tmp_path, digit, args):
    """The result is lost, as where it is full."""
    result = with_streams(tmp_path, args, ">&-")
    assert (result.code, result.error) == (1, "Error: standard output: Bad file descriptor")
    assert with_streams(tmp_path, args, ">&- 2>&-").code == 1


def test_nothing_is_written_to_a_file_that_took_the_place_of_a_closed_stream(tmp_path):
    """A file that is opened gets the least free number; what C code says on standard error would land in it."""
    code = "import os; from lenet5.cli import streams; streams.prepare(); print(os.open('/', os.O_RDONLY))"
    result = with_streams(tmp_path, [], "2>&- <&-", command=[sys.executable, "-c", code])
    assert int(result.stdout) > 2


def test_a_closed_standard_output_that_nothing_is_for(tmp_path):
    result = with_streams(tmp_path, ["predict", "missing.png"], ">&-")
    assert (result.code, "missing.png: cannot be opened" in result.error) == (3, True)


def test_a_terminal_that_knows_only_ascii(tmp_path, digit):
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LENET5_MODEL": str(model_path())}
    code, output = in_terminal(tmp_path, "predict", "seven.png", **env)
    assert code == 0
    assert "Error" not in output


def in_terminal(folder, *args, **env):
    """(exit code, all output) of the command with all streams on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    process = start(*args, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    try:
        while chunk := os.read(ours, 65536):
            output += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    return finish(process).code, output.decode(errors="replace")


def test_one_picture_on_a_terminal_gets_bars(tmp_path, digit):
    code, output = in_terminal(tmp_path, "predict", "seven.png", LENET5_MODEL=str(model_path()))
    assert code == 0
    lines = output.replace("\r", "").splitlines()
    assert sum("%" in line for line in lines) == 10
    assert "█" in lines[[line.split()[:1] for line in lines].index(["7"])]
    assert "█" not in lenet5("predict", "seven.png", cwd=tmp_path, LENET5_MODEL=str(model_path())).stdout


def test_many_pictures_on_a_terminal_get_none(tmp_path, digit):
    code, output = in_terminal(tmp_path, "predict", "seven.png", "seven.png", LENET5_MODEL=str(model_path()))
    assert (code, "█" in output) == (0, False)


# ---- completion ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(tmp_path, shell):
    result = quick("completion", shell, cwd=tmp_path)
    assert "_LENET5_COMPLETE" in result.stdout
    assert (result.code, result.stderr) == (0, "")


def test_completion_of_commands_and_options(tmp_path):
    env = {"_LENET5_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "lenet5 "}
    assert {line.split(",")[-1] for line in quick(cwd=tmp_path, **env).stdout.splitlines()} == set(COMMANDS)
    env |= {"COMP_CWORD": "2", "COMP_WORDS": "lenet5 train --ep"}
    assert "--epochs" in quick(cwd=tmp_path, **env).stdout
