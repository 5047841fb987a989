"""The training of the segmenter in PyTorch; nothing else imports this module, so that nothing else needs PyTorch."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from .segmenter import Settings, Truth

log = logging.getLogger("lenet5")
BATCH = 64
#: What an error costs on paper, ink and other marks: ink is rare.
CLASS_WEIGHTS = (1.0, 2.5, 1.5)
#: Channels of the stem, of the three levels below it and of the steps back up.
WIDTHS = (16, 32, 32, 48, 32, 16, 16)
NEAR = 4  # answers of the network on each side of a pixel, in which `marks_loss` counts marks


class Trainable(nn.Module):
    """The network of `lenet5.nn.unet.UNet` with batch norm, which `folded` takes into the weights."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        stem, d1, d2, d3, u2, u1, u0 = widths
        self.stem = _conv(3, stem, 5, stride=2)
        self.d1a, self.d1b = _conv(stem, d1), _conv(d1, d1)
        self.d2a, self.d2b = _conv(d1, d2), _conv(d2, d2)
        self.d3a, self.d3b = _conv(d2, d3), _conv(d3, d3, dilation=2)
        self.u2 = _conv(d3 + d2, u2)
        self.u1 = _conv(u2 + d1, u1)
        self.u0 = _conv(u1 + stem, u0)
        self.out = nn.Conv2d(u0, 3, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Logits (N, 3, H / 2, W / 2) of planes (N, 3, H, W)."""
        stem = self.stem(planes)
        d1 = self.d1b(self.d1a(F.max_pool2d(stem, 2)))
        d2 = self.d2b(self.d2a(F.max_pool2d(d1, 2)))
        d3 = self.d3b(self.d3a(F.max_pool2d(d2, 2)))
        u2 = self.u2(torch.cat([_up(d3), d2], 1))
        u1 = self.u1(torch.cat([_up(u2), d1], 1))
        return self.out(self.u0(torch.cat([_up(u1), stem], 1)))

    def folded(self) -> dict[str, np.ndarray]:
        """Weights and biases by name, float32, with batch norm taken into them."""
        tensors: dict[str, np.ndarray] = {}
        for name, module in self.named_children():
            weight, bias = _folded(module) if isinstance(module, nn.Sequential) else (module.weight, module.bias)
            tensors |= {f"{name}.weight": weight.detach().numpy(), f"{name}.bias": bias.detach().numpy()}
        return tensors


def _folded(block: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with its batch norm."""
    conv, norm = block[0], block[1]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def _conv(n_in: int, n_out: int, size: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(n_in, n_out, size, stride, dilation * (size // 2), dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(n_out), nn.ReLU())


def _up(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="nearest")


def planes(grey: Tensor, shapes: Tensor) -> Tensor:
    """What the network sees of images (N, S, S) in 0..1, of which ``shapes`` (N, 2) count: (N, 3, S, S).

    As `lenet5.nn.unet.grey_planes` makes them of one image: grey levels normalised over the image and over a window of
    36 pixels, and where the image is.
    """
    at = torch.arange(grey.shape[1])
    inside = ((at[:, None] < shapes[:, :1, None]) & (at < shapes[:, 1:, None])).float()
    n = inside.sum((1, 2), keepdim=True)
    grey = grey * inside
    away = (grey - grey.sum((1, 2), keepdim=True) / n) * inside
    spread = _mean_square(away, n)
    share = _local(inside) + 1e-6
    near = (grey - _enlarged(_local(grey) / share)) * inside
    local_spread = _enlarged(_local(near * near) / share).sqrt() + 0.25 * _mean_square(near, n)
    normalised = (away / (spread + 0.004)).clamp(-4, 4), (near / (local_spread + 0.004)).clamp(-4, 4) * inside
    return torch.stack([*normalised, inside], 1)


def _mean_square(plane: Tensor, n: Tensor) -> Tensor:
    return (plane * plane).sum((1, 2), keepdim=True).div(n).sqrt()


def _local(plane: Tensor) -> Tensor:
    """Means over 9 x 9 blocks of 4 x 4 pixels, (N, 1, S / 4, S / 4)."""
    return F.avg_pool2d(F.pad(F.avg_pool2d(plane[:, None], 4), (4, 4, 4, 4)), 9, 1)


def _enlarged(blocks: Tensor) -> Tensor:
    return F.interpolate(blocks, scale_factor=4.0, mode="bilinear", align_corners=False)[:, 0]


def train(
    truth: "Truth", judged: "Truth", settings: "Settings", threads: int, *,
    class_weights: Sequence[float] = CLASS_WEIGHTS, widths: Sequence[int] | None = None, marks_weight: float = 0.0,
) -> tuple[dict[str, np.ndarray], float]:  # fmt: skip
    """Weights and biases of a network trained on ``truth``, and its mean Dice coefficient on ``judged``.

    class_weights : what an error costs on paper, ink and other marks
    widths : channels, by default WIDTHS
    marks_weight : of `marks_loss`
    """
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    network = Trainable(widths or WIDTHS).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=1e-4)
    dice = mean_dice(network, judged) if not settings.steps else 0.0
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * schedule(step, settings.steps)
        chosen = torch.randint(len(truth.shapes), (BATCH,)).numpy()
        loss = loss_of(network, *_batch(truth, chosen, is_varied=True), class_weights, marks_weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 500 == 0 or step + 1 == settings.steps:
            dice = mean_dice(network, judged)
            log.info("step %d/%d  loss %.4f  Dice %.4f", step + 1, settings.steps, loss.item(), dice)
    return network.eval().folded(), dice


def schedule(step: int, steps: int) -> float:
    """The fraction of the learning rate: a hundred steps up, constant, and from 30 % on down a cosine."""
    done = step / steps
    down = 1.0 if done < 0.3 else 0.5 * (1 + np.cos(np.pi * (done - 0.3) / 0.7))
    return min(1.0, (step + 1) / 100) * down + 0.0025


def _batch(truth: "Truth", chosen: np.ndarray, *, is_varied: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Planes (N, 3, S, S), shares of the classes and where the image is, both at half of the size."""
    grey, cover = (torch.from_numpy(a[chosen]).float() / 255 for a in (truth.images, truth.truth))
    if is_varied:  # ink may be dark or bright, and a camera's curve may be any
        flipped = torch.rand(len(chosen), 1, 1) < 0.5
        grey = torch.where(flipped, 1 - grey, grey)
        grey = grey.clamp(1e-4, 1) ** torch.exp(0.25 * torch.randn(len(chosen), 1, 1))
    seen = planes(grey, torch.from_numpy(truth.shapes[chosen].astype(np.int64)))
    ink = cover[:, 0]
    other = torch.minimum(cover[:, 1], 1 - ink)
    return seen, torch.stack([1 - ink - other, ink, other], 1), F.max_pool2d(seen[:, 2:], 2)[:, 0]


def loss_of(
    network: Trainable, seen: Tensor, shares: Tensor, inside: Tensor,
    class_weights: Sequence[float] = CLASS_WEIGHTS, marks_weight: float = 0.0,
) -> Tensor:  # fmt: skip
    """Weighted cross-entropy, half of what lacks in the Dice coefficient of ink, and the weighted `marks_loss`."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(seen.to(memory_format=torch.channels_last)).float()
    log_probabilities = F.log_softmax(logits, 1)
    weights = torch.tensor(class_weights)[:, None, None]
    entropy = -(shares * log_probabilities * weights).sum(1)
    dice = dice_of(log_probabilities[:, 1].exp() * inside, shares[:, 1] * inside)
    loss = (entropy * inside).sum() / inside.sum() + 0.5 * (1 - dice).mean()
    return loss + marks_weight * marks_loss(logits, shares, inside) if marks_weight else loss


def marks_loss(logits: Tensor, shares: Tensor, inside: Tensor) -> Tensor:
    """Focal loss (Lin et al., 2017) of ink against other marks, where there are marks.

    The cross-entropy of all classes comes mostly from the edges of strokes, which no training makes certain. A pixel
    counts the more, the fewer marks there are around it: a dot is as much of an error as a part of a stroke.
    """
    marks = shares[:, 1] + shares[:, 2]
    around = F.avg_pool2d(F.pad(marks[:, None], (NEAR,) * 4), 2 * NEAR + 1, 1)[:, 0]
    counted = (marks > 0.5) * inside / around.clamp_min(1e-3)
    target = shares[:, 1] / marks.clamp_min(1e-3)
    odds = logits[:, 1] - logits[:, 2]
    entropy = F.binary_cross_entropy_with_logits(odds, target, reduction="none")
    entropy = entropy * (target - odds.sigmoid()).abs().detach()
    return (entropy * counted).sum() / counted.sum().clamp_min(1e-3)


def dice_of(one: Tensor, other: Tensor) -> Tensor:
    """The Dice coefficients (N,) of coverages (N, H, W)."""
    return (2 * (one * other).sum((1, 2)) + 1) / (one.sum((1, 2)) + other.sum((1, 2)) + 1)


@torch.no_grad()
def mean_dice(network: Trainable, judged: "Truth") -> float:
    """Of the ink as it is decided, over images with ink."""
    network.eval()
    found = []
    for start in range(0, len(judged.shapes), 128):
        seen, shares, inside = _batch(judged, np.arange(start, min(start + 128, len(judged.shapes))))
        decided = (network(seen).argmax(1) == 1) * inside
        wanted = (shares[:, 1] > 0.5) * inside
        found.append(dice_of(decided, wanted)[wanted.sum((1, 2)) > 0])
    network.train()
    return float(torch.cat(found).mean())
