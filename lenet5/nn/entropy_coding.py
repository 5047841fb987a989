"""Tensors of few distinct values as few bytes: lengths of runs of zeros, values by number, entropy-coded by LZMA.

LZMA's range coder adapts to how often each byte occurs, so that frequent values and short runs take less than a bit or
few. It comes with Python.
"""

import lzma
from collections.abc import Mapping

import numpy as np

#: Zeros that one byte counts at most; the byte then stands for no value.
LONGEST_RUN = 255
MOST_VALUES = 255  # of a tensor, besides 0
#: No end of a literal's context, since neighbouring bytes say nothing about each other.
_FILTERS = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 0, "lp": 0, "pb": 0, "nice_len": 273}]


def pack(data: bytes) -> bytes:
    """One stream of LZMA, which knows its own end."""
    return lzma.compress(data, format=lzma.FORMAT_RAW, filters=_FILTERS)


def unpack(data: bytes, most: int) -> tuple[bytes, bytes]:
    """What `pack` packed, at most ``most`` bytes, and what follows the stream. ValueError where it is damaged."""
    stream = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=_FILTERS)
    try:
        found = stream.decompress(data, most + 1)
    except lzma.LZMAError:
        raise ValueError("its streams are damaged") from None
    if not stream.eof or len(found) > most:
        raise ValueError("its streams are damaged, or longer than the network needs")
    return found, stream.unused_data


def encode(tensors: Mapping[str, np.ndarray]) -> bytes:
    """All values of all tensors, without names and shapes.

    Parameters
    ----------
    tensors : dict of float32, each with at most 255 values besides 0, which float16 holds exactly

    Raises
    ------
    ValueError
        There are more values, or finer ones.
    """
    codebooks, numbers = zip(*(_shared(name, tensor.ravel()) for name, tensor in tensors.items()), strict=True)
    codes = np.concatenate(numbers)
    sizes = bytes(len(codebook) for codebook in codebooks)
    values = (codes[codes > 0] - 1).astype(np.uint8).tobytes()
    return b"".join([pack(_runs(codes)), pack(values), sizes, *(codebook.tobytes() for codebook in codebooks)])


def _shared(name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values besides 0, float16 little-endian, and for each entry 0 or the number of its value from 1."""
    codebook = np.unique(values[values != 0])
    halves = codebook.astype("<f2")
    if len(codebook) > MOST_VALUES or not np.array_equal(halves, codebook):
        raise ValueError(f"{name} has {len(codebook):,} values, expected at most {MOST_VALUES} that float16 holds")
    return halves, np.where(values == 0, 0, np.searchsorted(codebook, values) + 1)


def _runs(codes: np.ndarray) -> bytes:
    """The number of zeros before each other code, a byte each; longer runs take several."""
    lengths = np.diff(np.flatnonzero(codes), prepend=-1) - 1
    return b"".join(b"\xff" * (n // LONGEST_RUN) + bytes([n % LONGEST_RUN]) for n in lengths.tolist())


def decode(data: bytes, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The tensors, float32, of these names and shapes. ValueError where the data are not those of `encode`."""
    n = sum(int(np.prod(shape)) for shape in shapes.values())
    runs, rest = unpack(data, 2 * n)
    values, rest = unpack(rest, n)
    places = _places(np.frombuffer(runs, np.uint8))
    sizes = np.frombuffer(rest[: len(shapes)], np.uint8)
    ends = len(shapes) + 2 * np.cumsum(sizes, dtype=int)
    if len(places) != len(values) or len(sizes) < len(shapes) or len(rest) != ends[-1] or places[-1:].sum() >= n:
        raise ValueError("its parts do not fit together")
    codes = np.zeros(n, int)
    codes[places] = np.frombuffer(values, np.uint8).astype(int) + 1
    tensors, at = {}, 0
    for (name, shape), size, end in zip(shapes.items(), sizes.tolist(), ends.tolist(), strict=True):
        codebook = np.concatenate([[0], np.frombuffer(rest[end - 2 * size : end], "<f2")]).astype(np.float32)
        own = codes[at : at + int(np.prod(shape))]
        if own.max(initial=0) > size:
            raise ValueError(f"{name} has a value that is not in its codebook")
        tensors[name] = codebook[own].reshape(shape)
        at += len(own)
    return tensors


def _places(runs: np.ndarray) -> np.ndarray:
    """Indices of the entries that are not 0, ascending."""
    is_value = runs < LONGEST_RUN
    return np.cumsum(runs.astype(int) + is_value)[is_value] - 1
