"""Differences between two documents of results."""

from . import figures, machine

#: With fewer runs, their spread is unknown.
LEAST_RUNS = 3
#: On these the figures depend, most of all on the first; load is reported separately.
CIRCUMSTANCES = ("processor", "cores", "isa", "system", "python", "numpy", "lenet5")


def compare(old: dict, new: dict) -> dict:
    """Compare two documents of `figures.load`.

    Returns
    -------
    dict
        ``warnings``: lines on other differences than the program. ``figures``: for each figure in both, its identity,
        ``unit``, ``old`` and ``new`` (median, min, max, n), ``ratio`` (new by old median; None if old is 0) and
        ``change``: "faster" or "slower" if the ranges do not overlap, "within spread" if they do, "too few runs"
        if one has less than three. ``only_old`` and ``only_new``: figures without a counterpart.
    """
    before, after = ({figures.key(row): row for row in document["figures"]} for document in (old, new))
    return {
        "format": f"{figures.FORMAT}-comparison",
        "version": figures.VERSION,
        "old": {name: old[name] for name in ("date", "command", "machine")},
        "new": {name: new[name] for name in ("date", "command", "machine")},
        "warnings": [*_differences(old, new), *_busy(old, "old"), *_busy(new, "new")],
        "figures": [_change(before[key], row) for key, row in after.items() if key in before],
        "only_old": [_identity(row) for key, row in before.items() if key not in after],
        "only_new": [_identity(row) for key, row in after.items() if key not in before],
    }


def _identity(row: dict) -> dict:
    """Return a figure without its numbers."""
    return {name: row[name] for name in ("part", "name", "contestant", *figures.SIZES, "unit") if name in row}


def _change(old: dict, new: dict) -> dict:
    numbers = {
        which: {name: row[name] for name in ("median", "min", "max", "n")}
        for which, row in (("old", old), ("new", new))
    }
    ratio = float(f"{new['median'] / old['median']:.4g}") if old["median"] > 1e-12 else None
    return {**_identity(new), **numbers, "ratio": ratio, "change": _verdict(old, new)}


def _verdict(old: dict, new: dict) -> str:
    if old["unit"] != new["unit"]:
        return "other unit"
    if min(old["n"], new["n"]) < LEAST_RUNS:
        return "too few runs"
    if old["min"] <= new["max"] and new["min"] <= old["max"]:
        return "within spread"
    return "faster" if (new["median"] > old["median"]) == (new["unit"] in figures.RATES) else "slower"


def _differences(old: dict, new: dict) -> list[str]:
    """Return a line for each circumstance that differs."""
    lines = []
    for name in CIRCUMSTANCES:
        pair = [str(document["machine"].get(name))[: figures.MAX_TEXT] for document in (old, new)]
        if pair[0] != pair[1]:
            lines.append(f"{name} differs: {pair[0]}, then {pair[1]}")
    peers = [document["machine"].get("peers") for document in (old, new)]
    peers = [found if isinstance(found, dict) else {} for found in peers]
    for name in sorted(set(peers[0]) & set(peers[1])):
        pair = [str(found[name])[: figures.MAX_TEXT] for found in peers]
        if pair[0] != pair[1]:
            lines.append(f"{name[: figures.MAX_TEXT]} differs: {pair[0]}, then {pair[1]}")
    for name in ("data", "threads", "quick"):
        pair = [str(document["settings"].get(name))[: figures.MAX_TEXT] for document in (old, new)]
        if pair[0] != pair[1]:
            lines.append(f"{name} differs: {pair[0]}, then {pair[1]}")
    return lines


def _busy(document: dict, which: str) -> list[str]:
    """Return a line if something else ran before the measurement."""
    where = document["machine"]
    return (
        [f"the machine was busy before the {which} run: load {where['load_before']}"] if machine.is_busy(where) else []
    )
