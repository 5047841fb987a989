"""Learning-rate schedules: factors of the peak rate, from the fraction of training that is done, 0 to 1."""

import numpy as np

#: P98, section III-C: (first epoch, global learning rate) of the 20 epochs.
PAPER = ((0, 5e-4), (2, 2e-4), (5, 1e-4), (8, 5e-5), (12, 1e-5))


def constant(progress: np.ndarray, epochs: int) -> np.ndarray:
    return np.ones_like(progress)


def step(progress: np.ndarray, epochs: int) -> np.ndarray:
    """1, then 1/10 after half of the training, and 1/100 after three quarters."""
    return np.where(progress < 0.5, 1.0, np.where(progress < 0.75, 0.1, 0.01))


def cosine(progress: np.ndarray, epochs: int) -> np.ndarray:
    """From 1 down to 0 along half a cosine."""
    return 0.5 * (1 + np.cos(np.pi * progress))


def onecycle(progress: np.ndarray, epochs: int, rising_part: float = 0.2) -> np.ndarray:
    """Rise linearly from 1/10 during the first fifth, then fall to 0 along half a cosine."""
    rising = 0.1 + 0.9 * progress / rising_part
    return np.where(progress < rising_part, rising, cosine((progress - rising_part) / (1 - rising_part), epochs))


def paper(progress: np.ndarray, epochs: int) -> np.ndarray:
    """The table of the 1998 paper, epoch by epoch (`PAPER`), as fractions of its first rate."""
    passes = np.floor(progress * epochs + 1e-9)
    rates = np.full_like(progress, PAPER[0][1])
    for first, rate in PAPER:
        rates = np.where(passes >= first, rate, rates)
    return rates / PAPER[0][1]


SCHEDULES = {"constant": constant, "step": step, "cosine": cosine, "onecycle": onecycle, "paper": paper}


def learning_rates(schedule: str, peak: float, first_step: int, n_steps: int, total_steps: int, epochs: int = 1,
                   warmup: float = 0.0) -> np.ndarray:  # fmt: skip
    """Return the rates of ``n_steps`` steps from ``first_step`` on, (n_steps,) float64.

    Parameters
    ----------
    schedule : one of `SCHEDULES`, else ValueError
    peak : float
        The highest rate.
    total_steps, epochs : int
        Steps of the whole training, and the epochs they make.
    warmup : float, 0 to 1
        Fraction of the training over which the rate rises linearly to that of the schedule.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule is {schedule!r}, expected one of {', '.join(SCHEDULES)}")
    steps = np.arange(first_step, first_step + n_steps, dtype=np.float64)
    rates = peak * SCHEDULES[schedule](steps / total_steps, epochs)
    return rates * np.minimum(1.0, (steps + 1) / (warmup * total_steps)) if warmup else rates
