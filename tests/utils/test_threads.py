"""How many threads there are, and that work on them ends whatever happens."""

import hashlib
import multiprocessing
import os
import threading

import numpy as np
import pytest

from lenet5 import LeNet5
from lenet5.training.config import Config
from lenet5.training.trainer import Trainer
from lenet5.utils import threads
from lenet5.utils.threads import MAX_THREADS, Workers, can_start, check_threads, default_threads, parallel, spare_blas


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
    done, real, caller = [], threading.Event.wait, threading.current_thread()

    def interrupted(event, *args):
        if threading.current_thread() is caller:
            monkeypatch.setattr(threading.Event, "wait", real)
            raise KeyboardInterrupt
        return real(event, *args)

    meeting = threading.Barrier(3)
    with Workers(3) as workers:
        monkeypatch.setattr(threading.Event, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            workers(lambda thread: (meeting.wait(20), done.append(thread)))
    assert sorted(done) == [0, 1, 2]


def test_workers_share_one_piece_after_the_other():
    """Also after one that failed; every worker stays the thread that it was."""
    calls, meeting, before = [], threading.Barrier(3), set(threading.enumerate())

    def function(thread):
        meeting.wait(20)
        calls.append((thread, threading.get_ident()))

    def failing(thread):
        raise KeyError(thread)

    with Workers(3) as workers:
        workers(function)
        with pytest.raises(KeyError):
            workers(failing)
        workers(function)
    assert sorted(calls[:3]) == sorted(calls[3:])
    assert {thread for thread, _ in calls} == {0, 1, 2}
    assert set(threading.enumerate()) <= before


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


@pytest.fixture
def system(monkeypatch):
    """A system that gives so many threads and no more: ``system(n)``."""
    real = threading.Thread.start

    def limit(n):
        alive = set()

        def start(thread):
            alive.intersection_update(threading.enumerate())
            if len(alive) >= n:
                raise RuntimeError("can't start new thread")
            real(thread)
            alive.add(thread)

        monkeypatch.setattr(threading.Thread, "start", start)

    return limit


@pytest.mark.parametrize(("given", "used"), [(0, 1), (1, 1), (2, 2), (3, 3), (4, 4)])
def test_where_there_are_fewer_threads_these_do_all_shares(system, given, used):
    """They may wait for each other, so none must be missing; and none is left over."""
    calls, meeting, before = [], threading.Barrier(used), set(threading.enumerate())
    system(given)

    def function(thread):
        meeting.wait(20)
        calls.append(thread)

    with Workers(4) as workers:
        assert workers.n_threads == used
        workers(function)
    assert sorted(calls) == list(range(used))
    assert set(threading.enumerate()) <= before  # those that other tests left may end meanwhile


def test_another_error_at_the_start_begins_nothing(monkeypatch):
    real, started, calls = threading.Thread.start, [], []

    def start(thread):
        if len(started) == 2:
            raise KeyboardInterrupt
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        parallel(calls.append, 4)
    for thread in started:
        thread.join(20)
        assert not thread.is_alive()
    assert not calls


@pytest.mark.parametrize("given", [0, 1, 2])
def test_training_and_answers_do_not_depend_on_how_many_threads_there_are(system, given):
    expected = trained(threads=3)
    system(given)
    assert trained(threads=3) == expected


def test_can_start(system):
    before = set(threading.enumerate())
    assert can_start(0)
    assert can_start(5)
    system(4)
    assert [can_start(n) for n in (3, 4, 5, 4)] == [True, True, False, True]
    assert set(threading.enumerate()) <= before


def test_blas_starts_no_threads_where_it_could_not(system, monkeypatch):
    """It would raise SIGINT."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 3)
    spare_blas()
    assert "OPENBLAS_NUM_THREADS" not in os.environ
    system(2)
    spare_blas()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


def test_parallel_leaves_no_thread_behind():
    before = set(threading.enumerate())
    parallel(lambda thread: None, 8)
    assert set(threading.enumerate()) <= before


# ---- other processes -----------------------------------------------------------------------------------------------


def trained(queue=None, epochs=1, stop=lambda: False, threads=2):
    """A hash of the weights after a short training on some threads, and of the answers to 300 pictures."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (600, 28, 28), dtype=np.uint8), rng.integers(0, 10, 600, dtype=np.uint8)
    trainer = Trainer(LeNet5(seed=1).network, X, y, Config(epochs=epochs, validation=300, learning_rate=1e-3), threads)
    list(trainer.run(stop=stop))
    logits = trainer.network.logits(X, threads)
    result = hashlib.sha256(trainer.network.parameters.tobytes() + logits.tobytes()).hexdigest()
    if queue is not None:
        queue.put(result)
    return result


def in_a_child(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=trained, args=(queue,))
    child.start()
    result = queue.get(timeout=120)
    child.join(60)
    assert child.exitcode == 0
    return result


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_child_trains_to_the_same_bits_and_so_does_its_parent_afterwards(method):
    expected = trained()
    assert in_a_child(method) == expected
    assert trained() == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_while_other_threads_train_or_sleep():
    expected, ended = trained(), threading.Event()
    others = [
        threading.Thread(target=ended.wait),
        threading.Thread(target=trained, kwargs={"epochs": 10**6, "stop": ended.is_set}),
    ]
    for thread in others:
        thread.start()
    try:
        assert [in_a_child("fork") for _ in range(3)] == [expected] * 3
    finally:
        ended.set()
        for thread in others:
            thread.join()
    assert trained() == expected


def test_several_trainings_at_once_on_threads_of_one_process():
    expected, results = trained(), []
    workers = [threading.Thread(target=lambda: results.append(trained())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [expected] * 4
