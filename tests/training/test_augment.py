"""Random distortions: as the reference makes them from the same numbers, whatever the order, batch, place and threads.

Also gather itself, which pads, scales and lays out: the plain one, and the bits of its division by 255.
"""

import io
from dataclasses import replace

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet5 import _kernels
from lenet5.training.augment import (
    AUGMENTATIONS,
    Affine,
    Colour,
    Crop,
    Cutout,
    Elastic,
    Flip,
    Invert,
    Photo,
    canonical,
    chosen,
    colour_in,
    for_epoch,
)

LISTS = ["affine", "elastic", "cutout", "invert", "affine,elastic", "photo", "affine,elastic,photo,cutout,invert"]
NOTHING = [Affine(0, 0, 0, 0), Elastic(alpha=0), Photo(0, 0, 0, 0, 0, 0), Cutout(probability=0), Invert(probability=0)]


def pictures(n, height=28, width=28, channels=1, dtype=np.uint8):
    X = np.random.default_rng(0).integers(0, 256, (n, channels, height, width), dtype=np.uint8)
    return X if dtype == np.uint8 else X / np.float32(255)


def gathered(X, distortions=(), *, seed=0, epoch=0, padding=2, index=None, **values):
    """What the network would get, (n, C, H, W); distortions by name or as dataclasses."""
    distortions = chosen(distortions) if isinstance(distortions, str) else distortions
    index = np.arange(len(X)) if index is None else np.array(index, np.int64)
    distorted = for_epoch(distortions, seed=seed, epoch=epoch)
    return _kernels.gather(_kernels.Pictures(X, padding, **values), index, distorted)


def of_reference(X, distortions, *, seed, epoch, padding, index):
    ranges = {name: value for distortion in distortions for name, value in distortion.ranges().items()}
    size = tuple(side + 2 * padding for side in X.shape[2:])
    unit = X / 255 if X.dtype == np.uint8 else X
    return np.array([[reference.augmented(channel, seed, epoch, i, size, **ranges) for channel in unit[i]]
                     for i in index])  # fmt: skip


# ---- random numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0,) * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)  # fmt: skip
def test_the_generator_against_the_known_answers_of_its_authors(counter, key, expected):
    assert " ".join(f"{word:08x}" for word in reference.philox4x32(counter, key)) == expected


def test_draws_fill_their_ranges():
    drawn = [reference.draws(3, 1, picture) for picture in range(5000)]
    for values, low, high in ((np.array([u for u, _ in drawn]), -1, 1), (np.array([v for _, v in drawn]), 0, 1)):
        assert ((values >= low) & (values < high)).all()
        assert (values.min(axis=0) < low + 0.005).all()
        assert (values.max(axis=0) > high - 0.005).all()
        np.testing.assert_allclose(values.mean(axis=0), (low + high) / 2, atol=0.03)
        np.testing.assert_allclose(np.corrcoef(values.T), np.eye(values.shape[1]), atol=0.06)


def test_each_picture_and_each_epoch_has_its_own_draws():
    keys = [(seed, epoch, picture) for seed in (0, 1, 2**32) for epoch in (0, 1) for picture in (0, 1, 2, 2**32)]
    assert len({tuple(reference.draws(*key)[0]) for key in keys}) == len(keys)


# ---- against the reference -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", LISTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_distorted_pictures_against_the_reference(names, dtype):
    X, index = pictures(300, dtype=dtype), [0, 7, 299, 16, 7, 255, 100, 31, 1, 2, 3, 4, 5, 6, 8, 9, 10]
    given = {"seed": 2**40 + 5, "epoch": 3, "padding": 2, "index": index}
    out = gathered(X, names, **given)
    np.testing.assert_allclose(out, of_reference(X, chosen(names), **given), atol=2e-4)


