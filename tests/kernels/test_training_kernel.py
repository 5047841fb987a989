"""The compiled training steps: the same bits for any number of threads, and the optimisers of the textbooks."""

import copy

import numpy as np
import pytest
import reference
from gradcheck import with_biases
from pictures import strewn

from lenet5 import _kernels
from lenet5._kernels import ADAM, ADAMW, RMSPROP, SDLM, SGD
from lenet5.nn.architectures import modern
from lenet5.nn.network import Network, execution_steps
from lenet5.ocr import networks
from lenet5.training.augment import AUGMENTATIONS, chosen, for_epoch
from lenet5.utils.threads import parallel

N = 150
OPTIMIZERS = {
    "sgd": (SGD, {"momentum": 0.0}),
    "sgd, decay": (SGD, {"momentum": 0.0, "weight_decay": 0.1}),
    "momentum": (SGD, {"momentum": 0.9}),
    "momentum, decay": (SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    "nesterov, decay": (SGD, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    # A large epsilon: without it the direction of a gradient near 0 is left to its last bit.
    "adamw": (ADAMW, {"epsilon": 1e-3}),
    "adamw, decay": (ADAMW, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.3}),
    "adam, decay": (ADAM, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.1}),
    "rmsprop, decay": (RMSPROP, {"beta2": 0.95, "epsilon": 1e-2, "weight_decay": 0.1}),
    "l1": (SGD, {"momentum": 0.0, "l1": 0.01}),
    "clipped": (SGD, {"momentum": 0.9, "clip_norm": 0.5}),
    "clipped, adamw": (ADAMW, {"epsilon": 1e-2, "clip_norm": 0.5, "l1": 1e-3}),
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return *strewn(rng, N, 28, 28), rng.permutation(N)


def initial_network():
    return with_biases(Network(modern(), seed=3), 3)


class Run:
    """A network, its optimiser and its data, ready to be trained."""

    def __init__(self, data, kind=SGD, *, batch_size=37, n_threads=1, network=None, **settings):
        self.X, self.y, self.order = data
        self.network = network or initial_network()
        self.pictures = self.network.pictures(self.X)
        self.moments = [np.zeros_like(self.network.parameters) for _ in range(2)]
        self.batch_size, self.n_threads, self.done = batch_size, n_threads, 0
        self.training = _kernels.Training(
            self.network.program(self.pictures.shape), self.network.parameters, *self.moments, kind,
            batch_size=batch_size, n_threads=n_threads, **settings,
        )  # fmt: skip

    def prepare(self, rates=0.01, augmentation=None, order=None):
        order = self.order if order is None else order
        rates = np.full(-(-len(order) // self.batch_size), rates) if np.isscalar(rates) else np.array(rates)
        self.training.prepare(self.pictures, self.y, order, rates, self.done, augmentation)
        self.done += len(rates)

    def go(self, rates=0.01, augmentation=None, order=None):
        self.prepare(rates, augmentation, order)
        parallel(self.training.run, self.n_threads)
        return self.training.result

    @property
    def weights(self):
        return self.network.parameters


def reference_run(data, kind, settings, rates, batch_size, network):
    """The same steps by plain NumPy in float64, on gradients of each batch; the losses of the batches too."""
    X, y, order = data
    step = {SGD: reference.sgd, ADAM: reference.adam, ADAMW: reference.adamw, RMSPROP: reference.rmsprop}[kind]
    clip_norm = settings.get("clip_norm", np.inf)
    settings = {name: value for name, value in settings.items() if name != "clip_norm"}
    parameters, state, losses = network.parameters.astype(np.float64), {}, []
    for i, rate in enumerate(rates):
        batch = order[i * batch_size : (i + 1) * batch_size]
        pictures = network.pictures(X[batch])
        gradients = np.zeros_like(parameters)
        program = network.program(pictures.shape)
        losses.append(program.loss_and_gradients(parameters, pictures, y[batch], gradients) * len(batch))
        gradients *= min(1.0, clip_norm / np.sqrt((gradients**2).sum()))
        step(parameters, gradients, state, rate, **settings)
    return parameters, sum(losses)


# ---- the same bits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 16, 37, 64, 149, 150, 1000])
@pytest.mark.parametrize("optimizer", ["nesterov, decay", "adamw, decay", "clipped"])
def test_the_weights_are_the_same_bits_for_any_number_of_threads(data, optimizer, batch_size):
    kind, settings = OPTIMIZERS[optimizer]
    order = data[2][:40] if batch_size == 1 else data[2]
    augmentation = for_epoch(chosen("affine"), seed=0, epoch=0)
    results = []
    for n_threads in (1, 2, 3, 8):
        run = Run(data, kind, batch_size=batch_size, n_threads=n_threads, **settings)
        result = run.go(augmentation=augmentation, order=order)
        results.append((run.weights.tobytes(), run.moments[0].tobytes(), run.moments[1].tobytes(), result))
    assert all(other == results[0] for other in results[1:])
    assert results[0][3][2:] == (-(-len(order) // batch_size), False)


@pytest.mark.parametrize("widths", [(3, 60, 21, 13), (2, 5, 1, 1), (12, 32, 20, 12), (4, 8, 20, 12)])
def test_networks_of_other_widths_are_trained_by_any_number_of_threads(data, widths):
    """More blocks of dense features than parts that are claimed, and hardly any; more threads than parts; C3 with more
    maps, or C1 and C3 with fewer, which are filtered minimally."""
    before = with_biases(Network(networks.layers(widths, 1, 10), seed=5), 5)
    expected, _ = reference_run(data, SGD, {"momentum": 0.9}, [0.02] * 3, 50, before)
    weights = []
    for n_threads in (1, 2, 3, 40):
        run = Run(data, batch_size=50, n_threads=n_threads, network=copy.deepcopy(before), momentum=0.9)
        run.go(0.02)
        weights.append(run.weights.tobytes())
    np.testing.assert_allclose(run.weights, expected, rtol=1e-4, atol=1e-4)
    assert weights.count(weights[0]) == 4


def test_a_run_in_parts_gives_the_same_bits(data):
    """What an epoch boundary or a resume does: AdamW's bias correction goes on where it was."""
    settings = {"batch_size": 30, "n_threads": 2, "weight_decay": 0.01}
    whole, parts = Run(data, ADAMW, **settings), Run(data, ADAMW, **settings)
    rates = [0.003, 0.002, 0.004, 0.001, 0.002]
    loss = whole.go(rates)[0]
    losses = [parts.go(rates[:2], order=data[2][:60])[0], parts.go(rates[2:], order=data[2][60:])[0]]
    np.testing.assert_array_equal(parts.weights, whole.weights)
    assert sum(losses) == pytest.approx(loss, rel=1e-12)


def test_the_padding_of_the_parameters_stays_zero(data):
    run = Run(data, ADAMW, weight_decay=0.1)
    run.go()
    padding = np.ones(len(run.weights), bool)
    for tensor in run.network.state_dict().values():
        at = (tensor.ctypes.data - run.weights.ctypes.data) // 4
        padding[at : at + tensor.size] = False
    assert padding.sum() == len(run.weights) - 61_706
    assert not run.weights[padding].any()


# ---- the optimisers ------------------------------------------------------------------------------------------------


def for_each_parameter(network, factors):
    """The factors of layers, by name, as a vector over the parameters; and by the number of the step."""
    vector = np.ones_like(network.parameters, np.float64)
    views = network.state_dict(vector)
    for name, view in views.items():
        view[...] = factors.get(name.partition(".")[0], 1)
    steps = enumerate(execution_steps(network.layers))
    return vector, {number: factors[names[0]] for number, (_, names) in steps if names[0] in factors}


@pytest.mark.parametrize("factors", [{}, {"c1": 0.5, "c3": 0.2, "f6": 1.5}], ids=["one rate", "rates of layers"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimisers_against_numpy(data, optimizer, factors):
    kind, settings = OPTIMIZERS[optimizer]
    rates, before = [0.02, 0.01, 0.03, 0.01, 0.02], initial_network()
    vector, by_step = for_each_parameter(before, factors)
    expected, loss = reference_run(data, kind, settings, [rate * vector for rate in rates], 37, before)
    run = Run(data, kind, n_threads=2, rate_factors=by_step, **settings)
    loss_sum, n_correct, steps_done, diverged = run.go(rates)
    moved = np.abs(expected - before.parameters).max()
    assert moved > 1e-3
    # Where two pixels of a window, or a pixel and 0, are equal but for rounding, the gradient may go another way: a few
    # weights of C1 then differ a little more.
    np.testing.assert_allclose(run.weights, expected, rtol=1e-5, atol=1e-2 * moved)
    assert np.isclose(run.weights, expected, rtol=1e-5, atol=2e-4 * moved).mean() > 0.999
    assert loss_sum == pytest.approx(loss, rel=1e-4)
    assert 0 <= n_correct <= N
    assert (steps_done, diverged) == (5, False)


def test_adamw_with_its_own_epsilon_moves_each_weight_by_the_rate_at_first(data):
    before = initial_network().parameters.copy()
    run = Run(data, ADAMW, batch_size=N)
    run.go(0.001)
    moved = np.abs(run.weights - before)[np.abs(run.moments[0]) > 1e-6]
    np.testing.assert_allclose(moved, 0.001, rtol=0.01)


def test_sdlm_gives_each_weight_a_rate_of_its_own(data):
    """The step of plain SGD, times the second moment of each weight."""
    plain, own = Run(data, SGD, batch_size=N, momentum=0.0), Run(data, SDLM, batch_size=N)
    before = plain.weights.copy()
    own.moments[1][:] = np.random.default_rng(5).uniform(0, 3, len(before))
    plain.go(0.01)
    own.go(0.01)
    np.testing.assert_allclose(own.weights - before, (plain.weights - before) * own.moments[1], rtol=1e-3, atol=2e-7)


def test_a_rate_of_zero_changes_nothing(data):
    for kind, settings in OPTIMIZERS.values():
        run = Run(data, kind, **settings)
        before = run.weights.copy()
        run.go(0.0)
        np.testing.assert_array_equal(run.weights, before)


def test_loss_and_right_answers_are_those_of_the_network(data):
    run = Run(data, SGD, batch_size=N)
    X, y, _ = data
    logits = run.network.logits(X)
    loss_sum, n_correct, *_ = run.go(0.0)
    assert n_correct == (logits.argmax(axis=1) == y).sum()
    assert loss_sum / N == pytest.approx(reference.cross_entropy(logits, y), rel=1e-6)


def test_training_learns_what_it_is_shown(data):
    X, y, _ = data
    run = Run((X[:20], y[:20], np.arange(20)), SGD, batch_size=20, n_threads=2)
    for _ in range(60):
        _, n_correct, *_ = run.go(0.03)
    assert n_correct == 20
    assert (run.network.logits(X[:20]).argmax(axis=1) == y[:20]).all()


@pytest.mark.parametrize(
    "names", [*(name for name in AUGMENTATIONS if name != "colour"), "affine,elastic,cutout,invert"]
)
def test_distortions_are_those_of_the_pictures_for_any_number_of_threads(data, names):
    """The same as training on pictures that were distorted before, each in its own way."""
    _, y, order = data
    augmentation = for_epoch(chosen(names), seed=7, epoch=2)
    runs = [Run(data, n_threads=n_threads, batch_size=50) for n_threads in (1, 2, 3)]
    distorted = _kernels.gather(runs[0].pictures, np.arange(N), augmentation)
    before, plain = Run((distorted, y, order), batch_size=50), Run(data, batch_size=50)
    for run in runs:
        run.go(augmentation=augmentation)
        np.testing.assert_array_equal(run.weights, runs[0].weights)
    before.go()
    plain.go()
    np.testing.assert_allclose(before.weights, runs[0].weights, atol=1e-6)
    assert (plain.weights != runs[0].weights).any()


# ---- numbers that run away -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_a_run_stops_before_the_first_update_whose_loss_is_not_finite(data, n_threads):
    """The second update throws the weights out of range; the third batch sees it and nothing more is changed."""
    good = Run(data, batch_size=30)
    good.go([0.01, 1e38], order=data[2][:60])
    run = Run(data, batch_size=30, n_threads=n_threads)
    _, _, steps_done, diverged = run.go([0.01, 1e38, 0.01, 0.01, 0.01])
    assert (steps_done, diverged) == (2, True)
    np.testing.assert_array_equal(run.weights, good.weights)
    np.testing.assert_array_equal(run.moments[0], good.moments[0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["c1.weight", "c3.bias", "c5.weight", "output.bias"])
def test_a_weight_that_is_not_finite_stops_the_first_batch(data, name, value):
    run = Run(data, ADAMW, n_threads=2)
    run.network.state_dict()[name].flat[0] = value
    before = run.weights.copy()
    loss_sum, n_correct, steps_done, diverged = run.go()
    assert (loss_sum, n_correct, steps_done, diverged) == (0, 0, 0, True)
    np.testing.assert_array_equal(run.weights, before)
    assert not run.moments[0].any()


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_a_new_run_forgets_that_the_last_one_diverged(data, n_threads):
    run = Run(data, n_threads=n_threads)
    tensor, good = run.network.state_dict()["output.bias"], 0
    tensor[0] = np.nan
    assert run.go()[3]
    tensor[0] = good
    assert run.go()[2:] == (-(-N // 37), False)


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_buffers_of_other_lengths_are_refused(data):
    run = Run(data)
    program, short = run.network.program((1, 32, 32)), np.zeros(16, np.float32)
    for buffers in ([short, *run.moments], [run.weights, short, run.moments[1]], [run.weights, run.moments[0], short]):
        with pytest.raises(ValueError, match=r"16.*elements, expected 61760"):
            _kernels.Training(program, *buffers, SGD, batch_size=1, n_threads=1)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": -1}, {"n_threads": 0}])
def test_no_batch_and_no_thread_are_refused(data, wrong):
    with pytest.raises(ValueError, match="expected at least 1"):
        Run(data, **wrong)


@pytest.mark.parametrize("kind", [-1, 5, 7])
def test_an_unknown_optimiser_is_refused(data, kind):
    with pytest.raises(ValueError, match=f"kind is {kind}, expected one of SGD"):
        Run(data, kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(N - 1, np.uint8)}, "149 labels for 150 images"),
        ({"labels": np.full(N, 10, np.uint8)}, "labels must be below 10, the largest is 10"),
        ({"order": np.array([0, N])}, "an order that leaves them"),
        ({"order": np.array([-1])}, "an order that leaves them"),
        ({"order": np.zeros(0, np.int64)}, "an order that leaves them"),
        ({"rates": np.zeros(4)}, "4 learning rates for 5 steps"),
    ],
)
def test_prepare_refuses(data, change, message):
    run = Run(data)
    given = {"labels": run.y, "order": run.order, "rates": np.zeros(5), **change}
    with pytest.raises(ValueError, match=message):
        run.training.prepare(run.pictures, given["labels"], given["order"], given["rates"], 0)


def test_pictures_of_another_size_are_refused(data):
    run = Run(data)
    larger = run.network.pictures(np.zeros((N, 40, 40), np.uint8))
    with pytest.raises(ValueError, match=r"\(1, 40, 40\), this program was made for \(1, 32, 32\)"):
        run.training.prepare(larger, run.y, run.order, np.zeros(5), 0)


def test_run_before_prepare_and_a_thread_too_many_are_refused(data):
    run = Run(data)
    with pytest.raises(ValueError, match="before prepare"):
        run.training.run(0)
    run.prepare()
    for thread in (-1, 1):
        with pytest.raises(ValueError, match=f"thread {thread} of 1"):
            run.training.run(thread)
