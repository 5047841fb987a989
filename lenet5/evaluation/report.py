"""What an evaluation says to people: accuracy, calibration and confusion; and what rejection costs and saves."""

from ..utils.tables import Lines, Table
from ..utils.text import percent
from .risk_coverage import RejectionReport


def evaluation_lines(name: str, report: dict) -> Lines:
    """The report of `Classifier.evaluate` on the data set ``name``."""
    low, high = report["accuracy_95"]
    fit = report["calibration"]
    return [
        f"{name}, {report['n']:,} test images",
        f"accuracy {percent(report['accuracy'])} (95 % interval {percent(low)} to {percent(high)}), "
        f"{report['errors']:,} errors, loss {report['loss']:.4f}",
        f"balanced accuracy {percent(report['balanced_accuracy'])}, macro F1 {percent(report['macro_f1'])}",
        f"expected calibration error {percent(fit['expected_calibration_error'])} at temperature "
        f"{fit['temperature']:.3f}, {percent(fit['uncalibrated_error'])} without",
        "  (15 bins of equally many images)",
        "",
        _per_class(report),
        "",
        "rows: what it is; columns: what was answered",
        _confusion(report),
    ]


def _per_class(report: dict) -> Table:
    rows = [
        (row["label"], f"{row['n']:,}", percent(row["precision"]), percent(row["recall"])) for row in report["classes"]
    ]
    return Table(rows, ("class", "images", "precision", "recall"))


def _confusion(report: dict) -> Table:
    labels = [row["label"] for row in report["classes"]]
    rows = [
        (label, *("." if count == 0 else count for count in row))
        for label, row in zip(labels, report["confusion"], strict=True)
    ]
    return Table(rows, ("", *labels))


def rejection_lines(report: RejectionReport, dataset: str) -> Lines:
    """Error against rejection on the data set ``dataset``."""
    published = f", beside published figures ({dataset})" if report.published else ""
    needed = [
        *(("this model", row.error, row.rejected) for row in report.needed),
        *((row.name, row.error, row.rejected) for row in report.published),
    ]
    return [
        "the least sure answers not given",
        Table([(percent(p.rejected), percent(p.error)) for p in report.points], ("rejected", "error"), left=0),
        "",
        f"what an error takes{published}",
        Table([(name, percent(e), percent(r)) for name, e, r in needed], ("", "error", "rejected")),
        "",
        *_threshold_lines(report),
    ]


def _threshold_lines(report: RejectionReport) -> Lines:
    if not report.thresholds:
        return ["the model has no thresholds of its own: it was trained without validation images"]
    n_all_given = sum(row.confidence == 0 for row in report.thresholds)  # the least threshold says it all
    rows = [
        (f"{100 * row.wanted_error:g} %", f"{row.confidence:.4f}", percent(row.rejected), percent(row.error))
        for row in report.thresholds[max(0, n_all_given - 1) :]
    ]
    return [
        f"the model's own thresholds, from {report.n_validation:,} validation images (predict --max-error)",
        Table(rows, ("wanted", "confidence", "rejected", "error"), left=0),
    ]


def errors_line(report: dict) -> str:
    """MAE, RMSE and R2 of quantities."""
    return f"MAE {_shown(report['mae'])}, RMSE {_shown(report['rmse'])}, R2 {_shown(report['r2'])}"


def quantity_lines(name: str, report: dict) -> Lines:
    """The report of `Regressor.evaluate` for people."""
    lines: Lines = [f"{name}: {errors_line(report)}, {report['n']:,} images"]
    if "targets" in report:
        rows = [(k, *map(_shown, row.values())) for k, row in enumerate(report["targets"], 1)]
        lines += ["", Table(rows, ("target", "MAE", "RMSE", "R2"))]
    if found := report["interval"]:
        widths = ", ".join(map(_shown, found["half_width"]))
        lines += [f"intervals of {100 * found['level']:g} %: +-{widths}, which hold {100 * found['coverage']:.1f} %"]
    return lines


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"
