"""The words of documents, docstrings, comments and messages: plain English, and those of the glossary."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST_SENTENCE = 25  # words

#: What is not said, and what is said instead.
FORBIDDEN = {
    r"\bpictures?\b": "image",
    r"\bapart by tabs\b": "tab-separated",
    r"\bsureness\b": "confidence",
    r"\btold (from|apart)\b": "distinguished",
    r"(?<!there )\b(is|are|was|were) (?-i:no|none)\b(?! (longer|more))": "is not a, there are no",
    r"\bof these\b": "name them",
    r"\bso (many|much|often|long)\b(?! that)": "as many as, this many",
    r"\bpart (of them )?that is\b": "fraction",
    r"\bat most (the|this) part\b": "fraction",
    r"\bwho(ever)? (waits|asks|answers|reads|writes|wants|takes)\b": "the caller",
    r"\bin a (half|third|quarter) of the time\b": "times as fast",
    r"\bweighted average of weights\b": "exponential moving average",
    r"\bground\b": "background",
    r"\bspeckles?\b": "small connected component",
}
#: Names that stay, although a word in them is not said any more.
NAMES = re.compile(
    r"`[^`]*`|\w+_\w+|\w+\(\)|--\w+|\b[A-Z]\w*[A-Z]\w*|^\s*pictures : "
    r"|own-pictures\.md|us/picture|prediction by pictures|side of the picture",
    re.MULTILINE,
)


def places(*patterns: str) -> list[Path]:
    """The files of these patterns."""
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern)})


PYTHON = places("lenet5/**/*.py", "cli/*.py", "benchmarks/*.py", "docs/*.py", "setup.py")
C = places("lenet5/**/*.h", "lenet5/kernels/**/*.c", "benchmarks/*.c")
CYTHON = places("lenet5/**/*.pyx", "lenet5/**/*.pxi", "lenet5/**/*.pxd", "lenet5/**/*.pyi")


def docstrings(text: str) -> list[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    return [one for one in found if one]


def messages(text: str) -> list[str]:
    """The string constants of a module that people read: those with a blank, docstrings included."""
    constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, str) and " " in value]


def comments(text: str) -> list[str]:
    """Of a Python module; comments on lines below one another are one text."""
    found: list[str] = []
    last = -1
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            words = token.string.lstrip("#: ")
            alone = not token.line[: token.start[1]].strip()
            if alone and last == token.start[0] - 1:
                found[-1] += "\n" + words
            else:
                found.append(words)
            last = token.start[0] if alone else -1
    return found


def comments_of_c(text: str) -> list[str]:
    blocks = re.findall(r"/\*(.*?)\*/", text, re.S)
    lines = re.findall(r"(?:^[ \t]*//[^\n]*\n?)+|//[^\n]*", re.sub(r"/\*.*?\*/", "", text, flags=re.S), re.M)
    return [re.sub(r"^[ \t]*(//+|\*+)", "", block, flags=re.M) for block in [*blocks, *lines]]


def comments_of_cython(text: str) -> list[str]:
    strings = re.findall(r'"""(.*?)"""', text, re.S)
    lines = re.findall(r"(?:^[ \t]*#[^\n]*\n?)+|  #[^\n]*", re.sub(r'""".*?"""', "", text, flags=re.S), re.M)
    return [*strings, *(re.sub(r"^[ \t]*#:?", "", block, flags=re.M) for block in lines)]


def prose_of(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [*docstrings(text), *comments(text)]
    return comments_of_c(text) if path.suffix in (".h", ".c") else comments_of_cython(text)


def sentences(text: str) -> list[str]:
    """Of a docstring or comment; code counts as a word, and sections of numpydoc, formulas and examples as breaks."""
    text = re.sub(r"``[^`]*``|`[^`]*`", "code", text)
    text = re.sub(r"^ {4,}(python -m |.* = ).*$", "\n\n", text, flags=re.M)
    text = re.sub(r"^\s*Examples:\n.*", "", text, flags=re.M | re.S)  # the last in the help of a command
    text = re.sub(r"^\s*(>>>|\.\.\. |fmt:|noqa|type:).*$", "", text, flags=re.M)
    text = re.sub(r"^\s*-{3,}.*$|^\s*[\w*, ]+ : .*$|^\s*[-*·|] ", "\n\n", text, flags=re.M)
    text = re.sub(r"^ {4,}", "\n\n", text, flags=re.M) if "\n" in text and "----" in text else text
    blocks = re.split(r"\n\s*\n", text)
    return [" ".join(part.split()) for block in blocks for part in re.split(r"(?<=[.!?:;])[\")]?\s+", block)]


def faults(text: str) -> list[str]:
    """Words that are not said, with what is said instead."""
    plain = NAMES.sub("name", text)
    return [f"{found[0]!r} (say: {better})" for pattern, better in FORBIDDEN.items()
            for found in [re.search(pattern, plain, re.I)] if found]  # fmt: skip


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [*PYTHON, *CYTHON, *C], ids=name_of)
def test_docstrings_and_comments_use_the_words_of_the_glossary(path):
    assert [(fault, text) for text in prose_of(path) for fault in faults(text)] == []


@pytest.mark.parametrize("path", [*PYTHON, *CYTHON, *C], ids=name_of)
def test_docstrings_and_comments_have_short_sentences(path):
    long = [one for text in prose_of(path) for one in sentences(text) if len(one.split()) > LONGEST_SENTENCE]
    assert long == []


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_messages_use_the_words_of_the_glossary(path):
    assert [(fault, text) for text in messages(path.read_text(encoding="utf-8")) for fault in faults(text)] == []


PAGES = places("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/**/*.md", "lenet5/**/*.md")


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_documents_use_the_words_of_the_glossary(path):
    text = re.sub(r"^(```.*?^```|    .*?$)", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert [(fault, line) for line in text.splitlines() for fault in faults(line)] == []
