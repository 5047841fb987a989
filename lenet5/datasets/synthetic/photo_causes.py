"""Causes that make a photo of a digit hard to read: paper, light, pen and camera. Each changes a `Scene`."""

import numpy as np

from .photo_scene import Cause, Scene, grid, line_digit, noise


def _rules(s: Scene, spacing: float, directions: int, colour, strength: float) -> None:
    """Draw parallel lines, slightly turned and seen slightly from one side."""
    y, x = grid(s)
    turn, taper = s.rng.normal(0, 0.025), s.rng.normal(0, 0.02)
    width = s.rng.uniform(1.0, 2.6)
    for direction in range(directions):
        across, along = (y, x) if direction == 0 else (x, -y)
        n = s.shape[direction]
        place = (across + turn * along) * (1 + taper * (along / n - 0.5)) / spacing + s.rng.random()
        away = abs(place - np.rint(place)) * spacing
        line = np.clip(width / 2 + 0.5 - away, 0, 1)[..., None] * strength
        s.page = s.page * (1 - line * (1 - np.array(colour, np.float32)))


def plain(s):
    """Pen on paper."""


def ruled(s):
    """Ruled paper."""
    colour = [(0.45, 0.6, 0.85), (0.6, 0.6, 0.62), (0.35, 0.45, 0.7)][s.rng.integers(3)]
    _rules(s, s.height / s.rng.uniform(0.8, 3), 1, colour, s.rng.uniform(0.5, 1))
    if s.rng.random() < 0.4:  # the red line of the margin
        y, x = grid(s)
        at = s.shape[1] * s.rng.uniform(0.03, 0.2)
        line = np.clip(1.5 - abs(x + 0.02 * y - at), 0, 1)[..., None]
        s.page = s.page * (1 - line * (1 - np.array((0.9, 0.45, 0.45))))


def squared(s):
    """Squared paper."""
    colour = [(0.5, 0.65, 0.85), (0.6, 0.6, 0.62), (0.45, 0.55, 0.75)][s.rng.integers(3)]
    _rules(s, s.height / s.rng.uniform(1, 4.5), 2, colour, s.rng.uniform(0.4, 0.9))


def shadow(s):
    """The hard edge of a shadow across the page."""
    y, x = grid(s)
    angle, at = s.rng.uniform(0, 6.3), s.rng.uniform(-0.25, 0.25)
    side = np.cos(angle) * (x / s.shape[1] - 0.5) + np.sin(angle) * (y / s.shape[0] - 0.5) - at
    s.light *= 1 - (1 - s.rng.uniform(0.45, 0.75)) * np.clip(side * s.rng.uniform(8, 60) + 0.5, 0, 1)


def hand_shadow(s):
    """The soft shadow of a hand or telephone."""
    y, x = grid(s)
    cy, cx = s.rng.uniform(0, s.shape[0]), s.rng.uniform(0, s.shape[1])
    far = ((y - cy) / (0.45 * s.shape[0])) ** 2 + ((x - cx) / (0.3 * s.shape[1])) ** 2
    s.light *= 1 - s.rng.uniform(0.3, 0.55) / (1 + far ** s.rng.uniform(1, 4))


def gradient(s):
    """Light that falls off across the page."""
    y, x = grid(s)
    angle = s.rng.uniform(0, 6.3)
    t = np.cos(angle) * (x / s.shape[1] - 0.5) + np.sin(angle) * (y / s.shape[0] - 0.5)
    s.light *= np.exp(t * s.rng.uniform(0.8, 1.8)) * 0.7


def vignette(s):
    """Dark corners."""
    y, x = grid(s)
    far = (2 * y / s.shape[0] - 1) ** 2 + (2 * x / s.shape[1] - 1) ** 2
    s.light *= np.maximum(1 - s.rng.uniform(0.25, 0.45) * far ** s.rng.uniform(0.8, 2), 0.1)


def grain(s):
    """Rough or recycled paper."""
    texture = 0.025 * noise(s.rng, s.shape, 1) + 0.02 * noise(s.rng, s.shape, 4) + 0.02 * noise(s.rng, s.shape, 25)
    s.page = s.page * (0.9 + s.rng.uniform(0.5, 1.3) * texture[..., None])


