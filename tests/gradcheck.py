"""The one gradient checker of all tests: central differences in float64, kinks left out, the failing index named."""

import numpy as np


def central_difference(function, x, index, step):
    """(f(x + h) - f(x - h)) / 2h along one element; x is as before afterwards."""
    value = x[index]
    x[index] = value + step
    above = function()
    x[index] = value - step
    below = function()
    x[index] = value
    return (above - below) / (2 * step)


def check_gradient(function, x, gradient, *, name="x", n=None, seed=0, step=1e-5, tolerance=1e-6, kinks=0.1):
    """Assert that ``gradient`` is the gradient of ``function()``, a float64, with respect to the array ``x``.

    All elements are tried, or a random choice of ``n``. An element whose differences with two steps disagree lies at a
    kink (or its neighbour does) and is left out; more than a share of ``kinks`` of them is a failure too.
    """
    assert x.dtype == np.float64, f"{name} has dtype {x.dtype}, a gradient is checked in float64"
    assert gradient.shape == x.shape, f"the gradient of {name} has shape {gradient.shape}, expected {x.shape}"
    assert np.isfinite(gradient).all(), f"the gradient of {name} is not finite"
    indices = list(np.ndindex(x.shape))
    if n is not None and n < len(indices):
        chosen = np.random.default_rng(seed).choice(len(indices), n, replace=False)
        indices = [indices[i] for i in chosen]
    floor = max(1e-3 * np.abs(gradient).max(), 1e-6)
    rounding = 8 * np.finfo(np.float64).eps * max(1.0, abs(function())) / step
    skipped = 0
    for index in indices:
        numeric, finer = (central_difference(function, x, index, h) for h in (step, step / 2))
        allowed = tolerance * max(abs(finer), abs(gradient[index]), floor) + rounding
        if abs(numeric - finer) > allowed:
            skipped += 1
            continue
        assert abs(finer - gradient[index]) <= allowed, (
            f"gradient of {name} at {index}: {gradient[index]:.10g} from the kernel, {finer:.10g} from differences"
        )
    assert skipped <= kinks * len(indices), f"{skipped} of {len(indices)} elements of {name} lie at kinks"


def with_biases(network, seed):
    """The network with small biases: a sum of zeros would stand exactly on the ReLU's kink, and rounding decide."""
    rng = np.random.default_rng(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith(".bias"):
            tensor[...] = rng.uniform(-0.1, 0.1, tensor.shape)
    return network
