"""Do the networks of `lenet5 read` lose by 8 bits: `python benchmarks/reading_int8.py --pictures FOLDER...`.

Each of them becomes whole numbers, as `lenet5 quantize` makes them, calibrated on what it sees of composed strings.
Then both read the same images: composed strings of digits that no weights have seen, and folders with labels.csv.
"""

import statistics
from pathlib import Path

import common
import numpy as np
from strings import composed, photographed

from lenet5.datasets.synthetic import digit_strings
from lenet5.nn import quantization
from lenet5.nn.integer import IntegerNetwork
from lenet5.nn.network import Network
from lenet5.ocr import evaluation, reader
from lenet5.ocr.networks import StringNetworks
from lenet5.recipes.data import held_out_digits

#: Composed strings, and images of each network.
N_CALIBRATION, MOST_IMAGES = 60, 1200


class Watched:
    """A network that remembers what it was asked."""

    def __init__(self, network: Network):
        self.network, self.seen = network, []

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        self.seen.append(X)
        return self.network.logits(X, threads)

    def in_8_bits(self) -> IntegerNetwork:
        """Lines differ in width for the network that slides: those of at least the median count, cut to it."""
        width = statistics.median_low([X.shape[-1] for X in self.seen])
        images = [np.ascontiguousarray(X[..., :width]) for X in self.seen if X.shape[-1] >= width]
        return quantization.quantize(self.network, self.network, np.concatenate(images)[:MOST_IMAGES])


def with_each(networks: StringNetworks, change) -> StringNetworks:
    """The same with each of its networks changed."""
    segments, digits, upright = (
        [change(network) for network in some] for some in (networks.segments, networks.digits, networks.upright)
    )
    sliding = change(networks.sliding)
    return StringNetworks(segments, digits, sliding, networks.training, networks.calibration, upright)


def in_8_bits(networks: StringNetworks, data_dir: str | None) -> StringNetworks:
    """The networks in whole numbers, calibrated on composed strings of every style."""
    watched = with_each(networks, Watched)
    X, y = held_out_digits(data_dir)[1]
    for style in digit_strings.STYLES:
        some = digit_strings.compose(X, y, N_CALIBRATION // len(digit_strings.STYLES), style=style, seed=5)
        for picture, _ in evaluation.pictures(some):
            reader.read(picture, networks=watched, threads=1)
    return with_each(watched, Watched.in_8_bits)


def main() -> None:
    p = common.parser(__doc__.splitlines()[0])
    p.add_argument("--n", type=int, default=200, help="composed strings of each style")
    p.add_argument("--pictures", type=Path, nargs="*", default=[], help="folders of images with labels.csv")
    p.add_argument("--n-pictures", type=int, default=1000, help="images of a folder, at most")
    args = p.parse_args()
    networks = reader.shipped_once()
    contestants = {"float32": networks, "8 bits": in_8_bits(networks, args.data_dir)}
    sets = {style: composed(style, args.n, args.data_dir, False) for style in digit_strings.STYLES}
    sets |= {folder.name: photographed(folder, None)[: args.n_pictures] for folder in args.pictures}
    rows = []
    for title, pictures in sets.items():
        for name, own in contestants.items():
            texts = [str(reader.read(picture, networks=own, threads=1)) for picture, _ in pictures]
            report = evaluation.evaluation(zip(texts, [right for _, right in pictures], strict=True))
            rows.append({"set": title, "networks": name, **report})
            print(f"{title:10} {name:8} {report['n']:5} strings  {100 * report['accuracy']:6.2f} % right  "
                  f"digits {100 * report['digit_accuracy']:6.2f} %", flush=True)  # fmt: skip
    common.save("reading-int8", {"machine": common.machine(), "results": rows}, args.out)


if __name__ == "__main__":
    main()
