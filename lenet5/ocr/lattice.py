"""The best way through a line's hypotheses, and how sure each of its characters is: a graph search.

Nodes are the places between pieces, 0..n; an edge is a hypothesis read as one of its classes, or a piece left out. Each
hypothesis either is a character or is not, so a way's weight is the product of p(class) / p(rubbish) along it: what is
not on it counts 1. The best way has the greatest weight (Viterbi); the confidence of a character, or of a text, is the
share that all ways on which it is read so, there, have of the weight of all ways.
"""

from dataclasses import dataclass

import numpy as np

LIMIT = 12.0  # of a hypothesis' logarithm: no network is surer than that


@dataclass(frozen=True)
class Step:
    """One character on the best way: the class, its confidence in 0..1, and the number of its hypothesis."""

    label: int
    confidence: float
    hypothesis: int


def odds(logits: np.ndarray, rubbish: int) -> np.ndarray:
    """log(p(class) / p(rubbish)) of each class but rubbish, (n, classes - 1), from logits (n, classes)."""
    logits = logits.astype(np.float64)
    return np.clip(np.delete(logits, rubbish, axis=1) - logits[:, rubbish : rubbish + 1], -LIMIT, LIMIT)


def search(
    first: np.ndarray,
    stop: np.ndarray,
    scores: np.ndarray,
    leave_out: np.ndarray,
    length: int | None = None,
    n_counted: int | None = None,
) -> tuple[list[Step], float]:
    """The characters on the best way, from left to right, and the logarithm of the weight of all ways.

    first, stop (n,): pieces of each hypothesis · scores (n, classes): as `odds` gives · leave_out (pieces,): the
    logarithm of the weight of leaving a piece out, below 0 and in proportion to its ink · length: so many characters
    of the first ``n_counted`` classes (default: of all), if that can be.
    """
    n_counted = scores.shape[1] if n_counted is None else n_counted
    edges: list[list[tuple[int, int, int, float]]] = [[] for _ in range(len(leave_out) + 1)]  # by their end
    parts = [slice(0, None)] if length is None else [slice(0, n_counted), slice(n_counted, None)]
    for part in parts:
        if not scores[:, part].size:
            continue
        best = scores[:, part].argmax(axis=1)
        for k, label in enumerate(best + part.start):
            edges[stop[k]].append((int(first[k]), k, int(label), float(scores[k, label])))
    path = _best(edges, leave_out) if length is None else _best_of_length(edges, leave_out, length, n_counted)
    totals = np.logaddexp.reduce(scores, axis=1) if len(scores) else np.zeros(0)
    forward, backward = _sums(first, stop, totals, leave_out)
    ink = np.concatenate([[0.0], np.cumsum(-leave_out)])
    characters = []
    for k, label in path:
        # Runs that have more than half of their ink in common with this one exclude each other: their shares add up.
        common = ink[np.minimum(stop, stop[k])] - ink[np.maximum(first, first[k])]
        same = 2 * common > ink[np.maximum(stop, stop[k])] - ink[np.minimum(first, first[k])]
        shares = forward[first[same]] + scores[same, label] + backward[stop[same]] - forward[-1]
        characters.append(Step(label, float(min(np.exp(shares).sum(), 1.0)), k))
    return characters, forward[-1]


def shares(first: np.ndarray, stop: np.ndarray, scores: np.ndarray, leave_out: np.ndarray) -> np.ndarray:
    """The logarithm (n,) of the share that the ways through each hypothesis have of the weight of all ways."""
    totals = np.logaddexp.reduce(scores, axis=1)
    forward, backward = _sums(first, stop, totals, leave_out)
    return forward[first] + totals + backward[stop] - forward[-1]


def share_of_text(
    first: np.ndarray, stop: np.ndarray, scores: np.ndarray, leave_out: np.ndarray, text: list[int], silent: list[int]
) -> float:
    """The logarithm of the weight of all ways on which the classes ``text`` are read, any ``silent`` ones between."""
    weight = np.full((len(leave_out) + 1, len(text) + 1), -np.inf)
    weight[0, 0] = 0
    spoken = scores[:, text]
    unspoken = np.logaddexp.reduce(scores[:, silent], axis=1) if silent else np.full(len(scores), -np.inf)
    for node in range(1, len(weight)):
        here = np.flatnonzero(stop == node)
        before = weight[first[here]]
        # To leave a piece out; each hypothesis that ends here, unspoken; each as the next class of the text.
        options = np.full((1 + 2 * len(here), len(text) + 1), -np.inf)
        options[0] = weight[node - 1] + leave_out[node - 1]
        options[1 : 1 + len(here)] = before + unspoken[here, None]
        options[1 + len(here) :, 1:] = before[:, :-1] + spoken[here]
        weight[node] = np.logaddexp.reduce(options)
    return float(weight[-1, -1])


def _best(edges, leave_out) -> list[tuple[int, int]]:
    """Viterbi: (hypothesis, class) along the best way."""
    weight, came = [0.0], [(0, -1, -1)]
    for node in range(1, len(edges)):
        best = weight[node - 1] + float(leave_out[node - 1])
        origin = node - 1, -1, -1
        for start, k, label, score in edges[node]:
            if weight[start] + score > best:
                best, origin = weight[start] + score, (start, k, label)
        weight.append(best)
        came.append(origin)
    path, node = [], len(edges) - 1
    while node:
        node, k, label = came[node]
        if k >= 0:
            path.append((k, label))
    return path[::-1]


def _best_of_length(edges, leave_out, length: int, n_counted: int) -> list[tuple[int, int]]:
    """As `_best`, on ways with ``length`` characters of the counted classes; where there are none, the best of all."""
    weight = np.full((len(edges), length + 1), -np.inf)
    came = np.zeros((len(edges), length + 1, 3), int)
    weight[0, 0] = 0
    for node in range(1, len(edges)):
        weight[node] = weight[node - 1] + leave_out[node - 1]
        came[node] = node - 1, -1, -1
        for start, k, label, score in edges[node]:
            step = int(label < n_counted)
            values = weight[start, : length + 1 - step] + score
            better = np.flatnonzero(values > weight[node, step:])
            weight[node, better + step] = values[better]
            came[node, better + step] = start, k, label
    if not np.isfinite(weight[-1, length]):
        return _best(edges, leave_out)
    path, node, count = [], len(edges) - 1, length
    while node:
        start, k, label = came[node, count].tolist()
        if k >= 0:
            path.append((k, label))
            count -= label < n_counted
        node = start
    return path[::-1]


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
