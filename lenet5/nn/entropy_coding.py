"""Tensors of few distinct values as few bytes: runs of zeros and numbers of values, by adaptive arithmetic.

Asymmetric numeral systems (Duda, 2013): a block of symbols is one large whole number, to which a symbol of probability
p adds -log2(p) bits. Probabilities are those of the symbols so far, for each tensor, so that none are stored.
"""

from collections.abc import Iterator, Mapping

import numpy as np

#: Zeros that one symbol counts at most; no value follows it.
LONGEST_RUN = 31
MOST_VALUES = 255  # of a tensor, besides 0
#: Weights of a network at most, since each takes microseconds.
MOST_WEIGHTS = 1 << 20
#: How much more probable a symbol gets each time: chosen on pruned networks, where 4 and 16 are as good.
GAIN = 8
#: Symbols of one large number: its arithmetic takes the square of them.
BLOCK = 2048
_LENGTH = 2  # bytes that say how long a number is

#: A symbol's share of a range: how much lies below, how much is its own, and the whole.
Share = tuple[int, int, int]


class _Frequencies:
    """How often each of ``n`` symbols occurred, as a model of the next one."""

    def __init__(self, n: int):
        self.counts, self.total = [1] * n, n

    def take(self, symbol: int) -> Share:
        """The share of a symbol, which is more probable from now on."""
        share = sum(self.counts[:symbol]), self.counts[symbol], self.total
        self.counts[symbol] += GAIN
        self.total += GAIN
        return share

    def at(self, place: int) -> int:
        """The symbol whose share has this place in it."""
        for symbol, count in enumerate(self.counts):
            place -= count
            if place < 0:
                return symbol
        raise ValueError("its codes are damaged")


def encode(tensors: Mapping[str, np.ndarray]) -> bytes:
    """All values of all tensors, without names and shapes.

    Parameters
    ----------
    tensors : dict of float32, each with at most 255 values besides 0, which float16 holds exactly

    Raises
    ------
    ValueError
        There are more values, or finer ones, or more than `MOST_WEIGHTS` weights.
    """
    _check_size(sum(tensor.size for tensor in tensors.values()))
    shared = [_shared(name, tensor.ravel()) for name, tensor in tensors.items()]
    sizes = bytes(len(codebook) for codebook, _ in shared)
    counts = b"".join(int((codes > 0).sum()).to_bytes(4, "little") for _, codes in shared)
    shares = [share for codebook, codes in shared for share in _shares(codes, len(codebook))]
    blocks = [_number(shares[at : at + BLOCK]) for at in range(0, len(shares), BLOCK)]
    codebooks = b"".join(codebook.tobytes() for codebook, _ in shared)
    return sizes + counts + codebooks + b"".join(len(b).to_bytes(_LENGTH, "little") + b for b in blocks)


def _check_size(n: int) -> None:
    if n > MOST_WEIGHTS:
        raise ValueError(f"{n:,} weights, expected at most {MOST_WEIGHTS:,}")


def _shared(name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values besides 0, float16 little-endian, and for each entry 0 or the number of its value from 1."""
    codebook = np.unique(values[values != 0])
    halves = codebook.astype("<f2")
    if len(codebook) > MOST_VALUES or not np.array_equal(halves, codebook):
        raise ValueError(f"{name} has {len(codebook):,} values, expected at most {MOST_VALUES} that float16 holds")
    return halves, np.where(values == 0, 0, np.searchsorted(codebook, values) + 1)


def _shares(codes: np.ndarray, n_values: int) -> Iterator[Share]:
    """Of the symbols of a tensor: for each value the zeros before it, and its number."""
    runs, values = _Frequencies(LONGEST_RUN + 1), _Frequencies(n_values)
    places = np.flatnonzero(codes)
    for run, code in zip((np.diff(places, prepend=-1) - 1).tolist(), codes[places].tolist(), strict=True):
        for _ in range(run // LONGEST_RUN):
            yield runs.take(LONGEST_RUN)
        yield runs.take(run % LONGEST_RUN)
        yield values.take(code - 1)


def _number(shares: list[Share]) -> bytes:
    """The number of a block, from its last symbol to the first, which is read first."""
    x = 1
    for below, own, whole in reversed(shares):
        x = x // own * whole + below + x % own
    return x.to_bytes((x.bit_length() + 7) // 8, "little")


class _Symbols:
    """The symbols in blocks of bytes, one after the other."""

    def __init__(self, data: bytes):
        self._rest, self._x, self._left = data, 1, 0

    def next(self, model: _Frequencies) -> int:
        """The next one; ValueError where there are no more."""
        if not self._left:
            self._open()
        self._left -= 1
        place = self._x % model.total
        symbol = model.at(place)
        below, own, whole = model.take(symbol)
        self._x = self._x // whole * own + place - below
        return symbol

    def _open(self) -> None:
        end = _LENGTH + int.from_bytes(self._rest[:_LENGTH], "little")
        block, self._rest = self._rest[_LENGTH:end], self._rest[end:]
        if not block or self._x != 1:
            raise ValueError("its codes are damaged, or cut off")
        self._x, self._left = int.from_bytes(block, "little"), BLOCK

    def are_done(self) -> bool:
        """Whether nothing is left: of a number that fits its symbols 1 remains."""
        return not self._rest and self._x == 1


def decode(data: bytes, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Tensors, float32, of the given names and shapes. ValueError where the data are not those of `encode`."""
    _check_size(sum(int(np.prod(shape)) for shape in shapes.values()))
    n, sizes = len(shapes), np.frombuffer(data[: len(shapes)], np.uint8)
    end = 5 * n + 2 * int(sizes.sum())
    if len(sizes) < n or len(data) < end:
        raise ValueError("its codebooks are cut off")
    counts = np.frombuffer(data[n : 5 * n], "<u4").tolist()
    codebooks = np.split(np.frombuffer(data[5 * n : end], "<f2").astype(np.float32), np.cumsum(sizes[:-1], dtype=int))
    symbols = _Symbols(data[end:])
    tensors = {
        name: _tensor(symbols, codebook, count, int(np.prod(shape))).reshape(shape)
        for (name, shape), codebook, count in zip(shapes.items(), codebooks, counts, strict=True)
    }
    if not symbols.are_done():
        raise ValueError("its codes are damaged")
    return tensors


def _tensor(symbols: _Symbols, codebook: np.ndarray, count: int, size: int) -> np.ndarray:
    """``count`` values in a tensor of ``size`` entries."""
    if count > size or (count and not len(codebook)):
        raise ValueError("its codes are damaged: there are more than the network has weights, or no values")
    found, at = np.zeros(size, np.float32), -1
    runs, values = _Frequencies(LONGEST_RUN + 1), _Frequencies(len(codebook))
    for _ in range(count):
        run = LONGEST_RUN
        while run == LONGEST_RUN and at < size:
            run = symbols.next(runs)
            at += run
        at += 1
        if at >= size:
            raise ValueError("its codes are damaged: there are more than the network has weights")
        found[at] = codebook[symbols.next(values)]
    return found
