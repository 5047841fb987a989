"""The shape of the source: who may import whom, and how long things may be."""

import ast
import graphlib
from pathlib import Path

import pytest

import lenet5

PACKAGE = Path(lenet5.__file__).parent
# Lowest first: a module imports from its own tier or from one below.
TIERS = [
    {"errors", "files", "idx", "mapped", "threads", "_kernels"},
    {"layers", "losses", "schedules", "download", "glyphs", "strokes", "transfer", "augment", "order", "sheets"},
    {"network", "datasets", "decode", "ink", "images", "metrics"},
    {"train", "modelfile"},
    {"model"},
    {"runs"},
    {"cli"},
    {"__main__"},
]
TIER = {name: tier for tier, names in enumerate(TIERS) for name in names}
# (module, imported): imports inside a function that point upward, each with its reason.
EXCEPTIONS: set[tuple[str, str]] = set()
LONGEST_FUNCTION, LONGEST_MODULE = 60, 400

SOURCES = {path.stem: path for path in sorted(PACKAGE.glob("*.py")) if path.stem != "__init__"}
CLI = sorted((PACKAGE.parent / "cli").glob("*.py")) or sorted((PACKAGE / "cli").glob("*.py"))
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
KNOWN = {*SOURCES, "_kernels", "cli"}


def imported_by(node):
    """Dotted names that one import statement of a module of the package names; `.` stands for the package."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = f"lenet5.{node.module or ''}".rstrip(".") if node.level else node.module
        return [start, *(f"{start}.{alias.name}" for alias in node.names)]
    return []


def imports(tree):
    """(dotted name, at module level?) of everything that a module imports."""
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    return {(name, id(node) not in inside) for node in ast.walk(tree) for name in imported_by(node)}


def own(tree):
    """(module of the package, at module level?) of everything that a module imports from the package."""
    return {
        (name.split(".")[1], at_top)
        for name, at_top in imports(tree)
        if name.startswith("lenet5.") and name.split(".")[1] in KNOWN
    }


def functions():
    for path in [*SOURCES.values(), PACKAGE / "__init__.py", *CLI]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.name, node


def test_every_module_has_a_tier():
    assert not set(SOURCES) - set(TIER)
    assert sum(len(names) for names in TIERS) == len(TIER)


@pytest.mark.parametrize("name", SOURCES)
def test_imports_point_downward(name):
    for imported, at_top in own(TREES[name]):
        if not at_top and (name, imported) in EXCEPTIONS:
            continue
        assert TIER[imported] <= TIER[name], f"{name} imports {imported}, which stands above it"


def test_imports_have_no_cycle():
    """Those inside of functions included."""
    graph = {name: {imported for imported, _ in own(tree)} for name, tree in TREES.items()}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("name", SOURCES)
def test_the_library_knows_no_command_line(name):
    heads = {imported.split(".")[0] for imported, _ in imports(TREES[name])}
    assert not heads & {"click", "rich", "cli"}


def test_the_package_itself_imports_nothing_heavy():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assert {name.split(".")[0] for name, at_top in imports(tree) if at_top} <= {"importlib"}


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_foreign_is_executed(name):
    """No pickle, no eval, no exec, no archives unpacked."""
    heads = {imported.split(".")[0] for imported, _ in imports(TREES[name])}
    assert not heads & {"pickle", "marshal", "shelve", "dill", "joblib", "tarfile", "zipfile"}
    calls = [node.func for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
    assert not {call.id for call in calls if isinstance(call, ast.Name)} & {"eval", "exec", "compile"}


def test_no_function_is_long():
    for file, node in functions():
        length = node.end_lineno - node.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{file}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", [*SOURCES.values(), *CLI], ids=lambda path: path.name)
def test_no_module_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("name", SOURCES)
def test_every_module_and_public_class_says_what_it_is(name):
    assert ast.get_docstring(TREES[name])
    for node in TREES[name].body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name}.{node.name} has no docstring"


def test_this_test_sees_an_import_that_points_upward():
    tree = ast.parse("def f():\n    from . import cli\nimport lenet5.network\nfrom .idx import read")
    assert own(tree) == {("cli", False), ("network", True), ("idx", True)}
