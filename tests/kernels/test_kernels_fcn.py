"""Fully convolutional networks against the reference; on every instruction set in test_isa.py."""

import subprocess
import sys

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from test_kernels import SETTINGS

from lenet5._kernels import SAME_CONV2D, SAME_MAX_POOL2D, FullyConvolutional, grey_planes

KERNELS = (1, 3, 5)


def weights(rng, out, channels, k):
    """As large as keeps activations near 1."""
    scale = np.sqrt(2 / (channels * k * k))
    return rng.normal(0, scale, (out, channels, k, k)).astype(np.float32), rng.normal(0, 0.1, out).astype(np.float32)


def conv(rng, source, channels, out, k=3, *, skip=0, stride=1, dilation=1, relu=True):
    return (SAME_CONV2D, source, skip, k, stride, dilation, relu, *weights(rng, out, channels, k))


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def check(steps, planes):
    made = FullyConvolutional(len(planes), steps)
    actual, expected = made.forward(planes), reference.fully_convolutional(steps, planes)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5)
    np.testing.assert_array_equal(made.forward(planes), actual)


@pytest.mark.parametrize("channels", [1, 3, 16, 20])
@pytest.mark.parametrize("out", [1, 3, 12, 16, 17, 24, 33, 48, 80])
def test_any_number_of_channels(channels, out):
    rng = np.random.default_rng(out)
    check([conv(rng, 0, channels, out), conv(rng, 1, out, 3, relu=False)], noise(1, channels, 6, 9))


@pytest.mark.parametrize("width", range(1, 28))
def test_any_width(width):
    rng = np.random.default_rng(width)
    for out in (5, 32, 48):
        steps = [conv(rng, 0, 2, out), conv(rng, 1, out, out, dilation=2), conv(rng, 2, out, 2, 1, relu=False)]
        check(steps, noise(2, 2, 16, width))


@pytest.mark.parametrize("k", KERNELS)
@pytest.mark.parametrize("stride", [1, 2])
def test_kernels_and_strides(k, stride):
    rng = np.random.default_rng(k)
    steps = [conv(rng, 0, 3, 10, k, stride=stride), conv(rng, 1, 10, 7, k, stride=stride), conv(rng, 2, 7, 4, k)]
    check(steps, noise(3, 3, 24, 32))


@pytest.mark.parametrize("k", [*KERNELS, 7])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_dilated_kernels_that_reach_beyond_the_image(k, dilation):
    rng = np.random.default_rng(k)
    check([conv(rng, 0, 1, 16), conv(rng, 1, 16, 4, k, dilation=dilation)], noise(4, 1, 4, 5))


@pytest.mark.parametrize("k", [*KERNELS, 7, 9])
@pytest.mark.parametrize("channels", [(16, 16), (20, 5), (1, 32)])
def test_skip_connections(k, channels):
    rng, (low, high) = np.random.default_rng(k), channels
    steps = [
        conv(rng, 0, 2, high), (SAME_MAX_POOL2D, 1), conv(rng, 2, high, low),
        conv(rng, 3, low + high, 18, k, skip=1), conv(rng, 4, 18, 3, 1, relu=False),
    ]  # fmt: skip
    check(steps, noise(5, 2, 8, 14))


@st.composite
def networks(draw):
    """Any steps with planes that they take."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    tensors, steps = [(draw(st.integers(1, 4)), 1)], []  # channels, scale
    number = st.integers(1, 40)
    for i in range(draw(st.integers(1, 7))):
        source = draw(st.integers(0, i))
        channels, scale = tensors[source]
        skips = [j for j in range(1, i + 1) if source and 2 * tensors[j][1] == scale]
        kind = draw(
            st.sampled_from(["conv", *(["pool"] if source and scale < 8 else []), *(["skip"] if skips else [])])
        )
        out, k = draw(number), draw(st.sampled_from(KERNELS))
        if kind == "pool":
            steps.append((SAME_MAX_POOL2D, source))
            tensors.append((channels, 2 * scale))
        elif kind == "skip":
            skip = draw(st.sampled_from(skips))
            steps.append(conv(rng, source, channels + tensors[skip][0], out, k, skip=skip))
            tensors.append((out, tensors[skip][1]))
        else:
            stride = draw(st.integers(1, 2)) if scale < 8 else 1
            dilation = draw(st.integers(1, 3)) if source else 1
            steps.append(conv(rng, source, channels, out, k, stride=stride, dilation=dilation))
            tensors.append((out, stride * scale))
    multiple = max(scale for _, scale in tensors)
    smallest = -(-16 * tensors[-1][1] ** 2 // multiple**2)  # pixels in multiples, for 16 of the output
    height = multiple * draw(st.integers(1, max(1, 24 // multiple)))
    width = multiple * draw(st.integers(smallest, smallest + max(1, 24 // multiple)))
    return steps, noise(6, tensors[0][0], height, width)


@SETTINGS
@given(networks())
def test_any_network(case):
    check(*case)


def test_what_lay_in_its_memory_does_not_matter():
    """Tensors of other sizes, with other borders."""
    rng = np.random.default_rng(0)
    made = FullyConvolutional(1, [conv(rng, 0, 1, 16, 5), (SAME_MAX_POOL2D, 1), conv(rng, 2, 16, 3)])
    small, large = noise(7, 1, 12, 14), np.full((1, 40, 38), np.nan, np.float32)
    expected = made.forward(small)
    assert np.isnan(made.forward(large)).all()
    np.testing.assert_array_equal(made.forward(small), expected)


MANY = """
import numpy as np
from lenet5._kernels import SAME_CONV2D, FullyConvolutional
one = SAME_CONV2D, 0, 0, 1, 1, 1, False, np.ones((3, 2, 1, 1), np.float32), np.zeros(3, np.float32)
made, planes = FullyConvolutional(2, [one]), np.ones((2, 4, 4), np.float32)
for _ in range(150_000):
    made.forward(planes)
