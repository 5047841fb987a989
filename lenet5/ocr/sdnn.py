"""A space-displacement neural network (SDNN, P98 section VII-D): LeNet-5 slides over a line.

C5 is a convolution, so an image wider than 32 pixels gives a map with an answer every 4 pixels. Four copies of the
line, each shifted by one more pixel, give an answer at every pixel: the digit in the middle of the 32 x 32 pixels
around it, or blank. A Viterbi search reads the map: runs of one digit are one digit, and blanks separate them. The map
also says, for each segment of the lattice, which digit has its middle there.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..nn.network import Network
from ..preprocessing.components import Components
from ..preprocessing.scaling import resized
from .networks import log_softmax
from .oversegmentation import LEVEL, Pieces, line_height

FIELD, STEP, GLYPH = 32, 4, 20
BLANK = 10
LONGEST = 2048  # pixels of lines that are seen together
CHANGE = -2.0  # log-weight of a change from one digit straight to another


def normalized(ink: np.ndarray, height: float | None = None) -> tuple[np.ndarray, float]:
    """Normalise a line (H, W) float32 for the network; return it, (32, W') uint8, with its scale.

    Digits become about 20 pixels tall, with a margin of 16 at both sides. ``height`` is that of the line's digits, by
    default measured.
    """
    if height is None:
        boxes = Components(ink > LEVEL).boxes
        height = line_height(boxes) if len(boxes) else GLYPH
    scale = GLYPH / max(height, 4.0)
    scale = 1.0 if abs(scale - 1) < 0.12 else scale  # resampling would gain nothing
    shape = tuple(max(1, round(n * scale)) for n in ink.shape)
    small = np.clip(resized(ink, shape, Image.Resampling.BICUBIC), 0, 1)
    rows = small.sum(1) > 0
    middle = (np.flatnonzero(rows)[[0, -1]].sum() + 1) / 2 if rows.any() else shape[0] / 2
    top = round(middle - FIELD / 2)
    padded = np.pad(small, ((FIELD, FIELD), (FIELD // 2, FIELD // 2)))[top + FIELD : top + 2 * FIELD]
    return np.rint(padded * 255).astype(np.uint8), shape[1] / ink.shape[1]


def score_map(line: np.ndarray, net: Network, threads: int | None = None) -> np.ndarray:
    """Return log-probabilities (W, 11) at each pixel of a line of `normalized`, (32, W + 32), without its margins."""
    width = line.shape[1] - FIELD
    n = -(-(width + 1) // STEP)
    padded = np.pad(line, ((0, 0), (0, STEP * (n + 1) + FIELD - line.shape[1])))
    span = STEP * (n - 1) + FIELD
    shifted = np.stack([padded[:, k : k + span] for k in range(STEP)])
    logits = net.logits(shifted[:, None], threads).reshape(STEP, 11, -1).astype(np.float64)
    scores = logits.transpose(2, 0, 1).reshape(-1, 11)[: width + 1]
    return log_softmax(scores)


def opinions(lines: Sequence[tuple[Pieces, np.ndarray]], net: Network, threads: int | None = None) -> list[np.ndarray]:
    """Return log-probabilities (n, 11) of the digits, or blank, in the middle of each of the boxes (n, 4) of each line.

    They are averaged over three pixels. The network sees several lines one after the other, as one long line.
    """
    ready = [normalized(pieces.ink, pieces.height) for pieces, _ in lines]
    ends = np.cumsum([line.shape[1] for line, _ in ready])
    found = []
    for part in np.split(np.arange(len(lines)), np.flatnonzero(np.diff(ends // LONGEST)) + 1):
        joined = score_map(np.concatenate([ready[i][0] for i in part], axis=1), net, threads)
        start = 0
        for i in part:
            line, scale = ready[i]
            found.append(_in_middles(joined[start : start + line.shape[1] - FIELD + 1], lines[i][1], scale))
            start += line.shape[1]
    return found


def _in_middles(scores: np.ndarray, boxes: np.ndarray, scale: float) -> np.ndarray:
    """What a map (W, 11) says in the middle of each of the boxes (n, 4) of a line that was brought to its ``scale``."""
    middles = np.rint((boxes[:, 1] + boxes[:, 3]) / 2 * scale).astype(int)
    near = np.clip(middles[:, None] + (-1, 0, 1), 0, len(scores) - 1)
    return np.logaddexp.reduce(scores[near], axis=1) - np.log(3)


def decode(scores: np.ndarray) -> str:
    """Find the best reading of a map (W, 11): each run of a digit is one digit, blanks separate them."""
    n, classes = scores.shape
    change = np.full((classes, classes), CHANGE)
    change[:, BLANK] = change[BLANK] = 0
    np.fill_diagonal(change, 0)
    weight = np.where(np.arange(classes) == BLANK, 0.0, CHANGE) + scores[0]
    came = np.zeros((n, classes), int)
    for x in range(1, n):
        options = weight[:, None] + change
        came[x] = options.argmax(0)
        weight = options.max(0) + scores[x]
    state = int(weight.argmax())
    states = [state]
    for x in range(n - 1, 0, -1):
        state = int(came[x, state])
        states.append(state)
    states.reverse()
    return "".join(str(a) for a, before in zip(states, [BLANK, *states], strict=False) if a not in (before, BLANK))


def read_line(ink: np.ndarray, net: Network, threads: int | None = None) -> str:
    """Read the digits on a line (H, W) float32 in 0..1, ink bright."""
    return decode(score_map(normalized(ink)[0], net, threads))
