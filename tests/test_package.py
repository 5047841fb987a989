"""What is installed, and that what is said in several places is the same everywhere."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import lenet5
from lenet5 import datasets
from lenet5.benchmark import suite
from lenet5.cli import benchmark_options, options
from lenet5.cli.main import COMMANDS, cli
from lenet5.cli.train import train as train_command
from lenet5.training import augment, config, schedules

ROOT = Path(__file__).resolve().parents[1]


def test_one_version():
    assert importlib.metadata.version("lenet5-cpu") == lenet5.__version__
    assert f"## {lenet5.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_a_source_tree_without_its_compiled_part_says_what_to_do(tmp_path):
    shutil.copytree(ROOT / "lenet5", tmp_path / "lenet5", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    # -S: no site-packages, where another copy could be found
    run = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import lenet5", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "run `pip install -e .` first" in run.stderr.splitlines()[-1]


# ---- the clone, and how it is installed ----------------------------------------------------------------------------

FOLDERS = ".", ".ci", "benchmarks", "docs", "docs/decisions", "cli", "lenet5"
TEXTS = [path for folder in FOLDERS for path in (ROOT / folder).glob("*")
         if path.suffix in (".md", ".py", ".toml") or path.name == "run"]  # fmt: skip


def test_no_text_installs_another_project_of_our_name():
    for path in TEXTS:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.search(r"install .*\blenet5(\[|\s*$|`)", line), f"{path.name}: {line}"


def test_in_a_clone_an_install_is_editable():
    """Else `import lenet5` finds the sources there, which have no compiled part."""
    for path in TEXTS:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.search(r"""install (-q )?["']?\.(\[|["']|\s|$)""", line), f"{path.name}: {line}"


@pytest.mark.skipif(not (ROOT / ".ci").exists(), reason="a source distribution has no CI")
def test_ci_begins_with_the_test_command_of_the_readme():
    command = re.search(r"^    (python3 -m venv .*pytest)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ci.index(f"\n{command[1]}\n") < ci.index("\n.venv/bin/pytest -m slow\n") < ci.index("pip wheel")
    assert all(word in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8") for word in ("pip install -e", ".ci/run"))


@pytest.mark.mnist
@pytest.mark.slow
@pytest.mark.skipif(not list((ROOT / "lenet5").glob("_kernels.*.so")), reason="not an editable install")
def test_the_example_of_the_readme_runs_in_the_clone(tmp_path, mnist_dir):
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("lenet5", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    blocks = re.findall(r"```python\n(from .*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    code = "batches = []\n" + blocks[0].replace("epochs=20", "epochs=1")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"} | {"LENET5_DATA_DIR": str(mnist_dir)}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "mine.safetensors").exists()


# ---- what is said in several places --------------------------------------------------------------------------------


def test_public_names():
    for name in lenet5.__all__:
        assert getattr(lenet5, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lenet5.nothing


def test_options_of_train_are_those_of_the_library():
    params = {param.name: param for param in train_command.params}
    for name in config.Config().__dict__:
        default = config.Config.__dataclass_fields__[name].default
        assert getattr(params[name], "default", None) == default or (default, params[name].required) == (None, False), (
            name
        )
    tables = {
        "optimizer": config.OPTIMIZERS,
        "loss": config.LOSSES,
        "recipe": config.RECIPES,
        "schedule": schedules.SCHEDULES,
        "dataset": datasets.NAMES,
    }
    for name, table in tables.items():
        assert set(params[name].type.choices) == set(table), name
    assert all(name in params["augment"].help for name in ("none", *augment.AUGMENTATIONS))
    assert set(options.PUBLISHED) == set(datasets.TABLE)


def test_parts_of_benchmark_are_those_of_the_library():
    assert benchmark_options.PARTS == suite.PARTS


def test_every_command_is_documented():
    for name in COMMANDS:
        command = cli.get_command(None, name)
        assert "Examples:" in command.help, name
        options_of_it = [param for param in command.params if isinstance(param, click.Option)]
        assert [option.name for option in options_of_it if not option.help] == []
