"""Documents of the benchmark for people, as tables. They may come from anybody's file, so all text is made plain."""

from collections.abc import Callable
from functools import partial

from ..utils.tables import Lines, Table
from ..utils.text import plain, wrapped
from . import figures

ABOVE_PEAK = "above 100 %: minimal filtering does fewer multiply-adds than are counted\n  (else the peak was disturbed)"
UNSTEADY = "the peak's values lie far apart: something else ran; shares of it mean little"
_MAX = 200  # characters of a text

Columns = dict[str, Callable[[dict], str]]


def report(document: dict) -> Lines:
    """All figures of a document, part by part."""
    lines: Lines = [*map(wrapped, _introduction(document))]
    for rows in _by_part(document["figures"]):
        lines += ["", *_SECTIONS.get(rows[0]["part"], _other)(rows)]
    return lines


def comparison(found: dict) -> Lines:
    """Old and new median of every figure that both documents have, and what only one has."""
    lines: Lines = []
    for rows in _by_part(found["figures"]):
        lines += [Table([*map(_compared, rows)], (_plain(rows[0]["part"]), "old", "new", "unit", "new/old", "change"))]
        lines += [""]
    for which in ("old", "new"):
        if rows := found[f"only_{which}"]:
            names = (f"  {_plain(row['part'])}: {_plain(figures.label(row))}" for row in rows)
            lines += [f"only in the {which} file:", *names, ""]
    return [*lines, _counts(found)]


def _introduction(document: dict) -> list[str]:
    """The machine, when and with which images, the peers, and notes."""
    names = ("processor", "cores", "isa", "lenet5", "python", "numpy")
    where = {name: _plain(document["machine"].get(name)) for name in names}
    machine = "{processor}, {cores} processors, {isa} kernels; lenet5 {lenet5}, Python {python}, NumPy {numpy}"
    data = document["settings"].get("data")
    lines = [
        machine.format(**where),
        f"medians (least .. most); {_plain(document['date'])}" + (f"; {_plain(data)} images" if data else ""),
    ]
    peers, notes = document["machine"].get("peers"), document.get("notes")
    if isinstance(peers, dict) and peers:
        lines.append("peers: " + ", ".join(f"{_plain(name)} {_plain(version)}" for name, version in peers.items()))
    return [*lines, *(f"note: {_plain(note)}" for note in notes)] if isinstance(notes, list) else lines


def _by_part(rows: list[dict]) -> list[list[dict]]:
    parts = dict.fromkeys(row["part"] for row in rows)
    return [[row for row in rows if row["part"] == part] for part in parts]


def _compared(row: dict) -> tuple:
    ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
    return (_plain(figures.label(row)), _spread(row["old"]), _spread(row["new"]), _plain(row["unit"]), ratio,
            row["change"])  # fmt: skip


def _counts(found: dict) -> str:
    changes = [row["change"] for row in found["figures"]]
    names = dict.fromkeys(("faster", "slower", "within spread", *changes))
    counts = ", ".join(f"{changes.count(name)} {name}" for name in names)
    only = f"{len(found['only_old'])} only in old, {len(found['only_new'])} only in new"
    return f"{len(changes)} figures in both: {counts}; {only}"


def _plain(value: object) -> str:
    return plain(str(value)[:_MAX])


def _number(value: float) -> str:
    """Four digits or so, without an exponent where people would not write one."""
    if value >= 1e6 or 0 < value < 1e-3:
        return f"{value:.3g}"
    return f"{value:,.{sum(value < limit for limit in (10, 100, 1000))}f}"


def _spread(row: dict) -> str:
    return f"{_number(row['median'])} ({_number(row['min'])} .. {_number(row['max'])})"


def _section(title: str, rows: list[dict], columns: Columns, left: int = 1) -> Lines:
    """A table under its title, without columns that have nothing to say in any row."""
    cells = {name: [cell(row) for row in rows] for name, cell in columns.items()}
    kept = {name: column for name, column in cells.items() if any(column)}
    above = any(row.get("share_of_peak", 0) > 1 for row in rows)
    return [title, Table(list(zip(*kept.values(), strict=True)), tuple(kept), left), *([ABOVE_PEAK] if above else [])]


def _count(name: str) -> Callable[[dict], str]:
    return lambda row: f"{row[name]:,}" if name in row else ""


def _share(row: dict) -> str:
    return f"{row['share_of_peak']:.0%}" if "share_of_peak" in row else ""


def _gflops(row: dict) -> str:
    return _number(row["gflops"]) if "gflops" in row else ""


def _name(row: dict) -> str:
    return _plain(row["name"])


