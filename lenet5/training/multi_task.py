"""Training on a class and on quantities at once: the first outputs are scores, the others scaled targets."""

from dataclasses import replace

import numpy as np

from ..evaluation import quantities
from ..nn.arrays import check_labels
from ..nn.losses import cross_entropy, mean_cost
from ..nn.network import Network
from ..nn.targets import TargetScaling, checked_targets, joined, labels_in, targets_in
from .config import QUANTITY_LOSSES, Config
from .records import MultiTaskEpoch
from .regression import regression_config
from .trainer import Trainer

#: Settings that are about classes, and that `regression_config` would refuse.
_OF_CLASSES = ("label_smoothing", "class_weight", "logit_adjustment")


def multi_task_config(network: Network, *, n_images: int | None = None, **settings) -> Config:
    """A `Config` for both: that of quantities, of which `loss` speaks, with what is about classes.

    ValueError for settings that go with classes alone.
    """
    of_classes = {name: settings.pop(name) for name in _OF_CLASSES if name in settings}
    return replace(regression_config(network, n_images=n_images, **settings), **of_classes)


class MultiTaskTrainer(Trainer):
    """Trains a network on what `targets.joined` makes of labels and targets.

    The loss is the cross-entropy, plus ``config.quantity_weight`` times that of quantities. The best epoch is the one
    of the lowest validation loss.
    """

    record = MultiTaskEpoch

    def __init__(self, scaling: TargetScaling, network: Network, X: np.ndarray, y, config: Config, *others):
        if config.loss not in QUANTITY_LOSSES:
            raise ValueError(f"loss is {config.loss!r}, expected that of the quantities: {', '.join(QUANTITY_LOSSES)}")
        self._scaling = scaling
        super().__init__(network, X, y, config, *others)

    def _checked(self, network: Network, X: np.ndarray, y) -> np.ndarray:
        labels = check_labels(y["label"], len(X), network.n_classes - self._scaling.n_outputs)
        targets = checked_targets(y["targets"], len(X))
        if targets.shape[1] != self._scaling.n_targets:
            raise ValueError(f"there are {targets.shape[1]} targets for each image, of the model "
                             f"{self._scaling.n_targets}")  # fmt: skip
        return joined(labels, targets)

    def _learnt(self, y: np.ndarray) -> np.ndarray:
        return joined(y["label"], self._scaling.encode(targets_in(y)))

    def _is_hopeless(self) -> bool:
        return False

    def _validate(self) -> tuple:
        if self.validation is None:
            return None, None, None, None
        X, y = self.validation
        outputs, labels, targets = self._validation_scores(X), labels_in(y), targets_in(y)
        scores, values = np.split(outputs, [outputs.shape[1] - self._scaling.n_outputs], axis=1)
        found = quantities.report(self._scaling.decode(values), targets, self._scaling.period)
        cost = mean_cost(self.config.loss, values, self._scaling.encode(targets))
        loss = float(cross_entropy(scores, labels).mean()) + self.config.quantity_weight * cost
        return loss, float((scores.argmax(axis=1) == labels).mean()), found["mae"], found["r2"]
