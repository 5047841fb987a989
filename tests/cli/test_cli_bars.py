"""Progress bars: on a terminal alone, below the notes, at most as wide as it, without a thread."""

import os
import pty
import re
import sys

import pytest
from commandline import finish, start

DOWNLOAD = """
import sys, threading
from lenet5.cli import bars, output, streams
streams.prepare()
with bars.of_download() as report:
    for name in ("train-images-idx3-ubyte.gz", "labels.gz"):
        for done in (0, 4_000_000, 9_000_000) if report else ():
            report(name, done, 9_000_000)
        output.note(f"note: {name} came")
print(threading.active_count())
"""


def shown(cwd, **env) -> tuple[str, str]:
    """(standard output, what a terminal got on standard error)."""
    ours, theirs = pty.openpty()
    process = start("-c", DOWNLOAD, cwd=cwd, command=[sys.executable], stderr=theirs, env=env)
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 65536):
            text += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    result = finish(process)
    assert result.code == 0, text
    return result.stdout, text.decode()


def test_a_file_has_a_bar_and_notes_stand_above_it(tmp_path):
    stdout, text = shown(tmp_path)
    assert stdout == "1\n"
    assert "9.00M/9.00M" in text
    assert "━" * 30 in text
    assert "\x1b[3" in text
    assert [line for line in re.split(r"[\r\n]+", text) if line.startswith("note: ")] == [
        "note: train-images-idx3-ubyte.gz came", "note: labels.gz came",
    ]  # fmt: skip
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert max(map(len, re.split(r"[\r\n]+", plain))) <= 80


@pytest.mark.parametrize(
    ("env", "has", "has_not"),
    [
        ({"NO_COLOR": "1"}, "━", "\x1b[3"),
        ({"PYTHONIOENCODING": "ascii"}, "-" * 30, "━"),
        ({"TERM": "dumb"}, "note: labels.gz came", "9.00M"),
    ],
)
def test_what_the_terminal_does_not_take(tmp_path, env, has, has_not):
    _, text = shown(tmp_path, **env)
    assert has in text
    assert has_not not in text


def test_in_a_pipe_there_are_none(tmp_path):
    result = finish(start("-c", DOWNLOAD, cwd=tmp_path, command=[sys.executable]))
    assert (result.stdout, result.code) == ("1\n", 0)
    assert result.stderr == "note: train-images-idx3-ubyte.gz came\nnote: labels.gz came\n"
