"""LeNet-5 as estimators of scikit-learn: pipelines, grid search, cross-validation, calibration."""

try:
    from .classifier import LeNet5Classifier
    from .regressor import LeNet5Regressor
except ModuleNotFoundError as error:
    if error.name is None or error.name.split(".")[0] != "sklearn":
        raise
    raise ImportError("scikit-learn is not installed: pip install 'lenet5-cpu[sklearn]'") from None

__all__ = ["LeNet5Classifier", "LeNet5Regressor"]
