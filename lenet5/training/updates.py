"""Updates of the weights, some at a time: what the kernels run, and what one update carries over to the next."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from .. import _kernels
from ..nn.network import Network
from ..nn.targets import labels_in, targets_in
from ..utils.threads import Workers
from . import augment, curvature
from .config import OPTIMIZERS, Config
from .frozen import features, frozen_steps, steps_done_once
from .layer_rates import step_factors
from .regularization import fold, regularized_layers

#: What the kernels call the optimizers.
KINDS = {name: getattr(_kernels, name.upper()) for name in OPTIMIZERS}


class Constraint(Protocol):
    """What weights must be at an update. The methods change ``parameters`` of a network in place."""

    def project(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Set the weights to what they may be."""

    def round(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Set the weights to what gradients are taken at; they update the weights as they were (straight-through
        estimator: Bengio, Leonard, Courville, 2013)."""

    def settle(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Set the weights to what the network predicts with, if training ends here."""


class Updates:
    """The weights in training, their moments and their running average.

    Parameters
    ----------
    network : Network, not frozen
    X, labels : checked training images and labels, see `arrays.check_pictures`; or scaled targets, float32
    config : Config
    threads : int
    teachers : trained networks
    weights : factors of each image's loss, float32, or None
    constraint : Constraint, optional
        What the weights must be.
    shifts : (classes,) float64, what is added to the scores in the loss, see `weights.score_shifts`; or None
    """

    def __init__(
        self,
        network: Network,
        X: np.ndarray,
        labels: np.ndarray,
        config: Config,
        threads: int,
        teachers: Sequence[Network],
        weights: np.ndarray | None = None,
        constraint: Constraint | None = None,
        shifts: np.ndarray | None = None,
    ):
        self._network, self._config, self._weights, self._constraint = network, config, weights, constraint
        self._X, self._labels, self._pictures, self._n_done = X, labels, network.pictures(X), 0
        self._trained = _trained_network(network, config, is_constrained=constraint is not None)
        frozen, factors = frozen_steps(self._trained, config.frozen), step_factors(self._trained, config)
        program, first = self._trained.program(self._pictures.shape), 0
        if frozen and not teachers and constraint is None:
            program, self._pictures, first = _cut(self._trained, self._pictures, config, threads)
        n = len(self._trained.parameters)
        self._moments = _kernels.aligned_zeros(n, np.float32), _kernels.aligned_zeros(n, np.float32)
        self._average = self._trained.parameters.copy() if config.average else None
        self._training = _kernels.Training(
            program, self._trained.parameters, *self._moments,
            KINDS[config.optimizer], batch_size=config.batch_size, n_threads=threads,
            momentum=config.momentum, nesterov=config.nesterov, beta2=0.99 if config.optimizer == "rmsprop" else 0.999,
            weight_decay=config.weight_decay, l1=config.l1, clip_norm=config.clip_norm,
            loss=_loss(config, bool(teachers), labels, shifts),
            seed=config.seed, mixup=config.mixup, adversarial=config.adversarial,
            teachers=[_taught_by(teacher, network, self._pictures.shape) for teacher in teachers],
            frozen=[number - first for number in frozen if number >= first],
            rate_factors={number - first: factor for number, factor in factors.items() if number >= first},
        )  # fmt: skip

    @property
    def are_apart(self) -> bool:
        """Whether another network than the one to be trained is updated; `write_back` takes its weights over."""
        return self._trained is not self._network

    def limit(self, n_threads: int) -> None:
        """Run with no more threads than these from now on."""
        self._training.limit(n_threads)

    def run(
        self, workers: Workers, numbers: np.ndarray, rates: np.ndarray, first_step: int, epoch: int
    ) -> tuple[float, int, int, bool]:
        """Make an update for each of ``rates``, on the images of ``numbers`` in this order.

        Returns
        -------
        (sum of losses, right answers, updates done, whether the loss or a weight is not finite)
        """
        run = self._run_constrained if self._constraint else self._run
        loss_sum, n_correct, n_done, diverged = run(workers, numbers, rates, first_step, epoch)
        if diverged or not all(np.isfinite(tensor).all() for tensor in (self._trained.parameters, *self._moments)):
            return loss_sum, n_correct, n_done, True
        self._n_done = first_step + len(rates)
        self._take_average(first_step, len(rates))
        return loss_sum, n_correct, n_done, False

    def _run(
        self, workers: Workers, numbers: np.ndarray, rates: np.ndarray, first_step: int, epoch: int
    ) -> tuple[float, int, int, bool]:
        """`run`, in the kernels."""
        config = self._config
        chosen = augment.chosen(config.distortions(epoch))
        distortions = augment.for_epoch(chosen, seed=config.seed, epoch=epoch)
        pictures, labels, weights = self._pictures, self._labels, self._weights
        if colour := augment.colour_in(chosen):
            X, labels = colour.changed(self._X[numbers], config.seed, epoch, first_step), labels[numbers]
            pictures, weights = self._network.pictures(X), None if weights is None else weights[numbers]
            numbers = np.arange(len(numbers))
        self._training.prepare(
            pictures, _as_kernels_take(labels), numbers, rates, first_step, distortions, epoch, weights
        )
        workers(self._training.run)
        return self._training.result

    def _run_constrained(
        self, workers: Workers, numbers: np.ndarray, rates: np.ndarray, first_step: int, epoch: int
    ) -> tuple[float, int, int, bool]:
        """`run`, update by update: each is made on rounded weights, and added to those that are not."""
        parameters, constraint = self._trained.parameters, self._constraint
        total, n_right, size = 0.0, 0, self._config.batch_size
        assert constraint is not None
        for k in range(len(rates)):
            constraint.project(self._trained, parameters, first_step + k)
            rest = parameters.copy()
            constraint.round(self._trained, parameters, first_step + k)
            rest -= parameters
            some = numbers[k * size : (k + 1) * size]
            loss_sum, n_correct, _, diverged = self._run(workers, some, rates[k : k + 1], first_step + k, epoch)
            parameters += rest
            total, n_right = total + loss_sum, n_right + n_correct
            if diverged:
                return total, n_right, k, True
        return total, n_right, len(rates), False

    def take_curvature(self, numbers: np.ndarray) -> None:
        """Give each parameter the rate that its curvature on these images suggests (sdlm)."""
        config, some = self._config, np.sort(numbers)
        loss = "mse" if config.loss == "mse" else "cross-entropy"
        rubbish = -config.rubbish_penalty if config.loss == "map" else -math.inf
        h = curvature.diagonal(self._trained, self._X[some], self._labels[some], loss=loss, rubbish=rubbish)
        self._moments[1][:] = curvature.rates(h)

    def _take_average(self, n_before: int, n_steps: int) -> None:
        """The running average of the weights; the mean of all until there are enough of them."""
        if self._average is not None:
            stays = min(self._config.average**n_steps, n_before / (n_before + n_steps))
            self._average *= np.float32(stays)
            self._average += self._trained.parameters * np.float32(1 - stays)

    def write_back(self) -> None:
        """Write the weights as prediction wants them to the network: averaged, and without regularisation.

        Those of frozen layers keep their bytes.
        """
        if self.are_apart:
            own = self._network.state_dict()
            kept = {name: t.copy() for name, t in own.items() if name.rpartition(".")[0] in self._config.frozen}
            fold(self._trained, self._trained.parameters if self._average is None else self._average, self._network)
            if self._constraint:
                self._constraint.settle(self._network, self._network.parameters, self._n_done)
            for name, tensor in kept.items():
                own[name][...] = tensor

    def tensors(self) -> dict[str, np.ndarray]:
        """All that later updates depend on, by name; not copies."""
        averages = {} if self._average is None else {"average": self._average}
        moment1, moment2 = self._moments
        return {"parameters": self._trained.parameters, "moment1": moment1, "moment2": moment2, **averages}


def _trained_network(network: Network, config: Config, is_constrained: bool) -> Network:
    """The network that is updated: ``network`` itself where nothing is added to it for training."""
    if not (config.dropout or config.batch_norm or config.average or config.adversarial or is_constrained):
        return network
    layers = regularized_layers(
        network.layers, dropout=config.dropout, batch_norm=config.batch_norm, frozen=config.frozen
    )
    trained = Network(layers, seed=config.seed, background=network.background, ink=network.ink,
                      margin=network.margin, size=network.size, field=network.field,
                      fused=not config.adversarial)  # fmt: skip
    own = trained.state_dict()
    for name, tensor in network.state_dict().items():
        own[name][...] = tensor
    return trained


def _cut(
    network: Network, pictures: _kernels.Pictures, config: Config, threads: int
) -> tuple[_kernels.Program, _kernels.Pictures, int]:
    """The steps to be run in each epoch, on what, and the number of the first one."""
    n_once = steps_done_once(network, config)
    found = features(network, pictures, n_once, threads) if n_once else None
    return (*found, n_once) if found else (network.program(pictures.shape), pictures, 0)


def _taught_by(teacher: Network, network: Network, shape: tuple[int, int, int]) -> tuple:
    """(program, parameters) of a teacher; ValueError where it sees images otherwise than the network."""
    for name in ("n_classes", "in_channels", "background", "ink", "margin", "size", "field"):
        theirs, ours = getattr(teacher, name), getattr(network, name)
        if theirs != ours:
            raise ValueError(f"the teacher's {name} is {theirs!r}, that of the network to be trained {ours!r}")
    return teacher.program(shape), teacher.parameters


#: By name, for quantities.
_QUANTITY_LOSSES = {"mse": _kernels.SQUARED, "mae": _kernels.ABSOLUTE, "huber": _kernels.HUBER}


def _as_kernels_take(labels: np.ndarray) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    return (labels_in(labels), targets_in(labels)) if labels.dtype.names else labels


def _loss(config: Config, is_taught: bool, labels: np.ndarray, shifts: np.ndarray | None) -> _kernels.Loss:
    if labels.dtype == np.float32:
        return _kernels.Loss(_QUANTITY_LOSSES[config.loss])
    if labels.dtype.names:
        return _kernels.Loss(
            _kernels.CROSS_ENTROPY, config.label_smoothing, shifts=shifts, n_values=labels["targets"].shape[1],
            value_kind=_QUANTITY_LOSSES[config.loss], value_weight=config.quantity_weight,
        )  # fmt: skip
    if config.loss in ("mae", "huber"):
        raise ValueError(f"loss is {config.loss!r}, which is of quantities; classes have cross-entropy, map and mse")
    return _kernels.Loss(
        _kernels.RIGHT_SCORE if config.loss == "mse" else _kernels.CROSS_ENTROPY,
        config.label_smoothing,
        -config.rubbish_penalty if config.loss == "map" else -math.inf,
        teacher_weight=config.teacher_weight if is_taught else 0,
        temperature=config.distillation_temperature if is_taught else 1,
        shifts=shifts,
    )
