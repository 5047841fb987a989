"""What differs between runs that learn classes, quantities, or both."""

from collections.abc import Mapping

from ..datasets import Loaded
from ..errors import DataError, NothingLearnedError
from ..evaluation.metrics import beats_chance
from ..models.lenet import LeNet5
from ..nn.network import Network
from ..nn.targets import TargetScaling, checked_targets, targets_in
from ..training.config import RECIPES, Config
from ..training.defaults import config_for
from ..training.frozen import frozen_steps
from ..training.layer_rates import factors
from ..training.multi_task import multi_task_config
from ..training.regression import regression_config
from .run import Run

CLASSIFICATION, REGRESSION, BOTH = TASKS = ("classification", "regression", "both")


def check(data: Loaded, task: str, period: float | None, choices: Mapping, **asked) -> None:
    """ValueError where the data have no such task, or something is ``asked`` for that the task does not have."""
    if task not in TASKS:
        raise ValueError(f"task is {task!r}, expected one of {', '.join(TASKS)}")
    if task == CLASSIFICATION:
        if period is not None:
            raise ValueError("period is of angles, which are learnt by the tasks regression and both")
        if not data.classes:
            raise ValueError(f"{data.name}: a table of numbers; learn them by the task regression, or give a column "
                             "label")  # fmt: skip
        return
    if task == BOTH and not data.train[1].dtype.names:
        raise ValueError(f"{data.name}: has not both; the task needs a CSV with the columns path, label and target")
    if task == REGRESSION and data.classes:
        raise ValueError(f"{data.name}: has classes and no numbers; a regression needs a CSV with the columns path and "
                         "target")  # fmt: skip
    if asked["members"] > 1 or asked["teachers"]:
        raise ValueError("quantities are learnt by one network, without members and teachers")
    if choices["head"] == "rbf":
        raise ValueError("head is 'rbf', which is of classes alone; quantities have linear outputs")
    if asked["finds_rate"]:
        raise ValueError("the learning rate of a regression is not found by itself; name one, or leave it out")


def scaling(data: Loaded, task: str, period: float | None) -> dict | None:
    """`Plan.targets`: that of the training targets; None for classes."""
    if task == CLASSIFICATION:
        return None
    X, y = data.train
    if len(y) < 2:
        raise DataError(f"{data.name}: {len(y)} image to train on; a regression needs at least two")
    return TargetScaling.of(checked_targets(targets_in(y), len(X)), period).as_dict()


def recipe(name: str, task: str) -> dict:
    """The settings of a recipe; of quantities without distortions, which change what is measured."""
    dropped = () if task == CLASSIFICATION else ("augment", "finetune", "finetune_augment")
    return {setting: value for setting, value in RECIPES[name].items() if setting not in dropped}


def config(network: Network, task: str, data: Loaded, *, is_taught: bool, **settings) -> Config:
    """The settings of a training of this task on a set, which may have validation images of its own."""
    if data.validation is not None:
        settings["validation"] = len(data.validation[1])
    n_images = len(data.train[1]) - (Config(**settings).validation if data.validation is None else 0)
    if task != CLASSIFICATION:
        suited = regression_config if task == REGRESSION else multi_task_config
        return suited(network, n_images=n_images, **settings)
    return config_for(network, n_images=n_images, is_taught=is_taught, **settings)


def check_learned(run: Run, report: dict) -> None:
    """NothingLearnedError where a report does not beat chance, or is worse than the mean of the targets."""
    found = None
    if (report.get("r2") or 0) < 0:
        found = f"R2 {report['r2']:.4f} is below the mean's"
    elif "accuracy" in report and not beats_chance(report):
        accuracy = "-" if report["accuracy"] is None else f"{100 * report['accuracy']:.2f} %"
        found = f"test accuracy {accuracy} is chance"
    if found:
        raise NothingLearnedError(
            f"nothing was learnt: {found}, so no model is written; try another learning rate than "
            f"{run.plan.config.learning_rate:g}, or more epochs"
        )


def with_known_layers(config: Config, variant: str, choices: Mapping, data: object) -> Config:
    """``config``; ValueError where `freeze` or `layer_rates` name a layer that the network will not have."""
    if config.freeze == config.layer_rates == "none" or isinstance(data, Loaded):
        return config
    size = data.get("size", 32) if isinstance(data, Mapping) else 32
    network = LeNet5(variant, seed=None, size=size, **choices).network
    frozen_steps(network, config.frozen)
    factors(network, config)
    return config
