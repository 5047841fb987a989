"""What a type checker is told: the stubs are those of the compiled modules, and users of the package get its types."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lenet5
from lenet5 import _kernels
from lenet5.ocr import _oversegmentation

PACKAGE = Path(lenet5.__file__).parent
PROGRAM = """\
from lenet5 import pretrained, read_image
answer: str = pretrained().predict(read_image("digit.png")[None])
reveal_type(pretrained())
"""


def stub_of(module):
    """The names that the module's stub declares, and the nodes of its functions and classes."""
    path = PACKAGE.joinpath(*module.__name__.split(".")[1:]).with_suffix(".pyi")
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return {
        name: node
        for node in nodes
        for name in [getattr(node, "name", None) or getattr(getattr(node, "target", None), "id", None)]
        if name
    }


def public(thing):
    return {
        name for name in dir(thing) if not name.startswith("_") and not isinstance(getattr(thing, name), ModuleType)
    }


def parameters_of(function):
    """Names of the parameters in the signature that Cython writes into a docstring; None for a fused function."""
    signature = re.match(r"[\w.]+\((.*)\)", function.__doc__ or "")
    if not signature or signature[1].startswith("signatures, args"):
        return None
    plain = re.sub(r"\[[^]]*\]", "", signature[1])
    return [word.split("=")[0].split()[-1] for word in plain.split(",")]


def declared(node):
    """Names of the parameters of a stub's function, with the star before those that are named in calls."""
    positional, named = ([arg.arg for arg in args] for args in (node.args.args, node.args.kwonlyargs))
    return [*positional, *(["*", *named] if named else [])]


@pytest.mark.parametrize("module", [_kernels, _oversegmentation], ids=lambda module: module.__name__)
def test_a_stub_names_what_its_module_has(module):
    stub = stub_of(module)
    assert set(stub) == public(module)
    for name, node in stub.items():
        if isinstance(node, ast.ClassDef):
            methods = {method.name: method for method in node.body if isinstance(method, ast.FunctionDef)}
            assert {method for method in methods if not method.startswith("_")} == public(getattr(module, name))
        elif isinstance(node, ast.FunctionDef):
            assert parameters_of(getattr(module, name)) in (None, declared(node)), name


def test_a_type_checker_finds_public_names_where_they_are_imported_from():
    tree = ast.parse(Path(lenet5.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    home = {alias.name: node.module for node in block.body for alias in node.names}
    assert home == lenet5._HOME | dict.fromkeys(lenet5._MODULES)


def test_the_package_is_marked_as_typed():
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="mypy is not installed")
def test_a_users_program_is_checked(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    # An editable install is invisible to mypy, and site-packages must not be named.
    path = "" if "site-packages" in PACKAGE.parts else str(PACKAGE.parent)
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", "program.py"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": path},
        capture_output=True,
        text=True,
    )
    assert 'Revealed type is "lenet5.models.lenet.LeNet5"' in run.stdout
    assert "program.py:2: error: Incompatible types in assignment" in run.stdout
    assert run.returncode == 1
    assert "Found 1 error in 1 file" in run.stdout
