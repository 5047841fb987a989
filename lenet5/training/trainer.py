"""Training as a generator of epoch records: the caller prints them, saves the state and says when to stop.

Everything random is a function of seed and epoch, with the position (the order) or the number of the image
(distortions). Sums have a fixed order. So the weights are the same bits for any number of threads, and also where
a run was stopped and resumed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from time import perf_counter

import numpy as np

from ..errors import DivergedError, NothingLearnedError
from ..nn.arrays import check_labels_of
from ..nn.losses import cross_entropy
from ..nn.network import Network
from ..nn.targets import labels_in
from ..utils.memmap import Pages
from ..utils.threads import Workers, check_threads, default_threads
from . import curvature, stuck
from .config import Config
from .defaults import peak_rate
from .fake_quantization import FakeQuantization
from .records import AnyEpoch, Epoch, Position, Progress, saved_position
from .sampler import Order
from .schedules import learning_rates
from .updates import Constraint, Updates
from .weights import image_weights, score_shifts

#: Images between two looks at the clock and at whether to stop: some 50 ms.
PICTURES_PER_RUN = 4096
#: Of the learning rate: where that of finetuning begins.
FINETUNE_RATE = 0.1


class Trainer:
    """Trains a network in place.

    Parameters
    ----------
    network : Network
    X, y : training images and labels, see `arrays.check_pictures`
        A memory map of uint8 or float32 is read as it is needed: neither the set nor its pages pile up in memory.
    config : Config
    threads : int, optional
        Changes the time, not the weights.
    teachers : trained networks, optional
        Distillation (Hinton, Vinyals, Dean, 2015): the mean of their answers to each image, as distorted, is the
        fraction ``config.teacher_weight`` of its target. They take images as ``network`` does.
    validation_data : (X, y), optional
        Validation images of one's own, where ``config.validation`` is 0 or their number.
    sample_weight : (N,), optional
        How much each image counts in the loss, see `weights.image_weights`.
    constraint : Constraint, optional
        Brings the weights to allowed values before each update, see `Updates`.

    Attributes
    ----------
    best : ndarray
        Parameters with the highest validation accuracy so far, and of equal ones the lowest loss; the last ones where
        there is no validation set.
    last : ndarray
        Parameters at the end of the last whole epoch; before the first one, the initial ones.
    history : list of Epoch, or of `record`, the class of an epoch's result
    """

    record: type[AnyEpoch] = Epoch

    def __init__(
        self,
        network: Network,
        X: np.ndarray,
        y: np.ndarray,
        config: Config,
        threads: int | None = None,
        teachers: Sequence[Network] = (),
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        sample_weight: np.ndarray | None = None,
        constraint: Constraint | None = None,
    ):
        y = self._checked(network, X, y)
        X = network.check_pictures(X)
        if not len(y):
            raise ValueError("X holds no images, expected at least one to train on")
        n_set_apart = config.validation if validation_data is None else 0
        self._order = Order(len(y), n_set_apart, config.seed, Pages(X))
        self.validation = (self._order.read_validation(X), y[self._order.validation]) if n_set_apart else None
        if validation_data is not None:
            self.validation = self._checked_validation(network, *validation_data, config.validation)
        self.network, self.config = network.make_writable(), config
        self.threads = default_threads() if threads is None else check_threads(threads)
        self._X, self._labels = X, y
        self.steps_per_epoch = -(-self._order.n // config.batch_size)
        if config.quantize:
            constraint = FakeQuantization(network, config.epochs * self.steps_per_epoch)
        trained, learnt = self._order.trained(), self._learnt(y)
        weights = image_weights(labels_in(y), trained, config.class_weight, sample_weight)
        shifts = score_shifts(learnt[trained], network.n_classes, config.logit_adjustment)
        self._updates = Updates(self.network, X, learnt, config, self.threads, teachers, weights, constraint, shifts)
        self.best = network.parameters.copy()
        self.last = network.parameters.copy()
        self._at = Position()

    def _checked(self, network: Network, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """``y`` as it is validated on; ValueError where it does not fit the images."""
        return check_labels_of(network, X, y)

    def _checked_validation(
        self, network: Network, X: np.ndarray, y: np.ndarray, n: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Validation images of one's own; ``n`` is how many the config speaks of."""
        if n not in (0, len(y)):
            raise ValueError("validation_data is given, so none of the training images are needed: validation is 0")
        y = self._checked(network, X, y)
        if not len(y):
            raise ValueError("validation_data holds no images, expected at least one")
        return network.check_pictures(X), y

    def _learnt(self, y: np.ndarray) -> np.ndarray:
        """Labels, or scaled targets, as the kernels take them."""
        return y

    @property
    def history(self) -> list:
        return [self.record(**record) for record in self._at.history]

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
    ) -> Iterator[AnyEpoch]:
        """Train on from where it stands, giving a record after each epoch.

        Ends early, between two batches, as soon as ``stop()`` is true. DivergedError at the first loss that is not
        finite; the network then holds the weights of the last whole epoch.
        """
        while not self.done:
            with Workers(self.threads) as workers:
                self._updates.limit(workers.n_threads)
                while self._at.step < self.steps_per_epoch:
                    if stop():
                        return
                    self._run_steps(workers)
                    progress(self._progress())
            yield self._end_epoch()

    def finish(self, is_verbose: bool, callback: Callable | None) -> None:
        """Train to the end, with a line on standard output, and a call, after each epoch."""
        for epoch in self.run():
            if is_verbose:
                print(f"epoch {epoch.epoch}/{self.config.epochs}  {epoch}")
            if callback:
                callback(epoch)

    def _run_steps(self, workers: Workers) -> None:
        at, batch_size = self._at, self.config.batch_size
        n_steps = min(self._steps_per_run, self.steps_per_epoch - at.step)
        numbers = self._order.numbers(at.epoch, at.step * batch_size, (at.step + n_steps) * batch_size)
        first_step = at.epoch * self.steps_per_epoch + at.step
        rates = self._learning_rates(first_step, n_steps)
        started = perf_counter()
        if self.config.optimizer == "sdlm" and at.step == 0:
            self._updates.take_curvature(self._order.numbers(at.epoch, 0, curvature.N_PICTURES))
        loss_sum, n_correct, n_done, diverged = self._updates.run(workers, numbers, rates, first_step, at.epoch)
        if diverged:
            self._diverge(at.step + n_done)
        at.loss_sum += loss_sum
        at.n_correct += n_correct
        at.step += n_steps
        at.seconds += perf_counter() - started

    def _learning_rates(self, first_step: int, n_steps: int) -> np.ndarray:
        config = self.config
        schedule, peak, epochs, warmup = config.schedule, peak_rate(config), config.epochs, config.warmup
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

    def some_images(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """(X, y) of at most ``n`` of the images that it trains on: the first of the first epoch."""
        some = np.sort(self._order.numbers(0, 0, min(n, self._order.n)))
        return self._X[some], self._labels[some]

    def _is_hopeless(self) -> bool:
        """`stuck.is_hopeless`, by some of the training images."""
        return stuck.is_hopeless(self.network, self.last, *self.some_images(stuck.N_JUDGED), self.threads)

    def _give_up(self) -> None:
        self.network.parameters[:] = self.last
        raise NothingLearnedError(
            "nothing was learnt in the first epoch: every image gets the same answer; try a lower learning rate than "
            f"{self.config.learning_rate:g}"
        )

    def _progress(self) -> Progress:
        at, n = self._at, self._order.n
        n_done = min(n, at.step * self.config.batch_size)
        accuracy = at.n_correct / n_done if self.record.has_classes else None
        return Progress(at.epoch + 1, n_done, n, at.loss_sum / n_done, accuracy, at.seconds)

    def _end_epoch(self) -> AnyEpoch:
        at, n = self._at, self._order.n
        last_step = (at.epoch + 1) * self.steps_per_epoch - 1
        rate = self._learning_rates(last_step, 1)[0]
        self._updates.write_back()
        if at.epoch == 0 and self._is_hopeless():
            self._give_up()
        trained = (at.loss_sum / n, at.n_correct / n) if self.record.has_classes else (at.loss_sum / n,)
        speed = n / at.seconds if at.seconds > 0 else 0.0  # a clock may stand still
        record_of: Callable[..., AnyEpoch] = self.record
        record = record_of(at.epoch + 1, *trained, *self._validate(), float(rate), at.seconds, speed)
        if self._is_best(record):
            self.best[:], at.best_epoch = self.network.parameters, record.epoch
        self.last[:] = self.network.parameters
        at.history.append(asdict(record))
        at.epoch, at.step, at.loss_sum, at.n_correct, at.seconds = record.epoch, 0, 0.0, 0, 0.0
        return record

    def _validate(self) -> tuple:
        """The fields of a record that begin with "validation_"."""
        if self.validation is None:
            return None, None
        X, y = self.validation
        logits = self._validation_scores(X)
        return float(cross_entropy(logits, y).mean()), float((logits.argmax(axis=1) == y).mean())

    def _validation_scores(self, X: np.ndarray) -> np.ndarray:
        scores = self.network.logits(X, self.threads)
        if not np.isfinite(scores).all():
            self._diverge(self._at.step - 1)
        return scores

    def _is_best(self, record) -> bool:
        return not self._at.history or record.beats(self.history[self._at.best_epoch - 1])

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """All that :meth:`restore` needs: tensors by name, and a JSON document."""
        return {name: tensor.copy() for name, tensor in self._tensors().items()}, asdict(self._at) | self._origin()

    def restore(self, tensors: dict[str, np.ndarray], document: dict) -> None:
        """Go on exactly from a :meth:`state`; ValueError, and no change, where it is not one of this training."""
        if isinstance(document, dict) and isinstance(config := document.get("config"), dict):
            document = document | {"config": asdict(Config()) | config}  # an older version had fewer settings
        own = self._tensors()
        if {name: np.shape(t) for name, t in tensors.items()} != {name: t.shape for name, t in own.items()}:
            raise ValueError("the saved tensors are not those of this network")
        if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
            raise ValueError("the saved tensors hold numbers that are not finite")
        at = saved_position(
            document,
            self._origin(),
            self.config.epochs,
            self.steps_per_epoch,
            is_validated=self.validation is not None,
            record=self.record,
        )
        for name, tensor in tensors.items():
            own[name][:] = tensor
        if self._updates.are_apart:
            self.network.parameters[:] = self.last
        self._at = at

    def _tensors(self) -> dict[str, np.ndarray]:
        return {**self._updates.tensors(), "best": self.best, "last": self.last}

    def _origin(self) -> dict:
        """What a state must have in common with the training that it is restored to."""
        return {"config": asdict(self.config), "n_pictures": self._order.n}
