"""A model judged on a data set: what is asked for is told, in JSON and to people."""

import pytest

from lenet5 import LeNet5, datasets
from lenet5.datasets.synthetic import strokes
from lenet5.models import judgement


@pytest.fixture(scope="module")
def data():
    return datasets.Loaded("strokes", strokes.draw(600, seed=1), strokes.draw(300, seed=2), tuple("0123456789"))


@pytest.fixture(scope="module")
def model(data):
    return LeNet5(seed=1).fit(*data.train, epochs=3, validation=200)


def test_the_report_alone(model, data):
    found = judgement.judge(model, data)
    assert found.as_dict() == model.evaluate(*data.test)[0]
    assert found.lines()[0] == "strokes, 300 test images"
    assert found.draw_mistakes().width > 0


def test_rejection_and_a_cascade_beside_it(model, data):
    found = judgement.judge(model, data, rejection=True, small=LeNet5(seed=2))
    assert {"rejection", "cascade"} < found.as_dict().keys()
    text = "\n".join(map(str, found.lines()))
    assert "\n\nthe least sure answers not given\n" in text
    assert "\n\ncascade: the small model answers" in text
    assert found.cascade.chosen is None  # no training file says which images were for validation
    assert found.draw_rejection().size == found.draw_cascade().size


def test_other_classes_are_refused(data):
    judgement.check_classes([LeNet5()], data)
    with pytest.raises(ValueError, match="strokes has other classes"):
        judgement.check_classes([LeNet5(), LeNet5(labels=["a", "b"])], data)


@pytest.mark.parametrize(
    ("training", "name"), [(None, None), ({}, None), ({"dataset": 3}, None), ({"dataset": "x"}, "x")]
)
def test_what_a_model_says_it_was_trained_on(training, name):
    model = LeNet5()
    model.training = training
    assert judgement.trained_on(model) == name
