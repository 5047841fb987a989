"""A benchmark as it is asked for: what is left open is filled in, what cannot be is refused before the work."""

import pytest

from lenet5.benchmark import peers, request, suite
from lenet5.benchmark.suite import BenchmarkPlan
from lenet5.errors import LeNet5Error

OPEN = BenchmarkPlan(parts=(), threads=(), batch_sizes=())


def test_what_is_left_open_is_filled_in(monkeypatch):
    monkeypatch.setattr(request, "default_threads", lambda: 3)
    plan = request.filled(OPEN)
    assert (plan.parts, plan.threads, plan.batch_sizes) == (suite.PARTS, (1, 3), (64,))
    given = BenchmarkPlan(parts=("scaling", "training"), threads=(4, 2, 4), batch_sizes=(32, 8), peers=True)
    plan = request.filled(given)
    assert (plan.parts, plan.threads, plan.batch_sizes) == (("training", "scaling"), (2, 4), (8, 32))


@pytest.mark.parametrize(("changes", "has_chart"), [({"peers": True}, False), ({}, True)])
def test_peers_and_charts_need_a_part_of_theirs(changes, has_chart):
    with pytest.raises(ValueError, match=r"^--(peers|chart) is for the parts prediction and training; name one"):
        request.filled(BenchmarkPlan(parts=("kernels",), **changes), has_chart=has_chart)


def test_peers_are_named_or_missed(monkeypatch):
    monkeypatch.setattr(peers, "available", list)
    assert "none is installed" in request.peers_note(BenchmarkPlan())
    assert request.peers_note(BenchmarkPlan(parts=("kernels",))) is None
    with pytest.raises(LeNet5Error, match="--peers: none is installed"):
        request.peers_note(BenchmarkPlan(peers=True))


def test_only_a_result_is_replaced(tmp_path):
    path = tmp_path / "r.json"
    assert request.check_replaceable(path) is None
    path.write_text("mine")
    with pytest.raises(ValueError, match="is not a result of lenet5 benchmark"):
        request.check_replaceable(path)
    assert path.read_text() == "mine"
