"""lenet5 doctor: what a bug report needs to know, and whether everything works here."""

import sys

from . import options, output
from .models import default_model


@options.command(epilog="Exit code 1: a self-check failed.")
@options.as_json
@options.verbosity
def doctor(as_json: bool) -> None:
    """Check that everything works here.

    The report has versions, kernels, threads, paths, data and model. Put it into a bug report. The command reads files
    and the environment, and changes nothing.

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
        output.result(library.text(report))
    if not report["passed"]:
        output.error("a self-check failed; please report it together with this output")
        sys.exit(1)