WIDE = [Affine(60, 0.5, 0.5, 5), Elastic(90, 3), Cutout(9, 0.7), Invert(0.3), Photo(1, 1, 1, 1, 0.5, 0)]


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 64), width=st.integers(1, 64), padding=st.integers(0, 16), channels=st.integers(1, 3),
    dtype=st.sampled_from([np.uint8, np.float32]), seed=st.integers(0, 2**64 - 1), epoch=st.integers(0, 2**32 - 1),
    used=st.sets(st.integers(0, 4)), n=st.integers(1, 20), data=st.data(),
)  # fmt: skip
def test_any_size_against_the_reference(height, width, padding, channels, dtype, seed, epoch, used, n, data):
    X = pictures(3, height, width, channels, dtype)
    distortions = [WIDE[i] for i in sorted(used)]
    index = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    out = gathered(X, distortions, seed=seed, epoch=epoch, padding=padding, index=index)
    given = {"seed": seed, "epoch": epoch, "padding": padding}
    lane = data.draw(st.integers(0, n - 1))
    expected = of_reference(X, distortions, **given, index=index[lane : lane + 1])[0]
    np.testing.assert_allclose(out[lane], expected, atol=2e-3)  # a steep map of a noisy picture
    assert np.isfinite(out).all()


def test_background_and_ink_of_the_network():
    X, values = pictures(20), {"background": -0.1, "ink": 1.175}
    unit = gathered(X, "affine,elastic,cutout,invert", seed=4)
    np.testing.assert_allclose(
        gathered(X, "affine,elastic,cutout,invert", seed=4, **values), -0.1 + 1.275 * unit, atol=1e-6
    )


def test_each_channel_is_distorted_alike():
    X = np.repeat(pictures(20), 2, axis=1)
    out = gathered(X, "affine,elastic,cutout,invert")
    np.testing.assert_array_equal(out[:, 0], out[:, 1])


def test_a_frame_that_is_part_of_the_picture_is_no_difference():
    X = pictures(40)
    framed = np.pad(X, ((0, 0), (0, 0), (2, 2), (2, 2)))
    for names in LISTS:  # but JPEG's blocks, which are those of a file
        distortions = [replace(d, jpeg=0.0) if isinstance(d, Photo) else d for d in chosen(names)]
        np.testing.assert_allclose(gathered(X, distortions), gathered(framed, distortions, padding=0), atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 64), width=st.integers(1, 64), dtype=st.sampled_from([np.uint8, np.float32]),
    seed=st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_jpeg_blocks_of_any_size_against_the_reference(height, width, dtype, seed):
    X, only = pictures(3, height, width, 1, dtype), [Photo(0, 0, 0, 0, 0, 1)]
    given = {"seed": seed, "epoch": 1, "padding": 2, "index": [0, 1, 2]}
    out, expected = gathered(X, only, **given), of_reference(X, only, **given)
    away = abs(out - expected) > 1e-3
    # A number between two steps may be rounded either way, for a whole block: for one block, or for few of many.
    assert away.sum() <= max(64, 0.05 * away.size)


def test_jpeg_blocks_are_those_of_a_jpeg_file():
    """Of one that Pillow writes at quality 50, but for the bytes that its numbers are rounded to."""
    rng = np.random.default_rng(1)
    plane = np.clip(rng.normal(0.5, 0.25, (34, 34)), 0, 1)  # a border of one pixel round 4 x 4 blocks
    ours = reference.in_jpeg_blocks(plane, 1.0, 0, 0)[1:-1, 1:-1]
    stream = io.BytesIO()
    Image.fromarray(np.rint(plane[1:-1, 1:-1] * 255).astype(np.uint8)).save(stream, "JPEG", quality=50)
    theirs = np.asarray(Image.open(stream)) / 255
    assert abs(ours - theirs).mean() < 0.02
    assert abs(plane[1:-1, 1:-1] - theirs).mean() > 0.05


