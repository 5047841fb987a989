"""What a cascade comes to: its ends are the models alone, the chosen threshold is that of common validation images."""

import json

import numpy as np
import pytest

from lenet5 import LeNet5
from lenet5.datasets import Loaded
from lenet5.datasets.synthetic import strokes
from lenet5.models.cascade_report import ASKED, cascade_report
from lenet5.models.lenet import DIGITS


@pytest.fixture(scope="module")
def data():
    return Loaded("strokes", strokes.draw(800, seed=1), strokes.draw(300, seed=2), DIGITS)


@pytest.fixture(scope="module")
def models(data):
    """A small and a large one that had the same hundred images set apart."""
    settings = {"epochs": 2, "batch_size": 16, "augment": "none", "validation": 100, "threads": 1}
    models = [LeNet5(variant, seed=1, head="softmax", activation="relu") for variant in ("lenet1", "modern")]
    for model in models:
        model.fit(*data.train, **settings)
        model.training["data_sha256"] = data.sha256
    return models


def test_the_ends_are_the_models_alone(models, data):
    small, large = models
    report = cascade_report(small, large, data, 1)
    assert (report.small.macs, report.large.macs) == (small.macs, large.macs)
    assert report.small.error == pytest.approx(1 - small.score(*data.test))
    assert report.large.error == pytest.approx(1 - large.score(*data.test))
    assert all(point.asked <= asked for point, asked in zip(report.points, ASKED, strict=True))
    for point in report.points:
        assert point.macs == pytest.approx(small.macs + point.asked * large.macs)


def test_the_threshold_is_chosen_on_common_validation_images(models, data):
    report = cascade_report(*models, data, 1)
    assert report.n_validation == 100
    assert report.chosen.threshold == report.cascade.threshold
    error = 1 - report.cascade.score(*data.test)
    assert report.chosen.error == pytest.approx(error)


def test_without_common_validation_images_none_is_chosen(models, data):
    report = cascade_report(LeNet5(seed=1), models[1], data, 1)
    assert (report.chosen, report.n_validation, report.cascade.threshold) == (None, 0, 0)
    assert report.as_dict()["chosen"] is None
    assert report.draw("300 strokes").size == (760, 460)


def test_json_and_picture(models, data):
    report = cascade_report(*models, data, 1)
    written = report.as_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert set(written) == {"small", "large", "points", "chosen", "n_validation"}
    assert set(written["chosen"]) == {"threshold", "asked", "macs", "error"}
    assert len(np.unique(np.asarray(report.draw("300 strokes")))) > 5
