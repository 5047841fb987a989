"""A learning rate from the data: the range test of Smith, "Cyclical learning rates for training neural networks", 2017.

A copy of the network is trained a little while the rate grows from update to update, from far too low to far too
high: the loss stays, then falls, and at last grows. Half the largest rate at which it was still about the least trains
well, as the peak of a schedule.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..errors import DivergedError
from ..evaluation import plots
from ..nn.network import Network
from .config import OPTIMIZERS, Config
from .trainer import Progress, Trainer

#: The rate grows from the first to the second of these, times what suits the optimizer, in so many updates.
LOWEST, HIGHEST, UPDATES = 1e-3, 1e3, 1000
PER_POINT = 10  # updates that a point of the curve is the mean of
_SMOOTHED = 5  # points, for the least loss
_ABOUT, _OVER = 1.1, 3.0  # times the least loss: still good; the test is over


@dataclass(frozen=True)
class RateCurve:
    """Loss (nats, mean of some updates) against learning rate, both (n,); ``best`` is the rate to train with."""

    rates: np.ndarray
    losses: np.ndarray
    best: float

    @property
    def n_updates(self) -> int:
        """How many updates the test took."""
        return len(self.rates) * PER_POINT

    def draw(self) -> Image.Image:
        """The loss over the logarithm of the rate."""
        lowest = math.floor(math.log10(self.rates[0]))
        x = np.log10(self.rates) - lowest
        at = math.log10(self.best) - lowest
        top = float(self.losses[0])
        curves = [plots.Curve("loss", x, np.minimum(self.losses, 1.2 * top)),
                  plots.Curve(f"{self.best:g}", np.array([at, at]), np.array([0, 1.2 * top]), broken=True)]  # fmt: skip
        label = f"powers of ten of the learning rate, from 1e{lowest} on"
        return plots.draw("Learning rate range test", curves, label, "loss (nats)", y_max=1.2 * top)


class _RangeTest(Trainer):
    """A training whose rate grows by one factor from update to update."""

    _steps_per_run = PER_POINT

    def _learning_rates(self, first_step: int, n_steps: int) -> np.ndarray:
        done = np.arange(first_step, first_step + n_steps) / UPDATES
        return OPTIMIZERS[self.config.optimizer] * LOWEST * (HIGHEST / LOWEST) ** done


def find(network: Network, X: np.ndarray, y: np.ndarray, config: Config, threads: int | None = None) -> RateCurve:
    """A learning rate for training ``network`` by ``config`` on these pictures; the network is not changed.

    The same rate for any ``threads``. ValueError for sdlm, which has a rate of its own for each weight, and where the
    loss nowhere falls.
    """
    if config.optimizer == "sdlm":
        raise ValueError("sdlm gives each weight a rate of its own: there is none to be found")
    copy = Network(network.layers, background=network.background, ink=network.ink, margin=network.margin)
    copy.parameters[:] = network.parameters
    epochs = math.ceil(UPDATES * config.batch_size / len(y))
    trainer = _RangeTest(copy, X, y, replace(config, epochs=epochs, patience=0, validation=0), threads)
    rates, losses, before = [], [], (0, 0, 0.0)  # before: pass, its pictures so far, the sum of their losses

    def note(progress: Progress) -> None:
        nonlocal before
        n, loss = before[1:] if before[0] == progress.epoch else (0, 0.0)
        before = progress.epoch, progress.n_done, progress.loss * progress.n_done
        step = (progress.epoch - 1) * trainer.steps_per_epoch + (n + progress.n_done) // (2 * config.batch_size)
        rates.append(float(trainer._learning_rates(step, 1)[0]))
        losses.append((before[2] - loss) / (progress.n_done - n))

    def is_over() -> bool:
        return len(losses) > _SMOOTHED and losses[-1] > _OVER * min(losses)

    try:
        for _ in trainer.run(stop=is_over, progress=note):
            pass
    except DivergedError:
        pass
    return RateCurve(np.array(rates), np.array(losses), _best(np.array(rates), np.array(losses)))


def _best(rates: np.ndarray, losses: np.ndarray) -> float:
    """What the curve suggests, to two digits; ValueError where the loss never fell."""
    ends = np.pad(losses, _SMOOTHED // 2, mode="edge")
    smooth = np.convolve(ends, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")
    if len(losses) <= _SMOOTHED or not smooth.min() < 0.9 * smooth[0]:
        raise ValueError("the loss fell at no learning rate: there is none to be found")
    largest = rates[np.flatnonzero(smooth <= _ABOUT * smooth.min())[-1]]
    return float(f"{largest / 2:.2g}")
