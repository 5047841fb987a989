"""Where the command begins: from here on Ctrl-C is quiet, while all the rest is imported, too."""

try:
    from . import interrupts

    interrupts.leave_at_once()
    from .main import main  # noqa: F401
except KeyboardInterrupt:  # between the first line and the handler
    raise SystemExit(130) from None
