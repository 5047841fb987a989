"""A model in 8 bits as C99: lenet5.c and lenet5.h, with the same scores as here on every processor."""

from pathlib import Path

import numpy as np

from ..models.quantized import Quantized
from . import c_file, c_int8, c_run, c_text
from .c_stages import buffers, stages, strip
from .graph import Description, Exportable, describe_int8, in_8_bits


def contents(model: Exportable) -> dict[str, bytes | str]:
    """The two files by name, for a folder. ValueError in one line where the model cannot be exported."""
    small = in_8_bits(model)
    description = describe_int8(small)
    temperature = description.temperature / small.network.scale
    return {
        "lenet5.c": _source(description, small),
        "lenet5.h": c_file.header(description, "int32_t", temperature, memory(small)),
    }


def memory(model: Exportable) -> tuple[int, int]:
    """Bytes of constants and of buffers in the file that a model is written to."""
    return in_8_bits(model).n_bytes, sum(_buffers(describe_int8(model)))


def run(folder: Path, X: np.ndarray) -> tuple[np.ndarray, str]:
    """As of `c_run`, scores int32."""
    return c_run.run(folder, X, np.int32)


def scores(model: Exportable, X: np.ndarray) -> np.ndarray:
    """What the file gives, (N, classes) int32, computed by the model itself."""
    return in_8_bits(model).scores(X)


def _source(description: Description, model: Quantized) -> str:
    [graph] = description.graphs
    named = [(c_text.identifier(stage.op.name), stage) for stage in stages(graph)]
    functions = "\n".join(
        c_int8.function(
            stage, model.network.layers[stage.op.name], name, description, graph, is_first=stage is named[0][1]
        )
        for name, stage in named
    )
    constants = {c_text.identifier(name.replace(".", "_")): tensor for name, tensor in model.tensors().items()}
    calls = _calls([name for name, _ in named])
    return c_file.source(
        description, constants, c_int8.needed(functions), functions, calls, "uint8_t", _buffers(description)
    )


def _calls(names: list[str]) -> str:
    """Image to a, by strips in b; a to b, b to a, ..., and last to the scores."""
    places = ["image, b", *("ab"[k % 2] for k in range(len(names) - 1)), "scores"]
    steps = zip(names, places, places[1:], strict=False)
    return "".join(f"    {name}({source}, {target});\n" for name, source, target in steps)


def _buffers(description: Description) -> tuple[int, int]:
    """Bytes of the two buffers. The second one holds a strip of the image before it is written to."""
    a, b = buffers(description.graphs)
    return a, max(b, strip(stages(description.graphs[0])[0]))
