"""A trained model as NumPy arrays with one JSON document that says how they are used. Nothing in it is pickled."""

import io
import json

import numpy as np

from .. import __version__
from ..nn.layers import RBF, AvgPool2d, Conv2d, MaxPool2d, ReLU, ScaledTanh, Sigmoid, SubSample2d, Tanh
from ..nn.operations import Angles
from .graph import MISSING, Description, Exportable, Op, describe

#: What the document calls a layer; the first type that fits decides.
KINDS: dict[type, str] = {
    Conv2d: "conv", MaxPool2d: "max_pool", AvgPool2d: "avg_pool", SubSample2d: "subsample", RBF: "rbf",
    Tanh: "tanh", ScaledTanh: "scaled_tanh", Sigmoid: "sigmoid", ReLU: "relu", Angles: "angles",
}  # fmt: skip
#: The array of the document, the first one in the file.
DOCUMENT = "lenet5"


def contents(model: Exportable) -> dict[str, bytes]:
    """The file. ValueError in one line where the model cannot be exported."""
    description = describe(model)
    arrays = {DOCUMENT: np.array(json.dumps(_document(description), ensure_ascii=False))}
    for number, graph in enumerate(description.graphs):
        for op in graph.ops:
            arrays |= {f"{description.prefix(number)}{op.name}.{key}": value for key, value in _arrays(op).items()}
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # the names of arrays are not its other arguments
    return {"": stream.getvalue()}


def kind_of(op: Op) -> str:
    """What a layer is called."""
    return next(kind for layer, kind in KINDS.items() if isinstance(op.layer, layer))


def _arrays(op: Op) -> dict[str, np.ndarray]:
    """The constants of a layer, ready to be used: kernels as (O, C, K, K)."""
    if isinstance(op.layer, RBF):
        return {"centres": np.array(op.layer.centres, np.float32)}
    if op.weight is None or op.bias is None:
        return {}
    return {"weight": op.dense_weight() if isinstance(op.layer, Conv2d) else op.weight, "bias": op.bias}


def _document(description: Description) -> dict:
    return {
        "written_by": f"lenet5 {__version__}",
        "input_shape": [description.channels, description.size, description.size],
        "classes": list(description.labels),
        "temperature": description.temperature,
        "preparation": description.preparation,
        "committee": description.is_committee,
        "networks": [_network(description, number) for number, _ in enumerate(description.graphs)],
        "not_included": MISSING,
        **({"targets": description.quantities.as_dict()} if description.quantities else {}),
    }


def _network(description: Description, number: int) -> dict:
    graph = description.graphs[number]
    layers = [_layer(op) for op in graph.ops]
    padding = description.padding(graph, description.size)
    return {"arrays": description.prefix(number), "padding": padding, "background": graph.background, "ink": graph.ink,
            "temperature": graph.temperature, "layers": layers}  # fmt: skip


def _layer(op: Op) -> dict:
    period = {"period": op.layer.period} if isinstance(op.layer, Angles) else {}
    return {"name": op.name, "kind": kind_of(op), "size": getattr(op.layer, "kernel_size", 1), **period}
