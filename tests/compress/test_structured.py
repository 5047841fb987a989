"""Structured pruning: what is left is a smaller network, and that of the channels that count most."""

import numpy as np
import pytest

from lenet5 import LeNet5, load
from lenet5.compress.structured import widths_for, without_channels
from lenet5.datasets.synthetic import strokes


def test_channels_without_weights_are_removed_without_loss():
    model, (X, _) = LeNet5(seed=0), strokes.draw(20, seed=0)
    for name, channels in (("c1", [2]), ("c3", [0, 5, 9]), ("c5", range(20, 60)), ("f6", [83])):
        tensors = model.state_dict()
        tensors[f"{name}.weight"][list(channels)] = 0
    small = without_channels(model, (5, 13, 80, 83))
    assert small.widths == (5, 13, 80, 83)
    np.testing.assert_allclose(small.logits(X), model.logits(X), atol=1e-5)


def test_half_of_the_multiply_adds():
    model = LeNet5(seed=0)
    widths = widths_for(model, 0.5)
    small = without_channels(model, widths)
    assert 0.4 < small.macs / model.macs <= 0.5


@pytest.mark.parametrize(
    ("fraction", "first", "least"),
    [(1.0, (6, 16), 1.0), (0.9, (6, 16), 0.88), (0.5, (4, 8), 0.45), (0.86, (5, 15), 0.8), (0.7, (5, 12), 0.65)],
)
def test_channels_with_fast_kernels_are_taken_where_they_nearly_fit(fraction, first, least):
    model = LeNet5(seed=None)
    widths = widths_for(model, fraction)
    assert widths[:2] == first
    assert least <= without_channels(model, widths).macs / model.macs <= fraction


def test_own_classes_colour_and_size_are_kept(tmp_path):
    model = LeNet5(seed=0, labels=["cat", "dog"], in_channels=3, size=64)
    small = without_channels(model, widths_for(model, 0.3))
    assert (small.labels, small.in_channels, small.size) == (("cat", "dog"), 3, 64)
    small.save(tmp_path / "m.safetensors")
    found = load(tmp_path / "m.safetensors")
    assert found.widths == small.widths
    assert found.preparation == small.preparation == model.preparation
    assert found.network.layers == small.network.layers


@pytest.mark.parametrize("settings", [{"variant": "lenet1"}, {"variant": "1998"}, {"c3": "table"}])
def test_other_networks_are_refused(settings):
    with pytest.raises(ValueError, match="without connection table"):
        widths_for(LeNet5(**settings), 0.5)


def test_more_channels_than_there_are_cannot_be_kept():
    with pytest.raises(ValueError, match="c1 has 6 channels, so 7 of them cannot be kept"):
        without_channels(LeNet5(), (7, 16, 120, 84))


def test_too_small_a_fraction():
    with pytest.raises(ValueError, match=r"no network .* has 1e-06"):
        widths_for(LeNet5(), 1e-6)
