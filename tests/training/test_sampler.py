"""The order of training pictures: each once an epoch, a function of (size, seed, epoch), from far apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5.training import sampler
from lenet5.training.sampler import BLOCK, WINDOW, Order, validation_numbers


@pytest.fixture
def small(monkeypatch):
    """Windows of 64 pictures in blocks of 8."""
    monkeypatch.setattr(sampler, "WINDOW", 64)
    monkeypatch.setattr(sampler, "BLOCK", 8)


def epoch_of(n, n_validation=0, seed=0, epoch=0):
    shown = Order(n, n_validation, seed)
    return shown.numbers(epoch, 0, shown.n)


# ---- validation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [50, 1000, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_validation_pictures_come_from_all_over_the_set(n):
    numbers = validation_numbers(n, n // 5)
    assert len(np.unique(numbers)) == n // 5
    assert (np.diff(numbers) > 0).all()
    assert 0 <= numbers[0] <= numbers[-1] < n
    assert abs((numbers < n / 2).mean() - 0.5) < 0.2


def test_these_validation_pictures_do_not_change_from_release_to_release():
    assert validation_numbers(60_000, 5000)[:5].tolist() == [7, 19, 30, 32, 61]
    assert validation_numbers(10**6, 5000)[:5].tolist() == [139, 215, 398, 815, 1431]


def test_validation_of_a_huge_set_takes_no_memory_for_the_rest():
    assert len(validation_numbers(10**12, 1000)) == 1000


@pytest.mark.parametrize("n_validation", [10, 11])
def test_a_validation_that_leaves_nothing_is_refused(n_validation):
    with pytest.raises(ValueError, match=f"validation is {n_validation}, expected fewer than the 10"):
        Order(10, n_validation, 0)


# ---- each picture once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 7, 63, 64, 65, 71, 72, 73, 127, 128, 129, 191, 200, 1000])
@pytest.mark.parametrize("n_validation", [0, 5, 40])
def test_each_training_picture_once_an_epoch(small, n, n_validation):
    if n_validation >= n:
        return
    shown = Order(n, n_validation, 3)
    for epoch in range(3):
        numbers = shown.numbers(epoch, 0, shown.n)
        assert sorted([*numbers, *shown.validation]) == list(range(n))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_part_of_an_epoch_is_that_part_of_the_whole(data):
    """In whatever steps it is asked for: what stopping and resuming needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "WINDOW", 32)
        patch.setattr(sampler, "BLOCK", 4)
        n = data.draw(st.integers(2, 200))
        shown = Order(n, data.draw(st.integers(0, n - 1)), 1)
        whole = [shown.numbers(epoch, 0, shown.n) for epoch in range(2)]
        other = Order(n, len(shown.validation), 1)
        for _ in range(5):
            epoch = data.draw(st.integers(0, 1))
            first = data.draw(st.integers(0, shown.n - 1))
            last = data.draw(st.integers(first + 1, shown.n + 10))
            np.testing.assert_array_equal(other.numbers(epoch, first, last), whole[epoch][first:last])


# ---- how it is shuffled --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [500, 3 * WINDOW + 1])
def test_seeds_and_epochs_give_other_orders(n):
    orders = [epoch_of(n, seed=seed, epoch=epoch) for seed, epoch in ((0, 0), (1, 0), (0, 1), (2**63 - 1, 7))]
    for i, a in enumerate(orders):
        for b in orders[:i]:
            assert (a == b).mean() < 0.02


def test_these_orders_do_not_change_from_release_to_release():
    assert epoch_of(1000, 100)[:5].tolist() == [639, 788, 854, 882, 39]
    assert epoch_of(200_000, 1000)[:5].tolist() == [80405, 169338, 120866, 33378, 141503]


def test_a_set_of_one_window_is_shuffled_as_a_whole(small):
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([5, 2])))
    np.testing.assert_array_equal(epoch_of(64, seed=5, epoch=2), rng.permutation(64))


def test_each_window_of_a_sorted_set_is_like_the_whole():
    """Ten classes, one after the other: each has about its tenth of every window, and neighbours are torn apart."""
    n = 5 * WINDOW
    numbers = epoch_of(n, epoch=4)
    windows = numbers.reshape(5, WINDOW)
    for window in windows:
        shares = np.bincount(10 * window // n, minlength=10) / WINDOW
        assert 0.04 < shares.min() < shares.max() < 0.17
        assert len(np.unique(window // BLOCK)) <= 2 * WINDOW // BLOCK + 2  # whole blocks: what makes it quick to read
    assert (np.abs(np.diff(numbers)) < BLOCK).mean() < 0.01


def test_windows_are_shuffled_each_in_a_way_of_its_own(small):
    """NumPy takes the seeds (s, e) and (s, e, 0) for the same: a window could share its stream with the blocks."""
    shown = Order(64 * 4, 0, 0)
    parts = [np.argsort(shown.numbers(0, 64 * w, 64 * (w + 1))).tolist() for w in range(4)]
    assert len({tuple(part) for part in parts}) == 4


def test_cuts_between_blocks_move(small):
    """Otherwise the same neighbours would share a window in every epoch."""
    starts = set()
    for epoch in range(6):
        first = np.sort(epoch_of(640, epoch=epoch)[:64])
        starts |= set((first[np.flatnonzero(np.diff(first) > 1) + 1] % 8).tolist())
    assert len(starts) > 3


# ---- pages ---------------------------------------------------------------------------------------------------------


class FakePages:
    """What is asked for and given back, in order."""

    def __init__(self):
        self.events = []

    def __bool__(self):
        return True

    def release(self):
        self.events.append("release")

    def ask(self, ranges):
        self.events.append(np.concatenate([np.arange(*r) for r in ranges]))


def test_pages_are_asked_for_a_window_ahead_and_given_back_behind(small):
    pages = FakePages()
    shown = Order(300, 20, 0, pages)
    wanted = [shown.numbers(epoch, first, first + 10) for epoch in range(2) for first in range(0, 280, 10)]
    events = pages.events
    assert [isinstance(e, str) for e in events] == [True, False, False, *[True, False] * 9]
    asked = [e for e in events if not isinstance(e, str)]
    windows = [np.concatenate(wanted[28 * e :][:28])[64 * w :][:64] for e in range(2) for w in range(5)]
    for window, ranges in zip(windows, asked, strict=False):
        assert set(window) <= set(ranges.tolist())
        assert len(ranges) <= 2 * len(window) + 40  # not the whole set


def test_a_set_of_one_window_keeps_its_pages(small):
    pages = FakePages()
    Order(64, 0, 0, pages).numbers(0, 0, 64)
    assert pages.events == []


def test_validation_pictures_are_copied_and_their_pages_given_back():
    pages, X = FakePages(), np.arange(40, dtype=np.uint8).reshape(20, 2)
    shown = Order(20, 3, 0, pages)
    np.testing.assert_array_equal(shown.read_validation(X), X[shown.validation])
    np.testing.assert_array_equal(pages.events[0], shown.validation)
    assert pages.events[1:] == ["release"]
