"""A network that gives a class and quantities at once: the digit, and by how much it is turned."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Self

import numpy as np

from ..evaluation.calibration import Calibration
from ..evaluation.quantities import Intervals
from ..nn import serialization
from ..nn.targets import TargetScaling, checked_targets, joined, labels_in, targets_in
from ..preprocessing.preparation import IMAGE, Preparation
from . import transfer
from .base import Classifier
from .class_names import are_other_classes, checked_labels, class_numbers, names_in
from .lenet import DIGITS, LeNet5
from .quantity_answers import QuantityAnswers
from .regressor import Regressor
from .single import SingleNetwork, finish

if TYPE_CHECKING:
    from ..training.config import Config
    from ..training.multi_task import MultiTaskTrainer
    from ..training.records import MultiTaskEpoch

KIND = "multi-task"


class MultiTask(SingleNetwork, QuantityAnswers, Classifier):
    """LeNet-5 with one last layer for both: scores of classes, and linear outputs for quantities.

    What `Classifier` says of classes holds: `predict`, `predict_proba`, `score`. Beside it are `predict_quantities` and
    `predict_interval`. `split` gives the same network as a model of classes and one of quantities.

    Parameters
    ----------
    variant, seed, activation, pool, c3, initializer, in_channels, size, widths : as of `LeNet5`
    labels : names of the classes, optional; else what `fit` finds in ``y``
    period, preparation : as of `Regressor`

    Attributes
    ----------
    labels : tuple of str
    n_targets : int, decided by ``targets``
    scaling, intervals, training : as of `Regressor`
    history_ : list of MultiTaskEpoch, only there after `fit`

    Examples
    --------
    >>> from lenet5 import MultiTask
    >>> from lenet5.datasets.synthetic import strokes
    >>> X, y = strokes.draw(100, seed=1)
    >>> model = MultiTask().fit(X, y, X.mean(axis=(1, 2)), epochs=1)
    >>> model.predict(X).shape, model.predict_quantities(X).shape
    ((100,), (100,))
    """

    def __init__(
        self,
        variant: str = "modern",
        *,
        seed: int | None = 0,
        labels: Sequence[str] | None = None,
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
        self._takes_labels, self._takes_targets, self.intervals = labels is None, True, Intervals()
        self.take(DIGITS if labels is None else labels, TargetScaling((0.0,), (1.0,), period))
        self._prepare(preparation)

    def take(self, labels: Sequence[str], scaling: TargetScaling) -> None:
        """Learn these classes, and targets with this scaling; another number of outputs makes a new network."""
        labels = checked_labels(labels)
        n_outputs = len(labels) + scaling.n_outputs
        if not hasattr(self, "network") or n_outputs != self.network.n_classes:
            self._build(n_outputs)
        self.labels, self.n_classes, self.scaling = labels, len(labels), scaling

    @property
    def preparation(self) -> Preparation:
        """How images of any kind are prepared for it."""
        return Preparation(self._preparation or IMAGE.kind, self.resized, self.network.field, self.in_channels)

    def _kind(self) -> str:
        return self.variant

    def _facts(self) -> dict[str, str]:
        facts = super()._facts()
        targets = "1 target" if self.n_targets == 1 else f"{self.n_targets} targets"
        return facts | {"classes": f"{facts['classes']} and {targets}"}

    def fit(
        self,
        X,
        y: np.ndarray,
        targets: np.ndarray,
        *,
        threads: int | None = None,
        validation_data: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
        callback: "Callable[[MultiTaskEpoch], None] | None" = None,
        verbose: bool = False,
        sample_weight: np.ndarray | None = None,
        freeze: str | Sequence[str] = (),
        start_from: "SingleNetwork | None" = None,
        **settings,
    ) -> Self:
        """Train quietly, on from the present weights; returns self.

        Parameters
        ----------
        X : images, as `LeNet5.fit` takes them
        y : (N,), names of classes or their numbers from 0
        targets : (N,) or (N, targets), finite numbers
            The first `fit` takes their mean and deviation, which the model keeps.
        validation_data : (X, y, targets), optional
        threads, callback, verbose, sample_weight, freeze, start_from : as of `LeNet5.fit`
        **settings
            Fields of `config.Config`, with the defaults of `Regressor.fit`; ``loss`` is that of the quantities, and
            ``quantity_weight`` its factor beside the cross-entropy. ``validation`` (default 0 here) sets images apart,
            keeps the epoch with the lowest loss on them, and takes temperature and intervals from them.

        ValueError where shapes, dtypes, values or settings are not as above; DivergedError where the loss became NaN
        or infinite.
        """
        from ..training.config import check_names
        from ..training.multi_task import multi_task_config

        check_names(settings)
        X, both = self._taken(X), self._joined(X, y, targets, is_new=True)
        if start_from is not None:
            transfer.start_from(self.network, start_from)
        frozen = {"freeze": freeze if isinstance(freeze, str) else ",".join(freeze)} if freeze else {}
        settings = {"validation": 0, "seed": self.seed or 0, **settings, **frozen}
        config = multi_task_config(self.network, n_images=len(both), **settings)
        held = validation_data and (self._taken(validation_data[0]), self._joined(*validation_data))
        trainer = self.trainer(X, both, config, threads, held, sample_weight)
        self._takes_labels = self._takes_targets = False
        self.resized, self.training = self.network.side_of(X), None
        self.intervals, self.calibration = Intervals(), Calibration()
        finish(self, trainer, "MultiTask.fit", verbose, callback)
        return self

    def _joined(self, X, y, targets, *, is_new: bool = False) -> np.ndarray:
        """Classes and targets of images as `targets.joined`; a new model learns from them which there are."""
        y, targets = np.asarray(y), checked_targets(targets, len(X))
        labels, scaling = self.labels, self.scaling
        if is_new and self._takes_labels and y.ndim == 1 and are_other_classes(y):
            labels = names_in(y)
        if is_new and self._takes_targets and len(targets):
            scaling = TargetScaling.of(targets, self.period)
        if is_new:
            self.take(labels, scaling)
        return joined(self.class_numbers(X, class_numbers(y, self.labels)), targets)

    def trainer(
        self,
        X: np.ndarray,
        y: np.ndarray,
        config: "Config",
        threads: int | None = None,
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        sample_weight: np.ndarray | None = None,
    ) -> "MultiTaskTrainer":
        """The training that `fit` runs, on what `targets.joined` gives."""
        from ..training.multi_task import MultiTaskTrainer

        return MultiTaskTrainer(self.scaling, self.network, X, y, config, threads, (), validation_data, sample_weight)

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Scores of the classes (N, classes), float32."""
        return np.ascontiguousarray(self.network.logits(X, threads)[:, : self.n_classes])

    def _scaled(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        outputs = self.network.logits(X, threads)
        if outputs.ndim != 2:
            raise ValueError(f"images give maps of shape {outputs.shape[2:]}, expected one answer each: "
                             f"MultiTask(size=...) makes a model for larger ones")  # fmt: skip
        return outputs[:, self.n_classes :]

    def predict_quantities(self, X, threads: int | None = None) -> np.ndarray:
        """The quantity of each image, (N,) float64; (N, targets) where there are several. X: as of `predict`."""
        return self._shaped(self._answers(X, threads))

    def evaluate(self, X, y, threads: int | None = None) -> tuple[dict, np.ndarray]:
        """The report of `Classifier.evaluate`, that of quantities beside it, and the probabilities (N, classes).

        y : what `targets.joined` gives, or labels alone, of which nothing is said of quantities then
        """
        y = np.asarray(y)
        report, probabilities = super().evaluate(X, labels_in(y), threads)
        found = self._quantity_report(self._taken(X), targets_in(y), threads)[0] if y.dtype.names else {}
        return report | found, probabilities

    def calibrate(self, X, y, threads: int | None = None) -> Self:
        """Take temperature, thresholds and intervals from validation images; returns self. y: as of `evaluate`."""
        y = np.asarray(y)
        if y.dtype.names:
            self.intervals = Intervals.fitted(self._judged(X, targets_in(y), threads)[2])
        return super().calibrate(X, labels_in(y), threads)

    def split(self) -> tuple[LeNet5, Regressor]:
        """The model of classes, and that of quantities, which give the same answers; either can be exported."""
        how = {name: getattr(self, name) for name in ("activation", "pool", "c3", "in_channels", "size", "widths")}
        how |= {"seed": None, "preparation": self.preparation.kind}
        classes, values = LeNet5(self.variant, labels=self.labels, **how), Regressor(self.variant, **how)
        values.take_scaling(self.scaling)
        values.intervals, classes.calibration = self.intervals, self.calibration
        for model, rows in ((classes, slice(self.n_classes)), (values, slice(self.n_classes, None))):
            model.load_state_dict(
                {name: t[rows] if name.startswith("output.") else t for name, t in self.state_dict().items()}
            )
            model.resized, model.training = self.resized, self.training
            model.make_read_only()
        return classes, values

    def info(self) -> dict:
        """What a model file says about itself."""
        return {
            **self._choices(),
            "task": "both",
            "labels": list(self.labels),
            "targets": self.scaling.as_dict(),
            **self._shapes(),
            "training": self.training,
            "calibration": self.calibration.as_dict(),
            "intervals": self.intervals.as_dict(),
        }

    def to_torch(self) -> NoReturn:
        """Refuse: ValueError; the two of `split` have PyTorch modules."""
        raise ValueError("a model of classes and quantities has no module; take those of both parts: model.split()")

    def quantize(self, X: np.ndarray) -> NoReturn:
        """Refuse: ValueError, since 8 bits are too coarse for quantities."""
        raise ValueError("a model of quantities has no form in 8 bits; of its classes: model.split()[0].quantize(X)")

    def save(self, path: str | os.PathLike) -> None:
        """Write a model file (safetensors), wholly or not at all. OSError where that cannot be."""
        serialization.save(path, self.state_dict(), KIND, self.info())
