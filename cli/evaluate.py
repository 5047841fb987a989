"""lenet5 evaluate: how good a model is on a data set's test pictures."""

from pathlib import Path

import click

from . import options, output
from .common import check_png, load_data, load_model


@click.command()
@options.model
@options.dataset("the set that the model was trained on, else MNIST if it can be had, else strokes")
@options.data_dir
@options.offline
@click.option("--errors", "errors_png", type=click.Path(dir_okay=False, path_type=Path), metavar="PNG",
              help="Write a sheet of the worst mistakes to this file.")  # fmt: skip
@click.option("--strings", type=click.Choice(["plain", "apart", "varied"]), metavar="STYLE",
              help="Compose strings of the test pictures and read those: plain (five digits, gaps of -1 to 4 pixels), "
              "apart (gaps of 1 to 4), varied (sizes, slants, pens, rules, separators).")  # fmt: skip
@click.option("--n", "n_strings", type=click.IntRange(1), default=2000, show_default=True,
              help="How many strings --strings composes.")  # fmt: skip
@options.threads
@options.as_json
@options.verbosity
def evaluate(model, dataset, data_dir, offline, errors_png, strings, n_strings, threads, as_json) -> None:
    """Accuracy, loss, precision and recall, and the confusion matrix on the test pictures.

    \b
    Examples:
      lenet5 evaluate
      lenet5 evaluate --model runs/train-001/last.safetensors --errors mistakes.png
      lenet5 evaluate --dataset strokes --json
      lenet5 evaluate --strings plain --errors misread.png
    """
    if errors_png:
        check_png(errors_png)
    network = load_model(model)
    if dataset == "auto":
        dataset = _trained_on(network)
    data = load_data(dataset, data_dir, offline)
    if list(data.classes) != network.labels:
        theirs, ours = ", ".join(data.classes), ", ".join(network.labels)
        raise click.UsageError(f"{data.name} has other classes ({theirs}) than the model ({ours})")
    X, y = data.test
    if strings:
        from .strings import report_strings

        report_strings(network, data.name, X, y, strings, n_strings, threads, errors_png, as_json)
        return
    report, probabilities = network.evaluate(X, y, threads)
    if as_json:
        output.result_json({"dataset": data.name, **report})
    else:
        output.result(_text(data.name, report))
    if errors_png:
        from lenet5 import sheets

        sheets.save_png(sheets.mistakes(X, y, probabilities, network.labels), errors_png)
        output.note(f"mistakes drawn: {output.one_line(errors_png)}")


def _trained_on(network) -> str:
    """The data set that a model says it was trained on, if it is one of ours, else auto."""
    name = network.training.get("dataset") if network.training else None
    return name if name in options.DATASETS else "auto"


def _text(name: str, report: dict) -> str:
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
    return "\n".join([
        f"{name}, {report['n']:,} test pictures",
        f"accuracy {output.percent(report['accuracy'])} (95 % interval {output.percent(low)} to "
        f"{output.percent(high)}), {report['errors']:,} errors, loss {report['loss']:.4f}",
        "",
        output.table(per_class, ("class", "pictures", "precision", "recall")),
        "",
        "rows: what it is; columns: what was answered",
        output.table(confusion, ("", *labels)),
    ])  # fmt: skip
