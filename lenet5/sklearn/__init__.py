"""LeNet-5 as an estimator of scikit-learn: pipelines, grid search, cross-validation, calibration."""

try:
    from .classifier import LeNet5Classifier
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] != "sklearn":
        raise
    raise ImportError("scikit-learn is not installed: pip install 'lenet5-cpu[sklearn]'") from None

__all__ = ["LeNet5Classifier"]
