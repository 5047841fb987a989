"""Random distortions: reproducible, within their ranges, and applied as the reference does it."""

import numpy as np
import pytest
import reference

from lenet5 import _kernels
from lenet5.augment import AUGMENTATIONS, Affine

IDENTITY = np.array([1, 0, 0, 0, 1, 0], np.float32)
FIRST = [1.014094, 0.05523367, 0.5733043, 0.08928274, 0.9662083, -1.2915771]  # seed 5, epoch 3, position 0


def pictures(n, height=28, width=28):
    return np.random.default_rng(0).integers(0, 256, (n, 1, height, width), dtype=np.uint8)


def gathered(X, warps=None, padding=2, index=None, **values):
    index = np.arange(len(X)) if index is None else np.array(index, np.int64)
    return _kernels.gather(_kernels.Pictures(X, padding, **values), index, warps)


def test_warps_depend_on_seed_epoch_and_position_only():
    affine = Affine()
    whole = affine.warps(100, seed=1, epoch=2)
    assert whole.shape == (100, 6)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(affine.warps(30, seed=1, epoch=2, first=40), whole[40:70])
    np.testing.assert_array_equal(affine.warps(1, seed=1, epoch=2, first=99), whole[99:])
    assert affine.warps(0, seed=1, epoch=2).shape == (0, 6)
    for other in (affine.warps(100, seed=2, epoch=2), affine.warps(100, seed=1, epoch=3)):
        assert (other != whole).any(axis=1).all()


def test_any_seed_that_the_weights_take_is_taken():
    for seed in (0, 2**63, 2**64 - 1, 2**70):
        assert np.isfinite(Affine().warps(3, seed=seed, epoch=0)).all()


def test_these_numbers_do_not_change_from_release_to_release():
    """A run that is resumed with a later version goes on with the same pictures."""
    np.testing.assert_allclose(Affine().warps(1, seed=5, epoch=3)[0], FIRST, rtol=1e-6)


def test_no_distortion_is_the_identity():
    warps = Affine(rotation=0, scale=0, shear=0, shift=0).warps(50, seed=0, epoch=0)
    np.testing.assert_array_equal(warps, np.tile(IDENTITY, (50, 1)))


def parameters_of(warps):
    """Angle, scales, shear and shifts of maps  R(angle) [1 shear; 0 1] diag(1/sx, 1/sy)  plus shift."""
    a, b, c, d, e, f = warps.astype(np.float64).T
    scale_x, angle = 1 / np.hypot(a, d), np.arctan2(d, a)
    cos, sin = np.cos(angle), np.sin(angle)
    scale_y = 1 / (e * cos - b * sin)
    return {
        "rotation": np.degrees(angle), "x": scale_x - 1, "y": scale_y - 1,
        "shear": (b * cos + e * sin) * scale_y, "c": c, "f": f,
    }  # fmt: skip


def test_warps_fill_their_ranges():
    found = parameters_of(Affine(rotation=12, scale=0.2, shear=0.3, shift=2).warps(5000, seed=3, epoch=0))
    for name, limit in {"rotation": 12, "x": 0.2, "y": 0.2, "shear": 0.3, "c": 2, "f": 2}.items():
        assert np.abs(found[name]).max() <= limit * 1.0001, name
        assert found[name].max() > 0.98 * limit, name
        assert found[name].min() < -0.98 * limit, name
        assert abs(found[name].mean()) < 0.05 * limit, name


@pytest.mark.parametrize(("field", "value"), [("rotation", 20.0), ("scale", 0.3), ("shear", 0.4), ("shift", 3.0)])
def test_each_range_works_alone(field, value):
    ranges = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0, field: value}
    found = parameters_of(Affine(**ranges).warps(100, seed=0, epoch=0))
    moved = {name for name, values in found.items() if np.abs(values).max() > 1e-6}
    assert moved == {"rotation": {"rotation"}, "scale": {"x", "y"}, "shear": {"shear"}, "shift": {"c", "f"}}[field]


def test_the_table():
    assert AUGMENTATIONS["none"] is None
    assert AUGMENTATIONS["affine"] == Affine()


