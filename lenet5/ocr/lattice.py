"""The best path through a line's lattice, and the confidence of each of its characters.

Nodes are the places between pieces, 0..n. An edge is a segment with one candidate character, or a piece that is left
out. Each segment either is a character or is not, so the weight of a path is the product of p(class) / p(rubbish) along
it; segments off the path count 1. The best path has the greatest weight (Viterbi). The confidence of a character or a
text is the share of paths with this reading, in this place, in the weight of all paths.
"""

from dataclasses import dataclass

import numpy as np

LIMIT = 12.0  # of the logarithm of a segment's odds: no network is more certain than that


@dataclass(frozen=True)
class Step:
    """One character on the best path: its class, its confidence in 0..1, and the index of its segment."""

    label: int
    confidence: float
    hypothesis: int


def odds(logits: np.ndarray, rubbish: int) -> np.ndarray:
    """Return log(p(class) / p(rubbish)) of each class but rubbish, (n, classes - 1), from logits (n, classes)."""
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
    """Find the characters on the best path, from left to right, and the log-weight of all paths.

    Parameters
    ----------
    first, stop : ndarray of shape (n,), int
        The pieces of each segment, ``stop`` not included.
    scores : ndarray of shape (n, classes)
        As `odds` returns.
    leave_out : ndarray of shape (pieces,)
        The log-weight of leaving a piece out, negative and in proportion to its ink.
    length : int, optional
        The number of characters of the first ``n_counted`` classes, where a path has it.
    n_counted : int, optional
        By default all classes.
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
        # Segments that share more than half of their ink with this one exclude each other, so their shares add up.
        common = ink[np.minimum(stop, stop[k])] - ink[np.maximum(first, first[k])]
        same = 2 * common > ink[np.maximum(stop, stop[k])] - ink[np.minimum(first, first[k])]
        shares = forward[first[same]] + scores[same, label] + backward[stop[same]] - forward[-1]
        characters.append(Step(label, float(min(np.exp(shares).sum(), 1.0)), k))
    return characters, forward[-1]


def shares(first: np.ndarray, stop: np.ndarray, scores: np.ndarray, leave_out: np.ndarray) -> np.ndarray:
    """Return the logarithm (n,) of each segment's share: the weight of all paths through it, divided by that of all."""
    totals = np.logaddexp.reduce(scores, axis=1)
    forward, backward = _sums(first, stop, totals, leave_out)
    return forward[first] + totals + backward[stop] - forward[-1]


def share_of_text(
    first: np.ndarray, stop: np.ndarray, scores: np.ndarray, leave_out: np.ndarray, text: list[int], silent: list[int]
) -> float:
    """Return the log-weight of all paths that read the classes ``text``, with any ``silent`` ones between."""
    weight = np.full((len(leave_out) + 1, len(text) + 1), -np.inf)
    weight[0, 0] = 0
    spoken = scores[:, text]
    unspoken = np.logaddexp.reduce(scores[:, silent], axis=1) if silent else np.full(len(scores), -np.inf)
    for node in range(1, len(weight)):
        here = np.flatnonzero(stop == node)
        before = weight[first[here]]
        # Options: leave a piece out; each segment that ends here, unspoken; each as the next class of the text.
        options = np.full((1 + 2 * len(here), len(text) + 1), -np.inf)
        options[0] = weight[node - 1] + leave_out[node - 1]
        options[1 : 1 + len(here)] = before + unspoken[here, None]
        options[1 + len(here) :, 1:] = before[:, :-1] + spoken[here]
        weight[node] = np.logaddexp.reduce(options)
    return float(weight[-1, -1])


def forced(
    first: np.ndarray, stop: np.ndarray, scores: np.ndarray, leave_out: np.ndarray, text: list[int], silent: list[int]
) -> list[tuple[int, int]] | None:
    """Find (segment, class) along the best path that reads the classes ``text``, with any ``silent`` ones between.

    The class of a silent segment is -1. None without such a path.
    """
    n, spoken = len(text), scores[:, text]
    unspoken = scores[:, silent].max(axis=1) if silent else np.full(len(scores), -np.inf)
    weight = np.full((len(leave_out) + 1, n + 1), -np.inf)
    came = np.full((len(leave_out) + 1, n + 1, 2), -1)  # the segment, and whether it is spoken
    weight[0, 0] = 0
    for node in range(1, len(weight)):
        weight[node] = weight[node - 1] + leave_out[node - 1]
        for k in np.flatnonzero(stop == node):
            before = weight[first[k]]
            for step, values in ((0, before + unspoken[k]), (1, before[:-1] + spoken[k])):
                better = np.flatnonzero(values > weight[node, step:])
                weight[node, better + step] = values[better]
                came[node, better + step] = k, step
    if not np.isfinite(weight[-1, n]):
        return None
    path, node = [], len(leave_out)
    while node:
        k, step = came[node, n].tolist()
        if k >= 0:
            path.append((k, text[n - 1] if step else -1))
            n -= step
        node = node - 1 if k < 0 else int(first[k])
    return path[::-1]


def _best(edges, leave_out) -> list[tuple[int, int]]:
    """Find (segment, class) along the best path (Viterbi)."""
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
    """Find the best path with ``length`` characters of the counted classes; without such a path, the best of all."""
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
    """Return the log-weights of all paths from the start to each node, and from each node to the end."""
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