made.forward(np.ones((2, 64, 64), np.float32))
print("fine")
"""


def test_calls_leave_nothing_behind():
    """Each view of the work space held the one before: the last one's end overflowed the stack."""
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_a_pixel_has_the_same_bits_wherever_it_lies():
    """Each output is one chain of sums, whatever the block that it is computed in."""
    rng = np.random.default_rng(1)
    made = FullyConvolutional(2, [conv(rng, 0, 2, 33), conv(rng, 1, 33, 19, dilation=2), conv(rng, 2, 19, 3, 1)])
    planes = noise(8, 2, 20, 41)
    whole = made.forward(planes)
    for left in range(1, 14):
        part = made.forward(np.ascontiguousarray(planes[:, :, left:]))
        np.testing.assert_array_equal(part[:, :, 3:], whole[:, :, left + 3 :])


# ---- planes of a grey image ------------------------------------------------------------------------------------------


def grey(seed, h, w):
    """Something dark on uneven paper."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w]
    out = 0.8 - 0.3 * x / w + 0.02 * rng.normal(size=(h, w)) - 0.4 * (abs(y - h / 2 + x / 5 - w / 10) < 2)
    return np.clip(out, 0, 1).astype(np.float32)


@pytest.mark.parametrize(("h", "w"), [(128, 96), (16, 16), (1, 1), (17, 33), (5, 128), (100, 3), (121, 64), (32, 47)])
def test_planes(h, w):
    image = grey(0, h, w)
    planes, expected = grey_planes(image), reference.grey_planes(image)
    assert planes.dtype == np.float32
    np.testing.assert_allclose(planes, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_planes_of_an_image_of_one_grey(value):
    image = np.full((20, 50), value, np.float32)
    planes = grey_planes(image)
    np.testing.assert_allclose(planes, reference.grey_planes(image), atol=2e-4)
    np.testing.assert_array_equal(planes[2, :20, :50], 1)
    assert not planes[:, 20:].any()
    assert not planes[:, :, 50:].any()


def test_planes_are_padded_as_a_network_wants():
    planes = grey_planes(grey(0, 20, 50), 32)
    assert planes.shape == (3, 32, 64)
    np.testing.assert_allclose(planes, reference.grey_planes(grey(0, 20, 50), 32), atol=2e-4)


def deep(rng):
    """Steps down to a sixteenth, whose output is at a half."""
    steps = [conv(rng, 0, 3, 8, 5, stride=2)]
    for _ in range(3):
        steps.append((SAME_MAX_POOL2D, len(steps)))
    return [*steps, conv(rng, 1, 8, 3)]


@pytest.mark.parametrize(("h", "w"), [(60, 40), (16, 16), (1, 5)])
def test_grey_at_once_gives_the_bits_of_its_planes(h, w):
    made, image = FullyConvolutional(3, deep(np.random.default_rng(2))), grey(1, h, w)
    np.testing.assert_array_equal(made.forward_grey(image), made.forward(grey_planes(image)))


# ---- what is refused -------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(3)
GOOD = conv(RNG, 0, 2, 8)


def changed(step=GOOD, **fields):
    names = ("kind", "source", "skip", "kernel_size", "stride", "dilation", "relu", "W", "b")
    return tuple(fields.get(name, value) for name, value in zip(names, step, strict=True))


W4, B4 = weights(RNG, 4, 8, 3)
POOL, AGAIN = (SAME_MAX_POOL2D, 1), conv(RNG, 1, 8, 4)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "the number of steps is 0"),
        ([GOOD] * 65, "the number of steps is 65"),
        ([(7, 0)], "step 0 is of kind 7 with 2 fields"),
        ([GOOD[:-1]], "step 0 is of kind 0 with 8 fields"),
        ([changed(source=1)], "step 0 reads tensor 1, expected one of 0 to 0"),
        ([changed(source=-1)], "step 0 reads tensor -1"),
        ([GOOD, changed(AGAIN, source=2)], "step 1 reads tensor 2, expected one of 0 to 1"),
        ([GOOD, (SAME_MAX_POOL2D, 0)], "step 1 reads tensor 0, expected one of 1 to 1"),
        ([GOOD, changed(AGAIN, skip=2)], "step 1 reads tensor 2"),
        ([GOOD, changed(AGAIN, skip=-1)], "step 1 reads tensor -1"),
        ([GOOD, changed(AGAIN, skip=1)], "step 1 upsamples a tensor at 1/1 to one at 1/1"),
        ([changed(kernel_size=0)], "the kernel of step 0 is 0"),
        ([changed(kernel_size=2)], "expected an odd number"),
        ([changed(kernel_size=17)], "the kernel of step 0 is 17, expected 1 to 15"),
        ([changed(stride=0)], "the stride of step 0 is 0"),
        ([changed(stride=3)], "the stride of step 0 is 3"),
        ([changed(dilation=2)], "the dilation of step 0 is 2, expected 1 to 1"),
        ([GOOD, changed(AGAIN, dilation=17)], "the dilation of step 1 is 17"),
        ([GOOD, POOL, changed(AGAIN, source=2, skip=1, stride=2)], "the stride of step 2 is 2"),
        ([GOOD, *((SAME_MAX_POOL2D, i) for i in range(1, 10))], "the scale of step 9 is 512, expected 1 to 256"),
        ([changed(W=W4)], r"weights of shape \(4, 8, 3, 3\), expected \(O, 2, 3, 3\)"),
        ([changed(kernel_size=5)], r"weights of shape \(8, 2, 3, 3\), expected \(O, 2, 5, 5\)"),
        ([changed(W=GOOD[-2][:0], b=B4[:0])], r"weights of shape \(0, 2, 3, 3\)"),
        ([changed(b=B4)], r"biases of shape \(4,\), expected \(8,\)"),
    ],
)
def test_steps_that_do_not_fit_are_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        FullyConvolutional(2, steps)


@pytest.mark.parametrize("channels", [0, -1, 4097])
def test_channels_that_there_cannot_be(channels):
    with pytest.raises(ValueError, match="in_channels is"):
        FullyConvolutional(channels, [GOOD])


def zeros(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("planes", "message"),
    [
        (zeros(3, 16, 16), r"planes have shape \(3, 16, 16\), expected \(2, H, W\) with H and W multiples of 2"),
        (zeros(2, 15, 16), r"shape \(2, 15, 16\)"),
        (zeros(2, 0, 16), r"shape \(2, 0, 16\)"),
        (zeros(2, 4098, 2), r"shape \(2, 4098, 2\)"),
        (zeros(2, 6, 6), "an input of 6 x 6 gives 3 x 3 pixels, expected 16 or more"),
    ],
)
def test_planes_that_do_not_fit_are_refused(planes, message):
    with pytest.raises(ValueError, match=message):
        FullyConvolutional(2, [GOOD, POOL]).forward(planes)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (zeros(0, 5), r"grey has shape \(0, 5\), expected sides of 1 to 4096"),
        (zeros(1, 4097), r"grey has shape \(1, 4097\)"),
        (zeros(3, 5) - 1, "not in 0..1"),
        (zeros(3, 5) + np.nan, "not in 0..1"),
        (zeros(3, 5) + 255, "not in 0..1"),
    ],
)
def test_grey_images_that_are_none_are_refused(image, message):
    made = FullyConvolutional(3, deep(np.random.default_rng(2)))
    for call in (grey_planes, made.forward_grey):
        with pytest.raises(ValueError, match=message):
            call(image)


@pytest.mark.parametrize("multiple", [0, 8, 24, 512, -16])
def test_multiples_that_blocks_do_not_divide(multiple):
    with pytest.raises(ValueError, match="multiple is"):
        grey_planes(zeros(4, 4), multiple)


def test_a_network_of_other_planes_takes_no_grey_image():
    with pytest.raises(ValueError, match="a network of 2 planes and multiples of 1"):
        FullyConvolutional(2, [GOOD]).forward_grey(zeros(16, 16))


def test_other_types_are_refused():
    made = FullyConvolutional(2, [GOOD])
    with pytest.raises(ValueError, match="Buffer dtype mismatch"):
        made.forward(np.zeros((2, 8, 8)))
    with pytest.raises(TypeError):
        made.forward(None)
