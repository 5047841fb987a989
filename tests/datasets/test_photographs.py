"""Photos drawn for tests: each is a function of its cause, its digit and its seed."""

import numpy as np

from lenet5.datasets.synthetic.photographs import photograph


def test_photographs_are_functions_of_their_seed():
    one, same, other = (np.asarray(photograph("mixed", 3, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or (one != other).any()
