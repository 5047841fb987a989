"""Seconds for one training pass over 60,000 pictures, beside the peers that are installed.

All contestants do the same work in the same run, in turns: the 61,706-parameter network, SGD with momentum, the same
pictures in memory, shuffled, no augmentation. PyTorch gets its pictures as float32 tensors that are ready in memory,
so that no data loader is timed.
"""

from common import alternate, machine, parser, pictures, row, save, summary
from peers import training_peers

from lenet5 import LeNet5
from lenet5.train import Config, Trainer


def ours(X, y, batch_size: int, threads: int, augment: str = "none"):
    config = Config(epochs=10**6, batch_size=batch_size, augment=augment, validation=0, schedule="constant")
    epochs = Trainer(LeNet5(seed=0), X, y, config, threads).run()
    return lambda: next(epochs)


def main() -> None:
    p = parser(__doc__.splitlines()[0], repeats=3)
    p.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 128])
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--no-peers", action="store_true")
    args = p.parse_args()
    X, y, name = pictures(args.data_dir)
    where = machine()
    print(f"one pass over {len(y):,} {name} pictures; {where['processor']}, {where['isa']} kernels")
    results = []
    for threads in args.threads:
        for batch_size in args.batch_sizes:
            contestants = {
                "lenet5": ours(X, y, batch_size, threads),
                "lenet5, affine augmentation": ours(X, y, batch_size, threads, "affine"),
            }
            if not args.no_peers:
                contestants |= training_peers(X, y, batch_size, threads)
            seconds = alternate(contestants, args.repeats)
            print(f"\nbatch {batch_size}, {threads} thread{'s' * (threads > 1)}")
            base = summary(seconds["lenet5"])["median"]
            for contestant, values in seconds.items():
                s = summary(values)
                print(row(contestant, s, "s"), f"  {s['median'] / base:.1f} x")
                results.append({"contestant": contestant, "batch_size": batch_size, "threads": threads, "seconds": s})
    document = {"machine": where, "data": name, "n": len(y), "repeats": args.repeats, "passes": results}
    save("training", document, args.out)


if __name__ == "__main__":
    main()
