"""Modules that PyTorch does not have. A file that is exported carries the text of those that it uses."""

import torch
from torch import nn


class Input(nn.Module):
    """An image, padded (or cut) to ``side`` with background, between the network's values of background and ink."""

    def __init__(self, side, background, ink):
        super().__init__()
        self.side, self.background, self.ink = side, background, ink

    def forward(self, x):
        padding = (self.side - x.shape[-1]) // 2
        return nn.functional.pad(x, [padding] * 4) * (self.ink - self.background) + self.background


class ScaledTanh(nn.Module):
    """1.7159 tanh(2 x / 3)"""

    def forward(self, x):
        return 1.7159 * torch.tanh(x * (2 / 3))


class SubSample2d(nn.Module):
    """The mean of each window times a coefficient, plus a bias; neighbouring outputs may share a channel."""

    def __init__(self, in_channels, out_channels, kernel_size):
        super().__init__()
        self.pool, self.shared = nn.AvgPool2d(kernel_size), out_channels // in_channels
        self.weight = nn.Parameter(torch.ones(out_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x):
        mean = self.pool(x).repeat_interleave(self.shared, 1)
        return mean * self.weight[:, None, None] + self.bias[:, None, None]


class RBF(nn.Module):
    """Minus the squared distance to the fixed centre of each class."""

    def __init__(self, features, classes):
        super().__init__()
        self.register_buffer("centres", torch.zeros(classes, features))

    def forward(self, x):
        return -(x[:, None] - self.centres).square().sum(2)


class Angles(nn.Module):
    """From sines and cosines in turn to angles, from 0 to below the period."""

    def __init__(self, period):
        super().__init__()
        self.period = period

    def forward(self, x):
        angles = torch.atan2(x[:, 0::2], x[:, 1::2]) / (2 * torch.pi) * self.period % self.period
        return torch.where(angles < self.period, angles, 0)


class Committee(nn.Module):
    """The logarithms of the mean probabilities of its members, whose logits are divided by their temperatures."""

    def __init__(self, members, temperatures):
        super().__init__()
        self.members, self.temperatures = nn.ModuleList(members), temperatures

    def forward(self, x):
        shares = [torch.softmax(member(x) / t, 1) for member, t in zip(self.members, self.temperatures, strict=True)]
        return torch.stack(shares).mean(0).clamp_min(torch.finfo(torch.float32).tiny).log()
