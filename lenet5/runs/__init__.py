"""Run folders: all that a training leaves behind; and the whole training, from the data to the model."""

from .listener import Listener
from .result import TrainedNetwork, TrainingResult
from .training import resume_run, train_run

__all__ = ["Listener", "TrainedNetwork", "TrainingResult", "resume_run", "train_run"]
