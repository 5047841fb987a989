"""The one `load`: the kind that a model's file names decides the class."""

import os
from collections.abc import Callable

import numpy as np

from ..errors import ModelFileError, one_line
from ..nn import serialization
from ..utils.files import check_writable
from . import compressed, documents, ensemble, multi_task, quantized, regressor
from .ensemble import Committee
from .lenet import LeNet5
from .multi_task import MultiTask
from .quantized import Quantized
from .regressor import Regressor
from .torch_models import from_state_dict

ModelOfClasses = LeNet5 | Committee | Quantized | MultiTask
Model = ModelOfClasses | Regressor
#: By kind: the function that makes a model of tensors and a document, and the types of its tensors.
MAKERS: dict[str, tuple[Callable[..., Model], tuple[type, ...]]] = {
    "model": (documents.from_document, (np.float32,)),
    "committee": (ensemble.from_document, (np.float32,)),
    quantized.KIND: (documents.quantized_from_document, (np.int8, np.int32)),
    compressed.KIND: (compressed.from_tensors, (np.uint8,)),
    regressor.KIND: (documents.regressor_from_document, (np.float32,)),
    multi_task.KIND: (documents.multi_task_from_document, (np.float32,)),
}


def check_replaceable(path: str | os.PathLike) -> Model | None:
    """The model in a file that is to be written, None where there is no such file.

    ValueError where the file is something else, OSError where it cannot be written: before the work, not after it.
    """
    try:
        replaced = load(path) if os.path.exists(path) else None
    except ModelFileError:
        raise ValueError(f"{one_line(path)}: exists and is not a model of lenet5; choose another name") from None
    check_writable(path)
    return replaced


def load(path: str | os.PathLike, variant: str | None = None, **how) -> Model:
    """Load the model, committee, compressed model, model in 8 bits or of quantities that ``save`` wrote.

    Its weights are read-only (`Network.make_read_only`) until it is trained on.

    variant, **how : of a file with bare weights, such as PyTorch's: the network, and settings of `from_torch`.

    Raises
    ------
    ModelFileError
        One line, for any other file.

    Examples
    --------
    >>> from lenet5 import LeNet5, load
    >>> LeNet5("lenet1").save("small.safetensors")
    >>> load("small.safetensors").n_parameters
    2578
    """
    if variant is not None:
        return _bare(path, variant, **how)
    if how:
        raise TypeError(f"load() takes {min(how)!r} beside a variant only")
    tensors, info = serialization.load(path, *MAKERS, dtype={kind: types for kind, (_, types) in MAKERS.items()})
    make, _ = MAKERS[info["kind"]]
    try:
        return make(tensors, info)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{one_line(path)}: does not describe a model: {what[:200]}") from None


def _bare(path: str | os.PathLike, variant: str, **how) -> LeNet5:
    tensors = serialization.load_bare(path)
    try:
        return from_state_dict(tensors, variant, **how).make_read_only()
    except ValueError as error:
        raise ModelFileError(f"{one_line(path)}: {error}") from None


def single(model: Model | str | os.PathLike) -> LeNet5:
    """The network to start from: a model, the one in a file, or "pretrained", the one that ships.

    ValueError for a model of several networks; ModelFileError where there is none.
    """
    if isinstance(model, str | os.PathLike):
        model = documents.pretrained() if str(model) == "pretrained" else load(model)
    members = ensemble.members_of(model)
    if len(members) > 1:
        raise ValueError(f"start_from is a model of {len(members)} networks, expected a single one")
    return members[0]
