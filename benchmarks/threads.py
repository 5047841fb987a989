"""The cost of threads: a step's dispatch, several processes at once, after a fork, next to PyTorch in one process.

The first two are measured both with our meetings (thread_team.h) and with OpenMP, by a small C program that is compiled
on the spot.
"""

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from common import alternate, machine, parser, save, summary

from lenet5 import LeNet5
from lenet5.benchmark import peers
from lenet5.training.config import Config
from lenet5.training.trainer import Trainer
from lenet5.utils.threads import parallel

SOURCE = Path(__file__).with_name("dispatch.c")
LIBRARY = Path(__file__).resolve().parents[1] / "lenet5" / "kernels"
#: Mechanisms of the C program: its first argument, and OpenMP's environment.
MECHANISMS = {
    "ours": ("ours", {}),
    "OpenMP": ("openmp", {}),
    "OpenMP, passive waiting": ("openmp", {"OMP_WAIT_POLICY": "passive"}),
}
WORK = 100_000  # dependent multiply-adds per thread and step, about as many as a training step of 64 images
STEPS_A_RUN = 64  # PICTURES_PER_RUN / 64


# ---- the C program ---------------------------------------------------------------------------------------------


def compiled(folder: Path) -> Path | None:
    """Compile dispatch.c; None if that fails."""
    compiler, program = shutil.which(os.environ.get("CC", "cc")), folder / "dispatch"
    if not compiler:
        return None
    command = [compiler, "-O2", "-fopenmp", f"-I{LIBRARY}", str(SOURCE), "-o", str(program), "-lpthread"]
    return program if subprocess.run(command, capture_output=True).returncode == 0 else None


def together(commands: list[list[str]], environment: dict[str, str]) -> list[dict]:
    """Return the output of programs that print `ready`, wait for a line and then work, all at the same time."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(c, env={**os.environ, **environment}, **pipes) for c in commands]
    for process in processes:
        while (line := process.stdout.readline()) != "ready\n":
            if not line:
                raise RuntimeError(f"{process.args} ended with {process.wait()}")
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0]) for process in processes]


def dispatch_costs(program: Path, threads: int, repeats: int) -> dict:
    """Measure the microseconds of an empty step: two barriers and a share of the threads' start."""
    results = {}
    for name, (kind, environment) in MECHANISMS.items():
        seconds = []
        for _ in range(repeats):
            command = [str(program), kind, str(threads), "20000", str(STEPS_A_RUN), "0"]
            seconds.append(together([command], environment)[0]["seconds"] / 20_000)
        results[name] = summary(seconds, 1e6)
        print(f"  {name:<26} {results[name]['median']:8.2f} us   ({results[name]['min']:.2f} .. "
              f"{results[name]['max']:.2f})")  # fmt: skip
    return results


def crowd(commands_of, environment: dict[str, str], counts: list[int], cores: int, threads: int, repeats: int) -> dict:
    """Measure the seconds of the slowest of several processes with their own threads, also relative to the ideal.

    The ideal is what one process takes, times the threads there are for each core once there are more than one.
    """
    results, alone = {}, 0.0
    for n in counts:
        seconds = [max(r["seconds"] for r in together(commands_of(n), environment)) for _ in range(repeats)]
        best = summary(seconds)
        alone = alone or best["median"]
        ideal = alone * max(1, n * threads / cores)
        results[n] = {"seconds": best, "times_the_ideal": best["median"] / ideal}
    return results


def print_crowd(name: str, results: dict) -> None:
    cells = [f"{r['seconds']['median']:7.2f} s = {r['times_the_ideal']:5.2f} x" for r in results.values()]
    print(f"  {name:<26} " + "   ".join(cells), flush=True)


# ---- training --------------------------------------------------------------------------------------------------


def some_trainer(threads: int, n: int = 16_384, epochs: int = 1) -> Trainer:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, 10, n, dtype=np.uint8)
    config = Config(epochs=epochs, validation=0, augment="none", learning_rate=1e-3)
    return Trainer(LeNet5(seed=0).network, X, y, config, threads)


def digest(threads: int, queue=None) -> tuple[str, float]:
    """Return the weights of a short training, and its seconds."""
    trainer = some_trainer(threads)
    started = time.perf_counter()
    list(trainer.run())
    result = hashlib.sha256(trainer.network.parameters.tobytes()).hexdigest(), time.perf_counter() - started
    if queue is not None:
        queue.put(result)
    return result


def train_when_told(threads: int, epochs: int) -> None:
    """Run one of the processes of `crowd`."""
    trainer = some_trainer(threads, epochs=epochs)
    digest(threads)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    list(trainer.run())
    print(json.dumps({"seconds": time.perf_counter() - started}))


