"""A classifier of images, or of rows of numbers, with scikit-learn's meanings."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from ..models.lenet import LeNet5
from .estimator import NetworkEstimator


class LeNet5Classifier(ClassifierMixin, NetworkEstimator):
    """LeNet-5 as a classifier of scikit-learn.

    Parameters
    ----------
    variant, activation, pool, c3, head : as of `LeNet5`
    epochs, batch_size, learning_rate, optimizer, weight_decay, augment, dropout, patience, validation : optional
        As of `LeNet5.fit`. None: what suits the network and the number of images. ``augment`` is "none" for rows that
        do not fill a square of at least 8 x 8, else "affine".
    class_weight : "balanced", or dict of class to weight, optional
    random_state : int, RandomState or None
        0 gives the weights of ``LeNet5(seed=0)``; None gives others each time.
    n_jobs : int, optional
        Threads, which change the time and not the weights; -1: all. None: all, but one in the processes of joblib.
    settings : dict, optional
        Further fields of `config.Config`, such as ``{"momentum": 0.8}``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int, ``X.shape[1]``
    n_iter_ : int, epochs done
    model_ : LeNet5, with `save`, `recognize`, `quantize` and all else; its labels are the classes as text
    layout_ : Layout, how rows become images
    """

    model_: LeNet5
    classes_: np.ndarray

    def __init__(
        self,
        *,
        variant: str = "modern",
        activation: str | None = None,
        pool: str | None = None,
        c3: str | None = None,
        head: str | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        optimizer: str | None = None,
        weight_decay: float | None = None,
        augment: str | None = None,
        dropout: float | None = None,
        patience: int | None = None,
        validation: int | None = None,
        class_weight: str | Mapping | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        settings: Mapping | None = None,
    ):
        self.variant, self.activation, self.pool, self.c3, self.head = variant, activation, pool, c3, head
        self.epochs, self.batch_size, self.learning_rate, self.optimizer = epochs, batch_size, learning_rate, optimizer
        self.weight_decay, self.augment, self.dropout = weight_decay, augment, dropout
        self.patience, self.validation, self.class_weight = patience, validation, class_weight
        self.random_state, self.n_jobs, self.settings = random_state, n_jobs, settings

    def fit(self, X, y, sample_weight=None) -> Self:
        """Train a new network; returns self.

        Parameters
        ----------
        X : (n, features), (n, h, w), (n, h, w, 1) or (n, h, w, 3), finite
            Features fill the smallest square that holds them, and zeros the rest. The least number is background and
            the greatest full ink; of bytes it is 0 and 255.
        y : (n,), classes: numbers or names
        sample_weight : (n,), at least 0, optional

        ValueError where they are not as above; DivergedError where the loss became NaN or infinite.
        """
        images, y = self._fitted_to(X, y)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        weights = self._weights(y, numbers, sample_weight)
        model = LeNet5(self.variant, labels=[str(name) for name in self.classes_], **self._network())
        balanced: dict[str, Any] = {"class_weight": "balanced"} if self.class_weight == "balanced" else {}
        self.model_ = model.fit(images, numbers, sample_weight=weights, **balanced, **self._settings())
        self.n_iter_ = len(model.history_)
        return self

    def _weights(self, y: np.ndarray, numbers: np.ndarray, sample_weight) -> np.ndarray | None:
        """How much each image counts; ValueError where fewer than two classes count."""
        weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        if isinstance(self.class_weight, Mapping):
            each = compute_sample_weight(self.class_weight, y)
            weights = each if weights is None else weights * each
        counts = numbers if weights is None or weights.shape != y.shape else numbers[weights > 0]
        if not len(counts):
            raise ValueError("sample_weight, or class_weight, is zero for every image, expected one above zero")
        if len(np.unique(counts)) < 2:
            raise ValueError("y holds one class only with a weight above zero; a classifier needs two or more classes")
        return weights

    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes, (n, classes) float32, in the order of ``classes_``."""
        images = self._images(X)
        return self.model_.predict_proba(images, self._threads())

    def predict(self, X) -> np.ndarray:
        """The most probable class of each row, (n,)."""
        images = self._images(X)
        return self.classes_[self.model_.logits(images, self._threads()).argmax(axis=1)]
