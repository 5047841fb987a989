"""Types of the compiled loops that cut lines into pieces; see _oversegmentation.pyx."""

import numpy as np
from numpy.typing import NDArray

def seams(ink: NDArray[np.float32], diagonal: float) -> tuple[NDArray[np.float32], NDArray[np.int8]]: ...
def split(
    ink: NDArray[np.float32],
    labels: NDArray[np.int64],
    mark: int,
    box: NDArray[np.int64],
    parts: NDArray[np.int32],
    n: int,
    *,
    most: int,
    reach: int,
    diagonal: float,
    enclosed: float,
) -> int: ...
def soften(ink: NDArray[np.float32], labels: NDArray[np.int32], soft: float) -> NDArray[np.int32]: ...
def pictures(
    levels: NDArray[np.uint8],
    labels: NDArray[np.int32],
    first: NDArray[np.int64],
    stop: NDArray[np.int64],
    boxes: NDArray[np.int64],
    least: float,
) -> NDArray[np.uint8]: ...
