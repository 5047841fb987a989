"""What a training came to, in Python and as JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path

from ..models.ensemble import Committee
from ..models.lenet import LeNet5
from ..models.multi_task import MultiTask
from ..models.quantized import Quantized
from ..models.regressor import Regressor
from ..training.config import Config
from ..training.records import AnyEpoch

TrainedModel = LeNet5 | Quantized | Regressor | MultiTask


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with the folder of its run, and what its training came to; ``test`` is a report of `evaluate`."""

    run: Path
    model: TrainedModel
    config: Config
    best_epoch: int
    history: list[AnyEpoch]
    test: dict


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A model with the folder of its run.

    Attributes
    ----------
    run, out : Path, the run folder and the model's file
    dataset : str
    model : LeNet5, in 8 bits if it was trained for them, the Committee of several, a Regressor or MultiTask
    networks : list of TrainedNetwork, the members of a committee or the only one
    test : dict, the report of the model's `evaluate` on the test images
    judged_on : "test"; or "validation", or "training", where the set has no test images
    """

    run: Path
    out: Path
    dataset: str
    model: Committee | TrainedModel
    networks: list[TrainedNetwork]
    test: dict
    judged_on: str = "test"


def document(result: TrainingResult) -> dict:
    """A result as JSON."""
    networks = [
        {
            "run": str(network.run),
            "seed": network.config.seed,
            "best_epoch": network.best_epoch,
            "history": [asdict(epoch) for epoch in network.history],
            "test": network.test,
        }
        for network in result.networks
    ]
    whole = {"run": str(result.run), "model": str(result.out), "dataset": result.dataset}
    if result.judged_on != "test":
        whole["judged_on"] = result.judged_on
    if isinstance(result.model, Committee):
        return whole | {"members": networks, "test": result.test}
    return whole | networks[0]
