"""Text that is safe in C: literals that give exactly our numbers, and names that cannot leave their string."""

import re
import textwrap
from collections.abc import Iterable

import numpy as np

#: Stand for themselves in a string: no quote, backslash or question mark (trigraphs), nothing beyond ASCII.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 !#&'()*+,-./:;<=>[]^_{|}~")
_TYPES = {"float32": "float", "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t",
          "int32": "int32_t"}  # fmt: skip


def string(text: str) -> str:
    """A string literal of the UTF-8 bytes of ``text``. Octal escapes have three digits, so none runs on."""
    return '"' + "".join(chr(b) if chr(b) in _PLAIN else f"\\{b:03o}" for b in text.encode("utf-8")) + '"'


def comment(text: str) -> str:
    """``text`` for a comment: on one line, with _ for all but letters, digits and harmless punctuation."""
    return re.sub(r"[^A-Za-z0-9 .,:;()+=-]", "_", text)


def identifier(name: str) -> str:
    """``name`` as a part of a C name."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def number(value: float) -> str:
    """The shortest literal that gives this float32 again."""
    return f"{np.float32(value)!s}f"


def array(name: str, values: np.ndarray) -> str:
    """The definition of a constant array, row after row, behind LENET5_FLASH."""
    flat = values.ravel()
    words = map(number, flat) if values.dtype == np.float32 else map(str, flat.tolist())
    body = textwrap.fill(", ".join(words), 120, initial_indent="    ", subsequent_indent="    ")
    return f"static const LENET5_FLASH {_TYPES[values.dtype.name]} {name}[{flat.size}] = {{\n{body}\n}};\n"


def block_comment(lines: Iterable[str]) -> str:
    """A comment of several lines, each of them made harmless."""
    return "/* " + "\n * ".join(map(comment, lines)) + " */\n"
