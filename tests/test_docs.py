"""The documents: their sessions are replayed, their links lead somewhere, and nothing that exists is missing."""

import doctest
import importlib
import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from commandline import model_path, quick
from PIL import Image

import lenet5
from lenet5 import _kernels
from lenet5.cli.main import COMMANDS
from lenet5.datasets.synthetic import strokes
from lenet5.models.base import Classifier

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for folder in (ROOT, DOCS, DOCS / "decisions", ROOT / "benchmarks") for path in folder.glob("*.md"))
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
#: Pages whose text comes from elsewhere: the help of the commands.
GENERATED = {DOCS / "commands.md"}
LONGEST_SENTENCE = 25  # words


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# ---- sizes and sentences -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "most"), [("README.md", 150), ("CONTRIBUTING.md", 70), ("CHANGELOG.md", 80)])
def test_first_pages_are_short(name, most):
    assert len(page(name).splitlines()) <= most


def sentences(text: str) -> list[str]:
    """Of the prose: no code, tables, headings or images; code within a line counts as a word."""
    text = re.sub(r"^```.*?^```", "\n", text, flags=re.M | re.S)
    lines = ["" if re.match(r"(    \S|\||#|!\[)", line) else line for line in text.splitlines()]
    text = re.sub(r"^ *([-*]|\d+\.) ", "\n\n", "\n".join(lines), flags=re.M)
    text = re.sub(r"`[^`]*`", "code", text)
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    return [part for block in re.split(r"\n\s*\n", text) for part in re.split(r"(?<=[.!?])\*{0,2}\s+", block.strip())]


@pytest.mark.parametrize("path", [path for path in PAGES if path not in GENERATED], ids=lambda path: path.name)
def test_sentences_are_short(path):
    too_long = [one for one in sentences(path.read_text(encoding="utf-8")) if len(one.split()) > LONGEST_SENTENCE]
    assert too_long == []


def test_sentences_are_found():
    text = "# No\n\nOne `a b c` two. Three\nfour!\n\n    code\n\n| t |\n\n- [five](x.md) six\n- seven\n\n```\n$\n```\n"
    assert [one for one in sentences(text) if one] == ["One code two.", "Three\nfour!", "five six", "seven"]


