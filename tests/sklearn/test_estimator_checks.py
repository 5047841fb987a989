"""scikit-learn's own checks of estimators: all pass, but for those that are declared here with the reason."""

import pytest

pytest.importorskip("sklearn.base", reason="scikit-learn is not installed: pip install 'lenet5-cpu[sklearn]'")

from sklearn.utils.estimator_checks import parametrize_with_checks

from lenet5.sklearn import LeNet5Classifier, LeNet5Regressor

#: By name of the check: why it cannot pass.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "an image of weight 2 is seen once an epoch, and two copies of it twice: batches and rounding differ"
    ),
}


CHECKS = parametrize_with_checks(
    [LeNet5Classifier(), LeNet5Regressor()], expected_failed_checks=lambda estimator: EXPECTED_FAILURES
).mark


@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)  # a list: older versions give no list
def test_estimator(estimator, check):
    check(estimator)
