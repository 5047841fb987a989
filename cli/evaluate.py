"""lenet5 evaluate: how good a model is on a data set's test pictures, and how well it knows that."""

from pathlib import Path

import click

from . import options, output
from .common import check_png, load_data, load_model, load_models

_WITHOUT_PNG = "-"  # stands for no file after --reject-curve


@options.command()
@options.models
@options.dataset("the set that the model was trained on, else MNIST if it can be had, else strokes")
@options.data_dir
@options.offline
@click.option("--errors", "errors_png", type=options.path(dir_okay=False), metavar="PNG",
              help="Write a sheet of the worst mistakes to this file.")  # fmt: skip
@click.option("--reject-curve", type=options.path(dir_okay=False), is_flag=False,
              flag_value=_WITHOUT_PNG, metavar="[PNG]",
              help="Tell the error when the least sure answers are not given; with a file, draw it.")  # fmt: skip
@click.option("--cascade", "small", type=options.path(), metavar="SMALL",
              help="Tell error and cost when this smaller model answers what it is sure of, and --model the rest. The "
                   "threshold comes from the validation pictures of both.")  # fmt: skip
@click.option("--cascade-curve", "cascade_png", type=options.path(dir_okay=False), metavar="PNG",
              help="Draw the cascade's error against its cost.")  # fmt: skip
@click.option("--strings", type=click.Choice(["plain", "apart", "varied", "amounts"]), metavar="STYLE",
              help="Compose strings of the test pictures and read those: plain (five digits, gaps of -1 to 4 pixels), "
              "apart (gaps of 1 to 4), varied (sizes, slants, pens, rules, separators), amounts (as written by people, "
              "on printed paper).")  # fmt: skip
@click.option("--n", "n_strings", type=click.IntRange(1), help="How many strings --strings composes.  [default: 2000]")
@options.threads
@options.as_json
@options.verbosity
def evaluate(models, dataset, data_dir, offline, errors_png, reject_curve, small, cascade_png, strings, n_strings,
             threads, as_json) -> None:  # fmt: skip
    """Accuracy, loss, precision and recall, calibration and the confusion matrix on the test pictures.

    \b
    Examples:
      lenet5 evaluate
      lenet5 evaluate --model runs/train-001/last.safetensors --errors mistakes.png
      lenet5 evaluate --model a.safetensors --model b.safetensors --json
      lenet5 evaluate --reject-curve curve.png
      lenet5 evaluate --cascade small.safetensors --cascade-curve cost.png
      lenet5 evaluate --strings plain --errors misread.png
    """
    reject_png = reject_curve if reject_curve and str(reject_curve) != _WITHOUT_PNG else None
    if cascade_png and not small:
        raise click.UsageError("--cascade-curve draws what --cascade tells: name the small model with --cascade")
    if strings and (reject_curve or small):
        raise click.UsageError("--strings judges strings; --reject-curve and --cascade tell of single digits")
    if n_strings and not strings:
        raise click.UsageError("--n is how many strings --strings composes: name their style with --strings")
    pngs = [path for path in (errors_png, reject_png, cascade_png) if path]
    for path in pngs:
        check_png(path)
    if len({path.resolve() for path in pngs}) < len(pngs):
        raise click.UsageError("two pictures cannot go to the same file")
    network, model = load_models(models, digits=bool(strings))
    small = load_model(small)[0] if small else None
    data = _data_for([network, *([small] if small else [])], dataset, data_dir, offline)
    X, y = data.test
    if strings:
        from .strings import report_strings

        report_strings(network, data.name, X, y, strings, n_strings or 2000, threads, errors_png, as_json)
        return
    with output.library_log():
        report, probabilities = network.evaluate(X, y, threads)
    document, texts = {"dataset": data.name, "model": model, **report}, [_text(data.name, report)]
    if errors_png:
        _draw_mistakes(X, y, probabilities, network.labels, errors_png)
    if reject_curve:
        from . import evaluate_curves

        document["rejection"] = evaluate_curves.rejection(network, probabilities, y, data.name, reject_png)
        texts.append(evaluate_curves.rejection_text(document["rejection"], data.name))
    if small:
        from . import evaluate_curves

        document["cascade"] = evaluate_curves.cascade(small, network, data, cascade_png, threads)
        texts.append(evaluate_curves.cascade_text(document["cascade"]))
    if as_json:
        output.result_json(document)
    else:
        output.result("\n\n".join(texts))


def _data_for(models: list, dataset: str, data_dir: Path | None, offline: bool | None):
    """The data set to judge models on; a usage error where their classes are others."""
    if dataset == "auto":
        dataset = _trained_on(models[0])
    data = load_data(dataset, data_dir, offline)
    for model in models:
        if list(data.classes) != model.labels:
            theirs, ours = ", ".join(data.classes), ", ".join(model.labels)
            raise click.UsageError(f"{data.name} has other classes ({theirs}) than the model ({ours})")
    return data


def _trained_on(network) -> str:
    """The data set that a model says it was trained on, if it is one of ours, else auto."""
    name = network.training.get("dataset") if network.training else None
    return name if name in options.DATASETS else "auto"


def _draw_mistakes(X, y, probabilities, labels: list[str], path: Path) -> None:
    from lenet5.evaluation import contact_sheet

    contact_sheet.save_png(contact_sheet.mistakes(X, y, probabilities, labels), path)
    output.note(f"mistakes drawn: {output.one_line(path)}")


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
