"""How near each kernel comes to the processor's multiply-add peak, on one thread and one lane group (16 pictures).

Each figure is the median of repeated loops over one kernel, alternated with all the others. The peak is measured in
the same run, with multiply-adds on registers only.
"""

import numpy as np
from common import PEAK_ROUNDS, alternate, machine, parser, peak_gflops, save, summary

from lenet5 import LeNet5, _kernels
from lenet5.network import execution_steps

LOOP = 200


def contestants(model: LeNet5) -> dict[str, tuple]:
    """name -> (a loop over the kernel, multiply-adds of one call)."""
    X = model.pictures(np.random.default_rng(0).integers(0, 256, (16, 28, 28), np.uint8))
    program, shape, found = model.program(X.shape), X.shape, {}
    for step, (_, names) in enumerate(execution_steps(model.layers)):
        name = "+".join(names)
        layer = model.layers[names[0]]
        macs = layer.macs(shape) * _kernels.N_LANES
        parts = ["forward"]
        if macs:
            parts += ["backward_weights"] + (["backward_input", "backward"] if step else [])
        else:
            parts += ["backward_input"]
        for part in parts:
            found[f"{name} {part}"] = (
                lambda step=step, part=part: program.repeat(model.parameters, X, step, part, LOOP),
                macs,
            )
        for name in names:
            shape = model.layers[name].output_shape(shape)
    found["peak"] = lambda: _kernels.fma_peak(PEAK_ROUNDS), 0
    found["nothing"] = lambda: program.repeat(model.parameters, X, 0, "forward", 0), 0
    return found


def main() -> None:
    args = parser(__doc__.splitlines()[0], repeats=15).parse_args()
    kernels = contestants(LeNet5())
    where = machine()
    seconds = alternate({name: loop for name, (loop, _) in kernels.items()}, args.repeats)
    top = peak_gflops(min(seconds.pop("peak")))
    overhead = summary(seconds.pop("nothing"))["median"]
    print(f"{where['processor']}, {where['isa']} kernels; measured peak {top:.1f} GFLOP/s a thread\n")
    print(f"{'kernel':<30} {'us / 16 pictures':>16} {'GFLOP/s':>9} {'of peak':>8}")
    rows, total = {}, 0.0
    for name, (_, macs) in kernels.items():
        if name not in seconds:  # the peak, and the calls and preparations around a loop, which is taken off
            continue
        s = summary([t - overhead for t in seconds[name]], 1 / LOOP)
        rows[name] = {"seconds": s, "macs": macs}
        rate = ""
        if macs:
            rows[name]["gflops"] = 2 * macs / s["median"] / 1e9
            rows[name]["share_of_peak"] = rows[name]["gflops"] / top
            rate = f"{rows[name]['gflops']:9.1f} {rows[name]['share_of_peak']:8.0%}"
        total += s["median"]
        print(f"{name:<30} {1e6 * s['median']:16.2f} {rate}")
    print(f"{'sum':<30} {1e6 * total:16.2f}   = {1e6 * total / 16:.2f} us a picture")
    save("kernels", {"machine": where, "peak_gflops": top, "repeats": args.repeats, "kernels": rows}, args.out)


if __name__ == "__main__":
    main()
