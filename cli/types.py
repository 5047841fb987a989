"""What options take beside words and numbers."""

import re

import click


class Error(click.ParamType):
    """The fraction of wrong answers to allow, as "0.5%" or "0.005"; a plain number above 0.1 is a slip more often."""

    name = "error"

    def convert(self, value, param, ctx) -> float:
        text = str(value).strip()
        percent = text.endswith("%")
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            self.fail(f"{text[:40]!r} is not an error rate: write 0.5% or 0.005", param, ctx)
        if percent and 0 < number <= 100:
            return number / 100
        if not percent and 0 < number <= 0.1:
            return number
        if not percent and 0.1 < number <= 100:
            self.fail(f"{text[:40]} of all answers wrong? Write {number:g}% or {number / 100:g}", param, ctx)
        self.fail(f"{text[:40]!r} is out of range: more than 0%, at most 100%", param, ctx)


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


class Widths(click.ParamType):
    """Whole numbers with commas between."""

    name = "numbers"

    def convert(self, value, param, ctx) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if not re.fullmatch(r"\d{1,5}(,\d{1,5})*", value, re.ASCII):
            self.fail(f"{value!r}, expected whole numbers with commas between them", param, ctx)
        return tuple(map(int, value.split(",")))