def _contestants(rows: list[dict]) -> Columns:
    """Who, and how many times our time: only where there are others. A set of sizes has one figure of ours."""
    ours = {(row["name"], _sizes(row)): row["median"] for row in rows if row["contestant"] == figures.OURS}

    def ratio(row: dict) -> str:
        base = ours.get((row["name"], _sizes(row)))
        return f"{row['median'] / base:.2f}" if base else ""

    if all(row["contestant"] == figures.OURS for row in rows):
        return {}
    return {"contestant": lambda row: _plain(row["contestant"]), "x lenet5": ratio}


def _sizes(row: dict) -> tuple:
    return tuple(row.get(size) for size in figures.SIZES)


def _peak(rows: list[dict]) -> Lines:
    columns = {"threads": _count("threads"), "GFLOP/s": _spread}
    unsteady = any(row["min"] < 0.7 * row["max"] for row in rows)
    section = _section("multiply-add peak, measured on registers", rows, columns, left=0)
    return [*section, UNSTEADY] if unsteady else section


def _kernels(rows: list[dict]) -> Lines:
    n = rows[0].get("n_pictures", 0)
    total = sum(row["median"] for row in rows)
    section = _section(f"kernels, one thread, {n} images a call", rows,
                       {"kernel": _name, "us": _spread, "GFLOP/s": _gflops, "of peak": _share})  # fmt: skip
    each = f" = {_number(total / n)} us an image, forward and backward" if n else ""
    return [*section, f"sum {_number(total)} us{each}"]


def _training(rows: list[dict]) -> Lines:
    who = _contestants(rows)
    sizes = {row.get("n_pictures", 0) for row in rows}
    title = "training, one pass" + (f" over {min(sizes):,} images" if len(sizes) == 1 and min(sizes) else "")
    columns = {"work": _work} | {name: who[name] for name in who if name == "contestant"} | {
        "images": lambda row: "" if len(sizes) == 1 else _count("n_pictures")(row),
        "batch": _count("batch_size"), "threads": _count("threads"), "s": _spread, "images/s": _rate,
        "of peak": _share,
    } | {name: who[name] for name in who if name != "contestant"}  # fmt: skip
    return _section(title, rows, columns, left=2 if who else 1)


def _prediction(rows: list[dict]) -> Lines:
    who = _contestants(rows)
    columns = {"contestant": lambda row: _plain(row["contestant"])} | {
        "images": _count("n_pictures"), "threads": _count("threads"), "us an image": _spread,
        "images/s": _rate, "of peak": _share,
    } | {name: who[name] for name in who if name != "contestant"}  # fmt: skip
    return _section("prediction, by images a call", rows, columns)


def _work(row: dict) -> str:
    """What a pass is, beside the word that all passes have in their names."""
    return _name(row).removeprefix("training pass with ")


def _rate(row: dict) -> str:
    """Images in a second, from whichever unit the figure has."""
    if not row["median"] or row["unit"] not in ("s", "us/picture"):
        return ""
    rate = row.get("n_pictures", 0) / row["median"] if row["unit"] == "s" else 1e6 / row["median"]
    return f"{rate:,.0f}" if rate else ""


def _startup(rows: list[dict]) -> Lines:
    return _section("whole processes", rows, {"process": _name, "ms": _spread})


def _speed_up(row: dict, base: float | None) -> str:
    return f"{base / row['median']:.2f}" if base and row["median"] else ""


def _scaling(rows: list[dict]) -> Lines:
    lines: Lines = []
    for name in dict.fromkeys(row["name"] for row in rows):
        same = [row for row in rows if row["name"] == name]
        base = next((row["median"] for row in same if row.get("threads") == 1), None)
        several = len({row.get("threads") for row in same}) > 1
        columns: Columns = {
            "images": _count("n_pictures"), "threads": _count("threads"), _plain(same[0]["unit"]): _spread,
            "images/s": _rate,
            "x 1 thread": partial(_speed_up, base=base if several else None),
        }  # fmt: skip
        lines += [*([""] if lines else []), *_section(f"scaling: {_plain(name)}", same, columns, left=0)]
    return lines


def _other(rows: list[dict]) -> Lines:
    """A part that this program does not know."""
    columns = {
        "figure": lambda row: _plain(figures.label(row)),
        "median": _spread,
        "unit": lambda row: _plain(row["unit"]),
    }
    return _section(_plain(rows[0]["part"]), rows, columns)


_SECTIONS = {
    "peak": _peak,
    "kernels": _kernels,
    "training": _training,
    "prediction": _prediction,
    "startup": _startup,
    "scaling": _scaling,
}
