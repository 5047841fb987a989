"""Speed of the general code: nanoseconds per multiply-add of layers of any shape, relative to LeNet-5's own.

One thread, one lane group of 16 images, as in kernels.py. Each convolution is compared with the LeNet-5 layer whose
kernels it would use if it had code of its own. C5 serves for dense layers (kernel size 1 on one pixel), and C1
for the first layer of a network (up to 3 channels). C3 serves for all others.
"""

from functools import partial

import numpy as np
from common import alternate, machine, parser, save, summary

from lenet5 import _kernels
from lenet5.nn.layers import Conv2d
from lenet5.nn.network import Network

#: (input channels, output channels, kernel size, side of the input)
HOT = {"c1": (1, 6, 5, 32), "c3": (6, 16, 5, 14), "c5": (16, 120, 5, 5)}
CONVOLUTIONS = [
    (1, 6, 5, 28), (1, 8, 5, 32), (1, 6, 5, 64), (1, 6, 5, 128), (3, 6, 5, 32), (3, 16, 5, 32), (3, 16, 3, 64),
    (1, 6, 3, 32), (1, 6, 7, 32), (1, 32, 3, 32), (1, 64, 7, 64), (3, 64, 7, 128), (3, 3, 1, 32),
    (6, 16, 5, 28), (6, 16, 3, 14), (6, 16, 7, 14), (6, 16, 1, 14), (6, 12, 5, 14), (8, 16, 5, 16), (8, 8, 3, 32),
    (8, 32, 5, 30), (16, 32, 3, 28), (16, 16, 5, 13), (32, 32, 3, 28), (32, 64, 3, 14), (32, 64, 1, 28),
    (64, 64, 3, 14), (64, 64, 1, 14), (64, 32, 5, 10), (64, 64, 7, 7), (16, 120, 5, 6), (16, 120, 5, 8),
    (32, 120, 5, 5),
]  # fmt: skip
DENSE = [(120, 84, 1, 1), (84, 10, 1, 1), (120, 10, 1, 1), (400, 120, 1, 1), (84, 3, 1, 1), (256, 256, 1, 1),
         (64, 100, 1, 1), (33, 47, 1, 1), (1024, 64, 1, 1)]  # fmt: skip
PARTS = ("forward", "backward_input", "backward_weights")
BUDGET = 2e6  # multiply-adds of 16 lanes in the shorter loop: some milliseconds
LONGER = 5


def loops(shape: tuple[int, int, int, int], part: str):
    """Return functions that run one kernel some times, and `LONGER` times as often; and the multiply-adds between.

    Their difference is the kernel alone, without the memory and the image that each run begins with.
    """
    in_channels, out_channels, kernel_size, side = shape
    network = Network({"layer": Conv2d(in_channels, out_channels, kernel_size)}, seed=0)
    X = np.random.default_rng(0).random((16, in_channels, side, side), np.float32)
    program, pictures = network.program(X.shape[1:]), _kernels.Pictures(X)
    macs = 16 * network.layers["layer"].macs(X.shape[1:])
    n = max(1, round(16 * BUDGET / macs))
    short, long = (partial(program.repeat, network.parameters, pictures, 0, part, k * n) for k in (1, LONGER))
    return short, long, (LONGER - 1) * macs * n


def hot_of(shape: tuple[int, int, int, int]) -> str:
    """Return the layer of LeNet-5 that a shape is compared with."""
    return "c5" if shape[2] == shape[3] else "c1" if shape[0] <= 3 else "c3"


def main() -> None:
    p = parser(__doc__.splitlines()[0], repeats=9)
    p.add_argument("--limit", type=float, default=3, help="ratios above this are marked")
    args = p.parse_args()
    shapes = HOT | {"{} to {}, kernel {}, side {}".format(*shape): shape for shape in (*CONVOLUTIONS, *DENSE)}
    where, found = machine(), {(name, part): loops(s, part) for name, s in shapes.items() for part in PARTS}
    functions = {(key, i): pair[i] for key, pair in found.items() for i in (0, 1)}
    seconds = alternate(functions, args.repeats)
    # The least of several, since other load on the machine only adds time.
    least = {key: summary(values)["min"] for key, values in seconds.items()}
    cost = {key: 1e9 * (least[key, 1] - least[key, 0]) / macs for key, (*_, macs) in found.items()}
    print(f"{where['processor']}, {where['isa']} kernels: ns a multiply-add, by that of LeNet-5's layer")
    print(f"{'':<34}{'':>4}" + "".join(f"{part:>24}" for part in PARTS))
    rows = {}
    for name, shape in shapes.items():
        ratios = {part: cost[name, part] / cost[hot_of(shape), part] for part in PARTS}
        rows[name] = {"shape": shape, "compared_with": hot_of(shape),
                      "ns_per_mac": {part: cost[name, part] for part in PARTS}, "ratio": ratios}  # fmt: skip
        cells = [f"{cost[name, part]:12.4f} {ratios[part]:7.2f} x{' !' if ratios[part] > args.limit else '  '}"
                 for part in PARTS]  # fmt: skip
        print(f"{name:<34}{hot_of(shape):>4}" + "".join(cells))
    above = [f"{name} {part}: {r:.1f}" for name, row in rows.items() for part, r in row["ratio"].items() if
             r > args.limit]  # fmt: skip
    print(f"\nabove {args.limit:g} x: " + ("; ".join(above) or "none"))
    save("shapes", {"machine": where, "repeats": args.repeats, "limit": args.limit, "shapes": rows}, args.out)


if __name__ == "__main__":
    main()
