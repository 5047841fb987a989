"""Write docs/commands.md from the commands themselves: `python docs/reference.py`."""

import inspect
from pathlib import Path

import click

from lenet5.cli.main import COMMANDS, cli

PAGE = Path(__file__).with_name("commands.md")
HEAD = """# Commands

Written by `python docs/reference.py` from the help of each command.

Answers go to standard output, everything else to standard error. `--json` prints one strict JSON document.
A flag wins over the environment, which wins over the default.

| variable | sets |
|---|---|
| `LENET5_DATA_DIR` | where data sets are kept |
| `LENET5_MODEL` | the model of `predict`, `read`, `evaluate` and `info` |
| `LENET5_THREADS` | how many threads are used |
| `LENET5_ISA` | which kernels are used: `baseline`, `avx2`, `avx512` |
| `LENET5_OFFLINE` | whether the network is left alone |

| exit code | means |
|---|---|
| 0 | fine |
| 1 | another error |
| 2 | usage |
| 3 | an image or model is bad; the others are still answered |
| 4 | data or network |
| 5 | checksum |
| 6 | training diverged or learnt nothing |
| 130, 143 | Ctrl-C, SIGTERM; `train` saves first |

The documents of `--json` for images are lists with an entry per file:

| command | keys of an entry |
|---|---|
| `predict` | `file`, `label`, `confidence`, `probabilities`, `model`; some have `reason`, `top`, `hint`, `pages` |
| `read` | `file`, `text`, `confidence`, `digits`, each with `digit`, `confidence`, `box`; some have `pages` |

A file that failed has `error`. A box is left, top, width, height in pixels of the file, turned upright.
`predict` also gives `digit`, which is the label, and `note`, which is the reason; `note` stays until 1.0.
"""


def text() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(name, cli.get_command(None, name)) for name in COMMANDS)])


def section(name: str, command: click.Command) -> str:
    """One command: what it does, examples, a table of options."""
    about, _, examples = inspect.cleandoc(command.help).replace("\b", "").partition("Examples:")
    paragraphs = [" ".join(paragraph.split()) for paragraph in about.strip().split("\n\n")]
    values = [argument(param) for param in command.params if isinstance(param, click.Argument)]
    options = [param for param in command.params if isinstance(param, click.Option)]
    return "\n".join([
        f"## lenet5 {name}\n",
        f"    {' '.join(['lenet5', name, '[OPTIONS]', *values])}\n",
        *(f"{paragraph}\n" for paragraph in paragraphs),
        "Examples:\n",
        *(f"    {line.strip()}" for line in examples.splitlines() if line.strip()),
        "\n| option | does |\n|---|---|",
        *(row(option) for option in options),
        *(["", " ".join(command.epilog.split())] if command.epilog else []),
        "",
    ])  # fmt: skip


def argument(param: click.Argument) -> str:
    """How it is written on the command line; Click's own words for it differ from version to version."""
    if param.metavar:
        return param.metavar
    named = "|".join(param.type.choices) if isinstance(param.type, click.Choice) else param.name.upper()
    return named if param.required else f"[{named}]"


def row(option: click.Option) -> str:
    """One line of the table, with what `--help` shows as the default last."""
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    about, bracket, shown = " ".join(option.help.split()).partition(" [default:")
    choices = f" One of {', '.join(option.type.choices)}." if isinstance(option.type, click.Choice) else ""
    return f"| {names} | {about}{choices}{bracket}{shown}{default(option)} |"


def default(option: click.Option) -> str:
    """As `--help` shows it, if it does."""
    if isinstance(option.show_default, str):
        return f" [default: {option.show_default}]"
    if not option.show_default or option.default is None:
        return ""
    value = option.default
    if isinstance(value, bool):
        value = (option.opts if value else option.secondary_opts)[0].lstrip("-")
    return f" [default: {value}]"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
