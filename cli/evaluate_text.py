"""What `lenet5 evaluate` says to people."""

from typing import TYPE_CHECKING

from . import output

if TYPE_CHECKING:
    from lenet5.evaluation.risk_coverage import RejectionReport
    from lenet5.models.cascade_report import CascadeReport


def rejection_text(report: "RejectionReport", dataset: str) -> str:
    """The tables for people."""
    percent = output.percent
    ours = [("this model", row.error, row.rejected) for row in report.needed]
    published = [(row.name, row.error, row.rejected) for row in report.published]
    parts = [
        "the least sure answers not given",
        output.table([(percent(p.rejected), percent(p.error)) for p in report.points], ("rejected", "error"),
                     left=0),
        "",
        "what an error takes" + (f", beside published figures ({dataset})" if published else ""),
        output.table([(name, percent(e), percent(r)) for name, e, r in [*ours, *published]],
                     ("", "error", "rejected")),
    ]  # fmt: skip
    n_all_given = sum(row.confidence == 0 for row in report.thresholds)  # the least of these says it all
    rows = [
        (
            f"{100 * row.wanted_error:g} %",
            f"{row.confidence:.4f}",
            percent(row.rejected),
            percent(row.error),
        )
        for row in report.thresholds[max(0, n_all_given - 1) :]
    ]
    if rows:
        parts += [
            "",
            f"the model's own thresholds, from {report.n_validation:,} validation pictures (predict --max-error)",
            output.table(rows, ("wanted", "confidence", "rejected", "error"), left=0),
        ]
    else:
        parts += ["", "the model has no thresholds of its own: it was trained without validation pictures"]
    return "\n".join(parts)


def cascade_text(report: "CascadeReport") -> str:
    """The table for people."""
    rows = [("", point) for point in report.points]
    if report.chosen:
        rows = sorted([*rows, ("chosen", report.chosen)], key=lambda row: row[1].asked)
    cells = [(name, f"{p.threshold:.4f}", output.percent(p.asked), *_cost(p)) for name, p in rows]
    cells = [("small alone", "", "", *_cost(report.small)), *cells, ("large alone", "", "", *_cost(report.large))]
    parts = [
        "cascade: the small model answers from the threshold on, the large one the rest",
        output.table(cells, ("", "threshold", "asked", "multiply-adds", "error")),
    ]
    if report.chosen:
        parts.append(output.wrapped(f"chosen: the least cost with no more errors than the large model on "
                                    f"{report.n_validation:,} validation pictures"))  # fmt: skip
    return "\n".join(parts)


def _cost(point) -> tuple[str, str]:
    return f"{point.macs:,.0f}", output.percent(point.error)


def text(name: str, report: dict) -> str:
    """The report for people."""
    low, high = report["accuracy_95"]
    labels = [row["label"] for row in report["classes"]]
    per_class = [
        (row["label"], f"{row['n']:,}", output.percent(row["precision"]), output.percent(row["recall"]))
        for row in report["classes"]
    ]
    confusion = [
        (label, *("." if count == 0 else count for count in row))
        for label, row in zip(labels, report["confusion"], strict=True)
    ]
    fit = report["calibration"]
    return "\n".join([
        f"{name}, {report['n']:,} test pictures",
        f"accuracy {output.percent(report['accuracy'])} (95 % interval {output.percent(low)} to "
        f"{output.percent(high)}), {report['errors']:,} errors, loss {report['loss']:.4f}",
        f"expected calibration error {output.percent(fit['expected_calibration_error'])} at temperature "
        f"{fit['temperature']:.3f}, {output.percent(fit['uncalibrated_error'])} without\n"
        "  (15 bins of equally many pictures)",
        "",
        output.table(per_class, ("class", "pictures", "precision", "recall")),
        "",
        "rows: what it is; columns: what was answered",
        output.table(confusion, ("", *labels)),
    ])  # fmt: skip
