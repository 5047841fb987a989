"""Where the ink is: the paper's own brightness, what stands out from it, and which marks make up the digit.

Everything here works on a reduced image of at most 256 pixels a side, in NumPy.
"""

import functools

import numpy as np

from .morphology import opened

FAINTEST = 0.035  # contrast below which a mark is taken for grain in the paper (9 of 255 grey levels)


def quantile(values: np.ndarray, q: float, axis: int | None = None) -> np.ndarray:
    """The value below which the part ``q`` of ``values`` lies, without interpolation.

    np.median and np.percentile import numpy.ma on first use: 20 ms, a tenth of the time of reading one image.
    """
    if axis is None:
        values, axis = values.ravel(), 0
    k = round(q * (values.shape[axis] - 1))
    return np.partition(values, k, axis=axis).take(k, axis=axis)


def paper(grey: np.ndarray) -> np.ndarray:
    """Estimate the brightness of the bare paper under each pixel.

    A second-order surface (light falls off smoothly over a page) is fitted to the pixels that agree with it.
    It begins at the image's border, where paper is likelier than ink. Shape (H, W) of ``grey``, float32.
    """
    step = -(-max(grey.shape) // 64)
    v, u, basis, frame = _surfaces(grey.shape, step)
    z = grey[::step, ::step]
    level = quantile(z[frame], 0.5)
    spread = 1.5 * quantile(abs(z[frame] - level), 0.5)
    # A slight pull towards a flat paper decides what few pixels leave open.
    pull = np.diag([0, 1, 1, 1, 1, 1]) * 0.001 * z.size
    surface = np.full_like(z, level)
    agreed = None
    for _ in range(6):
        agree = abs(z - surface) <= max(3 * spread, 0.03)
        if agreed is not None and (agree == agreed).all():
            break
        agreed = agree
        rows = basis[agree].astype(np.float64)
        c = np.linalg.solve(rows.T @ rows + pull + 1e-9 * np.eye(6), rows.T @ (z[agree] - level))
        surface = (level + basis @ c).astype(np.float32)
        spread = 1.5 * quantile(abs(z - surface)[agree], 0.5)
    y, x = v[:, None], u[None, :]
    surface = level + c[0] + c[1] * x + c[2] * y + c[3] * x * y + c[4] * x * x + c[5] * y * y
    return surface.astype(np.float32)


@functools.lru_cache(4)
def _surfaces(shape: tuple[int, int], step: int) -> tuple[np.ndarray, ...]:
    """Coordinates of rows and of columns, -1 to 1; six surfaces and the border of every ``step``-th pixel."""
    v, u = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    y, x = np.meshgrid(v[::step], u[::step], indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    return v, u, basis, np.maximum(abs(y), abs(x)) > 0.8


def noise_of(relief: np.ndarray) -> float:
    """Measure how much the bare paper varies (standard deviation); ink, the lesser part, does not count."""
    return 1.5 * float(quantile(abs(relief), 0.5))


def without_shadows(relief: np.ndarray, dark: bool) -> np.ndarray:
    """Take out what a smooth surface cannot follow: the hard edge of a shadow, a fold, a second sheet.

    ``relief`` (H, W) comes back as it is, unless the paper varies more from place to place than from pixel to
    pixel. Then its background is all that holds a square a third of the image wide (a grey opening).
    """
    if not is_uneven(relief):
        return relief
    ink = -relief if dark else relief
    ink = ink - opened(ink, 1 + 2 * (max(relief.shape) // 6))
    ink -= quantile(ink, 0.25)  # what the opening cuts off grain; ink and its soft edges may cover half
    return -ink if dark else ink


def is_uneven(relief: np.ndarray) -> bool:
    """Tell whether the paper varies more from place to place than from pixel to pixel."""
    cross = relief[1:, 1:] + relief[:-1, :-1] - relief[1:, :-1] - relief[:-1, 1:]
    grain = 0.75 * float(quantile(abs(cross), 0.5)) if cross.size else 0.0
    return noise_of(relief) > max(4 * grain, FAINTEST / 2)


def contrast(grey: np.ndarray, bare: np.ndarray, dark: bool) -> np.ndarray:
    """Say how much ink is on each pixel, about 0..1, given the brightness of the bare paper there.

    Dark ink swallows a part of the light, so it counts by proportion: a shadow on both does not change it.
    """
    return (bare - grey) / np.maximum(bare, 0.1) if dark else grey - bare


def threshold(ink: np.ndarray, noise: float) -> float | None:
    """Find Otsu's level among what is above the noise, which parts ink from paper; None if all is paper."""
    floor = max(5 * noise, FAINTEST)
    marks = np.sort(ink[ink > floor])
    if marks.size < 3:
        return None
    if marks.size > 4096:
        marks = marks[np.linspace(0, marks.size - 1, 4096).astype(int)]
    marks = marks.astype(np.float64)
    cut = otsu(marks)
    # Where all marks are ink, of one strength, that cut is arbitrary: strokes reach down to half of it.
    level = min((marks[cut] + marks[cut + 1]) / 2, marks[cut + 1 :].mean() / 2)
    return max(float(level), floor)


def otsu(values: np.ndarray) -> int:
    """Part sorted values (n,), two or more, so that both parts vary least: where the last one of the lower part is."""
    n = np.arange(1, values.size)
    total = np.cumsum(values)
    gap = total[:-1] / n - (total[-1] - total[:-1]) / (values.size - n)
    return int(np.argmax(n * (values.size - n) * gap * gap))
