"""The `lenet5` command: a group whose commands are imported when they are called, and how it ends."""

import importlib
import io
import os
import sys

import click

import lenet5
from lenet5.utils.threads import spare_blas

from . import failures, interrupts, output, streams
from .commands import Helpful

# Where each command lives. Its module is imported when it is run, completed or listed, and must be cheap to import.
COMMANDS = (
    "download", "train", "evaluate", "compare", "predict", "read", "teach", "info",
    "quantize", "compress", "export", "import", "benchmark", "doctor", "completion",
)  # fmt: skip
#: Commands that cannot be called in Python as on the command line.
MODULES = {"import": "import_model"}


class LazyGroup(Helpful, click.Group):
    """Commands from the modules of their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = MODULES.get(name, name)
        return getattr(importlib.import_module(f"lenet5.cli.{module}"), module)

    def resolve_command(self, ctx: click.Context, args: list[str]):
        """As click's, with the nearest command named where there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 other, 2 usage, 3 bad image or model, 4 data or network, 5 checksum, "
    "6 training diverged or learnt nothing, 130 Ctrl-C, 143 SIGTERM.",
)
@click.version_option(lenet5.__version__, prog_name="lenet5")
def cli() -> None:
    """LeNet-5 for the CPU: train it in seconds, read digits from real images.

    \b
    Examples:
      lenet5 predict digit.png         read a digit, no training needed
      lenet5 train --epochs 20         train on MNIST (fetched at first use)
      lenet5 evaluate                  how good is it?
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with the contract's code; every foreseen failure is one line."""
    streams.prepare()
    spare_blas()
    try:
        with interrupts.raised():
            code = cli.main(args, prog_name="lenet5", standalone_mode=False)
            sys.stdout.flush()
    except SystemExit as end:
        code = end.code
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = interrupts.CODE
        output.say("Aborted.")
    except click.ClickException as error:
        error.show(text := io.StringIO())
        output.say(text.getvalue().rstrip())
        code = error.exit_code
    except BrokenPipeError:  # `lenet5 predict ... | head -1`: nobody reads on, which is not an error of ours
        code = 1  # as click has it where the reader goes away within a command
    except Exception as error:
        code = failures.report(error)
    _drop_unwritten()
    sys.exit(code if isinstance(code, int) else 0)


def _drop_unwritten() -> None:
    """Where a stream takes no more, what is left for it is not tried again at exit, and reported once more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
