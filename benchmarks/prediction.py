"""Latency of one picture and throughput of many, beside the peers that are installed; the whole command."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import alternate, machine, parser, pictures, row, save, summary
from peers import prediction_peers

from lenet5 import pretrained


def command_seconds(repeats: int) -> dict[str, list[float]]:
    """The whole process: start, import, load, read one picture, answer."""
    from PIL import Image

    program = shutil.which("lenet5", path=str(Path(sys.executable).parent)) or "lenet5"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digit.png"
        picture = np.zeros((28, 28), np.uint8)
        picture[4:24, 13:16] = 255
        Image.fromarray(picture).save(file)

        def run(*arguments: str):
            return lambda: subprocess.run([program, *arguments], check=True, capture_output=True, cwd=folder)

        commands = {
            "lenet5 --help": run("--help"),
            "lenet5 predict digit.png": run("predict", str(file)),
            "python -c 'import numpy'": lambda: subprocess.run([sys.executable, "-c", "import numpy"], check=True),
        }
        return alternate(commands, repeats)


def main() -> None:
    p = parser(__doc__.splitlines()[0], repeats=9)
    p.add_argument("--sizes", type=int, nargs="+", default=[1, 1000, 10_000])
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--no-peers", action="store_true")
    args = p.parse_args()
    X, _, name = pictures(args.data_dir)
    X = np.pad(X[: max(args.sizes)], ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32) / 255
    model, where, results = pretrained(), machine(), []
    print(f"{name} pictures as float32 arrays (N, 1, 32, 32); {where['processor']}, {where['isa']} kernels")
    for threads in args.threads:
        for n in args.sizes:
            group = {"lenet5": lambda X=X[:n], threads=threads: model.predict_proba(X, threads)}
            if not args.no_peers:
                group |= prediction_peers(model, X[:n], threads)
            loop = max(1, 2000 // n)
            loops = {key: (lambda f=f, n=loop: [f() for _ in range(n)]) for key, f in group.items()}
            seconds = alternate(loops, args.repeats)
            print(f"\n{n:,} picture{'s' * (n > 1)} a call, {threads} thread{'s' * (threads > 1)}")
            base = summary(seconds["lenet5"])["median"]
            for contestant, values in seconds.items():
                s = summary(values, 1e6 / (n * loop))
                print(row(contestant, s, "us a picture"), f"  {summary(values)['median'] / base:.1f} x")
                results.append({"contestant": contestant, "n": n, "threads": threads, "microseconds_a_picture": s})
    print("\nwhole processes")
    commands = {}
    for command, values in command_seconds(args.repeats).items():
        commands[command] = summary(values, 1e3)
        print(row(command, commands[command], "ms"))
    document = {"machine": where, "data": name, "repeats": args.repeats, "calls": results, "commands_ms": commands}
    save("prediction", document, args.out)


if __name__ == "__main__":
    main()
