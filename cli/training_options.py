"""The options of `lenet5 train` that are fields of `config.Config`: how to train."""

import click

#: How `lenet5 train --help` lists the options of the command, those that most people want first.
GROUPS = {
    "Most used": ("recipe", "epochs", "dataset", "out", "resume"),
    "Network": ("variant", "activation", "pool", "c3", "head", "initializer"),
    "Updates": (
        "batch_size", "optimizer", "learning_rate", "momentum", "nesterov", "schedule", "warmup", "weight_decay", "l1",
        "clip_norm",
    ),
    "Loss": ("loss", "label_smoothing", "rubbish_penalty", "teachers", "teacher_weight", "distillation_temperature"),
    "Training pictures": ("augment", "finetune", "finetune_augment", "mixup", "adversarial"),
    "Regularisation": ("dropout", "batch_norm", "average"),
    "Validation, seeds, committees": ("validation", "patience", "seed", "members"),
}  # fmt: skip


class Augment(click.ParamType):
    """Names of distortions with commas between."""

    name = "names"

    def convert(self, value, param, ctx) -> str:
        from lenet5.training.augment import canonical

        try:
            return canonical(value, param.name)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Rate(click.ParamType):
    """A number, or "auto"."""

    name = "rate"

    def convert(self, value, param, ctx) -> float | str:
        if value == "auto":
            return value
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor auto", param, ctx)


def _number(name: str, default: float, text: str):
    return click.option(name, type=float, default=default, show_default=True, help=text)


def _flag(name: str, default: bool, text: str):
    return click.option(name, default=default, show_default=True, help=text)


def _choice(name: str, choices: tuple[str, ...], text: str):
    return click.option(name, type=click.Choice(choices), default=choices[0], show_default=True, help=text)


_OPTIONS = [
    click.option("--recipe", type=click.Choice(["quick", "standard", "best"]), default="standard", show_default=True,
                 help="Settings for a purpose, which the options given beside it change: quick, 99 % in some seconds; "
                      "best, some minutes and no validation."),
    click.option("--epochs", type=click.IntRange(1), default=20, show_default=True, help="Passes over the pictures."),
    click.option("--batch-size", type=click.IntRange(1, 65536), default=64, show_default=True,
                 help="Pictures in one update."),
    _choice("--optimizer", ("sgd", "adam", "adamw", "rmsprop", "sdlm"),
            "How the weights follow the gradient; sdlm is the 1998 paper's, each weight by its curvature."),
    click.option("--learning-rate", type=Rate(),
                 help="The schedule's peak; auto: found by some hundred updates of growing rate.  [default: 0.05 for "
                      "sgd, 0.002 for adam and adamw, 0.001 for rmsprop, a tenth of these for --head rbf, four times "
                      "these for --activation sigmoid; 0.00005 for sdlm]"),
    _number("--momentum", 0.9, "Of sgd."),
    _flag("--nesterov/--no-nesterov", True, "Which momentum sgd has."),
    _number("--weight-decay", 2e-4, "Added to the gradient, decoupled from it in adamw."),
    _number("--l1", 0.0, "Added to the gradient, times the sign of each weight."),
    _number("--clip-norm", 0.0, "Shorten longer gradients to this norm; 0: never."),
    click.option("--schedule", type=click.Choice(["constant", "step", "cosine", "onecycle", "paper"]),
                 default="onecycle", show_default=True, help="How the learning rate runs."),
    _number("--warmup", 0.0, "Part of the training over which the learning rate first rises."),
    _number("--finetune", 0.0, "Part of the epochs, at the end, that see the pictures as --finetune-augment says, "
            "from a tenth of the learning rate down; 0.025 in recipe best."),
    _choice("--loss", ("cross-entropy", "map", "mse"),
            "What is minimised; mse and map are the 1998 paper's eq. 8 and 9, for --head rbf."),
    _number("--label-smoothing", 0.0, "Part of each target that goes to all classes alike."),
    _number("--rubbish-penalty", 1.0, "The j of eq. 9."),
    _number("--teacher-weight", 1.0, "Part of each target that a --teacher's answer is."),
    _number("--distillation-temperature", 4.0, "By which the teacher's and the network's scores are divided; sgd's "
            "default rate is so much lower as this is above 2."),
    click.option("--augment", type=Augment(), default="affine", show_default=True,
                 help="Random distortions, anew for each pass: none, or some of affine (or of its parts rotation, "
                      "scale, shear, shift, or half as wide again: affine-wide), crop (whole pixels), flip, elastic, "
                      "photo (pens, blur, grain), cutout, invert and paper (that of 1998: affine without rotation), "
                      "with commas between."),
    click.option("--finetune-augment", type=Augment(), default="none", show_default=True,
                 help="Those of the epochs of --finetune; crop in recipe best."),
    _number("--mixup", 0.0, "Mix two pictures in shares of a Beta distribution with this alpha."),
    _number("--adversarial", 0.0, "Move every pixel of every second picture this far against the network."),
    _number("--dropout", 0.0, "Probability of a unit of C5 and F6 being left out."),
    _flag("--batch-norm/--no-batch-norm", False, "Normalise each layer's sums; folded into the weights at the end."),
    _number("--average", 0.0, "Take the running average of the weights, of which this part stays at each update."),
    click.option("--patience", type=click.IntRange(0), default=0, show_default=True,
                 help="Stop after so many epochs without a better one on validation; 0: never."),
    click.option("--validation", type=click.IntRange(0), default=5000, show_default=True,
                 help="Training pictures set apart to choose the best epoch."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
                 help="Of the first weights, the order and the distortions."),
]  # fmt: skip


def training_options(command):
    """Decorate a command with all of them, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
