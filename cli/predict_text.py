"""What `lenet5 predict` says to people."""

from collections.abc import Iterable

from lenet5.errors import one_line

from . import output
from .predict_quantity import quantity_cells


def verdict(answer: dict) -> str:
    """What was answered, and why not a digit, below the stages; nothing where no ink came so far."""
    if answer["probabilities"] is None:
        return ""
    if answer["digit"] is not None:
        text = f"answered: {answer['digit']}, confidence {answer['confidence']:.4f}"
    elif answer["reason"] == "unsure":
        text = f"answered: unsure, as the confidence, {answer['confidence']:.4f}, is too low for --max-error"
    elif answer["reason"] == "several digits":
        text = "answered: several digits, as it looks like more than one (--no-reject answers all the same)"
    else:
        text = "answered: no digit, as it looks like something else than one digit (--no-reject answers all the same)"
    return f"{text}; {answer['hint']}" if "hint" in answer else text


def print_lines(answers: Iterable[dict], labels: list[str] | None) -> bool:
    """A line for each image, errors to standard error, bars if there are labels; whether any image was bad."""
    bad = False
    for answer in answers:
        name = one_line(answer["file"])
        if "error" in answer:
            bad = True
            output.error(answer["error"])
        elif answer["digit"] is None:
            confidence = "-" if answer["confidence"] is None else f"{answer['confidence']:.4f}"
            output.result(f"{name}\t{answer['note']}\t{confidence}")
        else:
            best = answer.get("top", [answer])
            cells = [f"{row['digit']}\t{row['confidence']:.4f}" for row in best]
            output.result("\t".join([name, *cells, *(quantity_cells(answer) if "value" in answer else [])]))
        if "hint" in answer:
            output.note(f"{name}: {answer['hint']}")
        if labels and answer.get("probabilities"):
            output.result(_bars(answer["probabilities"], labels))
    return bad


def _bars(probabilities: list[float], labels: list[str]) -> str:
    """The probabilities of all classes as bars."""
    labels = [output.shown(label) for label in labels]
    width = max(map(len, labels))
    block = "█" if output.shown("█") == "█" else "#"
    rows = zip(labels, probabilities, strict=True)
    return "\n".join(f"  {label:<{width}}  {block * round(40 * p):<40}  {100 * p:6.2f} %" for label, p in rows)
