"""No argument ends the process: every compiled entry point with axes that are empty, enormous or just odd."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lenet5 import _kernels
from lenet5.ocr import _oversegmentation

FUZZ = Path(__file__).with_name("kernelfuzz.py")


def fuzz(seed, n):
    """How many calls of each kind were right; AssertionError, with the last call, where the process ended otherwise."""
    run = subprocess.run([sys.executable, str(FUZZ), str(seed), str(n)], capture_output=True, text=True)
    assert run.returncode == 0, f"exit code {run.returncode} after {run.stderr[-1500:]}"
    return ast.literal_eval(run.stdout)


def test_odd_axes_and_numbers_are_refused():
    assert min(fuzz(0, 900).values()) > 0


@pytest.mark.slow
def test_many_odd_axes_and_numbers_are_refused():
    assert min(fuzz(10_000, 20_000).values()) > 400


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


X, W, B = zeros(1, 2, 6, 6, 16), zeros(3, 2, 3, 3), zeros(3)
NO_CHANNELS, NO_MAPS = zeros(1, 0, 4, 4, 16), zeros(0, 2, dtype=np.int32)
DISTORTED = _kernels.Augmentation(0, 0, rotation=1)


def pictures(*shape, padding=0):
    return _kernels.Pictures(zeros(*shape, dtype=np.uint8), padding)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _kernels.subsample_forward(NO_CHANNELS, 2, B, B), "X has axes"),
        (lambda: _kernels.subsample_backward(zeros(1, 3, 2, 2, 16), NO_CHANNELS, 2, B), "X has axes"),
        (lambda: _kernels.table_conv2d_forward(X, zeros(0, 3, 3), B[:0], NO_MAPS), "W has axes"),
        (lambda: _kernels.table_conv2d_backward(X[:, :0], X, zeros(1, 3, 3), NO_MAPS), "kernels has axes"),
        (lambda: _kernels.conv2d_forward(NO_CHANNELS, zeros(3, 1, 3, 3), B), "X has axes"),
        (lambda: _kernels.rbf_forward(X, NO_MAPS), "centres has axes"),
        (lambda: _kernels.softmax(zeros(2, 0, 3)), "logits has axes"),
        (lambda: _kernels.activation_forward(NO_CHANNELS, _kernels.RELU), "X has axes"),
        (lambda: _kernels.pool2d_forward(zeros(0, 2**32 + 1, 4, 4, 16), 2, True), "X has axes"),
        (lambda: _kernels.pool2d_forward(zeros(0, 2**12, 2**12, 2**12, 16), 2, True), "X has axes"),
        (lambda: _kernels.gather(pictures(2, 1, 28, 0), np.arange(2), DISTORTED), "pixels has axes"),
        (lambda: pictures(2, 0, 28, 28), "pixels has axes"),
        (lambda: pictures(2, 1, 28, 28, padding=2**31 - 1), "padding is 2147483647, expected 0 to"),
        (lambda: pictures(2, 1, 28, 28, padding=2**24), "with their padding has axes"),
        (lambda: _kernels.aligned_zeros((-1, 3), np.float32), "no axis below 0"),
        (
            lambda: _oversegmentation.pictures(*[zeros(5, 5, dtype=t) for t in (np.uint8, np.int32)], *NO_RUNS, np.inf),
            "least",
        ),
        (lambda: _oversegmentation.split(*SPLIT, 2**31 - 1, **CUTS), "n=2147483647"),
        (lambda: _oversegmentation.split(*SPLIT, 0, **CUTS | {"reach": 2**31 - 1}), "reach=2147483647"),
    ],
)
def test_sizes_that_cannot_be_computed_with_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


NO_RUNS = zeros(0, dtype=np.int64), zeros(0, dtype=np.int64), zeros(0, 4, dtype=np.int64)
SPLIT = (zeros(5, 5), zeros(5, 5, dtype=np.int64), 0, np.array([0, 0, 5, 5]), zeros(5, 5, dtype=np.int32))
CUTS = {"most": 1, "reach": 1, "diagonal": 0.3, "enclosed": 1.0}


@pytest.mark.parametrize("n", [2**29, 2**30, 2**31 - 1])
def test_more_than_there_is_memory_for_is_a_memory_error(n):
    made, parameters = program(), zeros(64)
    with pytest.raises(MemoryError):
        _kernels.Training(made, parameters, zeros(64), zeros(64), 0, batch_size=1, n_threads=n)
    with pytest.raises(MemoryError):
        _kernels.aligned_zeros((n, n // 64), np.float32)


# ---- programs --------------------------------------------------------------------------------------------------

#: A dense layer of 36 pixels and one output, and a ReLU in another place than its input.
STEPS = [
    (_kernels.CONV2D, 1, 6, 6, 1, 1, 1, 6, 0, 48, 0, 576, 0.0, None),
    (_kernels.RELU, 1, 1, 1, 1, 1, 1, 1, 0, 0, 576, 592, 0.0, None),
]
IN_PLACE = (_kernels.RELU, 1, 6, 6, 1, 6, 6, 1, 0, 0, 0, 0, 0.0, None)
FIELDS = ["kind", "in_channels", "in_height", "in_width", "out_channels", "out_height", "out_width", "kernel_size",
          "weight", "bias", "input", "output", "probability", "constants"]  # fmt: skip


def program(number=0, n_parameters=64, n_activations=608, steps=STEPS, **changes):
    steps = [list(step) for step in steps]
    for field, value in changes.items():
        steps[number][FIELDS.index(field)] = value
    return _kernels.Program([tuple(step) for step in steps], n_parameters, n_activations)


def test_a_program_that_fits():
    parameters, scores = zeros(64), zeros(3, 1, 1, 1)
    parameters[:36], parameters[48] = 1, 0.5
    X = np.full((3, 1, 6, 6), 51, np.uint8)
    program().forward(parameters, _kernels.Pictures(X), scores, 0, 3)
    np.testing.assert_allclose(scores, 36 * 0.2 + 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": 99}, "kind 99"),
        ({"in_channels": 0}, "the input of step 0 has axes"),
        ({"in_height": 2**24 + 1}, "the input of step 0 has axes"),
        ({"kernel_size": 0}, "the kernel of step 0 has axes"),
        ({"kernel_size": 7}, "does not take"),
        ({"kernel_size": 5}, "step 0 gives 1 x 1, expected 2 x 2"),
        ({"out_channels": 2, "n_parameters": 128}, "step 1 takes another input"),
        ({"weight": -16}, "the weights of step 0 of 52 elements at -16"),
        ({"weight": 8}, "expected a multiple of 16"),
        ({"weight": 16}, "the weights of step 0"),
        ({"weight": 2**40}, "the weights of step 0"),
        ({"bias": 64}, "the biases of step 0"),
        ({"input": 16}, "step 0 has its input at 16"),
        ({"output": 0}, "expected it behind the 576 before it"),
        ({"output": 2**62}, "the output of step 0"),
        ({"number": 1, "output": 608}, "the output of step 1"),
        ({"number": 1, "input": 0}, "expected the output of the step before it"),
        ({"number": 1, "kind": _kernels.DROPOUT}, "the output of step 1 of 32 elements at 592"),
        ({"number": 1, "kind": _kernels.DROPOUT, "output": 576}, "expected it behind"),
        ({"number": 1, "kind": _kernels.DROPOUT, "n_activations": 624, "probability": 1.0}, "a probability of 1.0"),
        ({"number": 1, "kind": _kernels.BATCH_NORM, "n_activations": 640, "bias": 32}, "the biases of step 1 of 48"),
        ({"n_parameters": 2**49}, "n_parameters is"),
        ({"n_parameters": 60}, "n_parameters is 60, expected a multiple of 16"),
        ({"n_activations": -16}, "n_activations is -16"),
        ({"kind": _kernels.TABLE_CONV2D, "constants": np.array([[7]], np.int32)}, "kernels has 7"),
        ({"kind": _kernels.TABLE_CONV2D, "constants": np.array([[-7]], np.int32)}, "kernels has -7"),
        ({"kind": _kernels.TABLE_CONV2D, "constants": np.array([[-1]], np.int32)}, "connects no channels"),
        ({"steps": [STEPS[0][:13]]}, "13 fields"),
        ({"steps": [IN_PLACE], "n_activations": 0}, "the output of step 0 of 576 elements at 0"),
    ],
)
def test_a_program_that_leaves_its_buffers_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        program(**changes)


def test_what_a_program_was_checked_with_cannot_be_changed():
    table = np.zeros((1, 1), np.int32)
    made = program(kind=_kernels.TABLE_CONV2D, constants=table)
    table[:] = 10**9
    scores = zeros(1, 1, 1, 1)
    made.forward(np.ones(64, np.float32), pictures(1, 1, 6, 6), scores, 0, 1)
    assert scores == 1


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_nothing_can_be_divided_by(temperature):
    with pytest.raises(ValueError, match="expected a number above 0"):
        program().forward(zeros(64), pictures(1, 1, 6, 6), zeros(1, 1, 1, 1), 0, 1, True, temperature)
