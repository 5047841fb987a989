"""How what is told to people is written: without control characters, in lines of a terminal's width."""

import textwrap


def plain(text: str) -> str:
    """``text`` with escapes in the place of what cannot be printed: control characters, bytes that are not text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def wrapped(text: str) -> str:
    """A sentence on lines of at most 80 columns, broken at spaces only, so that paths stay whole."""
    return textwrap.fill(text, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def percent(value: float | None) -> str:
    """A fraction in 0..1 as percent; a dash where nothing was measured."""
    return "-" if value is None else f"{100 * value:.2f} %"


def duration(seconds: float) -> str:
    """Minutes and seconds, or from an hour on hours and minutes."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02} h" if hours else f"{minutes}:{rest:02}"