def children(threads: int) -> dict[str, dict]:
    """Train in this process, after a fork, after a fork during a training on another thread, and after a spawn."""
    expected, seconds = digest(threads)
    rows = {"this process": {"seconds": seconds, "same_bits": True}}

    def child(name: str, method: str) -> None:
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=digest, args=(threads, queue))
        process.start()
        found, seconds = queue.get(timeout=120)
        process.join()
        rows[name] = {"seconds": seconds, "same_bits": found == expected}

    child("forked", "fork")
    busy, others = some_trainer(threads, epochs=10**6), threading.Event()
    thread = threading.Thread(target=lambda: list(busy.run(stop=others.is_set)))
    thread.start()
    child("forked while training", "fork")
    others.set()
    thread.join()
    child("spawned", "spawn")
    found, seconds = digest(threads)
    rows["this process afterwards"] = {"seconds": seconds, "same_bits": found == expected}
    for name, r in rows.items():
        print(f"  {name:<26} {r['seconds']:8.3f} s   {'the same bits' if r['same_bits'] else 'OTHER BITS'}")
    return rows


def beside_torch(threads: int, repeats: int) -> dict | None:
    """Time our pass and PyTorch's steps, each alone and taking turns."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (1024, 28, 28), dtype=np.uint8), rng.integers(0, 10, 1024, dtype=np.uint8)
    theirs = peers.training_peers(X, y, 64, threads, lambda name, error: print(f"  {name}: {error}")).get("PyTorch")
    if theirs is None:
        print("  PyTorch is not installed")
        return None
    epochs = some_trainer(threads, epochs=10**6).run()
    functions = {"ours": lambda: next(epochs), "PyTorch": theirs}
    # Alone first, because OpenMP's threads never end once they are started.
    apart = {name: summary(alternate({name: function}, repeats)[name]) for name, function in functions.items()}
    turns = {name: summary(seconds) for name, seconds in alternate(functions, repeats).items()}
    for name in functions:
        a, b = apart[name]["median"], turns[name]["median"]
        print(f"  {name:<26} {a:8.3f} s apart   {b:8.3f} s in turns = {b / a:5.2f} x")
    return {"apart": apart, "in_turns": turns}


# ---- the whole -------------------------------------------------------------------------------------------------


def start_cost(threads: int) -> float:
    """Time starting and joining Python threads, in microseconds, as every run of about 4,096 images does."""
    seconds = alternate({"start": lambda: parallel(lambda thread: None, threads)}, 500)["start"]
    return summary(seconds, 1e6)["median"]


def options() -> argparse.Namespace:
    p = parser(__doc__.splitlines()[0], repeats=3)
    p.add_argument("--threads", type=int, default=2, help="of each process")
    p.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4], help="how many at once; 1 comes first")
    p.add_argument("--seconds", type=float, default=1.0, help="about what one process takes alone")
    p.add_argument("--train-when-told", type=int, help=argparse.SUPPRESS)
    return p.parse_args()


def main() -> None:
    args = options()
    if args.train_when_told:
        train_when_told(args.threads, args.train_when_told)
        return
    where, threads = machine(), args.threads
    counts = [1, *(n for n in args.processes if n != 1)]
    common = {"counts": counts, "cores": where["cores"], "threads": threads, "repeats": args.repeats}
    document = {"machine": where, "threads": threads, "repeats": args.repeats, "crowd": {}}
    print(f"{where['processor']}, {where['cores']} cores, {threads} threads a process")
    document["thread_start_us"] = start_cost(threads)
    print(f"starting {threads} Python threads and waiting for them: {document['thread_start_us']:.0f} us")
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        if program:
            print("dispatch of a step")
            document["dispatch_us"] = dispatch_costs(program, threads, args.repeats)
        print(f"{', '.join(map(str, counts))} processes at once: seconds, by the ideal")
        for name, (kind, environment) in MECHANISMS.items() if program else ():
            # OpenMP's spinning threads may take thirty times the ideal: fewer steps, and only once.
            share, few = (20, {"repeats": 1}) if name == "OpenMP" else (1, {})
            steps = str(math.ceil(args.seconds * 2500 / share))
            command = [str(program), kind, str(threads), steps, str(STEPS_A_RUN), str(WORK)]
            document["crowd"][name] = crowd(lambda n, c=command: [c] * n, environment, **common | few)
            print_crowd(name, document["crowd"][name])
        if not program:
            print("  no compiler with OpenMP: the C program is left out")
        epochs = max(1, round(args.seconds / digest(threads)[1]))
        command = [sys.executable, __file__, "--threads", str(threads), "--train-when-told", str(epochs)]
        document["crowd"]["training"] = crowd(lambda n: [command] * n, {}, **common)
        print_crowd("training", document["crowd"]["training"])
    print("after a fork, after a spawn")
    document["children"] = children(threads)
    print("next to PyTorch's OpenMP")
    document["torch"] = beside_torch(threads, args.repeats)
    save("threads", document, args.out)


if __name__ == "__main__":
    main()