def creases(s):
    """Paper that was folded or crumpled."""
    y, x = grid(s)
    for _ in range(s.rng.integers(1, 4)):
        angle, at = s.rng.uniform(0, 6.3), s.rng.uniform(-0.4, 0.4)
        d = np.cos(angle) * (x / s.shape[1] - 0.5) + np.sin(angle) * (y / s.shape[0] - 0.5) - at
        d = d * min(s.shape) + 3 * noise(s.rng, s.shape, 60)
        s.light *= 1 - s.rng.uniform(0.06, 0.14) * np.exp(-abs(d) / 3) + 0.06 * np.tanh(d / 12)


def thumb(s):
    """A thumb at the edge."""
    y, x = grid(s)
    height, width = s.shape
    top, left, bottom, right = s.box
    rooms = [top, left, height - bottom, width - right]  # space above, left, below, right of the digit
    edge = int(np.argmax(rooms))
    reach = rooms[edge] * s.rng.uniform(0.6, 0.92)
    half = 0.5 * min(height, width) * s.rng.uniform(0.16, 0.28)
    along = s.rng.uniform(0.2, 0.8) * (width if edge in (0, 2) else height)
    deep = {0: y, 1: x, 2: height - y, 3: width - x}[edge]
    side = (x if edge in (0, 2) else y) - along + 0.3 * deep * s.rng.uniform(-1, 1)
    tip = np.hypot(side, np.maximum(deep - (reach - half), 0)) if reach > half else np.hypot(side, deep + half - reach)
    skin = np.array([(0.86, 0.65, 0.53), (0.55, 0.38, 0.28), (0.72, 0.52, 0.42), (0.35, 0.24, 0.19)][s.rng.integers(4)])
    mask = np.clip((half - tip) / 2, 0, 1)
    s.over = (mask, skin * (0.9 + 0.1 * np.clip((half - tip) / half, 0, 1)[..., None]))
    s.light *= 1 - 0.25 * np.clip(1 - abs(tip - half) / 12, 0, 1) * (tip > half)


def table(s):
    """A sheet on a darker table."""
    y, x = grid(s)
    top, left, bottom, right = s.box
    turn = s.rng.normal(0, 0.03)
    mask = np.zeros(s.shape, np.float32)
    for room, d in [(top, y + turn * x), (left, x - turn * y), (s.shape[0] - bottom, s.shape[0] - y + turn * x),
                    (s.shape[1] - right, s.shape[1] - x - turn * y)]:  # fmt: skip
        if s.rng.random() < 0.6:
            mask = np.maximum(mask, np.clip(room * s.rng.uniform(0.2, 0.6) - d, 0, 1))
    wood = np.array([(0.35, 0.22, 0.14), (0.2, 0.2, 0.22), (0.5, 0.36, 0.24), (0.08, 0.08, 0.1)][s.rng.integers(4)])
    s.over = (mask, wood * (1 + 0.12 * noise(s.rng, s.shape, 12)[..., None]))


def neighbour(s):
    """Parts of other writing at the edge."""
    for _ in range(s.rng.integers(1, 3)):
        other = line_digit(int(s.rng.integers(10)), s.rng, s.height, max(2, 0.05 * s.height))
        top, left, _, right = s.box
        room = {"left": left, "right": s.shape[1] - right}
        side = max(room, key=room.__getitem__)
        seen = int(min(room[side] * 0.35, other.shape[1] * 0.7))
        if seen < 4:
            continue
        y = int(np.clip(top + s.rng.integers(-20, 20), 0, s.shape[0] - other.shape[0] - 1))
        target = np.s_[y : y + other.shape[0], :seen] if side == "left" else np.s_[y : y + other.shape[0], -seen:]
        s.ink[target] = np.maximum(s.ink[target], other[:, -seen:] if side == "left" else other[:, :seen])


def specks(s):
    """Dust, dots, spots."""
    y, x = grid(s)
    for _ in range(s.rng.integers(4, 16)):
        cy, cx, r = s.rng.uniform(0, s.shape[0]), s.rng.uniform(0, s.shape[1]), s.rng.uniform(1, 4.5)
        s.page = s.page * (1 - np.clip(r - np.hypot(y - cy, x - cx), 0, 1)[..., None] * s.rng.uniform(0.3, 0.85))


