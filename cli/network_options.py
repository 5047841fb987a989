"""The options of `lenet5 train` that say which network."""

import click

from . import options
from .types import Widths

#: Parameters that change a part of a variant.
NETWORK = ("activation", "pool", "c3", "head", "initializer")
network_options = options.together(
    click.option("--variant", type=click.Choice(["modern", "1998", "lenet1", "lenet4"]), default="modern",
                 show_default=True, help="Which network; what follows changes parts of it."),
    click.option("--activation", type=click.Choice(["relu", "tanh", "sigmoid", "scaled-tanh"]),
                 help="Activation after every layer with weights except the last.  "
                      "[default: relu; the others scaled-tanh]"),
    click.option("--pool", type=click.Choice(["max", "avg", "trainable"]),
                 help="Pooling of S2 and S4; trainable has a coefficient and a bias for each map.  "
                      "[default: max; the others trainable]"),
    click.option("--c3", type=click.Choice(["dense", "table"]),
                 help="Whether each map of C3 sees all of S2, or some by the paper's table.  [default: dense; the "
                      "others table]"),
    click.option("--head", type=click.Choice(["softmax", "rbf"]),
                 help="How scores are made: linear units, or distances to fixed targets.  [default: softmax; the "
                      "others rbf]"),
    click.option("--initializer", type=click.Choice(["he", "1998", "1998-root"]),
                 help="Initial weights: he is uniform, for ReLU; 1998 uniform within 2.4 / inputs, 1998-root within "
                      "2.4 / their root.  [default: he with ReLU and for modern; the others 1998]"),
    click.option("--widths", type=Widths(), default=(), metavar="N,N,...",
                 help="Output channels of each hidden layer, of the variants modern and 1998.  [default: 6,16,120,84]"),
)  # fmt: skip
