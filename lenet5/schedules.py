"""How the learning rate runs over the steps of a training."""

import numpy as np


def constant(progress: np.ndarray) -> np.ndarray:
    return np.ones_like(progress)


def cosine(progress: np.ndarray) -> np.ndarray:
    """From 1 down to 0 along half a cosine."""
    return 0.5 * (1 + np.cos(np.pi * progress))


def onecycle(progress: np.ndarray, warmup: float = 0.2) -> np.ndarray:
    """Up in a straight line from 1/10 during the first fifth, then down to 0 along half a cosine."""
    rising = 0.1 + 0.9 * progress / warmup
    return np.where(progress < warmup, rising, cosine((progress - warmup) / (1 - warmup)))


SCHEDULES = {"constant": constant, "cosine": cosine, "onecycle": onecycle}


def learning_rates(schedule: str, peak: float, first_step: int, n_steps: int, total_steps: int) -> np.ndarray:
    """The rates of steps first_step .. first_step + n_steps of ``total_steps``: (n_steps,) float64.

    ValueError for a schedule that is not in ``SCHEDULES``.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule is {schedule!r}, expected one of {', '.join(SCHEDULES)}")
    steps = np.arange(first_step, first_step + n_steps, dtype=np.float64)
    return peak * SCHEDULES[schedule](steps / total_steps)
