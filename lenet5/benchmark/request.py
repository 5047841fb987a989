"""A benchmark as it is asked for: what is wrong with it before it takes minutes, and what the asker should know."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ..datasets import Loaded
from ..errors import DataError, LeNet5Error, one_line
from ..utils.files import check_writable
from ..utils.text import plain, wrapped
from ..utils.threads import default_threads
from . import figures, machine, peers, suite
from .suite import PARTS, WITH_PICTURES, BenchmarkPlan

#: Parts that peers take part in, and of which charts are drawn.
WITH_PEERS = ("prediction", "training")
_HOW = "in a clone: pip install -e '.[bench]'"


def filled(plan: BenchmarkPlan, *, has_chart: bool = False) -> BenchmarkPlan:
    """A plan in which nothing is left open.

    Without parts, it has all of them; without threads, one and as many as the process may use. Without sizes of
    batches, it has 64, and with peers 128 too. ValueError where peers or a chart have no part to go with.
    """
    plan = replace(
        plan,
        parts=tuple(part for part in PARTS if part in (plan.parts or PARTS)),
        threads=tuple(sorted(set(plan.threads) or {1, default_threads()})),
        batch_sizes=tuple(sorted(set(plan.batch_sizes))) or ((64, 128) if plan.peers else (64,)),
    )
    for option, value in (("--peers", plan.peers), ("--chart", has_chart)):
        if value and not set(WITH_PEERS) & set(plan.parts):
            raise ValueError(f"{option} is for the parts {' and '.join(WITH_PEERS)}; name one of them")
    return plan


def check_replaceable(path: Path) -> str | None:
    """What should be known before figures are written to ``path``; ValueError where it is not a benchmark's."""
    note = None
    if path.exists():
        try:
            date = figures.load(path)["date"]
        except DataError:
            raise ValueError(
                f"{one_line(path)}: exists and is not a result of lenet5 benchmark; choose another name"
            ) from None
        note = f"note: {one_line(path)} of {plain(date)} will be replaced"
    check_writable(path)
    return note


def carry_out(plan: BenchmarkPlan, load_data: Callable[[], Loaded], command: str, say: Callable[[str], None]) -> dict:
    """Measure, with notes and progress by ``say``; the document of `suite.measure`.

    What peers print goes to standard error: some of them print as they please.
    """
    data = load_data() if set(plan.parts) & set(WITH_PICTURES) else None
    pictures, name = (data.train, data.name) if data else (None, None)
    for line in _warnings(plan):
        say(line)
    with contextlib.redirect_stdout(sys.stderr):
        return suite.measure(plan, pictures, name, command, say)


def peers_note(plan: BenchmarkPlan) -> str | None:
    """What to say of peers; LeNet5Error where they are wanted and there are none.

    They are not measured by default: they take minutes where our own figures take half of one, and with their
    threads in the process ours are somewhat slower.
    """
    found = peers.available()
    if plan.peers:
        if not found:
            raise LeNet5Error(f"--peers: none is installed; {_HOW}")
        return None
    if not set(WITH_PEERS) & set(plan.parts):
        return None
    there = ", ".join(found) or f"none is installed; {_HOW}"
    return wrapped(f"note: --peers measures others beside, some minutes long ({there})")


def _warnings(plan: BenchmarkPlan) -> Iterator[str]:
    where = machine.describe()
    if machine.is_busy(where):
        yield f"note: load average {where['load_before']}: something else runs, and the figures suffer from it"
    if max(plan.threads) > where["cores"]:
        yield f"note: {max(plan.threads)} threads on {where['cores']} processors"
