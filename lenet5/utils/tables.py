"""Tables of text."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], header: Sequence[str], *, left: int = 1) -> str:
    """Lay out columns under a header: the first ``left`` columns flush left, the others flush right."""
    cells = [header, *rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        parts = (c.ljust(w) if k < left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
        return "  ".join(parts).rstrip()

    return "\n".join([line(cells[0]), "  ".join("-" * w for w in widths), *map(line, cells[1:])])
