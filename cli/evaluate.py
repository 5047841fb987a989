"""lenet5 evaluate: how good a model is on a data set's test pictures, and how well it knows that."""

from pathlib import Path

import click

from . import evaluate_text, options, output
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
    from lenet5.evaluation import contact_sheet

    reject_png = reject_curve if reject_curve and str(reject_curve) != _WITHOUT_PNG else None
    _check_together(small, cascade_png, reject_curve, strings, n_strings)
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
    with output.log_notes():
        report, probabilities = network.evaluate(X, y, threads)
    document, texts = {"dataset": data.name, "model": model, **report}, [evaluate_text.text(data.name, report)]
    if errors_png:
        _draw(contact_sheet.mistakes(X, y, probabilities, network.labels), errors_png, "mistakes")
    if reject_curve:
        rejection = _rejection(network, probabilities, y, data.name, reject_png)
        document["rejection"] = rejection.as_dict()
        texts.append(evaluate_text.rejection_text(rejection, data.name))
    if small:
        cascade = _cascade(small, network, data, cascade_png, threads)
        document["cascade"] = cascade.as_dict()
        texts.append(evaluate_text.cascade_text(cascade))
    if as_json:
        output.result_json(document)
    else:
        output.result("\n\n".join(texts))


def _check_together(small, cascade_png, reject_curve, strings, n_strings) -> None:
    """UsageError for options that have no meaning beside, or without, each other."""
    if cascade_png and not small:
        raise click.UsageError("--cascade-curve draws what --cascade tells: name the small model with --cascade")
    if strings and (reject_curve or small):
        raise click.UsageError("--strings judges strings; --reject-curve and --cascade tell of single digits")
    if n_strings and not strings:
        raise click.UsageError("--n is how many strings --strings composes: name their style with --strings")


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


def _rejection(network, probabilities, y, name: str, png: Path | None):
    from lenet5.evaluation import risk_coverage

    report = risk_coverage.report(probabilities, y, network.calibration, dataset=name)
    if png:
        _draw(risk_coverage.draw(probabilities, y, dataset=name), png, "rejection curve")
    return report


def _cascade(small, large, data, png: Path | None, threads: int):
    from lenet5.models.cascade_report import cascade_report

    report = cascade_report(small, large, data, threads)
    if not report.chosen:
        output.note("note: no threshold is chosen: the models have no validation pictures of this set in common")
    if png:
        _draw(report.draw(f"{data.name}, {len(data.test[1]):,} pictures"), png, "cascade")
    return report


def _draw(picture, path: Path, what: str) -> None:
    from lenet5.evaluation import contact_sheet

    contact_sheet.save_png(picture, path)
    output.note(f"{what} drawn: {output.one_line(path)}")
