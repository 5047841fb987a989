"""A bar chart of a document of results, as SVG for light and dark pages, with text as text.

+-- title -----------------------------+
| group                                |
|   contestant |======= 1.23 s         |   bars from 0, the least to the most as a line over the end
|   contestant |=============== 3.21 s |
+-- machine ---------------------------+
"""

import re
from xml.sax.saxutils import escape

from .figures import OURS

WIDTH, MARGIN, ROW, BAR = 760, 20, 26, 16
#: Width of a character at 13 pixels, rather too wide than too narrow.
CHARACTER = 7.2
MAX_LABEL, VALUE_WIDTH = 40, 155
STYLE = """
  text { font: 13px -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #24292f }
  .page { fill: #ffffff } .ours { fill: #1f6feb } .peer { fill: #a8b1bb } .axis, .spread { stroke: #57606a }
  .title { font-size: 16px; font-weight: 600 } .group { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .page { fill: #0d1117 } .ours { fill: #4493f8 } .peer { fill: #57606a }
    .axis, .spread { stroke: #9198a1 } .small { fill: #9198a1 }
  }
"""
#: Part, name, most or fewest images, heading.
_GROUPS = (
    ("training", "training pass", max, "Training pass over {images}, batch {batch_size}"),
    ("prediction", "prediction", max, "Prediction, {images} in one call: time per image"),
    ("prediction", "prediction", min, "Prediction, {images} in one call"),
)
_VERSIONS = {
    "PyTorch": "torch",
    "PyTorch compiled": "torch",
    "ONNX Runtime": "onnxruntime",
    "OpenVINO": "openvino",
    "scikit-learn MLP": "scikit-learn",
}


def groups(document: dict) -> list[tuple[str, list[dict]]]:
    """Return (heading, figures, best first) of what was measured: a training pass, prediction of many, and of one.

    Each contestant has the number of threads that suits it best, named beside its bar, since one number for all would
    favour some. Of several batch sizes the smallest is taken. Other networks (scikit-learn's, for scale) are left out.
    """
    chosen: list[tuple[str, list[dict]]] = []
    for part, name, wanted, heading in _GROUPS:
        rows = [row for row in document["figures"] if (row["part"], row["name"]) == (part, name)]
        rows = [row for row in rows if not row["contestant"].startswith("scikit-learn") and "n_pictures" in row]
        sizes = [_sizes(row) for row in rows if row["contestant"] == OURS]
        if not sizes:
            continue
        n = wanted(n for n, _, _ in sizes)
        size = min((size for size in sizes if size[0] == n), key=lambda size: size[1])
        best: dict[str, dict] = {}
        for row in sorted(rows, key=lambda row: row["median"]):
            if _sizes(row) == size:
                best.setdefault(row["contestant"], row)
        text = heading.format(images=f"{n:,} image{'s' * (n > 1)}", batch_size=size[1])
        if list(best.values()) not in [others for _, others in chosen]:  # with one size, the most are the fewest
            chosen.append((text, list(best.values())))
    return chosen


def _sizes(row: dict) -> tuple[int, int, str]:
    """Return what the bars of one group share: images, batch size (0: none), unit."""
    return row["n_pictures"], row.get("batch_size", 0), row["unit"]


def draw(document: dict) -> str:
    """Draw the chart of a document of `figures.load` or `suite.measure`; ValueError if it has nothing to draw."""
    found = groups(document)
    if not found:
        raise ValueError("there is no training pass and no prediction among the figures, so nothing to draw")
    machine = document["machine"]
    versions = machine.get("peers") if isinstance(machine.get("peers"), dict) else {}
    names = {row["contestant"]: _name(row["contestant"], versions) for _, rows in found for row in rows}
    left = MARGIN + CHARACTER * max(map(len, names.values())) + 8
    body, y = [], 56
    for heading, rows in found:
        body.append(f'<text class="group" x="{MARGIN}" y="{y + 14}">{_text(heading)}</text>')
        y += ROW
        most = max(row["max"] for row in rows) or 1
        scale = (WIDTH - MARGIN - VALUE_WIDTH - left) / most
        body.append(f'<path class="axis" d="M{left:.1f} {y - 2}v{ROW * len(rows)}"/>')
        for row in rows:
            body += _bar(row, names[row["contestant"]], left, y, scale)
            y += ROW
        y += 14
    where = f"{machine.get('processor')}, {machine.get('isa')}"
    where += "; medians, lines from least to most; each with the threads that suit it best; shorter is better"
    body.append(f'<text class="small" x="{MARGIN}" y="{y + 4}">{_text(where, 150)}</text>')
    height, title = y + 20, "LeNet-5 on the CPU: time taken"
    summary = "; ".join(
        f"{heading}: " + ", ".join(f"{names[r['contestant']]} {_value(r)}" for r in rows) for heading, rows in found
    )
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img" aria-labelledby="title description">',
        f'<title id="title">{title}</title>',
        f'<desc id="description">{_text(summary, 2000)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
        f'<text class="title" x="{MARGIN}" y="36">{title}</text>',
        *body,
        "</svg>",
        "",
    ])  # fmt: skip


def _bar(row: dict, name: str, left: float, y: int, scale: float) -> list[str]:
    """Draw one contestant: its name, its bar, the line of its spread, its median."""
    width, low, high = (scale * row[value] for value in ("median", "min", "max"))
    middle, kind = y + BAR / 2, "ours" if row["contestant"] == OURS else "peer"
    return [
        f'<text x="{left - 8:.1f}" y="{y + 13}" text-anchor="end">{_text(name)}</text>',
        f'<rect class="{kind}" x="{left:.1f}" y="{y}" width="{max(width, 1):.1f}" height="{BAR}"/>',
        f'<path class="spread" d="M{left + low:.1f} {middle:.1f}H{left + high:.1f}"/>',
        f'<text x="{left + max(width, high) + 6:.1f}" y="{y + 13}">{_text(_value(row))}</text>',
    ]


def _value(row: dict) -> str:
    """Format the median to three digits with its unit, and the number of threads."""
    unit = {"us/picture": "µs"}.get(row["unit"], row["unit"])
    value = row["median"]
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    threads = row.get("threads", 0)
    with_threads = f", {threads} thread{'s' * (threads > 1)}" if threads else ""
    return f"{value:,.{digits}f} {unit[:10]}{with_threads}"


def _name(contestant: str, versions: dict) -> str:
    """Return a contestant with its version, cut to the available width."""
    version = versions.get(_VERSIONS.get(contestant, ""))
    name = contestant
    if isinstance(version, str):
        version = re.split(r"[+-]", version)[0]  # without its build
        name = f"{contestant.removesuffix(' compiled')} {version}" + ", compiled" * contestant.endswith(" compiled")
    return name if len(name) <= MAX_LABEL else name[: MAX_LABEL - 1] + "…"


def _text(text: str, most: int = 100) -> str:
    """Return ``text`` as XML, without characters that XML does not allow."""
    return escape("".join(c if c.isprintable() else "?" for c in text)[:most])
