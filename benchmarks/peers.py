"""The same network in other people's programs."""

from collections import OrderedDict

import torch
from torch import nn


def torch_lenet5(tensors: dict | None = None) -> nn.Sequential:
    """The modern LeNet-5 in PyTorch, 61,706 parameters, with our weights if given: the names and layouts are equal."""
    model = nn.Sequential(
        OrderedDict(
            c1=nn.Conv2d(1, 6, 5), c1_activation=nn.ReLU(), s2=nn.MaxPool2d(2),
            c3=nn.Conv2d(6, 16, 5), c3_activation=nn.ReLU(), s4=nn.MaxPool2d(2),
            c5=nn.Conv2d(16, 120, 5), c5_activation=nn.ReLU(), flatten=nn.Flatten(),
            f6=nn.Linear(120, 84), f6_activation=nn.ReLU(), output=nn.Linear(84, 10),
        )
    )  # fmt: skip
    if tensors:
        model.load_state_dict({name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items()})
    return model
