"""Where the command begins: from here on Ctrl-C is quiet, while all the rest is imported, too."""

from . import interrupts

interrupts.leave_at_once()

from .main import main  # noqa: E402, F401
