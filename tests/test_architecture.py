"""The shape of the source: which room may import which, and how long things may be."""

import ast
import graphlib
import re
import tomllib
from pathlib import Path

import pytest

import lenet5

PACKAGE = Path(lenet5.__file__).parent
# Lowest first: a module imports from its own room, or from one that stands lower. Rooms side by side know nothing of
# each other.
FLOORS = [
    {"errors", "utils"},
    {"_kernels"},
    {"evaluation"},
    {"nn"},
    {"preprocessing", "training"},
    {"datasets"},
    {"ocr"},
    {"models"},
    {"runs", "recipes", "compress", "export", "sklearn"},
    {"benchmark"},
    {"doctor"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
#: Rooms, and modules, that may import what draws training data; the others only answer.
GENERATING = {"recipes", "benchmark", "doctor", "cli", "datasets"}
#: Lines; of a function those of its docstring are not counted, since what it promises is to be told in full.
LONGEST_FUNCTION, LONGEST_MODULE = 40, 300
#: Lines of a module of the command line: a command is its options and one library call.
LONGEST_COMMAND = 100

SOURCES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "cli" not in path.relative_to(PACKAGE).parts
}
CLI = sorted((PACKAGE.parent / "cli").glob("*.py")) or sorted((PACKAGE / "cli").glob("*.py"))
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
ROOT = "__init__"


def room_of(name):
    return name.split(".")[0]


def imported_by(node, name):
    """Dotted names below the package that one import statement of the module ``name`` names."""
    if isinstance(node, ast.Import):
        return [alias.name.removeprefix("lenet5.") for alias in node.names if alias.name.startswith("lenet5.")]
    if not isinstance(node, ast.ImportFrom):
        return []
    start = ["lenet5", *name.split(".")[: -node.level]] if node.level else []
    full = ".".join([*start, *([node.module] if node.module else [])])
    names = [f"{full}.{alias.name}" for alias in node.names]
    return [name.removeprefix("lenet5.") for name in names if name.startswith("lenet5.")]


def module_of(name):
    """The module that a dotted name is, or is in; None for one of the package itself."""
    words = name.split(".")
    for n in range(len(words), 0, -1):
        for module in (".".join(words[:n]), ".".join([*words[:n], "__init__"])):
            if module in SOURCES or module in ("_kernels", "ocr._oversegmentation", "cli.__init__"):
                return module
    return None


def own(tree, name):
    """Modules of the package that a module imports, those for type checking left out."""
    typing = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    nodes = [node for node in ast.walk(tree) if id(node) not in typing]
    found = {module_of(imported) for node in nodes for imported in imported_by(node, name)}
    return found - {None, name}


def heads(tree):
    """First words of all absolute imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def functions():
    for path in [*SOURCES.values(), *CLI]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.name, node


def test_every_room_has_a_floor():
    assert {room_of(name) for name in SOURCES} - {ROOT} <= set(FLOOR)
    assert sum(len(rooms) for rooms in FLOORS) == len(FLOOR)


def test_tests_stand_in_the_rooms_of_what_they_test():
    """Beside them: gates on the accuracy of the weights that ship, and tests of the C code."""
    rooms = {path.parent.name for path in Path(__file__).parent.glob("*/test_*.py")}
    assert rooms - {"acceptance", "kernels"} <= set(FLOOR)


@pytest.mark.parametrize("name", SOURCES)
def test_imports_point_downward(name):
    for imported in own(TREES[name], name):
        here, there = room_of(name), room_of(imported)
        assert here == there or FLOOR[there] < FLOOR[here], f"{name} imports {imported}, which does not stand below it"


def test_compiled_modules_import_nothing_above_them():
    for path in [*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxi"), *PACKAGE.rglob("*.pxd")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            found = re.match(r"\s*(?:from\s+(\.[\w.]*|lenet5[\w.]*)\s+c?import|c?import\s+(lenet5[\w.]*))", line)
            words = re.sub(r"^\.*|^lenet5\.?", "", found[1] or found[2]).split(".") if found else [""]
            assert words[0] in ("", "errors", "utils", "kernels", "ckernels"), f"{path.name}: {line}"


def test_imports_have_no_cycle():
    """Those inside of functions included."""
    graphlib.TopologicalSorter({name: own(tree, name) for name, tree in TREES.items()}).prepare()


@pytest.mark.parametrize("name", SOURCES)
def test_who_answers_draws_no_training_data(name):
    if room_of(name) not in GENERATING:
        assert not {imported for imported in own(TREES[name], name) if imported.startswith("datasets.synthetic")}


@pytest.mark.parametrize("name", SOURCES)
def test_the_library_knows_no_command_line(name):
    assert not {*heads(TREES[name])} & {"click", "tqdm", "cli"}


def test_the_package_itself_imports_nothing_heavy():
    assert {head for node in TREES[ROOT].body for head in heads(ast.Module([node], []))} <= {"importlib", "typing"}


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_foreign_is_executed(name):
    """No pickle, no eval, no exec, no archives unpacked."""
    assert not {*heads(TREES[name])} & {"pickle", "marshal", "shelve", "dill", "joblib", "tarfile", "zipfile"}
    calls = [node.func for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
    assert not {call.id for call in calls if isinstance(call, ast.Name)} & {"eval", "exec", "compile"}


def length(node):
    """Lines of a function without those of its docstring."""
    first = node.body[0]
    doc = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) is not None else 0
    return node.end_lineno - node.lineno + 1 - doc


def test_no_function_is_long():
    for file, node in functions():
        assert length(node) <= LONGEST_FUNCTION, f"{file}: {node.name} has {length(node)} lines"


def test_a_docstring_is_no_part_of_the_length_of_a_function():
    [function] = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body
    assert length(function) == 2


@pytest.mark.parametrize("path", [*SOURCES.values(), *CLI], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_module_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", CLI, ids=lambda path: path.name)
def test_no_module_of_the_command_line_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_COMMAND


@pytest.mark.parametrize("name", SOURCES)
def test_every_module_and_public_class_says_what_it_is(name):
    assert ast.get_docstring(TREES[name])
    for node in TREES[name].body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name}.{node.name} has no docstring"


def test_a_public_class_has_a_name_of_its_own():
    """But for the recipes, which are made alike: each has its `Settings` and a `make`; and layers of PyTorch."""
    classes = [
        (name, node.name)
        for name, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and name != "nn.torch_layers"
    ]
    names = [name for module, name in classes if (room_of(module), name) != ("recipes", "Settings")]
    assert [name for name in names if names.count(name) > 1 and not name.startswith("_")] == []


def test_one_load_reads_models():
    """Others of that name read data sets, results of the benchmark, tensors, and the networks of another room."""
    loads = {name for name, tree in TREES.items() for node in tree.body if getattr(node, "name", "") == "load"}
    assert {name for name in loads if name.startswith("models.")} == {"models.loading"}


def test_this_test_sees_what_a_module_imports():
    tree = ast.parse("def f():\n    from .. import cli\nimport lenet5.nn.network\nfrom ..errors import DataError")
    assert own(tree, "utils.files") == {"cli.__init__", "nn.network", "errors"}
    tree = ast.parse("from . import kernels\nfrom ..runs.run import Run\nfrom ..datasets import idx, load")
    assert own(tree, "benchmark.suite") == {"benchmark.kernels", "runs.run", "datasets.idx", "datasets.__init__"}


def test_every_room_is_packaged():
    """A folder that pyproject.toml does not name is in the clone, but not in the wheel."""
    project = Path(__file__).parents[1]
    named = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    rooms = {".".join(path.parent.relative_to(project).parts) for path in (project / "lenet5").rglob("__init__.py")}
    assert set(named) == rooms | {"lenet5.cli", "lenet5.weights"}
