"""Error against rejection: worked by hand, plain JSON, and the figures of the literature as published."""

import json

import numpy as np
import pytest

from lenet5.evaluation import risk_coverage
from lenet5.evaluation.calibration import Calibration, Threshold

P = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]], np.float32)
Y = np.array([0, 1, 1, 1], np.uint8)  # the least sure one is wrong


def test_a_report_by_hand():
    thresholds = (Threshold(0.1, 0.65, 0.2), Threshold(0.01, 0.95, 0.9))
    report = risk_coverage.report(P, Y, Calibration(1.0, thresholds, 50)).as_dict()
    assert report["points"][0] == {"rejected": 0.0, "error": 0.25}
    assert report["points"][-1] == {"rejected": 0.1, "error": 0.25}  # one of four is more than a tenth
    assert {row["rejected"] for row in report["needed"]} == {0.25}
    assert report["thresholds"] == [
        {"wanted_error": 0.1, "confidence": 0.65, "rejected": 0.25, "error": 0.0},
        {"wanted_error": 0.01, "confidence": 0.95, "rejected": 1.0, "error": None},
    ]
    assert report["n_validation"] == 50


@pytest.mark.parametrize("n", [0, 1, 4])
def test_a_report_is_plain_json(n):
    report = risk_coverage.report(P[:n], Y[:n], Calibration(1.0, (Threshold(0.1, 0.5, 0),), 9)).as_dict()
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_published_figures_stand_beside_mnist_alone():
    of = {name: risk_coverage.report(P, Y, Calibration(), dataset=name) for name in ("mnist", "strokes", None)}
    assert [bool(report.published) for report in of.values()] == [True, False, False]
    written = of["mnist"].as_dict()
    assert json.loads(json.dumps(written)) == written
    assert written["published"][2] == {
        "name": "LeNet-1, 1998", "error_of_all": 0.017, "error": 0.005, "rejected": 0.037
    }  # fmt: skip
    assert "published" not in of["strokes"].as_dict()


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("dataset", ["mnist", "strokes", None])
def test_the_curve_is_drawn(n, dataset):
    picture = risk_coverage.draw(P[:n], Y[:n], dataset=dataset)
    assert picture.size == (760, 460)


def test_published_figures():
    """LeCun et al. 1998: rejected for an error of 0.5 %; the net of 1990 beside them."""
    table = {name: (before, error, rejected) for name, before, error, rejected in risk_coverage.PUBLISHED}
    assert table["zip-code net, 1990"] == (None, 0.01, 0.09)
    assert table["LeNet-1, 1998"] == (0.017, 0.005, 0.037)
    assert table["LeNet-4, 1998"] == (0.011, 0.005, 0.018)
    assert table["boosted LeNet-4, 1998"] == (0.007, 0.005, 0.005)
    assert table["K-NN, deslanted, 1998"] == (0.024, 0.005, 0.081)
