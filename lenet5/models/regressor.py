"""A network that learns quantities: one or more numbers for each image, or angles."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Self

import numpy as np

from ..evaluation.quantities import Intervals
from ..nn import serialization
from ..nn.targets import TargetScaling, checked_targets
from ..preprocessing.preparation import IMAGE, Preparation
from . import transfer
from .batches import gathered
from .quantity_answers import QuantityAnswers
from .single import SingleNetwork, finish

if TYPE_CHECKING:
    from ..training.config import Config
    from ..training.records import QuantityEpoch
    from ..training.regression import RegressionTrainer
    from .lenet import LeNet5

KIND = "regressor"


class Regressor(SingleNetwork, QuantityAnswers):
    """LeNet-5 with linear outputs: scikit-learn's words for a regressor.

    Parameters
    ----------
    variant, seed, activation, pool, c3, initializer, in_channels, size, widths : as of `LeNet5`
    period : float, optional
        Of all targets: 360 for angles in degrees. Then 359 and 1 are 2 apart, and answers are from 0 to below it.
    preparation : "image" or "digit", optional
        How images of any kind are prepared: resized, or cut out and centred.

    Attributes
    ----------
    n_targets : int, decided by ``y``
    scaling : TargetScaling, mean and deviation of the training targets
    intervals : Intervals, from the errors on validation images
    training : dict or None
    history_ : list of QuantityEpoch, only there after `fit`
    """

    labels: tuple[str, ...] = ()

    def __init__(
        self,
        variant: str = "modern",
        *,
        seed: int | None = 0,
        period: float | None = None,
        activation: str | None = None,
        pool: str | None = None,
        c3: str | None = None,
        initializer: str | None = None,
        in_channels: int = 1,
        size: int = 32,
        preparation: str | None = None,
        widths: Sequence[int] = (),
    ):
        self._choose(
            variant, seed, initializer, in_channels, size, widths,
            activation=activation, pool=pool, c3=c3, head="softmax",
        )  # fmt: skip
        self.take_scaling(TargetScaling((0.0,), (1.0,), period))
        self._takes_targets, self.intervals = True, Intervals()
        self._prepare(preparation)

    def take_scaling(self, scaling: TargetScaling) -> None:
        """Learn targets with this scaling; another number of them makes a new network."""
        if not hasattr(self, "scaling") or scaling.n_outputs != self.scaling.n_outputs:
            self._build(scaling.n_outputs)
        self.scaling, self._takes_targets = scaling, False

    @property
    def preparation(self) -> Preparation:
        """How images of any kind are prepared for it."""
        return Preparation(self._preparation or IMAGE.kind, self.resized, self.network.field, self.in_channels)

    def __repr__(self) -> str:
        what = "1 target" if self.n_targets == 1 else f"{self.n_targets} targets"
        return f"<Regressor {self.variant}: {what}, {self.n_parameters:,} parameters>"

    def fit(
        self,
        X,
        y: np.ndarray | None = None,
        *,
        threads: int | None = None,
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        callback: "Callable[[QuantityEpoch], None] | None" = None,
        verbose: bool = False,
        sample_weight: np.ndarray | None = None,
        freeze: str | Sequence[str] = (),
        start_from: "LeNet5 | Regressor | None" = None,
        **settings,
    ) -> Self:
        """Train quietly, on from the present weights; returns self.

        Parameters
        ----------
        X : images, as `LeNet5.fit` takes them
        y : (N,) or (N, targets), finite numbers
            The first `fit` takes their mean and deviation, which the model keeps.
        threads, validation_data, callback, verbose, sample_weight, freeze, start_from : as of `LeNet5.fit`
        **settings
            Fields of `config.Config`. ``loss`` is "huber" (default), "mse" or "mae"; ``augment`` is "none" by default,
            since distortions change what is measured. There are 30 epochs by default, and sgd has twice its rate.
            ``validation`` (default 0 here) sets images apart, keeps the epoch with the lowest loss on them, and takes
            the intervals from the errors on them.

        ValueError where shapes, dtypes, values or settings are not as above; DivergedError where the loss became NaN
        or infinite.
        """
        from ..training.config import check_names
        from ..training.regression import regression_config

        X, y = self._gathered(X if y is None else (X, y))
        y = checked_targets(y, len(X))
        check_names(settings)
        if self._takes_targets and len(y):
            self.take_scaling(TargetScaling.of(y, self.period))
        if start_from is not None:
            transfer.start_from(self.network, start_from)
        frozen = {"freeze": freeze if isinstance(freeze, str) else ",".join(freeze)} if freeze else {}
        settings = {"validation": 0, "seed": self.seed or 0, **settings, **frozen}
        config = regression_config(self.network, n_images=len(y), **settings)
        if validation_data is not None:
            validation_data = self._gathered(validation_data)
        trainer = self.trainer(X, y, config, threads, validation_data, sample_weight)
        self.resized, self.training, self.intervals = self.network.side_of(X), None, Intervals()
        finish(self, trainer, "Regressor.fit", verbose, callback)
        return self

    def _gathered(self, data) -> tuple[np.ndarray, np.ndarray]:
        """(X, y) of a pair or of batches, with images as the network takes them."""
        X, y = gathered(data)
        return self._taken(X), y

    def trainer(
        self,
        X: np.ndarray,
        y: np.ndarray,
        config: "Config",
        threads: int | None = None,
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        sample_weight: np.ndarray | None = None,
    ) -> "RegressionTrainer":
        """The training that `fit` runs."""
        from ..training.regression import RegressionTrainer

        return RegressionTrainer(self.scaling, self.network, X, y, config, threads, (), validation_data, sample_weight)

    def predict(self, X, threads: int | None = None) -> np.ndarray:
        """The quantity of each image, (N,) float64; (N, targets) where there are several. X: as of `LeNet5.predict`."""
        return self._shaped(self._answers(X, threads))

    def _scaled(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        """The outputs of the network (N, outputs); ValueError for images that give maps."""
        outputs = self.network.logits(X, threads)
        if outputs.ndim != 2:
            raise ValueError(f"images give maps of shape {outputs.shape[2:]}, expected one answer each: "
                             f"Regressor(size=...) makes a model for larger ones")  # fmt: skip
        return outputs

    def score(self, X, y, threads: int | None = None) -> float:
        """R2, at most 1; 0 where the truths are all alike; NaN for no images."""
        found = self.evaluate(X, y, threads)[0]["r2"]
        return float("nan") if found is None else found

    def evaluate(self, X, y, threads: int | None = None) -> tuple[dict, np.ndarray]:
        """The report of `quantities.report` with how often intervals hold the truth, and the answers (N, targets).

        ValueError where the targets do not fit; DivergedError where answers are not finite.
        """
        return self._quantity_report(X, y, threads)

    def calibrate(self, X, y, threads: int | None = None) -> Self:
        """Take intervals from the errors on validation images, which must not have been trained on; returns self."""
        self.intervals = Intervals.fitted(self._judged(X, y, threads)[2])
        return self

    def info(self) -> dict:
        """What a model file says about itself."""
        return {
            **self._choices(),
            "task": "regression",
            "targets": self.scaling.as_dict(),
            **self._shapes(),
            "training": self.training,
            "intervals": self.intervals.as_dict(),
        }

    def to_torch(self):
        """A PyTorch module with the same answers, see docs/torch.md: from images, float32 in 0..1, to (N, targets).

        ValueError where the targets are too large for float32.
        """
        from ..nn.torch_modules import of_quantities

        return of_quantities(self.network, self.scaling)

    def quantize(self, X: np.ndarray) -> NoReturn:
        """Refuse: ValueError, since 8 bits are too coarse for quantities."""
        raise ValueError("a model of quantities has no form in 8 bits; save or export it in float32")

    def save(self, path: str | os.PathLike) -> None:
        """Write a model file (safetensors), wholly or not at all. OSError where that cannot be."""
        serialization.save(path, self.state_dict(), KIND, self.info())
