"""The learning-rate finder: the range test of Smith, "Cyclical learning rates for training neural networks", 2017.

A copy of the network is trained briefly while the rate grows from far too low to far too high. The loss first stays,
then falls, and at last grows. The largest rate with nearly the lowest loss is halved: a good peak for a schedule.
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

#: The rate grows from the first to the second factor of the optimizer's default rate, in this number of updates.
LOWEST, HIGHEST, UPDATES = 1e-3, 1e3, 1000
PER_POINT = 10  # updates averaged into one point of the curve
_SMOOTHED = 5  # points averaged before the lowest loss is taken
_ABOUT, _OVER = 1.1, 3.0  # times the lowest loss: still good; end of the test


@dataclass(frozen=True)
class RateCurve:
    """Loss (nats, averaged over some updates) against learning rate, both (n,); ``best`` is the suggested rate."""

    rates: np.ndarray
    losses: np.ndarray
    best: float

    @property
    def n_updates(self) -> int:
        """How many updates the test took."""
        return len(self.rates) * PER_POINT

    def draw(self) -> Image.Image:
        """Plot the loss over the logarithm of the rate."""
        lowest = math.floor(math.log10(self.rates[0]))
        x = np.log10(self.rates) - lowest
        at = math.log10(self.best) - lowest
        top = float(self.losses[0])
        curves = [plots.Curve("loss", x, np.minimum(self.losses, 1.2 * top)),
                  plots.Curve(f"{self.best:g}", np.array([at, at]), np.array([0, 1.2 * top]), broken=True)]  # fmt: skip
        label = f"powers of ten of the learning rate, from 1e{lowest} on"
        return plots.draw("Learning rate range test", curves, label, "loss (nats)", y_max=1.2 * top)


class _RangeTest(Trainer):
    """A training whose rate grows by a constant factor at each update."""

    _steps_per_run = PER_POINT

    def _learning_rates(self, first_step: int, n_steps: int) -> np.ndarray:
        done = np.arange(first_step, first_step + n_steps) / UPDATES
        return OPTIMIZERS[self.config.optimizer] * LOWEST * (HIGHEST / LOWEST) ** done


def find(network: Network, X: np.ndarray, y: np.ndarray, config: Config, threads: int | None = None) -> RateCurve:
    """Find a learning rate for training ``network`` by ``config``; the network is not changed.

    The rate is the same for any ``threads``.

    Parameters
    ----------
    network : Network
    X, y : training images and labels, see `arrays.check_pictures`
    config : Config
    threads : int, optional

    Raises
    ------
    ValueError
        The loss falls nowhere, or the optimizer is sdlm, which has a rate for each weight.
    """
    if config.optimizer == "sdlm":
        raise ValueError("sdlm gives each weight a rate of its own, so there is none to be found; name a learning rate")
    copy = Network(network.layers, background=network.background, ink=network.ink, margin=network.margin,
                   size=network.size, field=network.field)  # fmt: skip
    copy.parameters[:] = network.parameters
    epochs = math.ceil(UPDATES * config.batch_size / len(y))
    trainer = _RangeTest(copy, X, y, replace(config, epochs=epochs, patience=0, validation=0), threads)
    rates, losses, before = [], [], (0, 0, 0.0)  # before: epoch, its images so far, the sum of their losses

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
    """Return the rate that the curve suggests, to two digits; ValueError if the loss never fell."""
    ends = np.pad(losses, _SMOOTHED // 2, mode="edge")
    smooth = np.convolve(ends, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")
    if len(losses) <= _SMOOTHED or not smooth.min() < 0.9 * smooth[0]:
        raise ValueError("the loss fell at no learning rate, so there is none to be found; name a learning rate")
    largest = rates[np.flatnonzero(smooth <= _ABOUT * smooth.min())[-1]]
    return float(f"{largest / 2:.2g}")
