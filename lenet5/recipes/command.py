"""The command line of a recipe: an option for each of its settings, with progress on standard error."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import Field, asdict, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from .. import datasets
from ..errors import ChecksumError, DataError, DivergedError, LeNet5Error, one_line
from ..utils.files import check_writable

#: Exit codes, as those of `lenet5`; 1 for any other failure.
_CODES = ((ChecksumError, 5), (DataError, 4), (DivergedError, 6), (ValueError, 2))


class RecipeSettings(Protocol):
    """The settings of a recipe: a dataclass of `setting` fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def small(cls) -> Self:
        """Return settings for a run of seconds."""


def setting(default, text: str):
    """Declare a field of a recipe's settings, with the help of its option."""
    return field(default=default, metadata={"help": text})


def command_of(recipe: str, settings) -> str:
    """Return the command that trains with these settings, as the model's file records it."""
    words = ["python", "-m", f"lenet5.recipes.{recipe}"]
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        if value != entry.default:
            words += [_option(entry), *map(str, value if isinstance(value, tuple) else [value])]
    return " ".join(words)


def facts(recipe: str, settings, data_dir: str | None) -> dict[str, Any]:
    """Return what the file of a network trained on MNIST says of its making; DataError where MNIST cannot be had."""
    return {
        "command": command_of(recipe, settings),
        "config": asdict(settings),
        "data_sha256": datasets.obtain("mnist", data_dir).sha256,
    }


def run(
    recipe: str, text: str, kind: type[RecipeSettings], make: Callable, arguments: Sequence[str] | None = None
) -> int:
    """Make a network by the given arguments and write it; return the exit code.

    Parameters
    ----------
    recipe, text : the name and description of the recipe
    kind : the class of its settings
    make : (settings, data_dir, threads) -> a network with ``save(path)``
    arguments : of the command line, by default those of the process
    """
    given = vars(_parser(recipe, text, kind).parse_args(arguments))
    out, data_dir, threads, is_small = (given.pop(name) for name in ("out", "data_dir", "threads", "small"))
    try:
        check_writable(out)
        settings = replace(kind.small() if is_small else kind(), **given)
        with _progress():
            make(settings, data_dir, threads).save(out)
    except KeyboardInterrupt:
        return _failed("Aborted.", 130)
    except (LeNet5Error, OSError, ValueError) as error:
        return _failed(f"Error: {_line(error)}", next((code for of, code in _CODES if isinstance(error, of)), 1))
    print(f"written: {one_line(out)}", file=sys.stderr)
    return 0


def _parser(recipe: str, text: str, kind: type[RecipeSettings]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m lenet5.recipes.{recipe}",
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    out = Path(f"{recipe}.safetensors")
    parser.add_argument("--out", type=Path, default=out, help=f"the file to write (default: {out})")
    parser.add_argument("--data-dir", help="holds mnist/; default as for `lenet5 train`")
    parser.add_argument("--threads", type=int, help="changes the time, not the weights")
    parser.add_argument("--small", action="store_true", help="start from settings that take seconds, to try the recipe")
    for entry in fields(kind):
        parser.add_argument(_option(entry), default=argparse.SUPPRESS, **_kind_of(entry))
    return parser


def _option(entry: Field) -> str:
    return "--" + entry.name.replace("_", "-")


def _kind_of(entry: Field) -> dict:
    """Return the arguments of `add_argument` for a setting: one value, or as many as its default has."""
    value, is_tuple = entry.default, isinstance(entry.default, tuple)
    values: tuple = value if isinstance(value, tuple) else (value,)
    kind = {"type": type(values[0]), "metavar": "NAMES" if isinstance(value, str) else "N"}
    kind["help"] = f"{entry.metadata['help']} (default: {' '.join(map(str, values))})"
    return kind | ({"nargs": len(values), "action": _Tuple} if is_tuple else {})


class _Tuple(argparse.Action):
    """Stores several values as a tuple, as settings do."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, tuple(values))


@contextmanager
def _progress() -> Iterator[None]:
    """Write the library's log to standard error."""
    log, handler = logging.getLogger("lenet5"), logging.StreamHandler()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{one_line(error.filename)}: {error.strerror}"
    return str(error)


def _failed(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code
