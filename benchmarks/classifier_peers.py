"""Other classifiers on folders of images, for small_sets.py: `yolo11n-cls` of ultralytics and a LeNet-5 in PyTorch.

Run with a Python that has them: `classifier_peers.py yolo|torch TRAIN TEST EPOCHS` prints the accuracy on TEST, both
folders of a folder for each class. YOLO begins with random weights, since its own ones would have to be downloaded.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn


def yolo(train: Path, test: Path, epochs: int) -> float:
    """Train at 64 pixels, without augmentation by policies, and without looking at validation images."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as work:
        data = Path(work, "data")
        data.mkdir()
        for part in ("train", "val"):
            (data / part).symlink_to(train.resolve())
        model = YOLO("yolo11n-cls.yaml")
        model.train(
            data=str(data), epochs=epochs, imgsz=64, device="cpu", workers=0, val=False, plots=False, verbose=False,
            pretrained=False, project=work, name="run",
        )  # fmt: skip
        model = YOLO(Path(work, "run", "weights", "last.pt"))
        files = sorted(test.glob("*/*.png"))
        answers = [model.predict(str(file), imgsz=64, device="cpu", verbose=False)[0] for file in files]
    return sum(a.names[a.probs.top1] == file.parent.name for a, file in zip(answers, files, strict=True)) / len(files)


def pytorch(train: Path, test: Path, epochs: int) -> float:
    """A LeNet-5 of three planes, 32 x 32, as tutorials have it: Adam, batches of 64."""
    from torchvision import datasets, transforms

    torch.manual_seed(0)
    prepare = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    sets = [datasets.ImageFolder(folder, prepare) for folder in (train, test)]
    loaders = [torch.utils.data.DataLoader(part, 64, shuffle=part is sets[0]) for part in sets]
    network = nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, len(sets[0].classes)),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(epochs):
        for images, labels in loaders[0]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()
    with torch.no_grad():
        right = [(network(images).argmax(1) == labels).sum().item() for images, labels in loaders[1]]
    return sum(right) / len(sets[1])


if __name__ == "__main__":
    torch.set_num_threads(2)
    accuracy = {"yolo": yolo, "torch": pytorch}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps({"accuracy": accuracy}))
