"""The documents of `lenet5 benchmark` as tables. They may come from anybody's file, so all text is made plain."""

from collections.abc import Callable
from functools import partial

from lenet5.benchmark import figures

from . import output

ABOVE_PEAK = "above 100 %: minimal filtering does fewer multiply-adds than are counted\n  (else the peak was disturbed)"
UNSTEADY = "the peak's values lie far apart: something else ran; shares of it mean little"
_MAX = 200

Columns = dict[str, Callable[[dict], str]]


def report(document: dict) -> str:
    """All figures, part by part."""
    names = ("processor", "cores", "isa", "lenet5", "python", "numpy")
    where, sections = {name: _plain(document["machine"].get(name)) for name in names}, []
    for part in dict.fromkeys(row["part"] for row in document["figures"]):
        rows = [row for row in document["figures"] if row["part"] == part]
        sections.append(_SECTIONS.get(part, _other)(rows))
    data = document["settings"].get("data")
    lines = [
        "{processor}, {cores} processors, {isa} kernels; lenet5 {lenet5}, Python {python}, NumPy {numpy}".format(
            **where
        ),
        f"medians (least .. most); {_plain(document['date'])}" + (f"; {_plain(data)} pictures" if data else ""),
    ]
    peers = document["machine"].get("peers")
    if isinstance(peers, dict) and peers:
        lines.append("peers: " + ", ".join(f"{_plain(name)} {_plain(version)}" for name, version in peers.items()))
    notes = document.get("notes")
    lines += [f"note: {_plain(note)}" for note in notes] if isinstance(notes, list) else []
    return "\n\n".join(["\n".join(map(output.wrapped, lines)), *sections])


def comparison(found: dict) -> str:
    """Old and new median of every figure that both have, and what only one has."""
    blocks = []
    for part in dict.fromkeys(row["part"] for row in found["figures"]):
        rows = [row for row in found["figures"] if row["part"] == part]
        cells = [
            (_plain(figures.label(row)), f"{_spread(row['old'])}", f"{_spread(row['new'])}", _plain(row["unit"]),
             "-" if row["ratio"] is None else f"{row['ratio']:.2f}", row["change"])
            for row in rows
        ]  # fmt: skip
        blocks.append(output.table(cells, (_plain(part), "old", "new", "unit", "new/old", "change")))
    for which in ("old", "new"):
        rows = found[f"only_{which}"]
        if rows:
            names = (f"  {_plain(row['part'])}: {_plain(figures.label(row))}" for row in rows)
            blocks.append("\n".join([f"only in the {which} file:", *names]))
    changes = [row["change"] for row in found["figures"]]
    counts = [
        f"{changes.count(name)} {name}" for name in dict.fromkeys(("faster", "slower", "within spread", *changes))
    ]
    blocks.append(f"{len(changes)} figures in both: {', '.join(counts)}; "
                  f"{len(found['only_old'])} only in old, {len(found['only_new'])} only in new")  # fmt: skip
    return "\n\n".join(blocks)


def _plain(value: object) -> str:
    return output.plain(str(value)[:_MAX])


def _number(value: float) -> str:
    """Four digits or so, without an exponent where people would not write one."""
    if value >= 1e6 or 0 < value < 1e-3:
        return f"{value:.3g}"
    return f"{value:,.{sum(value < limit for limit in (10, 100, 1000))}f}"


def _spread(row: dict) -> str:
    return f"{_number(row['median'])} ({_number(row['min'])} .. {_number(row['max'])})"


def _section(title: str, rows: list[dict], columns: Columns, left: int = 1) -> str:
    """A table under its title, without columns that have nothing to say in any row."""
    cells = {name: [cell(row) for row in rows] for name, cell in columns.items()}
    kept = {name: column for name, column in cells.items() if any(column)}
    text = output.table(list(zip(*kept.values(), strict=True)), tuple(kept), left=left)
    above = any(row.get("share_of_peak", 0) > 1 for row in rows)
    return "\n".join([title, text, *([ABOVE_PEAK] if above else [])])


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


def _peak(rows: list[dict]) -> str:
    columns = {"threads": _count("threads"), "GFLOP/s": _spread}
    unsteady = any(row["min"] < 0.7 * row["max"] for row in rows)
    table = _section("multiply-add peak, measured on registers", rows, columns, left=0)
    return "\n".join([table, UNSTEADY]) if unsteady else table


def _kernels(rows: list[dict]) -> str:
    n = rows[0].get("n_pictures", 0)
    total = sum(row["median"] for row in rows)
    table = _section(f"kernels, one thread, {n} pictures a call", rows,
                     {"kernel": _name, "us": _spread, "GFLOP/s": _gflops, "of peak": _share})  # fmt: skip
    each = f" = {_number(total / n)} us a picture, forward and backward" if n else ""
    return f"{table}\nsum {_number(total)} us{each}"


def _training(rows: list[dict]) -> str:
    who = _contestants(rows)
    sizes = {row.get("n_pictures", 0) for row in rows}
    title = "training, one pass" + (f" over {min(sizes):,} pictures" if len(sizes) == 1 and min(sizes) else "")
    columns = {"work": _work} | {name: who[name] for name in who if name == "contestant"} | {
        "pictures": lambda row: "" if len(sizes) == 1 else _count("n_pictures")(row),
        "batch": _count("batch_size"), "threads": _count("threads"), "s": _spread, "pictures/s": _rate,
        "of peak": _share,
    } | {name: who[name] for name in who if name != "contestant"}  # fmt: skip
    return _section(title, rows, columns, left=2 if who else 1)


def _prediction(rows: list[dict]) -> str:
    who = _contestants(rows)
    columns = {"contestant": lambda row: _plain(row["contestant"])} | {
        "pictures": _count("n_pictures"), "threads": _count("threads"), "us a picture": _spread,
        "pictures/s": _rate, "of peak": _share,
    } | {name: who[name] for name in who if name != "contestant"}  # fmt: skip
    return _section("prediction, by pictures a call", rows, columns)


def _work(row: dict) -> str:
    """What a pass is, beside the word that all passes have in their names."""
    return _name(row).removeprefix("training pass with ")


def _rate(row: dict) -> str:
    """Pictures in a second, from whichever unit the figure has."""
    if not row["median"] or row["unit"] not in ("s", "us/picture"):
        return ""
    rate = row.get("n_pictures", 0) / row["median"] if row["unit"] == "s" else 1e6 / row["median"]
    return f"{rate:,.0f}" if rate else ""


def _startup(rows: list[dict]) -> str:
    return _section("whole processes", rows, {"process": _name, "ms": _spread})


def _speed_up(row: dict, base: float | None) -> str:
    return f"{base / row['median']:.2f}" if base and row["median"] else ""


def _scaling(rows: list[dict]) -> str:
    parts = []
    for name in dict.fromkeys(row["name"] for row in rows):
        same = [row for row in rows if row["name"] == name]
        base = next((row["median"] for row in same if row.get("threads") == 1), None)
        several = len({row.get("threads") for row in same}) > 1
        columns: Columns = {
            "pictures": _count("n_pictures"), "threads": _count("threads"), _plain(same[0]["unit"]): _spread,
            "pictures/s": _rate,
            "x 1 thread": partial(_speed_up, base=base if several else None),
        }  # fmt: skip
        parts.append(_section(f"scaling: {_plain(name)}", same, columns, left=0))
    return "\n\n".join(parts)


def _other(rows: list[dict]) -> str:
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
