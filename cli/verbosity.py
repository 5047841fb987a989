"""How much is told on standard error, for the process: -q and -v."""

import logging

QUIET, NORMAL, VERBOSE = logging.ERROR, logging.INFO, logging.DEBUG
_level = NORMAL


def set_level(level: int) -> None:
    """QUIET, NORMAL or VERBOSE, for the process."""
    global _level
    _level = level


def level() -> int:
    return _level


def is_quiet() -> bool:
    return _level == QUIET


def is_verbose() -> bool:
    return _level == VERBOSE
