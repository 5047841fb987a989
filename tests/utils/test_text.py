"""Text for people: control characters, lines, numbers, and tables whose cells an output cannot show."""

import pytest

from lenet5.utils.tables import Table
from lenet5.utils.text import duration, percent, plain, wrapped


def test_what_cannot_be_printed_is_escaped():
    assert plain("a\x1b[31m\n\udce9é") == r"a\x1b[31m\n\udce9é"


def test_lines_are_broken_at_spaces_only():
    path = "/x" * 60
    lines = wrapped(f"note: {path} {'word ' * 30}").splitlines()
    assert path in [line.strip() for line in lines]
    assert all(len(line) <= 80 for line in lines if "/x" not in line)
    assert all(line.startswith("  ") for line in lines[1:] if "/x" not in line)


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.0, "0.00 %"), (0.98765, "98.77 %"), (1.0, "100.00 %")])
def test_percent(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3599.6, "1:00 h"), (7384, "2:03 h")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_table_is_aligned_by_what_is_shown():
    table = Table([("é", 1), ("bb", 20)], ("name", "n"))
    assert str(table) == "name   n\n----  --\né      1\nbb    20"
    shown = table.shown(lambda cell: cell.encode("ascii", "backslashreplace").decode())
    assert shown == "name   n\n----  --\n\\xe9   1\nbb    20"
