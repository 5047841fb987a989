"""The search through hypotheses, against every way written out."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5.ocr import lattice


def ways(first, stop, scores, leave_out, node=0):
    """Every way from a node to the end: (list of (hypothesis, class), logarithm of its weight)."""
    if node == len(leave_out):
        yield [], 0.0
        return
    for path, weight in ways(first, stop, scores, leave_out, node + 1):
        yield path, weight + leave_out[node]
    for k in range(len(first)):
        if first[k] == node:
            for path, weight in ways(first, stop, scores, leave_out, int(stop[k])):
                for label, score in enumerate(scores[k]):
                    yield [(k, label), *path], weight + score


@st.composite
def lattices(draw):
    n = draw(st.integers(1, 4))
    spans = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(1, 3)), min_size=1, max_size=5, unique=True))
    spans = sorted({(a, min(a + b, n)) for a, b in spans})
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    first, stop = np.array(spans).T
    return first, stop, rng.normal(0, 3, (len(spans), 3)), -rng.random(n)


def total(weights):
    return np.logaddexp.reduce(list(weights))


@given(lattices())
@settings(max_examples=150, deadline=None)
def test_the_best_way_and_its_confidences(case):
    every = list(ways(*case))
    best, _ = max(every, key=lambda way: way[1])
    found, weight = lattice.search(*case)
    assert [(c.hypothesis, c.label) for c in found] == best
    assert weight == np.float64(total(w for _, w in every)) or math.isclose(
        weight, total(w for _, w in every), rel_tol=1e-9
    )
    first, stop, _, leave_out = case

    def ink(pieces):
        return -sum(leave_out[i] for i in pieces)

    for character in found:
        pieces = set(range(first[character.hypothesis], stop[character.hypothesis]))

        def reads_it(path, pieces=pieces, label=character.label):
            runs = [set(range(first[k], stop[k])) for k, c in path if c == label]
            return any(2 * ink(run & pieces) > ink(run | pieces) for run in runs)

        share = total([w for path, w in every if reads_it(path)])
        assert math.isclose(character.confidence, math.exp(share - weight), rel_tol=1e-6, abs_tol=1e-9)


@given(lattices(), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_a_length_is_kept_where_it_can_be(case, length):
    """Classes 0 and 1 count, class 2 does not."""
    every = [(path, w) for path, w in ways(*case) if sum(label < 2 for _, label in path) == length]
    found, _ = lattice.search(*case, length, 2)
    path = [(c.hypothesis, c.label) for c in found]
    if every:
        assert path == max(every, key=lambda way: way[1])[0]
    else:
        assert path == max(ways(*case), key=lambda way: way[1])[0]


@given(lattices(), st.lists(st.integers(0, 1), max_size=3))
@settings(max_examples=100, deadline=None)
def test_the_share_of_a_text(case, text):
    wanted = [w for path, w in ways(*case) if [label for _, label in path if label != 2] == text]
    expected = total(wanted) if wanted else -math.inf
    found = lattice.share_of_text(*case, text, [2])
    assert found == expected or math.isclose(found, expected, rel_tol=1e-9)


def test_odds_of_what_is_as_likely_as_rubbish_are_0():
    odds = lattice.odds(np.log([[0.2, 0.6, 0.2]]), 2)
    np.testing.assert_allclose(odds, [[0, math.log(3)]], atol=1e-12)
    assert abs(lattice.odds(np.array([[900.0, 0, -900.0]]), 2)).max() == lattice.LIMIT


def test_nothing_to_read():
    none = np.zeros(0, int)
    assert lattice.search(none, none, np.zeros((0, 3)), np.array([-1.0, -2.0])) == ([], -3.0)


@given(lattices())
@settings(max_examples=100, deadline=None)
def test_the_share_of_the_ways_through_each_hypothesis(case):
    every = list(ways(*case))
    for k, share in enumerate(lattice.shares(*case)):
        through = total(w for path, w in every if k in [hypothesis for hypothesis, _ in path])
        assert math.isclose(share, through - total(w for _, w in every), rel_tol=1e-9, abs_tol=1e-9)
