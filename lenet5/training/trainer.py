"""Training as a generator of epoch records: the caller prints them, saves the state and says when to stop.

Everything random is a function of seed, epoch, and position (the order) or number of the picture (distortions), and
sums have a fixed order; so the weights are the same bits for any number of threads, and a run that was stopped and
resumed ends with those of one that was not.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from time import perf_counter

import numpy as np

from .. import _kernels
from ..errors import DivergedError, NothingLearnedError
from ..nn.arrays import check_labels_of, check_pictures
from ..nn.layers import RBF, Sigmoid, Targets
from ..nn.losses import cross_entropy
from ..nn.network import Network
from ..utils.memmap import Pages
from ..utils.threads import Workers, check_threads, default_threads
from . import augment, curvature, stuck
from .config import OPTIMIZERS, Config
from .records import Epoch, Position, Progress, saved_position
from .regularization import fold, regularized_layers
from .sampler import Order
from .schedules import learning_rates

#: What the kernels call the optimizers.
KINDS = {name: getattr(_kernels, name.upper()) for name in OPTIMIZERS}
#: Pictures between two looks at the clock and at whether to stop: some 50 ms.
PICTURES_PER_RUN = 4096
#: Times the learning rate: where that of finetuning begins.
FINETUNE_RATE = 0.1


class Trainer:
    """Trains a network in place.

    Parameters
    ----------
    network : Network
    X, y : training pictures and labels, see `arrays.check_pictures`
        A memory map of uint8 or float32 is read as it is needed: neither the set nor its pages pile up in memory.
    config : Config
    threads : int, optional
        Changes the time, not the weights.
    teachers : trained networks, optional
        Distillation (Hinton, Vinyals, Dean, 2015): the mean of their answers to each picture, as distorted, is the
        part ``config.teacher_weight`` of its target. They take pictures as ``network`` does.
    validation_data : (X, y), optional
        Validation pictures of one's own, where ``config.validation`` is 0.

    Attributes
    ----------
    best : ndarray
        Parameters with the highest validation accuracy so far (of equal ones the lowest loss); the last ones where
        there is no validation set.
    last : ndarray
        Parameters at the end of the last whole epoch; before the first one, the initial ones.
    history : list of Epoch
    """

    def __init__(
        self,
        network: Network,
        X: np.ndarray,
        y: np.ndarray,
        config: Config,
        threads: int | None = None,
        teachers: Sequence[Network] = (),
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
    ):
        y = check_labels_of(X, y, network.in_channels, network.n_classes)
        X = check_pictures(X, network.in_channels)
        if not len(y):
            raise ValueError("X holds no pictures, expected at least one to train on")
        self._order = Order(len(y), config.validation, config.seed, Pages(X))
        self.validation = (self._order.read_validation(X), y[self._order.validation]) if config.validation else None
        if validation_data is not None:
            self.validation = self._checked_validation(network, *validation_data)
        self.network, self.config = network.thaw(), config
        self.threads = default_threads() if threads is None else check_threads(threads)
        self._X, self._labels = X, y
        self._pictures = network.pictures(X)
        self._trained = _trained_network(network, config)
        n = len(self._trained.parameters)
        self._moments = _kernels.aligned_zeros(n, np.float32), _kernels.aligned_zeros(n, np.float32)
        self._average = self._trained.parameters.copy() if config.average else None
        self._training = _kernels.Training(
            self._trained.program(self._pictures.shape), self._trained.parameters, *self._moments,
            KINDS[config.optimizer], batch_size=config.batch_size, n_threads=self.threads,
            momentum=config.momentum, nesterov=config.nesterov, beta2=0.99 if config.optimizer == "rmsprop" else 0.999,
            weight_decay=config.weight_decay, l1=config.l1, clip_norm=config.clip_norm,
            loss=_loss(config, bool(teachers)),
            seed=config.seed, mixup=config.mixup, adversarial=config.adversarial,
            teachers=[_taught_by(teacher, network, self._pictures.shape) for teacher in teachers],
        )  # fmt: skip
        self.best = network.parameters.copy()
        self.last = network.parameters.copy()
        self._at = Position()
        self.steps_per_epoch = -(-self._order.n // config.batch_size)

    def _checked_validation(self, network: Network, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.validation:
            raise ValueError("validation_data is given, so none of the training pictures are needed: validation is 0")
        y = check_labels_of(X, y, network.in_channels, network.n_classes)
        if not len(y):
            raise ValueError("validation_data holds no pictures, expected at least one")
        return check_pictures(X, network.in_channels), y

    @property
    def history(self) -> list[Epoch]:
        return [Epoch(**record) for record in self._at.history]

    @property
    def best_epoch(self) -> int:
        """The number (from 1) of the epoch that gave ``best``; 0 before the first."""
        return self._at.best_epoch

    @property
    def position(self) -> tuple[int, int]:
        """(whole epochs done, batches done of the next one)."""
        return self._at.epoch, self._at.step

    @property
    def _steps_per_run(self) -> int:
        return max(1, PICTURES_PER_RUN // self.config.batch_size)

    @property
    def done(self) -> bool:
        at, patience = self._at, self.config.patience
        return at.epoch == self.config.epochs or 0 < patience <= at.epoch - at.best_epoch

    def run(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Iterator[Epoch]:
        """Train on from where it stands, giving a record after each epoch.

        Ends early, between two batches, as soon as ``stop()`` is true. DivergedError at the first loss that is not
        finite; the network then holds the weights of the last whole epoch.
        """
        while not self.done:
            with Workers(self.threads) as workers:
                self._training.limit(workers.n_threads)
                while self._at.step < self.steps_per_epoch:
                    if stop():
                        return
                    self._run_steps(workers)
                    progress(self._progress())
            yield self._end_epoch()

    def _run_steps(self, workers: Workers) -> None:
        at, config = self._at, self.config
        n_steps = min(self._steps_per_run, self.steps_per_epoch - at.step)
        first = at.step * config.batch_size
        positions = self._order.numbers(at.epoch, first, first + n_steps * config.batch_size)
        chosen = augment.chosen(config.distortions(at.epoch))
        distortions = augment.for_epoch(chosen, seed=config.seed, epoch=at.epoch)
        first_step = at.epoch * self.steps_per_epoch + at.step
        rates = self._learning_rates(first_step, n_steps)
        started = perf_counter()
        if config.optimizer == "sdlm" and at.step == 0:
            self._take_curvature()
        self._training.prepare(self._pictures, self._labels, positions, rates, first_step, distortions,
                               at.epoch)  # fmt: skip
        workers(self._training.run)
        loss_sum, n_correct, steps_done, diverged = self._training.result
        if diverged or not all(np.isfinite(tensor).all() for tensor in (self._trained.parameters, *self._moments)):
            self._diverge(at.step + steps_done)
        self._take_average(first_step, n_steps)
        at.loss_sum += loss_sum
        at.n_correct += n_correct
        at.step += n_steps
        at.seconds += perf_counter() - started

    def _take_curvature(self) -> None:
        """The rates of all parameters for the pass that begins, from the first pictures of its order."""
        config = self.config
        some = np.sort(self._order.numbers(self._at.epoch, 0, curvature.N_PICTURES))
        loss = "mse" if config.loss == "mse" else "cross-entropy"
        rubbish = -config.rubbish_penalty if config.loss == "map" else -math.inf
        h = curvature.diagonal(self._trained, self._X[some], self._labels[some], loss=loss, rubbish=rubbish)
        self._moments[1][:] = curvature.rates(h)

    def _take_average(self, n_before: int, n_steps: int) -> None:
        """The running average of the weights; the mean of all until there are enough of them."""
        if self._average is not None:
            stays = min(self.config.average**n_steps, n_before / (n_before + n_steps))
            self._average *= np.float32(stays)
            self._average += self._trained.parameters * np.float32(1 - stays)

    def _learning_rates(self, first_step: int, n_steps: int) -> np.ndarray:
        config = self.config
        schedule, peak, epochs, warmup = config.schedule, _peak(config), config.epochs, config.warmup
        epochs -= config.finetune_epochs
        if first_step >= epochs * self.steps_per_epoch and config.finetune_epochs:
            first_step -= epochs * self.steps_per_epoch
            schedule, peak, epochs, warmup = "cosine", FINETUNE_RATE * peak, config.finetune_epochs, 0.0
        total = epochs * self.steps_per_epoch
        return learning_rates(schedule, peak, first_step, n_steps, total, epochs, warmup)

    def _diverge(self, step: int) -> None:
        self.network.parameters[:] = self.last
        raise DivergedError(
            f"the loss is not finite any more at epoch {self._at.epoch + 1}, batch {step + 1}; the last good weights "
            f"are kept; try a lower learning rate than {self.config.learning_rate:g}"
        )

    def _is_hopeless(self) -> bool:
        """`stuck.is_hopeless`, by some of the training images."""
        some = np.sort(self._order.numbers(0, 0, stuck.N_JUDGED))
        return stuck.is_hopeless(self.network, self.last, self._X[some], self._labels[some], self.threads)

    def _give_up(self) -> None:
        self.network.parameters[:] = self.last
        raise NothingLearnedError(
            "nothing was learnt in the first epoch: every image gets the same answer; try a lower learning rate than "
            f"{self.config.learning_rate:g}"
        )

    def _progress(self) -> Progress:
        at, n = self._at, self._order.n
        n_done = min(n, at.step * self.config.batch_size)
        return Progress(at.epoch + 1, n_done, n, at.loss_sum / n_done, at.n_correct / n_done, at.seconds)

    def _end_epoch(self) -> Epoch:
        at, n = self._at, self._order.n
        last_step = (at.epoch + 1) * self.steps_per_epoch - 1
        rate = self._learning_rates(last_step, 1)[0]
        if self._trained is not self.network:
            fold(self._trained, self._trained.parameters if self._average is None else self._average, self.network)
        if at.epoch == 0 and self._is_hopeless():
            self._give_up()
        loss, accuracy = self._validate()
        speed = n / at.seconds if at.seconds > 0 else 0.0  # a clock may stand still
        record = Epoch(at.epoch + 1, at.loss_sum / n, at.n_correct / n, loss, accuracy, float(rate), at.seconds,
                       speed)  # fmt: skip
        if self._is_best(record):
            self.best[:], at.best_epoch = self.network.parameters, record.epoch
        self.last[:] = self.network.parameters
        at.history.append(asdict(record))
        at.epoch, at.step, at.loss_sum, at.n_correct, at.seconds = record.epoch, 0, 0.0, 0, 0.0
        return record

    def _validate(self) -> tuple[float, float] | tuple[None, None]:
        if self.validation is None:
            return None, None
        X, y = self.validation
        logits = self.network.logits(X, self.threads)
        if not np.isfinite(logits).all():
            self._diverge(self._at.step - 1)
        return float(cross_entropy(logits, y).mean()), float((logits.argmax(axis=1) == y).mean())

    def _is_best(self, record: Epoch) -> bool:
        if record.validation_accuracy is None or record.validation_loss is None or not self._at.history:
            return True
        best = self._at.history[self._at.best_epoch - 1]
        return (record.validation_accuracy, -record.validation_loss) > (
            best["validation_accuracy"],
            -best["validation_loss"],
        )

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """All that :meth:`restore` needs: tensors by name, and a JSON document."""
        return {name: tensor.copy() for name, tensor in self._tensors().items()}, asdict(self._at) | self._origin()

    def restore(self, tensors: dict[str, np.ndarray], document: dict) -> None:
        """Go on exactly from a :meth:`state`; ValueError, and no change, where it is not one of this training."""
        own = self._tensors()
        if {name: np.shape(t) for name, t in tensors.items()} != {name: t.shape for name, t in own.items()}:
            raise ValueError("the saved tensors are not those of this network")
        if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
            raise ValueError("the saved tensors hold numbers that are not finite")
        at = saved_position(
            document, self._origin(), self.config.epochs, self.steps_per_epoch, is_validated=self.validation is not None
        )
        for name, tensor in tensors.items():
            own[name][:] = tensor
        if self._trained is not self.network:
            self.network.parameters[:] = self.last
        self._at = at

    def _tensors(self) -> dict[str, np.ndarray]:
        averages = {} if self._average is None else {"average": self._average}
        return {
            "parameters": self._trained.parameters,
            "best": self.best,
            "last": self.last,
            "moment1": self._moments[0],
            "moment2": self._moments[1],
            **averages,
        }

    def _origin(self) -> dict:
        """What a state must have in common with the training that it is restored to."""
        return {"config": asdict(self.config), "n_pictures": self._order.n}


def config_for(network: Network, *, is_taught: bool = False, **settings) -> Config:
    """A `Config` for this network, with a learning rate that suits it where none is given.

    The optimizer's own is divided by ten where gradients are steep, since scores are squared distances of many
    features. It is 4 times as high with sigmoids, whose first weights are as much larger, and for sgd with teachers
    2 / temperature of it.
    """
    config = Config(**settings)
    if settings.get("learning_rate") is not None or config.optimizer == "sdlm":
        return config
    layers = network.layers.values()
    rate = _peak(config)
    if any(isinstance(layer, RBF) and not isinstance(layer, Targets) for layer in layers):
        rate /= 10
    if any(isinstance(layer, Sigmoid) for layer in layers):
        rate *= 4
    if config.optimizer == "sgd" and is_taught:
        rate *= min(1, 2 / config.distillation_temperature)
    return replace(config, learning_rate=rate)


def _peak(config: Config) -> float:
    """The learning rate, which every `Config` has: one that is not given is its optimizer's."""
    assert config.learning_rate is not None
    return config.learning_rate