# ---- no distortion, and the same one -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(28, 28, 2), (32, 32, 0), (64, 64, 0), (64, 64, 16), (5, 64, 1), (1, 1, 0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_ranges_of_zero_change_no_bit(size, dtype):
    X, padding = pictures(18, *size[:2], dtype=dtype), size[2]
    np.testing.assert_array_equal(gathered(X, NOTHING, padding=padding), gathered(X, padding=padding))
    tiny = [replace(NOTHING[0], shift=1e-30)]  # so that the resampling is done
    np.testing.assert_array_equal(gathered(X, tiny, padding=padding), gathered(X, padding=padding))


@pytest.mark.parametrize("names", LISTS)
def test_a_picture_is_distorted_alike_wherever_it_comes(names):
    X = pictures(60)
    whole = gathered(X, names, seed=1, epoch=2)
    shuffled = np.random.default_rng(0).permutation(60)
    np.testing.assert_array_equal(gathered(X, names, seed=1, epoch=2, index=shuffled), whole[shuffled])
    for index in ([59], [17] * 5, range(3, 20), [5, 4, 3] * 11):
        np.testing.assert_array_equal(gathered(X, names, seed=1, epoch=2, index=index), whole[list(index)])


@pytest.mark.parametrize("names", LISTS)
def test_bytes_and_floats_are_distorted_to_the_same_bits(names):
    X = pictures(40, 21, 30)
    np.testing.assert_array_equal(gathered(X, names), gathered(X / np.float32(255), names))


@pytest.mark.parametrize("names", LISTS[:2])
def test_every_seed_epoch_and_picture_differs(names):
    X = np.repeat(pictures(1), 30, axis=0)
    out = [gathered(X, names, seed=seed, epoch=epoch) for seed, epoch in ((0, 0), (1, 0), (0, 1), (2**32, 0), (-1, 0))]
    assert len({picture.tobytes() for pictures in out for picture in pictures}) == 150


def test_what_one_distortion_draws_does_not_depend_on_the_others():
    X = pictures(50)
    cut, inverted = gathered(X, "cutout") != gathered(X), gathered(X, "invert") != gathered(X)
    both = gathered(X, "cutout,invert")
    np.testing.assert_array_equal(both[~inverted.any(axis=(1, 2, 3))], gathered(X, "cutout")[~inverted.any((1, 2, 3))])
    assert 0 < cut.any(axis=(1, 2, 3)).sum() < 50
    assert 0 < inverted.any(axis=(1, 2, 3)).sum() < 50


# ---- each kind -----------------------------------------------------------------------------------------------------


def test_only_where_a_shift_leads_is_the_dot():
    """A dot in the middle, shifted by up to 5 pixels: everywhere in that square, and its mean place is the middle."""
    X = np.zeros((4000, 1, 31, 31), np.uint8)
    X[:, :, 15, 15] = 255
    out = gathered(X, [Affine(0, 0, 0, 5)], padding=0)[:, 0].astype(np.float64)
    np.testing.assert_allclose(out.sum(axis=(1, 2)), 1, atol=1e-5)
    places = np.stack([(out.sum(axis=axis) * (np.arange(31) - 15)).sum(axis=1) for axis in (2, 1)])
    assert np.abs(places).max() <= 5.0001
    assert (places.max(axis=1) > 4.9).all()
    assert (places.min(axis=1) < -4.9).all()
    assert np.abs(places.mean(axis=1)).max() < 0.15


def test_elastic_displacements_are_those_of_filtered_noise():
    """Deviation and correlation of what Simard and others get from uniform noise and a Gaussian filter."""
    elastic = Elastic(alpha=34, sigma=4)
    fields = np.array([reference.displacement(0, 0, i, (32, 32), **elastic.ranges()) for i in range(400)])
    expected = 34 / np.sqrt(3) / (2 * np.sqrt(np.pi) * 4)
    assert fields.std() == pytest.approx(expected, rel=0.03)
    assert expected == pytest.approx(0.163 * 34 / 4, rel=0.01)
    assert abs(fields.mean()) < 0.1
    for distance in (2, 4, 8):
        correlation = (fields[..., distance:] * fields[..., :-distance]).mean() / fields.var()
        assert correlation == pytest.approx(np.exp(-(distance**2) / (4 * 4**2)), abs=0.06)


