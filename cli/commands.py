"""What all commands have beyond Click's: help in groups, and an answer to options that other programs have."""

from collections.abc import Iterator, Sequence

import click

#: Titles and, below each, names of parameters.
Groups = dict[str, tuple[str, ...]]

#: Names that people try; the option (or FILE...) without which the answer makes no sense; the answer.
HINTS = (
    ("--device --gpu --gpus --cuda --mps --cpu", "--threads", "lenet5 runs on the CPU; --threads sets how much of it"),
    ("--device --gpu --gpus --cuda --mps --cpu", "", "lenet5 runs on the CPU"),
    ("--amp --fp16 --half --precision --dtype", "", "lenet5 computes in float32"),
    ("--imgsz --img-size --image-size --resize", "--size", "the side of own images is --size"),
    ("--imgsz --img-size --image-size --resize", "", "images become 32 x 32, or as large as the model's own"),
    (
        "--input --image --images --img --file --source --path -i",
        "FILE...",
        "name the images without an option",
    ),
    ("-j -t --workers --num-workers --jobs --n-jobs --cores --num-threads", "--threads", "processors: --threads"),
    ("--lr -l --rate --alpha --lr0", "--learning-rate", "the learning rate is --learning-rate"),
    ("-b --batch --bs --batchsize", "--batch-size", "images in one update: --batch-size"),
    ("-e --epoch --num-epochs --n-epochs --iterations", "--epochs", "passes over the images: --epochs"),
    ("--wd --decay --l2", "--weight-decay", "weight decay is --weight-decay"),
    ("--opt --optim", "--optimizer", "the optimizer is --optimizer"),
    ("--scheduler --lr-schedule --lr-scheduler", "--schedule", "the learning rate's schedule is --schedule"),
    ("--arch --architecture --network --net", "--variant", "the network is --variant"),
    ("--val --val-size --valid --validation-split", "--validation", "images to validate on: --validation"),
    ("--early-stopping", "--patience", "to stop early: --patience"),
    ("--aug --augmentation --transforms", "--augment", "distortions are --augment"),
    ("-s --random-seed --random-state", "--seed", "the seed is --seed"),
    ("--continue", "--resume", "to go on with a run: --resume"),
    ("--data-path --root --dataset-dir", "--data-dir", "the folder of data sets is --data-dir"),
    ("-m --weights --checkpoint --ckpt --model-path", "--model", "a model file is --model"),
    ("-o --output --save --save-path", "--out", "the file to write is --out"),
    ("--threshold --confidence --conf", "--max-error", "answers that are not sure enough: --max-error"),
    ("-k --topk --top-k", "--top", "how many answers: --top"),
    ("--format --output-format", "--json", "for programs there is --json"),
    ("--silent", "--quiet", "errors only: --quiet"),
    ("--debug", "--verbose", "to say more: --verbose"),
)


class Helpful(click.Command):
    """Mixed into a Click command: an unknown option is answered with the one that is meant, where that is known."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = _hint(error.option_name, self) or _elsewhere(error.option_name, ctx.find_root())
            if hint:
                message = f"No such option {error.option_name}: {hint}"
                raise click.NoSuchOption(error.option_name, message, ctx=error.ctx) from error
            raise


class Command(Helpful, click.Command):
    """A command whose options are listed in ``groups``; those that are in none come last."""

    def __init__(self, *args, groups: Groups | None = None, **settings):
        super().__init__(*args, **settings)
        self.groups = groups or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As Click's, which has one group."""
        params = {param.name: param for param in self.get_params(ctx) if isinstance(param, click.Option)}
        named = {name for names in self.groups.values() for name in names}
        rest = {"More options" if self.groups else "Options": [name for name in params if name not in named]}
        for title, names in {**self.groups, **rest}.items():
            with formatter.section(title):
                records = [params[name].get_help_record(ctx) for name in names]
                formatter.write_dl([record for record in records if record])


def _hint(unknown: str, command: click.Command) -> str | None:
    """The first answer of `HINTS` that this command has the option for."""
    there = {"", *option_names(command.params)}
    return next((words for tried, needs, words in HINTS if unknown in tried.split() and needs in there), None)


def _elsewhere(unknown: str, ctx: click.Context) -> str | None:
    """Which of the commands have the option, or the one that `HINTS` has for it."""
    group = ctx.command
    if not isinstance(group, click.Group):
        return None
    commands = [command for name in group.list_commands(ctx) if (command := group.get_command(ctx, name))]
    for option in (unknown, *(needs for tried, needs, _ in HINTS if unknown in tried.split())):
        owners = [str(command.name) for command in commands if option in option_names(command.params)]
        if owners and option.startswith("-"):
            return f"{option} belongs to: {', '.join(owners)}"
    return None


def option_names(params: Sequence[click.Parameter]) -> Iterator[str]:
    """Options as they are written; of an argument what the help calls it."""
    for param in params:
        yield from (*param.opts, *param.secondary_opts, param.metavar or "")
