"""Connected components, against a slow fill."""

import numpy as np

from lenet5.preprocessing.components import Components
from lenet5.utils.geometry import box_of


def test_components_against_a_slow_fill():
    rng = np.random.default_rng(2)
    for density in (0.0, 0.2, 0.4, 0.6, 1.0):
        mask = rng.random((23, 31)) < density
        parts = Components(mask)
        wanted = filled(mask)
        assert len(parts.areas) == len(wanted)
        alone = [parts.mask(np.arange(len(wanted)) == i) for i in range(len(wanted))]
        assert {frozenset(zip(*np.nonzero(mask), strict=True)) for mask in alone} == set(wanted)
        assert list(parts.areas) == [mask.sum() for mask in alone]
        assert [tuple(box) for box in parts.boxes] == [box_of(mask) for mask in alone]


def filled(mask: np.ndarray) -> list[frozenset]:
    todo = set(zip(*np.nonzero(mask), strict=True))
    parts = []
    while todo:
        queue, part = [todo.pop()], set()
        while queue:
            y, x = queue.pop()
            part.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & todo
            todo -= near
            queue += near
        parts.append(frozenset(part))
    return parts
