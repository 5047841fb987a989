"""A model of one network: its choices of layers, and its weights."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..errors import DivergedError
from ..nn.architectures import CHOICES, VARIANTS, stages_for
from ..nn.bounds import is_bounded
from ..nn.network import Network
from ..nn.summary import Summary
from ..preprocessing.preparation import Preparation
from .images import ImageModel

if TYPE_CHECKING:
    from ..training.trainer import Trainer


class SingleNetwork(ImageModel):
    """What models of classes and of quantities have in common; see `LeNet5` for parameters and attributes."""

    network: Network
    training: dict | None
    history_: list  # only there after `fit`

    def _choose(
        self,
        variant: str,
        seed: int | None,
        initializer: str | None,
        in_channels: int,
        size: int,
        widths: Sequence[int] = (),
        **choices: str | None,
    ) -> None:
        """Keep what decides the layers; ValueError for choices that there are not."""
        if variant not in VARIANTS:
            raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
        self.activation, self.pool, self.c3, self.head = astuple(VARIANTS[variant].choose(**choices))
        self.variant, self.seed, self.initializer = variant, seed, initializer
        self.in_channels, self.size, self.widths = in_channels, size, tuple(widths)
        self.training = None

    def _build(self, n_outputs: int) -> None:
        """Make the network, with first weights."""
        kind = VARIANTS[self.variant]
        choices = kind.choose(**{name: getattr(self, name) for name in CHOICES})
        layers = kind.layers(choices, n_outputs, self.in_channels, self.size, self.widths)
        self.network = Network(layers, seed=self.seed, background=kind.background, ink=kind.ink,
                               initializer=self.initializer or kind.initializer_for(choices), margin=kind.margin,
                               size=28 if self.size == 32 else self.size,
                               field=stages_for(self.size).field)  # fmt: skip
        self.layers, self.n_parameters = self.network.layers, self.network.n_parameters

    def _prepare(self, preparation: str | None) -> None:
        """Keep how images of any kind are prepared; ValueError for another kind."""
        self.resized = self.network.size
        if preparation is not None:
            Preparation(preparation)
        self._preparation = preparation

    def check_pictures(self, X: np.ndarray) -> np.ndarray:
        """``X`` as a contiguous array, see :func:`arrays.check_pictures`; ValueError where it does not fit."""
        return self.network.check_pictures(X)

    def __getstate__(self) -> dict:
        """A copy has a network of its own, with its own read-only weights or not."""
        return {**self.__dict__, "network": copy.copy(self.network)}

    @property
    def parameters(self) -> np.ndarray:
        """All weights and biases of the network in one buffer, (n,) float32."""
        return self.network.parameters

    def state_dict(self, parameters: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """`Network.state_dict`: views of each tensor by name."""
        return self.network.state_dict(parameters)

    def load_state_dict(self, tensors: Mapping[str, np.ndarray]) -> None:
        """`Network.load_state_dict`; ValueError where a name or a shape differs, or the weights are read-only."""
        self.network.load_state_dict(tensors)

    @property
    def is_read_only(self) -> bool:
        """Whether the weights are read-only."""
        return self.network.is_read_only

    def make_read_only(self) -> Self:
        """Let nothing change the weights, so that single images are answered more quickly; returns self."""
        self.network.make_read_only()
        return self

    def make_writable(self) -> Self:
        """Undo `make_read_only`, as training does by itself; returns self."""
        self.network.make_writable()
        return self

    is_frozen, freeze, thaw = is_read_only, make_read_only, make_writable  # their names before `fit(freeze=)` came

    def summary(self, height: int | None = None, width: int | None = None) -> Summary:
        """The layer table for inputs of this size, by default the model's own."""
        return self.network.summary(height, width)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(row.macs for row in self.summary())

    def _choices(self) -> dict:
        """Of a model file: which layers."""
        return {"variant": self.variant, **{name: getattr(self, name) for name in CHOICES}}

    def _shapes(self) -> dict:
        """Of a model file: what the network takes, and the shapes of its tensors."""
        return {
            "in_channels": self.in_channels,
            "size": self.size,
            **({"widths": list(self.widths)} if self.widths else {}),
            "input_shape": [self.in_channels, self.network.field, self.network.field],
            "shapes": {name: list(tensor.shape) for name, tensor in self.state_dict().items()},
            "preparation": self.preparation.as_dict(),
        }


def finish(model: Any, trainer: "Trainer", command: str, verbose: bool, callback) -> None:
    """Run the training that `fit` of a model made; keep its best weights, and calibrate them.

    DivergedError where the loss, or answers, became NaN or infinite.
    """
    trainer.finish(verbose, callback)
    model.history_ = trainer.history
    model.parameters[:] = trainer.best
    if not is_bounded(model.network):
        raise DivergedError("the weights grew so large that answers would not be finite; lower the learning rate")
    if trainer.validation:
        model.calibrate(*trainer.validation, trainer.threads)
    model.training = {"command": command, "config": asdict(trainer.config)}