# ---- gather --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 40])
@pytest.mark.parametrize("padding", [0, 2, 5])
def test_gather_pads_scales_and_chooses(n, padding):
    X = pictures(40, 7, 9)
    index = np.random.default_rng(n).permutation(40)[:n]
    out = gathered(X, padding=padding, index=index, background=-0.1, ink=1.175)
    around = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    np.testing.assert_allclose(out, -0.1 + 1.275 * np.pad(X[index], around) / 255, atol=1e-6)
    assert out.shape == (n, 1, 7 + 2 * padding, 9 + 2 * padding)


def test_gather_takes_a_picture_as_often_as_it_is_asked_for():
    X = pictures(3)
    np.testing.assert_array_equal(gathered(X, index=[2, 2, 0, 2]), gathered(X)[[2, 2, 0, 2]])


def test_gather_of_channels():
    X = np.random.default_rng(0).random((5, 3, 6, 4)).astype(np.float32)
    np.testing.assert_array_equal(gathered(X, padding=0), X)


@pytest.mark.parametrize("size", [(28, 28, 2), (32, 32, 0), (64, 64, 0), (5, 64, 1)])
def test_the_identity_changes_no_bit(size):
    X = pictures(18, *size[:2])
    warps = np.tile(IDENTITY, (18, 1))
    np.testing.assert_array_equal(gathered(X, warps, size[2]), gathered(X, padding=size[2]))


@pytest.mark.parametrize(("height", "width", "padding"), [(28, 28, 2), (9, 13, 0), (9, 13, 3)])
def test_warped_pictures_against_the_reference(height, width, padding):
    X = pictures(17, height, width)
    warps = Affine(rotation=30, scale=0.3, shear=0.3, shift=1).warps(17, seed=0, epoch=0)
    out = gathered(X, warps, padding, background=-0.1, ink=1.175)
    for i in (0, 7, 16):
        expected = -0.1 + 1.275 * reference.warped(X[i, 0] / 255, warps[i], out.shape[2:])
        np.testing.assert_allclose(out[i, 0], expected, atol=2e-4)


def test_each_channel_is_warped_alike():
    X = np.repeat(pictures(3), 2, axis=1)
    out = gathered(X, Affine().warps(3, seed=0, epoch=0))
    np.testing.assert_array_equal(out[:, 0], out[:, 1])


def test_a_warp_belongs_to_a_position_and_not_to_a_lane():
    X, warps = pictures(40), Affine().warps(40, seed=0, epoch=0)
    together = gathered(X, warps)
    np.testing.assert_array_equal(gathered(X, warps[20:30], index=range(20, 30)), together[20:30])


@pytest.mark.parametrize("far", [30.0, -30.0, 1e6, -1e6])
def test_what_lies_outside_is_background(far):
    warps = np.tile(IDENTITY, (2, 1))
    warps[0, 2] = warps[1, 5] = far
    assert (gathered(pictures(2), warps, background=-0.5) == np.float32(-0.5)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_warps_that_lead_nowhere_are_refused(value):
    """The difference of two overflowing terms would be a NaN, and a NaN no place in a picture."""
    warps = np.tile(IDENTITY, (2, 1))
    warps[1, :2] = value, -value
    with pytest.raises(ValueError, match="warps must be finite and at most 1e6"):
        gathered(pictures(2), warps)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gathered(pictures(2), np.zeros((3, 6), np.float32)), r"\(3, 6\), expected \(2, 6\)"),
        (lambda: gathered(pictures(2), np.zeros((2, 5), np.float32)), r"\(2, 5\), expected \(2, 6\)"),
        (
            lambda: gathered(pictures(2, 65, 28), np.zeros((2, 6), np.float32)),
            "65 x 28 cannot be warped, only up to 64",
        ),
        (lambda: gathered(pictures(2), index=[0, 2]), r"index must be in 0\.\.1"),
        (lambda: gathered(pictures(2), index=[-1]), r"index must be in 0\.\.1"),
    ],
)
def test_gather_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
