"""What a run is to do: config.json of its folder."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..models.documents import checked_side
from ..models.ensemble import MAX_MEMBERS
from ..models.lenet import LeNet5
from ..models.multi_task import MultiTask
from ..models.regressor import Regressor
from ..models.single import SingleNetwork
from ..nn.architectures import CHOICES
from ..nn.targets import TargetScaling
from ..training.config import Config


@dataclass(frozen=True)
class Plan:
    """What a run is to do: enough to begin it anew. ``data_sha256`` ties it to its images.

    ``resized`` is the side of the images; ``preparation`` says how others are prepared, where that is not clear from
    the classes. ``source`` is the set's, see `Loaded.source`. ``members`` above 1 make a committee of networks with
    consecutive seeds, from the config's on.
    ``teachers`` are the SHA-256 of each one's parameters.
    """

    config: Config
    variant: str
    activation: str
    pool: str
    labels: list[str]
    dataset: str
    data_sha256: str
    command: str
    out: str
    c3: str = "dense"  # as in plans that do not say
    head: str = "softmax"
    initializer: str | None = None  # the variant's
    members: int = 1
    teachers: list[str] = field(default_factory=list)
    in_channels: int = 1
    size: int = 32
    resized: int = 28
    preparation: str | None = None
    start: str | None = None  # SHA-256 of the parameters of the model to start from
    source: dict | None = None
    widths: list[int] = field(default_factory=list)  # of the hidden layers; empty: the usual ones
    targets: dict | None = None  # of quantities: their `TargetScaling`; labels beside it are learnt at once

    def check(self) -> None:
        """ValueError or TypeError where a field is of another type, or no network can be made of the plan."""
        texts = (
            *self.labels,
            *self.teachers,
            *(getattr(self, name) for name in CHOICES),
            *(text for text in (self.initializer, self.preparation, self.start) if text is not None),
            self.dataset,
            self.data_sha256,
            self.command,
            self.out,
        )
        if (
            not isinstance(self.labels, list)
            or not isinstance(self.teachers, list)
            or not isinstance(self.widths, list)
            or not all(isinstance(text, str) for text in texts)
        ):
            raise ValueError(
                f"a text is expected for {', '.join(CHOICES)}, initializer, preparation, label, teacher, dataset, "
                "data_sha256, command and out, and a list for widths"
            )
        if type(self.members) is not int or not 1 <= self.members <= MAX_MEMBERS:
            raise ValueError(f"members is {self.members!r}, expected 1 to {MAX_MEMBERS}")
        if self.members > 1 and self.config.quantize:
            raise ValueError("quantize makes a single model in 8 bits, so members is 1")
        self.member(self.members).model()

    @property
    def task(self) -> str:
        """What is learnt, as `train_run` calls it."""
        if self.targets is None:
            return "classification"
        return "both" if self.labels else "regression"

    def member(self, number: int) -> "Plan":
        """The plan of one member, counted from 1; of a single network its own."""
        if self.members == 1:
            return self
        return replace(self, config=replace(self.config, seed=self.config.seed + number - 1), members=1)

    def model(self) -> LeNet5 | Regressor | MultiTask:
        """The untrained network."""
        if self.targets is not None:
            return self._of_quantities(TargetScaling.from_dict(self.targets))
        names = (*CHOICES, "labels", "initializer", "in_channels", "size", "preparation", "widths")
        model = LeNet5(self.variant, seed=self.config.seed, **{name: getattr(self, name) for name in names})
        model.resized = checked_side(self.resized, model.network)
        return model

    def _of_quantities(self, scaling: TargetScaling) -> Regressor | MultiTask:
        names = ("activation", "pool", "c3", "initializer", "in_channels", "size", "preparation", "widths")
        how: dict[str, Any] = {"seed": self.config.seed, **{name: getattr(self, name) for name in names}}
        model: Regressor | MultiTask
        if self.labels:
            model = MultiTask(self.variant, labels=self.labels, **how)
            model.take(self.labels, scaling)
        else:
            model = Regressor(self.variant, **how)
            model.take_scaling(scaling)
        model.resized = checked_side(self.resized, model.network)
        return model


def sides(X: np.ndarray) -> dict[str, Any]:
    """Fields of a plan that training images (N, S, S) or (N, C, S, S) decide."""
    side = X.shape[-1]
    return {"in_channels": X.shape[1] if X.ndim == 4 else 1, "size": 32 if side == 28 else side, "resized": side}


def fingerprint(model: SingleNetwork) -> str:
    """SHA-256 of a model's parameters, as they lie in memory."""
    return hashlib.sha256(model.parameters.data).hexdigest()
