"""Hashes of what must not change when code moves: weights of five trainings, and answers to all development sets.

    python benchmarks/bits.py --out before.json
    python benchmarks/bits.py --compare before.json

Weights and probabilities are hashed once per instruction set of the machine. Answers are those of the commands
`predict` and `read`, in processes of their own, with the best instruction set.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

FOLDERS = {"predict": ("photos", "photos2", "dida"), "read": ("strings", "strings2", "cheques")}
ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
KEPT = ("file", "digit", "text", "confidence", "probabilities", "digits", "numbers", "note", "error")
TRAININGS = {
    "modern": ({}, {"clip_norm": 0}),  # which few images have otherwise
    "1998": ({"variant": "1998"}, {"optimizer": "sdlm", "batch_size": 1, "loss": "map", "schedule": "paper"}),
    "lenet4": ({"variant": "lenet4"}, {"batch_norm": True, "dropout": 0.2, "optimizer": "adamw", "augment": "elastic"}),
    "best": ({}, {"average": 0.99, "augment": "affine-wide,elastic,photo", "finetune": 0.5, "finetune_augment": "crop",
                  "mixup": 0.2, "clip_norm": 1.0}),
    "taught": ({"activation": "tanh", "pool": "avg", "c3": "table"}, {"optimizer": "rmsprop", "adversarial": 0.05}),
}  # fmt: skip


def weights() -> dict[str, str]:
    """Hash the weights of each training, and the shipped model's probabilities, in this process."""
    from lenet5 import LeNet5, pretrained
    from lenet5.datasets.synthetic import strokes

    X, y = strokes.draw(3000, seed=5)
    found = {}
    for name, (choices, settings) in TRAININGS.items():
        teachers = [pretrained()] if name == "taught" else []
        model = LeNet5(seed=2, **choices)
        model.fit(X, y, epochs=2, validation=500, threads=2, teachers=teachers, **settings)
        found[name] = _hash(model.parameters.tobytes(), model.predict_proba(X[:999]).tobytes())
    model = pretrained()
    found["pretrained"] = _hash(
        model.predict_proba(X).tobytes(), *(model.predict_proba(x).tobytes() for x in X[:50, None])
    )
    return found


def answers(data_dir: Path) -> dict[str, str]:
    """Hash the answers to each folder of images that exists."""
    found = {}
    for command, folders in FOLDERS.items():
        for folder in folders:
            names = sorted(p for p in (data_dir / folder).rglob("*") if p.suffix.lower() in ENDINGS)
            if names:
                found[f"{command} {folder}"] = _answer(command, data_dir, names)
    return found


def _answer(command: str, data_dir: Path, paths: list[Path]) -> str:
    names = [str(path.relative_to(data_dir)) for path in paths]
    program = "import sys; from lenet5.cli.main import main; sys.argv[0] = 'lenet5'; main()"
    arguments = [sys.executable, "-P", "-c", program, command, "--json", "-q", *names]
    out = subprocess.run(arguments, cwd=data_dir, stdout=subprocess.PIPE, check=False).stdout
    kept = [{name: row[name] for name in KEPT if name in row} for row in json.loads(out)]
    return _hash(json.dumps(kept, sort_keys=True).encode())


def _hash(*pieces: bytes) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def measure(data_dir: Path) -> dict[str, str]:
    """Return all hashes by name."""
    from lenet5 import _kernels

    found = {}
    for isa in _kernels.ISAS:
        command = [sys.executable, "-P", __file__, "--weights"]
        out = subprocess.run(command, env=os.environ | {"LENET5_ISA": isa}, stdout=subprocess.PIPE, check=True).stdout
        found |= {f"{isa} {name}": value for name, value in json.loads(out).items()}
    return found | answers(data_dir)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("LENET5_DATA_DIR", "data"))
    parser.add_argument("--out", type=Path, help="write the hashes here, as JSON")
    parser.add_argument("--compare", type=Path, help="hashes of before; 1 where one differs")
    parser.add_argument("--weights", action="store_true", help="the hashes of this process's instruction set only")
    arguments = parser.parse_args()
    found = weights() if arguments.weights else measure(Path(arguments.data_dir))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    elif not arguments.compare:
        print(json.dumps(found, indent=1))
    if arguments.compare:
        before = json.loads(arguments.compare.read_text())
        other = [name for name in before | found if before.get(name) != found.get(name)]
        print("\n".join(f"differs: {name}" for name in other) or f"all {len(found)} hashes are the same")
        sys.exit(bool(other))


if __name__ == "__main__":
    main()
