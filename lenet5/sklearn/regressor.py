"""A regressor of images, or of rows of numbers, with scikit-learn's meanings."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from ..models.quantity_answers import LEVEL
from ..models.regressor import Regressor
from .estimator import NetworkEstimator


class LeNet5Regressor(RegressorMixin, NetworkEstimator):
    """LeNet-5 with linear outputs as a regressor of scikit-learn.

    Parameters
    ----------
    variant, activation, pool, c3 : as of `Regressor`
    period : float, optional
        Of all targets: 360 for angles in degrees.
    loss : "huber", "mse" or "mae", optional
    epochs, batch_size, learning_rate, optimizer, weight_decay, augment, dropout, patience, validation : optional
        As of `Regressor.fit`. None: what suits the network and the number of images, without distortions.
    random_state, n_jobs, settings : as of `LeNet5Classifier`

    Attributes
    ----------
    n_features_in_ : int, ``X.shape[1]``
    n_iter_ : int, epochs done
    model_ : Regressor, with `save` and all else
    layout_ : Layout, how rows become images
    """

    model_: Regressor

    def __init__(
        self,
        *,
        variant: str = "modern",
        activation: str | None = None,
        pool: str | None = None,
        c3: str | None = None,
        period: float | None = None,
        loss: str | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        optimizer: str | None = None,
        weight_decay: float | None = None,
        augment: str | None = None,
        dropout: float | None = None,
        patience: int | None = None,
        validation: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        settings: Mapping | None = None,
    ):
        self.variant, self.activation, self.pool, self.c3 = variant, activation, pool, c3
        self.period, self.loss, self.augment, self.dropout = period, loss, augment, dropout
        self.epochs, self.batch_size, self.learning_rate, self.optimizer = epochs, batch_size, learning_rate, optimizer
        self.weight_decay, self.patience, self.validation = weight_decay, patience, validation
        self.random_state, self.n_jobs, self.settings = random_state, n_jobs, settings

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y, sample_weight=None) -> Self:
        """Train a new network; returns self.

        Parameters
        ----------
        X : (n, features), (n, h, w), (n, h, w, 1) or (n, h, w, 3), finite, as of `LeNet5Classifier.fit`
        y : (n,) or (n, targets), finite numbers
        sample_weight : (n,), at least 0, optional

        ValueError where they are not as above; DivergedError where the loss became NaN or infinite.
        """
        images, y = self._fitted_to(X, y, multi_output=True, y_numeric=True)
        model = Regressor(self.variant, period=self.period, **self._network())
        self.model_ = model.fit(images, y, sample_weight=sample_weight, **self._settings())
        self.n_iter_ = len(model.history_)
        return self

    def predict(self, X) -> np.ndarray:
        """The quantity of each row, (n,) float64; (n, targets) where there are several."""
        images = self._images(X)
        return self.model_.predict(images, self._threads())

    def predict_interval(self, X, level: float = LEVEL) -> np.ndarray:
        """The ends of each answer's interval, (n, 2) or (n, targets, 2); it takes ``validation`` images."""
        images = self._images(X)
        return self.model_.predict_interval(images, level, self._threads())

    def score(self, X, y, sample_weight=None) -> float:
        """R2, at most 1; errors of angles go the shorter way round. ValueError for ``sample_weight`` of angles."""
        if self.period is None:
            return super().score(X, y, sample_weight)
        if sample_weight is not None:
            raise ValueError("sample_weight is not taken by the score of angles, where period is given; leave it out")
        images = self._images(X)
        return self.model_.score(images, y, self._threads())
