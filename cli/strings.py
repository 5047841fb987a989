"""lenet5 evaluate --strings: how well strings that are composed of test pictures are read."""

from pathlib import Path

import numpy as np

from . import output


def report_strings(
    network, name: str, X: np.ndarray, y: np.ndarray, style: str, n: int, threads: int | None,
    errors_png: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Compose, read, print; draw the misread ones to ``errors_png`` if there is one."""
    from lenet5.datasets.synthetic import digit_strings
    from lenet5.evaluation import contact_sheet
    from lenet5.ocr import evaluation

    misread = []
    composed = digit_strings.compose(X, y, n, style=style)

    def pairs():
        for picture, right in evaluation.pictures(composed):
            text = str(network.read(picture, invert="yes", threads=threads))
            if errors_png and evaluation.digits_of(text) != right:
                misread.append((picture, right, text))
            yield text, right

    report = evaluation.evaluation(pairs())
    if as_json:
        output.result_json({"dataset": name, "style": style, **report})
    else:
        output.result(_text(name, style, report))
    if errors_png:
        contact_sheet.save_png(evaluation.sheet(misread), errors_png)
        output.note(f"misread strings drawn: {output.one_line(errors_png)}")


def _text(name: str, style: str, report: dict) -> str:
    low, high = report["accuracy_95"]
    return "\n".join([
        f"{name}, {report['n']:,} {style} strings composed of test pictures, {report['n_digits']:,} digits",
        f"strings entirely right {output.percent(report['accuracy'])} (95 % interval {output.percent(low)} to "
        f"{output.percent(high)}),\n  {report['errors']:,} misread, {report['wrong_length']:,} of them in length",
        f"digits right {output.percent(report['digit_accuracy'])}",
    ])  # fmt: skip
