"""What estimators of scikit-learn have in common: settings of training, and arrays that become images."""

import multiprocessing
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..utils.threads import default_threads
from .layout import Layout

#: Parameters that are settings of training, by the names that `LeNet5.fit` has for them.
SETTINGS = (
    "epochs", "batch_size", "learning_rate", "optimizer", "weight_decay", "augment", "dropout", "patience",
    "validation", "loss",
)  # fmt: skip
#: Parameters that decide the network.
NETWORK = ("activation", "pool", "c3", "head")


class NetworkEstimator(BaseEstimator):
    """An estimator with a network behind it, ``model_``, and a `Layout`, ``layout_``, once it is fitted."""

    layout_: Layout

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _network(self) -> dict[str, Any]:
        """Arguments of the model, once the layout is known."""
        choices = {name: value for name, value in self.get_params(deep=False).items() if name in NETWORK}
        return {"seed": self._seed(), "in_channels": self.layout_.channels, "size": self.layout_.size, **choices}

    def _settings(self) -> dict[str, Any]:
        """Settings of `fit` that are given; the others are those that suit the network and the number of images."""
        params = self.get_params(deep=False)
        given = {name: params[name] for name in SETTINGS if params.get(name) is not None}
        own = {} if self.layout_.are_pixels else {"augment": "none"}
        return own | given | dict(self.settings or {}) | {"threads": self._threads()}

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _threads(self) -> int:
        """As many as the process may use; one in a process that shares the machine with others."""
        if self.n_jobs is None:
            return 1 if multiprocessing.parent_process() else default_threads()
        return default_threads() if self.n_jobs < 0 else self.n_jobs

    def _fitted_to(self, X, y, **how) -> tuple[np.ndarray, np.ndarray]:
        """``X`` as images and ``y``, checked; the layout is learnt. how : of ``y``, as of `check_X_y`"""
        X, y = validate_data(self, X, y, allow_nd=True, dtype="numeric", **how)
        self.layout_ = Layout.of(X)
        return self.layout_.images(X), y

    def _images(self, X) -> np.ndarray:
        """``X`` as images of the network; ValueError where it is not as in `fit`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True, dtype="numeric")
        if X.shape[1:] != self.layout_.shape:
            expected = ", ".join(map(str, self.layout_.shape))
            raise ValueError(f"X has shape {X.shape}, expected (n, {expected}) as in fit")
        return self.layout_.images(X)
