"""The shape of the source: who may import whom, and how long things may be."""

import ast
import graphlib
from pathlib import Path

import pytest

import lenet5

PACKAGE = Path(lenet5.__file__).parent
# Lowest first: a module imports from its own tier or from one below.
TIERS = [
    {"errors", "files", "idx", "kinds", "layouts", "mapped", "threads", "_kernels"},
    {
        "arrays",
        "layers",
        "losses",
        "schedules",
        "download",
        "glyphs",
        "strokes",
        "letters",
        "rubbish",
        "transfer",
        "augment",
        "order",
        "records",
        "sheets",
        "plots",
    },
    {
        "network",
        "variants",
        "datasets",
        "decode",
        "ground",
        "ink",
        "frames",
        "page",
        "find",
        "images",
        "metrics",
        "calibration",
    },
    {"config", "regularization"},
    {"train", "modelfile", "curvature", "stuck"},
    {"strings", "strings._pieces", "strings.networks", "strings.page", "strings.rules", "strings.groups"},
    {"strings.foreign", "strings.frames"},
    {"strings.lines", "strings.forms", "strings.marks"},
    {"strings.compose", "strings.pieces", "strings.lattice"},
    {"strings.examples", "strings.evaluation"},
    {"strings.sliding"},
    {"strings.reader"},
    {"classifier"},
    {"model"},
    {"committee", "rejection", "bulk", "judge", "rate_finder"},
    {"runs"},
    {"benchmark", "benchmark.timing", "benchmark.figures", "benchmark.machine", "benchmark.chart"},
    {"benchmark.kernels", "benchmark.peers", "benchmark.startup", "benchmark.compare"},
    {"benchmark.training", "benchmark.prediction"},
    {"benchmark.scaling"},
    {"benchmark.suite", "doctor"},
    {"cli"},
    {"__main__"},
]
TIER = {name: tier for tier, names in enumerate(TIERS) for name in names}
# (module, imported): imports inside a function that point upward, each with its reason.
EXCEPTIONS: set[tuple[str, str]] = set()
LONGEST_FUNCTION, LONGEST_MODULE = 60, 400


def module_name(path):
    """A source file's dotted name below the package; a subpackage's ``__init__`` has that of its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SUBPACKAGES = ("benchmark", "strings")
FILES = sorted([*PACKAGE.glob("*.py"), *(path for name in SUBPACKAGES for path in (PACKAGE / name).glob("*.py"))])
SOURCES = {module_name(path): path for path in FILES if path != PACKAGE / "__init__.py"}
CLI = sorted((PACKAGE.parent / "cli").glob("*.py")) or sorted((PACKAGE / "cli").glob("*.py"))
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
KNOWN = {*SOURCES, "_kernels", "strings._pieces", "cli"}


def imported_by(node, folder=""):
    """Dotted names that one import statement names, in a module of the package or of its subpackage ``folder``."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = node.module
        if node.level:
            above = ["lenet5", *folder.split(".")] if folder else ["lenet5"]
            above = above[: len(above) - node.level + 1]
            start = ".".join([*above, *([node.module] if node.module else [])])
        return [start, *(f"{start}.{alias.name}" for alias in node.names)]
    return []


def imports(tree, folder=""):
    """(dotted name, at module level?) of everything that a module imports."""
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    return {(name, id(node) not in inside) for node in ast.walk(tree) for name in imported_by(node, folder)}


def folder_of(name):
    """The subpackage that a module's relative imports start from; "" for the package itself."""
    return name if name in SUBPACKAGES else name.rpartition(".")[0]


def own(tree, folder=""):
    """(module of the package, at module level?) of everything that a module imports from the package.

    Of a name within a module it is the module; what a subpackage's module needs first, the subpackage, is not counted.
    """
    found = set()
    for name, at_top in imports(tree, folder):
        words = name.removeprefix("lenet5.").split(".") if name.startswith("lenet5.") else []
        known = [".".join(words[:n]) for n in range(len(words), 0, -1) if ".".join(words[:n]) in KNOWN]
        if known and known[0] != folder:
            found.add((known[0], at_top))
    return found


def functions():
    for path in [*FILES, *CLI]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.name, node


def test_every_module_has_a_tier():
    assert not set(SOURCES) - set(TIER)
    assert sum(len(names) for names in TIERS) == len(TIER)


@pytest.mark.parametrize("name", SOURCES)
def test_imports_point_downward(name):
    for imported, at_top in own(TREES[name], folder_of(name)):
        if not at_top and (name, imported) in EXCEPTIONS:
            continue
        assert TIER[imported] <= TIER[name], f"{name} imports {imported}, which stands above it"


def test_imports_have_no_cycle():
    """Those inside of functions included."""
    graph = {name: {imported for imported, _ in own(tree, folder_of(name))} for name, tree in TREES.items()}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("name", SOURCES)
def test_the_library_knows_no_command_line(name):
    heads = {imported.split(".")[0] for imported, _ in imports(TREES[name], folder_of(name))}
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
    tree = ast.parse("from . import kernels\nfrom ..runs import Run\nfrom .timing import spread")
    assert own(tree, "benchmark") == {("benchmark.kernels", True), ("runs", True), ("benchmark.timing", True)}