def bleed(s):
    """Writing that shines through from the other side of the sheet."""
    other = line_digit(int(s.rng.integers(10)), s.rng, s.height, 0.09 * s.height)[:, ::-1]
    h, w = np.minimum(other.shape, s.shape)
    top, left = s.rng.integers(0, s.shape[0] - h + 1), s.rng.integers(0, s.shape[1] - w + 1)
    s.page[top : top + h, left : left + w] *= 1 - s.rng.uniform(0.06, 0.14) * other[:h, :w, None]
    s.page = np.asarray(s.page)


def pencil(s):
    """A pencil: grey, grainy, uneven."""
    s.colour = np.array((0.35, 0.35, 0.37))
    s.ink *= np.clip(0.75 + 0.35 * noise(s.rng, s.shape, 1.5) + 0.2 * noise(s.rng, s.shape, 30), 0.1, 1)
    s.strength = s.rng.uniform(0.4, 0.85)


def faint(s):
    """A light pencil, or a pen that is nearly dry."""
    s.strength = s.rng.uniform(0.12, 0.25)
    s.colour = np.array((0.2, 0.2, 0.22))


def ballpoint(s):
    """A blue ballpoint with gaps."""
    s.colour = np.array((0.15, 0.2, 0.62))
    s.ink *= np.clip(1.1 + 0.4 * noise(s.rng, s.shape, 5), 0.25, 1)


def chalk(s):
    """Chalk on a wiped board."""
    board = np.array([(0.16, 0.3, 0.24), (0.12, 0.13, 0.15)][s.rng.integers(2)])
    s.page = (1 + 0.25 * noise(s.rng, s.shape, 50)[..., None]) * board + 0.02 * noise(s.rng, s.shape, 3)[..., None]
    s.page = np.clip(s.page, 0.02, 1).astype(np.float32)
    s.ink *= np.clip(0.85 + 0.35 * noise(s.rng, s.shape, 2), 0, 1)
    s.colour = np.array((0.93, 0.93, 0.9)) / s.page


def coloured(s):
    """One colour on another."""
    pairs = [
        ((0.95, 0.85, 0.3), (0.8, 0.15, 0.5)),
        ((0.55, 0.75, 0.95), (0.85, 0.2, 0.2)),
        ((0.2, 0.25, 0.6), (0.95, 0.8, 0.2)),
        ((0.95, 0.6, 0.65), (0.1, 0.5, 0.25)),
        ((0.5, 0.5, 0.5), (0.85, 0.3, 0.25)),
        ((0.1, 0.4, 0.3), (0.95, 0.55, 0.4)),
    ]
    page, ink = pairs[s.rng.integers(len(pairs))]
    s.page = np.broadcast_to(np.array(page, np.float32), s.page.shape).copy()
    s.colour = np.array(ink) / s.page


def blurred(s):
    """Out of focus."""
    s.blur = s.rng.uniform(0.02, 0.05) * s.height


def noisy(s):
    """A small sensor in the dark."""
    s.light *= s.rng.uniform(0.3, 0.6)
    s.grain = s.rng.uniform(0.03, 0.06)


def jpeg(s):
    """JPEG of quality 5 to 15."""
    s.quality = int(s.rng.integers(5, 16))


def dim(s):
    """Far too dark."""
    s.light *= s.rng.uniform(0.1, 0.25)


def mixed(s):
    """Three causes at once."""
    for k in s.rng.choice(len(MIXED), 3, replace=False):
        MIXED[k](s)


MIXED = [ruled, squared, shadow, gradient, grain, specks, vignette, ballpoint, hand_shadow, creases, thumb]
#: By cause: the function that changes the scene, and arguments of `Scene`.
CAUSES: dict[str, Cause] = {
    mark.__name__: (mark, {})
    for mark in [plain, *MIXED, table, neighbour, bleed, chalk, coloured, blurred, noisy, jpeg, dim, faint, mixed]
} | {
    "pencil": (pencil, {"pen": 0.035}),
    "thin": (plain, {"pen": 0.012}),
    "marker": (plain, {"pen": 0.2}),
    "ruled-pencil": (lambda s: (ruled(s), pencil(s)), {"pen": 0.04}),
}
