"""How many threads there are, and that work on them ends whatever happens."""

import threading

import pytest

from lenet5 import threads
from lenet5.threads import MAX_THREADS, check_threads, default_threads, parallel


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with 12 processors and no quota; its cgroup folder."""
    monkeypatch.delenv("LENET5_THREADS", raising=False)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda pid: set(range(12)), raising=False)
    real = threads.Path
    monkeypatch.setattr(threads, "Path", lambda path: tmp_path / real(path).relative_to("/sys/fs/cgroup"))
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 12),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("9900000 100000", 12),
        ("", 12),
        ("rubbish", 12),
        ("200000 0", 12),
    ],
)
def test_quota_of_cgroup_v2(machine, quota, expected):
    (machine / "cpu.max").write_text(f"{quota}\n")
    assert default_threads() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 12), ("300000", 3), ("50000", 1)])
def test_quota_of_cgroup_v1(machine, quota, expected):
    (machine / "cpu").mkdir()
    (machine / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (machine / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert default_threads() == expected


def test_without_a_quota_affinity_decides(machine):
    assert default_threads() == 12


def test_without_affinity_the_number_of_processors_decides(machine, monkeypatch):
    monkeypatch.delattr(threads.os, "sched_getaffinity")
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 5)
    assert default_threads() == 5
    monkeypatch.setattr(threads.os, "cpu_count", lambda: None)
    assert default_threads() == 1


def test_the_environment_goes_first(machine, monkeypatch):
    (machine / "cpu.max").write_text("200000 100000")
    monkeypatch.setenv("LENET5_THREADS", "7")
    assert default_threads() == 7
    monkeypatch.setenv("LENET5_THREADS", "")
    assert default_threads() == 2


@pytest.mark.parametrize("value", ["0", "-1", "257", "two", "1.5"])
def test_a_wrong_number_in_the_environment_is_named(machine, monkeypatch, value):
    monkeypatch.setenv("LENET5_THREADS", value)
    with pytest.raises(ValueError, match=f"LENET5_THREADS is '{value}', expected a number from 1 to 256"):
        default_threads()


def test_this_machine_offers_at_least_one(monkeypatch):
    monkeypatch.delenv("LENET5_THREADS", raising=False)
    assert 1 <= default_threads() <= MAX_THREADS


@pytest.mark.parametrize("n", [2.0, 2.5, "2", None])
def test_threads_that_are_no_whole_number_are_refused(n):
    with pytest.raises(TypeError):
        check_threads(n)


def test_check_threads():
    assert [check_threads(n) for n in (1, 256)] == [1, 256]
    for n in (0, -1, 257):
        with pytest.raises(ValueError, match=f"threads is {n}, expected 1 to 256"):
            check_threads(n)


@pytest.mark.parametrize("n", [1, 2, 8, 40])
def test_parallel_calls_each_once_on_its_own_thread(n):
    calls, idents, meeting = [], set(), threading.Barrier(n)

    def function(thread):
        meeting.wait(20)  # all at the same time
        calls.append(thread)
        idents.add(threading.get_ident())

    parallel(function, n)
    assert sorted(calls) == list(range(n))
    assert len(idents) == n


def test_an_interrupt_waits_for_every_thread(monkeypatch):
    """The threads meet in a barrier in C: whoever leaves early would leave the others there for ever."""
    done, real = [], threading.Thread.join

    def interrupted(thread, *args):
        monkeypatch.setattr(threading.Thread, "join", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    meeting = threading.Barrier(3)
    with pytest.raises(KeyboardInterrupt):
        parallel(lambda thread: (meeting.wait(20), done.append(thread)), 3)
    assert sorted(done) == [0, 1, 2]


@pytest.mark.parametrize("failing", [0, 2])
def test_parallel_raises_what_a_thread_raises_after_all_are_done(failing):
    done = []

    def function(thread):
        if thread == failing:
            raise KeyError(thread)
        done.append(thread)

    with pytest.raises(KeyError, match=str(failing)):
        parallel(function, 4)
    assert sorted([*done, failing]) == [0, 1, 2, 3]


def test_parallel_begins_nothing_if_a_thread_cannot_be_started(monkeypatch):
    """Threads that wait for each other at a barrier would wait for ever for the one that is missing."""
    real, started, calls = threading.Thread.start, [], []

    def start(thread):
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        parallel(calls.append, 4)
    for thread in started:
        thread.join(20)
        assert not thread.is_alive()
    assert not calls


def test_parallel_leaves_no_thread_behind():
    before = threading.active_count()
    parallel(lambda thread: None, 8)
    assert threading.active_count() == before