@pytest.mark.parametrize("side", [1, 8, 9, 96])
def test_a_square_is_cut_out_as_often_as_it_is_said(side):
    X = np.full((2000, 1, 28, 28), 255, np.uint8)
    cut = gathered(X, [Cutout(side, 0.4)], padding=0)[:, 0] == 0
    assert abs(cut.any(axis=(1, 2)).mean() - 0.4) < 0.03
    rows, columns = cut.any(axis=2).sum(axis=1), cut.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(cut.sum(axis=(1, 2)), rows * columns)
    assert max(rows.max(), columns.max()) == min(side, 28)
    assert cut.any(axis=(0, 1)).all()
    assert cut.any(axis=(0, 2)).all()


def test_inverted_pictures_are_inverted_with_their_padding():
    X = pictures(1000)
    out, plain = gathered(X, "invert"), gathered(X)
    is_inverted = (out == 1 - plain).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(out[~is_inverted], plain[~is_inverted])
    assert abs(is_inverted.mean() - 0.5) < 0.05


def test_never_and_always():
    X = pictures(300)
    np.testing.assert_array_equal(gathered(X, [Invert(0)]), gathered(X))
    np.testing.assert_array_equal(gathered(X, [Invert(1)]), 1 - gathered(X))
    assert (gathered(X, [Cutout(96, 1), Invert(1)])[:, :, 16, 16] == 1).all()


# ---- names and ranges ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [("none", "none"), ("affine", "affine"), ("elastic,affine", "affine,elastic"),
     (" invert , cutout", "cutout,invert"), ("invert,cutout,elastic,affine", "affine,elastic,cutout,invert")],
)  # fmt: skip
def test_names_have_one_order(given, expected):
    assert canonical(given) == expected
    assert chosen(given) == [AUGMENTATIONS[name] for name in expected.split(",") if name != "none"]


@pytest.mark.parametrize(
    "given", ["", ",", "affine,", "affine,affine", "none,affine", "mirror", "Affine", None, 3, ["affine"]]
)
def test_other_lists_are_refused(given):
    with pytest.raises(
        ValueError,
        match=r"^augment is .*, expected none, or one or more of affine, affine-wide, rotation, scale, "
        r"shear, shift, crop",
    ):
        canonical(given)


@pytest.mark.parametrize("part", ["rotation", "scale", "shear", "shift"])
def test_a_part_of_affine_is_that_part(part):
    whole, own = Affine().ranges(), chosen(part)[0].ranges()
    assert own == {name: value if name == part else 0 for name, value in whole.items()}
    both = for_epoch(chosen(f"affine,{part}"), seed=1, epoch=0)
    X = pictures(20)
    np.testing.assert_array_equal(
        _kernels.gather(_kernels.Pictures(X, 2, 0.0, 1.0), np.arange(20), both), gathered(X, "affine", seed=1, epoch=0)
    )