# ---- links and names -----------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        found = path if not name else path.parent / name
        assert found.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), f"{path.name}: {target}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_scripts_and_figures_that_are_named_exist(path):
    for name in re.findall(r"`(?:python )?(benchmarks/[\w./-]+\.(?:py|json))", path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{path.name}: {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_modules_that_are_named_exist(path):
    named = re.findall(r"`(?:lenet5/)?(\w+)/([\w/]+\.(?:py|pyx|h))`", path.read_text(encoding="utf-8"))
    for room, name in named:
        places = [folder / room for folder in (ROOT, ROOT / "lenet5") if (folder / room).is_dir()]
        assert not places or any((place / name).exists() for place in places), f"{path.name}: {room}/{name}"


def test_every_decision_is_in_the_index_and_says_why():
    index = page("docs/README.md")
    found = sorted((DOCS / "decisions").glob("*.md"))
    for number, path in enumerate(found, 1):
        text = path.read_text(encoding="utf-8")
        title = re.match(r"# (.*)", text)[1]
        assert path.name.startswith(f"{number:03}-")
        assert f"- [{title}](decisions/{path.name})" in index
        assert "\n## Context\n" in text
        assert "\n## Decision\n" in text


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_page_is_in_the_index(path):
    assert path.name == "README.md" or f"({path.name})" in page("docs/README.md")


def rooms() -> list[str]:
    """Folders of the library that hold source, below it."""
    package = ROOT / "lenet5"
    source = [path for kind in ("*.py", "*.c", "*.h", "*.safetensors") for path in package.rglob(kind)]
    return sorted({path.relative_to(package).parts[0] for path in source if path.parent != package})


def test_the_readme_has_a_line_for_every_room():
    assert "nn" in rooms()
    for room in rooms():
        assert re.search(rf"^  {room}/ +\w", page("README.md"), re.M), room


def test_the_architecture_page_names_every_room_and_module_beside_them():
    text = page("docs/architecture.md")
    for room in rooms():
        assert f"`{room}/`" in text, room
    for path in (ROOT / "lenet5").glob("*.py"):
        assert path.name.startswith("__") or f"`{path.name}`" in text, path.name


def test_every_public_name_is_documented():
    text = page("docs/python.md")
    for name in lenet5.__all__:
        assert f"`{name}" in text, name
    methods = [name for name, value in vars(Classifier).items() if callable(value)]
    for name in methods:
        assert name.startswith("_") or f"`{name}(" in text, name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_and_the_manual_know_every_command(name):
    assert f"| `lenet5 {name}" in page("README.md")
    assert f"\n## lenet5 {name}\n" in page("docs/commands.md")


def test_the_page_of_commands_is_what_the_commands_say():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    assert page("docs/commands.md") == reference.text(), "run `python docs/reference.py`"


# ---- sessions ------------------------------------------------------------------------------------------------------


@dataclass
class Step:
    """One command of a session, and what is shown below it; `...` stands for any lines."""

    command: str
    shown: list[str]

    def replay(self, cwd: Path, **env) -> None:
        result = quick(*self.command.removeprefix("lenet5 ").split(), cwd=cwd, **env)
        assert result.code == 0, result.stderr
        printed, shown = comparable(result.stderr + result.stdout), comparable("\n".join(self.shown))
        assert [line for line in shown if line not in ("...", *printed)] == []
        if self.shown and "..." not in self.shown:
            assert [line for line in comparable(result.stdout) if line not in shown] == []


def comparable(text: str) -> list[str]:
    """Its lines, without what a machine's speed decides, and with confidences as far as every decoder gives them."""
    text = re.sub(r"[\d.]+ s +[\d,]+/s +[\d:]+ left", "", text)
    return re.sub(r"(?<=\t)\d\.\d{4}$", lambda found: f"{float(found[0]):.2f}", text, flags=re.M).splitlines()


def sessions(name: str) -> list[list[Step]]:
    """Each block of a page that begins with `$ lenet5`."""
    found = []
    for block in re.findall(r"^```\n(\$ lenet5 .*?)^```", page(name), re.M | re.S):
        parts = [part.splitlines() for part in re.split(r"^\$ ", block, flags=re.M)[1:]]
        found.append([Step(lines[0], lines[1:]) for lines in parts])
    return found


def marked(name: str, number: int, steps: list[Step]):
    """A session that trains, evaluates or quantizes needs MNIST, and time."""
    needs = any(step.command.split()[1] in ("train", "evaluate", "quantize") for step in steps)
    return pytest.param(steps, id=f"{name}-{number}", marks=(pytest.mark.mnist, pytest.mark.slow) if needs else ())


SESSIONS = [marked(name, k, steps) for name in NAMES for k, steps in enumerate(sessions(name), 1)]


@pytest.mark.parametrize("steps", SESSIONS)
def test_sessions_say_what_the_commands_say(steps, tmp_path):
    trains = any(step.command.startswith("lenet5 train") for step in steps)
    if trains and "avx512" not in _kernels.ISAS:
        pytest.skip("these weights were trained with AVX-512; other vectors add in another order")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    tilted_seven().save(tmp_path / "tilted-seven.png")
    for step in steps:
        step.replay(tmp_path, LENET5_THREADS="2")


def tilted_seven() -> Image.Image:
    """A seven that is turned so far that it could be misread."""
    return Image.open(ROOT / "examples" / "seven.jpg").convert("L").rotate(18, Image.Resampling.BICUBIC, fillcolor=255)


def test_there_are_sessions():
    assert {name for name in NAMES if sessions(name)} >= {"README.md", "docs/confidence.md", "docs/reading-numbers.md"}


# ---- examples in Python --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["docs/confidence.md", "docs/reading-numbers.md"])
def test_examples_in_python_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "examples" / "numbers" / "page.jpg", "number.png")
    X, y = strokes.draw(300, seed=8)
    lenet5.load(model_path()).calibrate(X, y).save("lenet1.safetensors")
    for block in re.findall(r"```python\n(.*?)```", page(name), re.S):
        exec(block, {"lenet5": lenet5, "X": X, "X_validation": X, "y_validation": y})


def doctests_of_pages() -> list[doctest.DocTest]:
    """One for each block: it needs nothing from the others."""
    parser, found = doctest.DocTestParser(), []
    for name in ("python.md", "torch.md"):
        blocks = re.findall(r"```pycon\n(.*?)```", page(f"docs/{name}"), re.S)
        found += [parser.get_doctest(block, {}, f"{name} {k}", name, 0) for k, block in enumerate(blocks, 1)]
    return found


def doctests_of_modules() -> list[doctest.DocTest]:
    package = ROOT / "lenet5"
    found = []
    for path in sorted(package.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            name = ".".join(["lenet5", *path.relative_to(package).with_suffix("").parts]).removesuffix(".__init__")
            found += doctest.DocTestFinder().find(importlib.import_module(name), name, globs={})
    return [one for one in found if one.examples]


def marked_example(one: doctest.DocTest):
    needs_mnist = any('"mnist")' in example.source for example in one.examples)
    return pytest.param(one, id=one.name, marks=(pytest.mark.mnist, pytest.mark.slow) if needs_mnist else ())


EXAMPLES = [*doctests_of_pages(), *doctests_of_modules()]


@pytest.mark.parametrize("example", [marked_example(one) for one in EXAMPLES])
def test_examples_give_what_they_show(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("name", [*lenet5.__all__, "recognize", "read", "train_run", *(
    "fit", "predict", "predict_proba", "predict_proba_stream", "score", "evaluate", "calibrate", "choose_threshold",
)])  # fmt: skip
def test_every_public_name_has_an_example_that_runs(name):
    assert any(re.search(rf"\b{name}\b", one.source) for example in EXAMPLES for one in example.examples)
