"""Tables of text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


def table(rows: Sequence[Sequence[str]], header: Sequence[str], *, left: int = 1) -> str:
    """Lay out columns under a header: the first ``left`` columns flush left, the others flush right."""
    cells = [header, *rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        parts = (c.ljust(w) if k < left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
        return "  ".join(parts).rstrip()

    return "\n".join([line(cells[0]), "  ".join("-" * w for w in widths), *map(line, cells[1:])])


@dataclass(frozen=True)
class Table:
    """Rows of anything under a header, aligned by `table` only when they are written."""

    rows: Sequence[Sequence[object]]
    header: Sequence[str]
    left: int = 1

    def shown(self, change: Callable[[str], str]) -> str:
        """The table with each cell as ``change`` writes it, where an output cannot show every character."""
        return table([[change(str(cell)) for cell in row] for row in self.rows], self.header, left=self.left)

    def __str__(self) -> str:
        return self.shown(str)


#: A report for people, line by line; tables are laid out by whoever knows where they are shown.
Lines = list[str | Table]