def test_crop_and_flip_move_whole_pixels():
    """Each by its definition; both at once the mirrored crop."""
    X = pictures(200, dtype=np.float32)
    field = np.pad(X, ((0, 0), (0, 0), (5, 5), (5, 5)))
    for distortions, crop, probability in (([Crop(3)], 3, 0), ([Flip(0.4)], 0, 0.4), ([Crop(3), Flip(1.0)], 3, 1)):
        out = gathered(X, distortions, seed=9, epoch=2)
        seen = set()
        for picture in range(200):
            side, right, down = reference.cropped_and_flipped(9, 2, picture, crop, probability)
            x, y = 3 + side * right, 3 + down  # mirrored first, then cut
            expected = field[picture, :, y : y + 32, x : x + 32][:, :, ::side]
            np.testing.assert_allclose(out[picture], expected, atol=1e-6)
            seen.add((side, right, down))
        assert len(seen) == 2 if crop == 0 else len(seen) > 40  # of 49


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Crop(33), "Crop: pixels is 33, expected 0 to 32"),
        (lambda: Crop(1.5), "Crop: pixels is 1.5, expected a whole number"),
        (lambda: Flip(2), "Flip: probability is 2, expected 0 to 1"),
        (lambda: Affine(rotation=181), "Affine: rotation is 181, expected 0 to 180"),
        (lambda: Affine(scale=1.0), "Affine: scale is 1.0, expected 0 to 0.9"),
        (lambda: Affine(shear=-0.1), "Affine: shear is -0.1, expected 0 to 2"),
        (lambda: Affine(shift=float("nan")), "Affine: shift is nan, expected 0 to 32"),
        (lambda: Affine(shift=None), "Affine: shift is None, expected 0 to 32"),
        (lambda: Elastic(alpha=float("inf")), "Elastic: alpha is inf, expected 0 to 200"),
        (lambda: Elastic(sigma=1), "Elastic: sigma is 1, expected 2 to 32"),
        (lambda: Photo(pen=1.5), "Photo: pen is 1.5, expected 0 to 1"),
        (lambda: Photo(clutter=True), "Photo: clutter is True, expected 0 to 1"),
        (lambda: Cutout(side=0), "Cutout: side is 0, expected 1 to 96"),
        (lambda: Cutout(side=2.5), "Cutout: side is 2.5, expected a whole number"),
        (lambda: Cutout(probability=1.1), "Cutout: probability is 1.1, expected 0 to 1"),
        (lambda: Invert(probability="1"), "Invert: probability is '1', expected 0 to 1"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        make()


@pytest.mark.parametrize(
    ("name", "value"),
    [("rotation", np.nan), ("rotation", 5), ("scale", 1), ("shear", np.inf), ("shift", -1), ("knot_spacing", 2.9),
     ("knot_range", np.nan), ("cutout_side", 145), ("cutout_side", 0), ("cutout_probability", 2),
     ("inversion_probability", -1), ("photo_pen", 1.1), ("photo_grain", np.nan), ("photo_clutter", -1)],
)  # fmt: skip
def test_the_kernels_take_nothing_that_leads_out_of_the_picture(name, value):
    with pytest.raises(ValueError, match="a range of distortions is out of bounds"):
        _kernels.Augmentation(0, 0, **{name: value})


@pytest.mark.parametrize(("height", "width", "padding"), [(129, 28, 0), (28, 129, 0), (128, 128, 9)])
def test_pictures_that_are_too_large_are_refused(height, width, padding):
    with pytest.raises(ValueError, match=f"images of {height} x {width} and padding of {padding} cannot be distorted"):
        gathered(pictures(1, height, width), "affine", padding=padding)


def test_largest_ranges_on_the_largest_pictures():
    X = pictures(17, 64, 64, 2)
    widest = [Affine(180, 0.9, 2, 32), Elastic(200, 2), Photo(1, 1, 1, 1, 1), Cutout(96, 0.5), Invert()]
    out = gathered(X, widest, padding=16)
    assert out.shape == (17, 2, 96, 96)
    assert ((out >= -1e-6) & (out <= 1 + 1e-6)).all()


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


@pytest.mark.parametrize("width", [1, 3, 15, 16, 17, 31, 32, 33, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_gather_of_any_width(width, dtype):
    X = pictures(19, 3, width, 2, dtype)
    unit = X / np.float32(255) if dtype == np.uint8 else X
    np.testing.assert_array_equal(gathered(X, padding=1), np.pad(unit, ((0, 0), (0, 0), (1, 1), (1, 1))))


def test_every_byte_is_divided_as_numpy_divides_it():
    """Though no division is done. 16 wide, so that each byte comes to each place."""
    X = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    exact = X.astype(np.float32) / np.float32(255)
    for form in (X, X.reshape(1, 1, 64, 4), X.reshape(1, 1, 4, 64)):
        for distortions in ([], NOTHING, [replace(NOTHING[0], shift=1e-30)]):
            out = gathered(form, distortions, padding=0)
            assert out.tobytes() == exact.tobytes()


@pytest.mark.parametrize(("background", "ink"), [(-0.1, 1.175), (0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (0.3, 0.7)])
def test_bytes_and_floats_give_the_same_bits_scaled(background, ink):
    X = np.tile(np.arange(256, dtype=np.uint8).reshape(1, 1, 8, 32), (17, 1, 1, 1))
    out = gathered(X, background=background, ink=ink)
    np.testing.assert_array_equal(out, gathered(X / np.float32(255), background=background, ink=ink))


def test_gather_takes_a_picture_as_often_as_it_is_asked_for():
    X = pictures(3)
    np.testing.assert_array_equal(gathered(X, index=[2, 2, 0, 2]), gathered(X)[[2, 2, 0, 2]])


@pytest.mark.parametrize("index", [[0, 2], [-1]])
def test_gather_refuses(index):
    with pytest.raises(ValueError, match=r"index must be in 0\.\.1"):
        gathered(pictures(2), index=index)


# ---- the table of distortions ---------------------------------------------------------------------------------------


def test_the_paper_s_distortions_know_no_rotation():
    assert AUGMENTATIONS["paper"].ranges()["rotation"] == 0
    assert canonical("paper,cutout") == "cutout,paper"
    for names in ("affine,paper", "paper,affine-wide"):
        with pytest.raises(ValueError, match="not affine beside paper"):
            canonical(names)


def test_affine_wide_is_half_as_wide_again():
    affine, wide = AUGMENTATIONS["affine"].ranges(), AUGMENTATIONS["affine-wide"].ranges()
    assert wide["rotation"] == pytest.approx(1.5 * affine["rotation"])
    assert wide["scale"] == pytest.approx(1.5 * affine["scale"])
    assert all(1.3 < wide[name] / affine[name] <= 1.5 + 1e-9 for name in affine)


# ---- colours, by NumPy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_each_channel_gets_a_factor_and_an_offset(dtype):
    X = pictures(600, 6, 6, channels=3, dtype=dtype) // 4 * 3 if dtype == np.uint8 else pictures(600, 6, 6, 3, dtype)
    changed = Colour(gain=0.3, offset=0).changed(X, 1, 2)
    assert changed.shape == X.shape
    assert changed.dtype == X.dtype
    white = 255 if X.dtype == np.uint8 else 1
    inside = (changed < white) & (white / 4 < X)
    factors = np.where(inside, changed / np.maximum(X, 1e-9), np.nan)
    assert np.exp(-0.3) * 0.98 <= np.nanmin(factors) < np.nanmax(factors) <= np.exp(0.3) * 1.02
    spread = np.nanmax(factors, axis=(2, 3)) - np.nanmin(factors, axis=(2, 3))
    assert np.nanmedian(spread) < 0.05  # one factor a channel
    assert np.nanstd(np.nanmean(factors, axis=(2, 3))) > 0.1  # and another for the next


def test_colours_are_a_function_of_the_seeds():
    X = pictures(5, channels=3)
    first, same, other = (Colour().changed(X, *seeds) for seeds in ((1, 2), (1, 2), (1, 3)))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    np.testing.assert_array_equal(Colour(gain=0, offset=0).changed(X, 1), X)


def test_colour_is_none_of_the_kernels_distortions():
    assert isinstance(colour_in(chosen("affine,colour")), Colour)
    assert colour_in(chosen("affine")) is None
    assert for_epoch(chosen("colour"), seed=0, epoch=0) is None
