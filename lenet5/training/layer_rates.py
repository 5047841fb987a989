"""Learning rates layer by layer: a factor of the rate for each, given by name or falling from the last layer down."""

from ..nn.network import Network, execution_steps
from .config import Config
from .frozen import trainable


def factors(network: Network, config: Config) -> dict[str, float]:
    """The factor of each layer that has weights: as named, or ``layer_decay`` once for each such layer behind it.

    ValueError for a layer that there is not.
    """
    names, given = trainable(network), config.rate_factors
    for name in given:
        if name not in names:
            raise ValueError(f"layer_rates names {name!r}, expected some of {', '.join(names)}")
    decayed = {name: config.layer_decay**behind for behind, name in enumerate(reversed(names))}
    return decayed | given


def step_factors(network: Network, config: Config) -> dict[int, float]:
    """The factors other than 1, by the number of the step; a normalisation has that of its layer."""
    own = factors(network, config)
    steps = enumerate(execution_steps(network.layers, network.is_fused))
    found = {number: own.get(names[0].removesuffix("_norm"), 1.0) for number, (_, names) in steps}
    return {number: factor for number, factor in found.items() if factor != 1}
