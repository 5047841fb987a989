"""Training and prediction on several threads, for a thread sanitizer to watch: `python races.py` (see .ci/sanitize)."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lenet5 import LeNet5

#: One of each way through net/training.h and net/batch1_training.h.
SETTINGS = [
    {"augment": "affine,elastic,photo,cutout"},
    {"optimizer": "adamw", "mixup": 0.2, "adversarial": 0.05},
    {"dropout": 0.2, "batch_norm": True},
    {"clip_norm": 1.0, "batch_size": 300},
    {"batch_size": 1, "augment": "none"},
]
N_THREADS = 3


def trained(X, y, **settings) -> LeNet5:
    return LeNet5(seed=0).fit(X, y, **{"epochs": 1, "threads": N_THREADS, "learning_rate": 1e-3, **settings})


def predict_at_once(model, X) -> None:
    """By several threads, each with threads of its own, and one image at a time, all with the same weights."""
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(model.predict_proba, X, threads=N_THREADS) for _ in range(2)]
        answers += [pool.submit(lambda: [model.predict_proba(x[None]) for x in X[:20]]) for _ in range(2)]
    for answer in answers:
        answer.result()


def main() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (200, 28, 28), dtype=np.uint8), rng.integers(0, 10, 200, dtype=np.uint8)
    teacher = trained(X, y)
    for settings in SETTINGS:
        print(settings, flush=True)
        trained(X, y, **settings)
    trained(X, y, teachers=[teacher])
    predict_at_once(teacher, X)


if __name__ == "__main__":
    main()
