"""A trained model as C99: lenet5.c and lenet5.h, without a library, an allocation or a file to read."""

import re
from collections.abc import Iterator, Mapping
from string import Template

import numpy as np

from .. import __version__
from . import c_float, c_math, c_text
from .c_stages import Stage, buffers, stages, strip
from .graph import MISSING, Description, Exportable, Graph, describe

HEADER = Template("""\
$about#ifndef LENET5_H
#define LENET5_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the prepared image: LENET5_CHANNELS planes of LENET5_HEIGHT rows of LENET5_WIDTH pixels. */
#define LENET5_INPUT $input
#define LENET5_CHANNELS $channels
#define LENET5_HEIGHT $side
#define LENET5_WIDTH $side
#define LENET5_CLASSES $classes
/* $meaning */
#define LENET5_TEMPERATURE $temperature
/* Bytes of the constants and of the buffers. */
#define LENET5_CONSTANT_BYTES $constant_bytes
#define LENET5_BUFFER_BYTES $buffer_bytes

typedef $score lenet5_score;

/* UTF-8 */
extern const char *const lenet5_class_names[LENET5_CLASSES];

/* $result Not for several threads at once, see LENET5_BUFFERS. */
int lenet5_predict(const uint8_t image[LENET5_INPUT], lenet5_score scores[LENET5_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
""")
SOURCE = Template("""\
$about#include "lenet5.h"
$include
/* What the constants are declared with, such as a section of flash memory. */
#ifndef LENET5_FLASH
#define LENET5_FLASH
#endif
/* Where the buffers are: "static", or nothing for the stack, so that several threads may call at once. */
#ifndef LENET5_BUFFERS
#define LENET5_BUFFERS static
#endif

const char *const lenet5_class_names[LENET5_CLASSES] = {
$names
};

$constants
$functions
int lenet5_predict(const uint8_t image[LENET5_INPUT], lenet5_score scores[LENET5_CLASSES])
{
    LENET5_BUFFERS $number a[$a], b[$b];
$calls$result}
""")
BEST_CLASS = """\
    int best = 0;
    for (int k = 1; k < LENET5_CLASSES; k++)
        if (scores[k] > scores[best])
            best = k;
    return best;
"""
NO_CLASS = "    return 0;\n"
# A committee: the logarithm of the mean probability; FLT_MIN keeps it finite.
MEAN_FIRST = """\
    float member[LENET5_CLASSES];
    for (int k = 0; k < LENET5_CLASSES; k++)
        scores[k] = 0;
"""
MEAN_LAST = """\
    for (int k = 0; k < LENET5_CLASSES; k++)
        scores[k] = logarithm(scores[k] > 1.17549435e-38f ? scores[k] : 1.17549435e-38f);
"""


def contents(model: Exportable) -> dict[str, str]:
    """The two files by name, for a folder. ValueError in one line where the model cannot be exported."""
    description = describe(model)
    costs = constant_bytes(description), buffer_bytes(description)
    return {"lenet5.c": _source(description), "lenet5.h": header(description, "float", description.temperature, costs)}


def _about(description: Description) -> str:
    prepared = ", ".join(f"{key} {value}" for key, value in description.preparation.items())
    return c_text.block_comment([
        f"Written by lenet5 {__version__}; a trained network in C99.",
        f"Multiply-adds per image: {description.macs:,}.",
        f"The image is prepared as for training: {prepared}.",
        "A byte is 0 for background and 255 for full ink; padding is done here.",
        MISSING,
    ])  # fmt: skip


def _named(description: Description) -> Iterator[tuple[Graph, list[tuple[str, Stage]]]]:
    """The stages of each network under the names of their functions."""
    for number, graph in enumerate(description.graphs, 1):
        prefix = f"member{number}_" if description.is_committee else ""
        yield graph, [(prefix + c_text.identifier(stage.op.name), stage) for stage in stages(graph)]


def header(description: Description, score: str, temperature: float, memory: tuple[int, int]) -> str:
    """lenet5.h for scores of a type of C. ``temperature`` is what scores are divided by; ``memory`` as of `memory`."""
    side, channels, of_quantities = description.image_size, description.channels, description.quantities
    return HEADER.substitute(
        about=_about(description),
        input=channels * side * side,
        channels=channels,
        side=side,
        classes=len(description.labels),
        temperature=c_text.number(temperature),
        constant_bytes=memory[0],
        buffer_bytes=memory[1],
        score=score,
        meaning="Scores are values, in the unit of the targets."
        if of_quantities
        else "Probabilities are the softmax of scores / LENET5_TEMPERATURE.",
        result="Always 0." if of_quantities else "The class with the highest score, from 0.",
    )


def _source(description: Description) -> str:
    functions: list[str] = []
    calls: list[str] = []
    for graph, named in _named(description):
        for name, stage in named:
            functions.append(c_float.function(stage, name, description, graph, is_first=stage is named[0][1]))
        calls += _calls(description, graph, [name for name, _ in named])
    if description.is_committee:
        calls = [MEAN_FIRST, *calls, MEAN_LAST]
    mathematics = c_math.needed("".join([*functions, *calls]))
    return source(
        description, _constants(description), mathematics, "\n".join(functions), "".join(calls), "float",
        buffers(description.graphs),
    )  # fmt: skip


def source(
    description: Description, constants: Mapping[str, np.ndarray], helpers: str, functions: str, calls: str,
    number: str, sizes: tuple[int, int],
) -> str:  # fmt: skip
    """lenet5.c: its functions call ``helpers``; ``sizes`` are those of the two buffers, ``number`` is their type."""
    a, b = sizes
    return SOURCE.substitute(
        about=_about(description),
        include="#include <string.h>\n" if {"memcpy", "memset"} & set(re.findall(r"\w+", helpers + functions)) else "",
        names=",\n".join(f"    {c_text.string(label)}" for label in description.labels),
        constants="\n".join(c_text.array(name, values) for name, values in constants.items()),
        functions=f"{helpers}\n{functions}" if helpers else functions,
        number=number,
        a=a,
        b=b,
        calls=calls,
        result=NO_CLASS if description.quantities else BEST_CLASS,
    )


def _calls(description: Description, graph: Graph, names: list[str]) -> Iterator[str]:
    """One network: image to a, a to b, b to a, ..., and last to the scores."""
    last = "member" if description.is_committee else "scores"
    places = ["image", *("ab"[k % 2] for k in range(len(names) - 1)), last]
    for name, source, target in zip(names, places, places[1:], strict=False):
        yield f"    {name}({source}, {target});\n"
    if description.is_committee:
        inverse, share = 1 / graph.temperature, 1 / len(description.graphs)
        yield f"    add_probabilities(member, {c_text.number(inverse)}, {c_text.number(share)}, scores);\n"


def _constants(description: Description) -> dict[str, np.ndarray]:
    return {
        array: values
        for _, named in _named(description)
        for name, stage in named
        for array, values in c_float.constants(stage, name).items()
    }


def constant_bytes(description: Description) -> int:
    """Bytes of weights, tables and centres."""
    return sum(values.nbytes for values in _constants(description).values())


def buffer_bytes(description: Description) -> int:
    """Bytes of RAM besides the image, the scores and the stack."""
    a, b = buffers(description.graphs)
    strips = [strip(named[0][1]) for _, named in _named(description)]
    return 4 * (a + b + sum(strips))


def memory(model: Exportable) -> tuple[int, int]:
    """Bytes of constants and of buffers in the file that a model is written to."""
    description = describe(model)
    return constant_bytes(description), buffer_bytes(description)
