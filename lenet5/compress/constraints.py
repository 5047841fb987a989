"""What compression asks of weights while they are trained: few that are not 0, and few distinct values.

A constraint of `training.updates`.
"""

from collections.abc import Mapping

import numpy as np

from ..nn.network import Network

#: Updates between two choices of the weights that stay; fewer in short trainings.
EVERY = 100
#: Parts of the updates. Up to the first, more and more weights are set to 0; from the second on, values are shared.
#: From the third on, each weight keeps the number of its value. Until then many change to and fro between two of them.
END_OF_RAMP, START_OF_SHARING, END_OF_CHOICE = 0.4, 0.6, 0.75
ROUNDS = 20  # of k-means at first; 1 at each later update


class Compression:
    """Magnitude pruning, more of it update by update, then weight sharing.

    Parameters
    ----------
    n_left : int
        Weights that stay; biases are not counted.
    n_values : int
        Distinct values of each tensor besides 0; 0 leaves them as they are.
    n_steps : int
        Updates in all.
    """

    def __init__(self, n_left: int, n_values: int, n_steps: int):
        self.n_left, self.n_values, self.n_steps = n_left, n_values, n_steps
        self._every, self._chosen = max(1, min(EVERY, n_steps // 20)), 0
        self._masks: dict[str, np.ndarray] = {}
        self._codebooks: dict[str, np.ndarray] = {}
        self._places: dict[str, np.ndarray] = {}  # of the values that are not pruned, once no more are
        self._numbers: dict[str, np.ndarray] = {}  # of the value that each of them has

    def project(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Set pruned weights to 0."""
        tensors = network.state_dict(parameters)
        weights = {name: tensor for name, tensor in tensors.items() if name.endswith(".weight")}
        if not self._masks or (step >= self._chosen + self._every and self._chosen < self._end_of_ramp):
            self._chosen = step
            self._masks = largest(weights, self._n_left_at(step, sum(w.size for w in weights.values())))
        for name, weight in weights.items():
            weight *= self._masks[name]

    def round(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Set the others to the values that they share."""
        if self.n_values and step >= START_OF_SHARING * self.n_steps:
            for name, tensor in network.state_dict(parameters).items():
                self._share(name, tensor, is_choosing=step < END_OF_CHOICE * self.n_steps)

    def settle(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Pruned, and rounded."""
        self.project(network, parameters, step)
        self.round(network, parameters, step)

    @property
    def _end_of_ramp(self) -> float:
        return END_OF_RAMP * self.n_steps

    def _n_left_at(self, step: int, n: int) -> int:
        """Zhu and Gupta, "To prune, or not to prune", 2017: fast at first, slowly where it hurts."""
        undone = max(0.0, 1 - step / max(1.0, self._end_of_ramp)) ** 3
        return round(self.n_left + (n - self.n_left) * undone)

    def _share(self, name: str, tensor: np.ndarray, is_choosing: bool) -> None:
        """Replace the values besides 0 by those of the tensor's codebook: the nearest ones, or the same as before."""
        flat, places = tensor.reshape(-1), self._places.get(name)
        if places is None:
            mask = self._masks.get(name)
            places = self._places[name] = np.arange(tensor.size) if mask is None else np.flatnonzero(mask)
        values = flat[places]
        if is_choosing or name not in self._numbers:
            self._choose(name, values)
        else:
            self._codebooks[name] = as_stored(means(values, self._numbers[name], self._codebooks[name]))
        flat[places] = self._codebooks[name][self._numbers[name]]

    def _choose(self, name: str, values: np.ndarray) -> None:
        """The codebook of a tensor, and the number of the nearest value for each of ``values``."""
        is_new = name not in self._codebooks
        start = np.linspace(values.min(), values.max(), self.n_values) if is_new else self._codebooks[name]
        self._codebooks[name] = codebook = k_means(values, start, ROUNDS if is_new else 1)
        self._numbers[name] = nearest(values, codebook)


def largest(weights: Mapping[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """Masks, float32, of the ``n`` weights with the highest scores of LAMP.

    A score is the square of a weight over a sum of squares: of those in its layer that are not smaller. So no layer is
    emptied, and none needs a rate (Lee and others, "Layer-adaptive sparsity for the magnitude-based pruning", 2021).
    """
    scores = {name: _lamp(weight.ravel()) for name, weight in weights.items()}
    every = np.concatenate(list(scores.values()))
    least = np.partition(every, len(every) - n)[len(every) - n] if n < len(every) else -np.inf
    return {name: (scores[name] >= least).astype(np.float32).reshape(w.shape) for name, w in weights.items()}


def _lamp(weights: np.ndarray) -> np.ndarray:
    squares = weights.astype(np.float64) ** 2
    order = np.argsort(squares)
    sums = np.cumsum(squares[order][::-1])[::-1]
    scores = np.empty_like(squares)
    scores[order] = squares[order] / np.maximum(sums, np.finfo(np.float64).tiny)
    return scores


def k_means(values: np.ndarray, codebook: np.ndarray, rounds: int) -> np.ndarray:
    """A codebook, ascending, float32 that float16 holds, after ``rounds`` of Lloyd's algorithm from this one on."""
    for _ in range(rounds):
        codebook = means(values, nearest(values, codebook), codebook)
    return np.sort(as_stored(codebook))


def means(values: np.ndarray, numbers: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """The mean of the values of each number; that of the codebook where there are none."""
    counts = np.bincount(numbers, minlength=len(codebook))
    sums = np.bincount(numbers, values, minlength=len(codebook))
    return np.where(counts > 0, sums / np.maximum(counts, 1), codebook)


def as_stored(codebook: np.ndarray) -> np.ndarray:
    """Float32 that float16 holds."""
    return codebook.astype(np.float16).astype(np.float32)


def nearest(values: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """The number of the nearest value of an ascending codebook, for each of ``values``."""
    return np.searchsorted((codebook[1:] + codebook[:-1]) / 2, values)
