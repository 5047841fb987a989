"""lenet5 doctor: what a bug report needs to know, and whether everything works here."""

import sys

from . import options, output
from .common import default_model


@options.command(epilog="Exit code 1: a self-check failed.")
@options.as_json
@options.verbosity
def doctor(as_json: bool) -> None:
    """Show versions, kernels, threads, paths, data and model, and check that everything works here.

    Put its output into a bug report. It reads files and the environment, and changes nothing.

    \b
    Examples:
      lenet5 doctor
      lenet5 doctor --json > report.json
    """
    from lenet5 import doctor as library

    report = library.examine(default_model())
    if as_json:
        output.result_json(report)
    else:
        output.result(_text(report))
    if not report["passed"]:
        output.error("a self-check failed; please report it together with this output")
        sys.exit(1)


def _text(report: dict) -> str:
    """The sections for people, a line for each entry."""
    blocks = []
    for title, entries in report.items():
        if isinstance(entries, dict):
            lines = (f"  {_title(name)}: {_shown(value)}" for name, value in entries.items())
            blocks.append("\n".join([title, *(output.wrapped(output.plain(line)) for line in lines)]))
    return "\n\n".join(block for block in blocks if "\n" in block)


def _title(name: str) -> str:
    """A key as words; the name of a variable as it is."""
    return name.replace("_", " ") if name.islower() else name


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
