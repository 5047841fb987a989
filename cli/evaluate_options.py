"""The options of `lenet5 evaluate`, and which of them go together."""

import click

from . import options, own_data
from .evaluate_strings import strings_options

#: Stands for no file after --reject-curve.
WITHOUT_PNG = "-"
evaluate_options = options.together(
    options.models,
    own_data.data,
    click.option("--suspects", type=options.path(dir_okay=False), metavar="CSV",
                 help="Write the images of --data whose labels are perhaps wrong: those that the model confidently "
                      "answers otherwise."),
    click.option("--residuals", type=options.path(dir_okay=False), metavar="PNG",
                 help="Draw the errors of a model of quantities over the truths to this file."),
    options.dataset("the set that the model was trained on, else MNIST if it can be had, else strokes"),
    options.data_dir,
    options.offline,
    click.option("--errors", "errors_png", type=options.path(dir_okay=False), metavar="PNG",
                 help="Draw a contact sheet of the worst mistakes to this file."),
    click.option("--reject-curve", type=options.path(dir_okay=False), is_flag=False,
                 flag_value=WITHOUT_PNG, metavar="[PNG]",
                 help="Report the error when the least confident answers are withheld; with a file, draw the curve."),
    click.option("--cascade", "small", type=options.path(), metavar="SMALL",
                 help="Report error and cost when this smaller model answers what it is sure of, and --model the rest. "
                     "The threshold is chosen on the validation images of both."),
    click.option("--cascade-curve", "cascade_png", type=options.path(dir_okay=False), metavar="PNG",
                 help="Draw the cascade's error against its cost."),
    strings_options,
    options.threads,
)  # fmt: skip


def check_together(ctx, small, cascade_png, reject_curve, strings) -> None:
    """UsageError for options that have no meaning beside, or without, each other."""
    own_data.refuse_both(ctx, ctx.params["own"])
    if cascade_png and not small:
        raise click.UsageError("--cascade-curve draws what --cascade reports: name the small model with --cascade")
    if strings and (reject_curve or small):
        raise click.UsageError("--strings judges strings; --reject-curve and --cascade judge single digits")
