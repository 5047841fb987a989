"""The error boundary: every failure becomes one line on standard error and the exit code of the contract."""

from lenet5.errors import one_line

from . import output


def report(error: Exception) -> int:
    """Say in one line what went wrong, with a traceback only after -v; the exit code."""
    from lenet5 import errors

    output.trace(error)
    codes = (
        (errors.ChecksumError, 5),
        (errors.DataError, 4),
        (errors.PictureError, 3),
        (errors.ModelFileError, 3),
        (errors.DivergedError, 6),
        (ValueError, 2),
    )
    code = next((code for kind, code in codes if isinstance(error, kind)), 1)
    if isinstance(error, OSError):
        message = ": ".join(one_line(part) for part in (error.filename, error.strerror or error) if part)
    elif isinstance(error, MemoryError):
        message = "not enough memory"
    elif isinstance(error, (errors.LeNet5Error, ValueError, ImportError)):
        message = str(error)
    else:
        message = f"{type(error).__name__}: {error} (a fault of lenet5; -v shows where)"
    output.error(message)
    return code
