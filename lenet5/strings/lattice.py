"""The best way through a line's hypotheses, and how sure each of its characters is: a graph search.

Nodes are the places between pieces, 0..n; an edge is a hypothesis read as one of its classes, or a piece left out. Each
hypothesis either is a character or is not, so a way's weight is the product of p(class) / p(rubbish) along it: what is
not on it counts 1. The best way has the greatest weight (Viterbi); the confidence of a character is the share that all
ways on which it is read so have of the weight of all ways.
"""

from dataclasses import dataclass

import numpy as np

LIMIT = 12.0  # of a hypothesis' logarithm: no network is surer than that


@dataclass(frozen=True)
class Character:
    """One character on the best way: the class, its confidence in 0..1, and the number of its hypothesis."""

    label: int
    confidence: float
    hypothesis: int


def odds(logits: np.ndarray, rubbish: int) -> np.ndarray:
    """log(p(class) / p(rubbish)) of each class but rubbish, (n, classes - 1), from logits (n, classes)."""
    logits = logits.astype(np.float64)
    return np.clip(np.delete(logits, rubbish, axis=1) - logits[:, rubbish : rubbish + 1], -LIMIT, LIMIT)


def search(
    first: np.ndarray, stop: np.ndarray, scores: np.ndarray, leave_out: np.ndarray, length: int | None = None
) -> tuple[list[Character], float]:
    """The characters on the best way, from left to right, and the confidence of all of them together.

    first, stop (n,): pieces of each hypothesis · scores (n, classes): as `odds` gives · leave_out (pieces,): the
    logarithm of the weight of leaving a piece out · length: so many characters, if that can be.
    """
    n = len(leave_out)
    edges: list[list[tuple[int, int, int, float]]] = [[] for _ in range(n + 1)]  # by their end: start, hypothesis, ...
    best = scores.argmax(axis=1) if len(scores) else np.zeros(0, int)
    totals = np.logaddexp.reduce(scores, axis=1) if len(scores) else np.zeros(0)
    for k in range(len(first)):
        edges[stop[k]].append((int(first[k]), k, int(best[k]), float(scores[k, best[k]])))
    if length is None:
        path, weight = _best(edges, leave_out)
    else:
        path, weight = _best_of_length(edges, leave_out, length)
    forward, backward = _sums(first, stop, totals, leave_out)
    total = forward[-1]
    characters = []
    for k in path:
        share = forward[first[k]] + scores[k, best[k]] + backward[stop[k]] - total
        characters.append(Character(int(best[k]), float(np.exp(min(share, 0))), k))
    return characters, float(np.exp(min(weight - total, 0)))


def _best(edges, leave_out) -> tuple[list[int], float]:
    """Viterbi: the hypotheses on the best way, and its weight."""
    weight, came = [0.0], [(0, -1)]
    for node in range(1, len(edges)):
        options = [(weight[node - 1] + leave_out[node - 1], node - 1, -1)]
        options += [(weight[start] + score, start, k) for start, k, _, score in edges[node]]
        value, start, k = max(options, key=lambda option: option[0])
        weight.append(float(value))
        came.append((start, k))
    path, node = [], len(edges) - 1
    while node:
        node, k = came[node]
        if k >= 0:
            path.append(k)
    return path[::-1], weight[-1]


def _best_of_length(edges, leave_out, length: int) -> tuple[list[int], float]:
    """As `_best`, on ways of ``length`` characters; where there are none, the best of all."""
    weight = np.full((len(edges), length + 1), -np.inf)
    came = np.full((len(edges), length + 1, 2), -1)
    weight[0, 0] = 0
    for node in range(1, len(edges)):
        weight[node] = weight[node - 1] + leave_out[node - 1]
        came[node, :, 0] = node - 1
        for start, k, _, score in edges[node]:
            values = weight[start, :-1] + score
            better = np.flatnonzero(values > weight[node, 1:])
            weight[node, better + 1] = values[better]
            came[node, better + 1] = start, k
    if not np.isfinite(weight[-1, length]):
        return _best(edges, leave_out)
    path, node, count = [], len(edges) - 1, length
    while node:
        start, k = came[node, count]
        if k >= 0:
            path.append(int(k))
            count -= 1
        node = start
    return path[::-1], float(weight[-1, length])


def _sums(first, stop, totals, leave_out) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of the weight of all ways from the start to each node, and from each node to the end."""
    n = len(leave_out)
    forward, backward = np.full(n + 1, -np.inf), np.full(n + 1, -np.inf)
    forward[0] = backward[n] = 0
    for node in range(1, n + 1):
        here = stop == node
        options = np.concatenate([[forward[node - 1] + leave_out[node - 1]], forward[first[here]] + totals[here]])
        forward[node] = np.logaddexp.reduce(options)
    for node in range(n - 1, -1, -1):
        here = first == node
        options = np.concatenate([[backward[node + 1] + leave_out[node]], backward[stop[here]] + totals[here]])
        backward[node] = np.logaddexp.reduce(options)
    return forward, backward
