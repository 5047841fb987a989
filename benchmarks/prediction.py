"""Latency of one picture and throughput of many, beside PyTorch where it is installed; and the whole command."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import alternate, machine, parser, pictures, row, save, summary

from lenet5 import LeNet5

try:
    import torch
except ImportError:
    torch = None


def contestants(model: LeNet5, X: np.ndarray, threads: int, peers: bool) -> dict:
    found = {"lenet5": lambda: model.predict_proba(X, threads)}
    if torch and peers:
        from peers import torch_lenet5

        net = torch_lenet5(model.state_dict()).eval()
        images = torch.from_numpy(X)

        def forward():
            torch.set_num_threads(threads)
            with torch.inference_mode():
                torch.softmax(net(images), 1).numpy()

        assert np.abs(net(images[:16]).detach().numpy() - model.logits(X[:16])).max() < 1e-3, "not the same network"
        found[f"PyTorch {torch.__version__}"] = forward
    return found


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
    model, where, results = LeNet5(), machine(), []
    print(f"{name} pictures as float32 arrays (N, 1, 32, 32); {where['processor']}, {where['isa']} kernels")
    for threads in args.threads:
        for n in args.sizes:
            group = contestants(model, X[:n], threads, not args.no_peers)
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
