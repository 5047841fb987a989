"""Memory and time as the work grows: prediction of a stream, training from a memory-mapped file.

Each case runs in its own process. RSS is split as Linux does: "anonymous" is what the process allocated, "file" the
resident part of mapped files. Before a training, the file is dropped from the page cache. So the pass reads all of it
from disk, as every pass would if the file were larger than memory.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from common import machine, parser, pictures, save

from lenet5 import LeNet5, pretrained
from lenet5.training.config import Config
from lenet5.training.trainer import Trainer

BATCH = 4096  # images of the stream that exist at a time


def resident() -> dict[str, float]:
    """Return the MB of this process in memory: anonymous, and of files."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(fields[key].split()[0]) / 1024 for name, key in (("anonymous", "RssAnon"), ("file", "RssFile"))}


class Watch:
    """Samples the memory every 50 ms while its block runs."""

    def __enter__(self):
        self.before, self.samples, self._ended = resident(), [], threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self):
        while not self._ended.wait(0.05):
            self.samples.append(resident())

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self.samples.append(resident())

    def document(self) -> dict:
        """Return the largest growth in MB, and ten samples from the first to the last."""
        tenths = [self.samples[i * (len(self.samples) - 1) // 9] for i in range(10)]
        most = {name: max(s[name] for s in self.samples) - self.before[name] for name in self.before}
        return {"most": most, "tenths": tenths, "before": self.before}


def write_set(folder: Path, n: int, data_dir: str | None) -> None:
    """Write X.npy, uint8 (n, 28, 28), and y.npy: the known images repeated, each time shifted by 0 to 8 pixels."""
    X, y, _ = pictures(data_dir)
    with open(folder / "X.npy", "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (n, 28, 28)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n, len(X)):
            copy = start // len(X) % 9
            file.write(np.roll(X[: n - start], (copy // 3 - 1, copy % 3 - 1), axis=(1, 2)).tobytes())
        file.flush()
        os.fsync(file.fileno())  # only what is on disk can be dropped from memory
    np.save(folder / "y.npy", np.resize(y, n))


def drop(path: Path) -> None:
    """Drop the system's copy of a file in memory."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def predict_stream(n: int, data_dir: str | None) -> dict:
    """Predict n images that are made on demand; return memory and time."""
    model, (X, _, _) = pretrained(), pictures(data_dir)
    X = X[: 4 * BATCH].copy()
    batches = (X[start % (3 * BATCH) :][: min(BATCH, n - start)] for start in range(0, n, BATCH))
    with Watch() as watch:
        started = time.perf_counter()
        counts = np.zeros(10, np.int64)
        for probabilities in model.predict_proba_stream(batches):
            counts += np.bincount(probabilities.argmax(axis=1), minlength=10)
        seconds = time.perf_counter() - started
    assert counts.sum() == n
    return {"seconds": seconds, "images_per_second": n / seconds, "memory": watch.document()}


def predict_mapped(folder: Path) -> dict:
    """Predict the images of a memory-mapped file in one call."""
    drop(folder / "X.npy")
    model, X = pretrained(), np.load(folder / "X.npy", mmap_mode="r")
    with Watch() as watch:
        started = time.perf_counter()
        model.predict(X)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "images_per_second": len(X) / seconds, "memory": watch.document()}


def train(folder: Path, mapped: bool, seconds: float, threads: int | None) -> dict:
    """Train for a pass, or for some seconds, over a memory-mapped file, or over an equal part of it in memory."""
    X, y = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    if mapped:
        drop(folder / "X.npy")
    else:
        X, y = np.array(X[:1_000_000]), y[:1_000_000]
    with Watch() as watch:
        started = time.perf_counter()
        trainer = Trainer(LeNet5(seed=0).network, X, y, Config(epochs=10), threads)
        prepared = time.perf_counter() - started
        started, used, seen = time.perf_counter(), time.process_time(), []

        def progress(p):
            seen.append((p.n_done, time.perf_counter() - started))

        for _ in trainer.run(stop=lambda: time.perf_counter() - started > seconds, progress=progress):
            break
    n_done, duration = seen[-1]
    used = time.process_time() - used
    tenths = [seen[i * (len(seen) - 1) // 10] for i in range(11)]
    rates = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in itertools.pairwise(tenths) if b[1] > a[1]]
    return {
        "pictures": len(X), "pictures_done": n_done, "seconds": duration, "seconds_to_prepare": prepared,
        "images_per_second": n_done / duration, "images_per_second_by_tenths": rates,
        "processor_us_a_picture": 1e6 * used / n_done, "memory": watch.document(),
    }  # fmt: skip


def isolated(what: str, **options) -> dict:
    """Run one case in a fresh process; return its result."""
    command = [sys.executable, __file__, "--case", json.dumps({"what": what, **options})]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def case(what: str, folder: str = ".", **options) -> dict:
    functions = {"stream": predict_stream, "mapped": predict_mapped, "train": train}
    return functions[what](**options) if what == "stream" else functions[what](Path(folder), **options)


def compare_training(folder: str, n: int, args: argparse.Namespace, results: dict) -> None:
    """Train from the file and from memory in turns; keep the run of median speed of each, with all speeds."""
    settings = {"folder": folder, "seconds": args.seconds, "threads": args.threads}
    runs = {"train_memory": [], "train_mapped": []}
    for _ in range(args.repeats):
        for key, found in runs.items():
            found.append(isolated("train", mapped=key == "train_mapped", **settings))
    for key, found in runs.items():
        found.sort(key=lambda run: run["images_per_second"])
        kept = results[key][n] = found[len(found) // 2]
        kept["all_images_per_second"] = [run["images_per_second"] for run in found]
        label = f"mapped file of {n:,}" if key == "train_mapped" else f"in memory, {kept['pictures']:,}"
        print(table_row(f"train, {label}", kept), flush=True)


def table_row(name: str, result: dict) -> str:
    most = result["memory"]["most"]
    return (f"{name:<38} {result['images_per_second']:>10,.0f} images/s {result['seconds']:8.2f} s   RSS grows by "
            f"{most['anonymous']:6.1f} MB, {most['file']:7.1f} MB of the file")  # fmt: skip


def options() -> argparse.Namespace:
    p = parser(__doc__.splitlines()[0], repeats=3)
    p.add_argument("--predict", type=int, nargs="*", default=[100_000, 1_000_000], metavar="N")
    p.add_argument("--train", type=int, nargs="*", default=[500_000, 2_000_000], metavar="N")
    p.add_argument("--seconds", type=float, default=8, help="the most that is trained in each run")
    p.add_argument("--threads", type=int)
    p.add_argument("--folder", help="where the files are written: 784 bytes per image, deleted at the end")
    p.add_argument("--case", type=json.loads, help=argparse.SUPPRESS)
    return p.parse_args()


def main() -> None:
    args = options()
    if args.case:
        print(json.dumps(case(**args.case)))
        return
    where, results = machine(), {"predict_stream": {}, "predict_mapped": {}, "train_mapped": {}, "train_memory": {}}
    for n in args.predict:
        results["predict_stream"][n] = isolated("stream", n=n, data_dir=args.data_dir)
        print(table_row(f"predict, stream of {n:,}", results["predict_stream"][n]), flush=True)
    for n in sorted({*args.predict, *args.train}):
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            write_set(Path(folder), n, args.data_dir)
            if n in args.predict:
                results["predict_mapped"][n] = isolated("mapped", folder=folder)
                print(table_row(f"predict, mapped file of {n:,}", results["predict_mapped"][n]), flush=True)
            if n in args.train:
                compare_training(folder, n, args, results)
    save("memory", {"machine": where, **results}, args.out)


if __name__ == "__main__":
    main()
