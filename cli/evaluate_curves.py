"""What `lenet5 evaluate` tells and draws of rejection and of cascades."""

from pathlib import Path

from . import output

#: Sets of handwritten digits, beside which the literature's figures say something.
_PUBLISHED_FOR = ("mnist",)
#: Parts of the pictures that the large model of a cascade is asked about, as rows of the table.
_ASKED = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def rejection(model, probabilities, y, dataset: str, png: Path | None) -> dict:
    """The report of `risk_coverage.report`, drawn to ``png`` too if there is one."""
    from lenet5.evaluation import contact_sheet
    from lenet5.evaluation import risk_coverage as library

    report = library.report(probabilities, y, model.calibration)
    if dataset in _PUBLISHED_FOR:
        report["published"] = [
            {"name": name, "error_of_all": before, "error": error, "rejected": rejected}
            for name, before, error, rejected in library.PUBLISHED
        ]
    if png:
        contact_sheet.save_png(library.draw(probabilities, y, published=dataset in _PUBLISHED_FOR), png)
        output.note(f"rejection curve drawn: {output.one_line(png)}")
    return report


def rejection_text(report: dict, dataset: str) -> str:
    """The tables for people."""
    percent = output.percent
    ours = [("this model", row["error"], row["rejected"]) for row in report["needed"]]
    published = [(row["name"], row["error"], row["rejected"]) for row in report.get("published", [])]
    parts = [
        "the least sure answers not given",
        output.table([(percent(p["rejected"]), percent(p["error"])) for p in report["points"]], ("rejected", "error"),
                     left=0),
        "",
        "what an error takes" + (f", beside published figures ({dataset})" if published else ""),
        output.table([(name, percent(e), percent(r)) for name, e, r in [*ours, *published]],
                     ("", "error", "rejected")),
    ]  # fmt: skip
    n_all_given = sum(row["confidence"] == 0 for row in report["thresholds"])  # the least of these says it all
    rows = [
        (
            f"{100 * row['wanted_error']:g} %",
            f"{row['confidence']:.4f}",
            percent(row["rejected"]),
            percent(row["error"]),
        )
        for row in report["thresholds"][max(0, n_all_given - 1) :]
    ]
    if rows:
        parts += [
            "",
            f"the model's own thresholds, from {report['n_validation']:,} validation pictures (predict --max-error)",
            output.table(rows, ("wanted", "confidence", "rejected", "error"), left=0),
        ]
    else:
        parts += ["", "the model has no thresholds of its own: it was trained without validation pictures"]
    return "\n".join(parts)


def cascade(small, large, data, png: Path | None, threads: int) -> dict:
    """Error and cost of a cascade on the test pictures, its threshold chosen on validation pictures."""
    from lenet5.evaluation import contact_sheet, plots
    from lenet5.models import ensemble

    both = ensemble.Cascade(small, large, 0)
    curve = both.curve(*data.test, threads)
    points = []
    for asked in _ASKED:
        k = int((curve.asked <= asked).nonzero()[0][-1])
        points.append(_point(both, curve.threshold[k], *map(float, (curve.asked[k], curve.error[k]))))
    report = {
        "small": {"macs": small.macs, "error": float(curve.error[0])},
        "large": {"macs": large.macs, "error": float(curve.error[-1])},
        "points": points,
        "chosen": None,
        "n_validation": 0,
    }
    numbers = ensemble.common_validation([small, large], data.sha256, len(data.train[1]))
    if numbers is None:
        output.note("note: no threshold is chosen: the models have no validation pictures of this set in common")
    else:
        X, y = data.train
        both.choose_threshold(X[numbers], y[numbers], threads)
        report |= {"chosen": _point(both, both.threshold, *curve.at(both.threshold)), "n_validation": len(numbers)}
    if png:
        lines = [plots.Curve("cascade, any threshold", both.cost(curve.asked) / 1000, 100 * curve.error)]
        ends = {"small model alone": "small", "large model alone": "large", "chosen on validation": "chosen"}
        for name, point in ((name, report[key]) for name, key in ends.items() if report[key]):
            lines.append(plots.Curve(name, [point["macs"] / 1000], [100 * point["error"]]))
        title = f"Cascade: error against cost, {data.name}, {len(data.test[1]):,} pictures"
        most = 1.1 * max(small.macs, large.macs) / 1000, 110 * max(float(curve.error.max()), 1e-4)
        picture = plots.draw(title, lines, "thousand multiply-adds a picture, mean", "error (%)", x_max=most[0],
                             y_max=most[1])  # fmt: skip
        contact_sheet.save_png(picture, png)
        output.note(f"cascade drawn: {output.one_line(png)}")
    return report


def _point(both, threshold: float, asked: float, error: float) -> dict:
    return {"threshold": float(threshold), "asked": asked, "macs": both.cost(asked), "error": error}


def cascade_text(report: dict) -> str:
    """The table for people."""
    rows = [("", point) for point in report["points"]]
    if report["chosen"]:
        rows = sorted([*rows, ("chosen", report["chosen"])], key=lambda row: row[1]["asked"])
    rows = [("small alone", report["small"]), *rows, ("large alone", report["large"])]
    cells = [
        (name, f"{p['threshold']:.4f}" if "threshold" in p else "", output.percent(p["asked"]) if "asked" in p else "",
         f"{p['macs']:,.0f}", output.percent(p["error"]))
        for name, p in rows
    ]  # fmt: skip
    parts = [
        "cascade: the small model answers from the threshold on, the large one the rest",
        output.table(cells, ("", "threshold", "asked", "multiply-adds", "error")),
    ]
    if report["chosen"]:
        parts.append(output.wrapped(f"chosen: the least cost with no more errors than the large model on "
                                    f"{report['n_validation']:,} validation pictures"))  # fmt: skip
    return "\n".join(parts)