def _trained_network(network: Network, config: Config) -> Network:
    """The network that the steps are made on: ``network`` itself where nothing is added to it for training."""
    if not (config.dropout or config.batch_norm or config.average or config.adversarial):
        return network
    layers = regularized_layers(network.layers, dropout=config.dropout, batch_norm=config.batch_norm)
    trained = Network(layers, seed=config.seed, background=network.background, ink=network.ink,
                      margin=network.margin, fused=not config.adversarial)  # fmt: skip
    own = trained.state_dict()
    for name, tensor in network.state_dict().items():
        own[name][...] = tensor
    return trained


def _taught_by(teacher: Network, network: Network, shape: tuple[int, int, int]) -> tuple:
    """(program, parameters) of a teacher; ValueError where it sees pictures otherwise than the network."""
    for name in ("n_classes", "in_channels", "background", "ink", "margin"):
        theirs, ours = getattr(teacher, name), getattr(network, name)
        if theirs != ours:
            raise ValueError(f"the teacher's {name} is {theirs!r}, that of the network to be trained {ours!r}")
    return teacher.program(shape), teacher.parameters


def _loss(config: Config, is_taught: bool) -> _kernels.Loss:
    return _kernels.Loss(
        _kernels.RIGHT_SCORE if config.loss == "mse" else _kernels.CROSS_ENTROPY,
        config.label_smoothing,
        -config.rubbish_penalty if config.loss == "map" else -math.inf,
        teacher_weight=config.teacher_weight if is_taught else 0,
        temperature=config.distillation_temperature if is_taught else 1,
    )
