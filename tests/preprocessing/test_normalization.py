"""Any picture -> what the network was trained on: modes, polarity, light, the digit's place and size, blanks."""

import contextlib
import gzip
import io
import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import FORMATS, drawn, in_mode, saved
from PIL import Image, ImageDraw, ImageFilter

from lenet5.errors import NoDigitError
from lenet5.preprocessing import decode, morphology, normalization
from lenet5.preprocessing.normalization import prepare, read_image, stages
from lenet5.preprocessing.preparation import IMAGE, Preparation
from lenet5.preprocessing.show import show_input
from lenet5.utils.geometry import box_of

MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"]


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """The least mean difference of images that are shifted by a pixel at most, as the centre of mass is rounded."""
    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return min(float(abs(np.roll(a, shift, (-2, -1)) - b).mean()) for shift in shifts)


REFERENCE = read_image(drawn())


def test_result_is_as_the_training_pictures_are():
    picture = read_image(drawn())
    assert picture.shape == (1, 32, 32)
    assert picture.dtype == np.float32
    assert picture.min() == 0
    assert picture.max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("side", [28, 32, 40, 41])
def test_size_pads_evenly(side):
    picture = read_image(drawn(), size=side)
    assert picture.shape == (1, side, side)
    margin = (side - 28) // 2
    inner = slice(margin, margin + 28)
    np.testing.assert_array_equal(picture[0, inner, inner], REFERENCE[0, 2:30, 2:30])


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", MODES)
def test_mode_orientation_and_polarity_do_not_matter(mode, orientation, dark):
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    picture = drawn(dark=dark)
    if orientation > 1:  # stored turned, so that the viewer has to turn it back
        picture = picture.transpose(decode.TURNS[undo[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    kind = "PNG" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "TIFF"
    if mode in ("PA", "YCbCr"):  # no kind of file holds the one, and TIFF the other only in newer Pillows
        picture = in_mode(picture, mode)
        picture.info["exif"] = exif.tobytes()
        source = picture
    else:
        source = saved(in_mode(picture, mode), kind, exif=exif)
    found = prepare(source)
    assert found.dark == dark
    assert difference(found.input, REFERENCE) < 0.01


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dark", [True, False])
def test_formats(kind, dark, tmp_path):
    path = tmp_path / "digit.dat"  # the content counts, not the name
    path.write_bytes(saved(drawn(dark=dark).convert("RGB"), kind))
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        assert difference(read_image(source), REFERENCE) < 0.02
    with open(path, "rb") as stream:
        assert difference(read_image(stream), REFERENCE) < 0.02
        assert not stream.closed


def test_lab_and_hsv():
    rgb = drawn().convert("RGB")
    lab = Image.merge("LAB", [rgb.getchannel(0), Image.new("L", rgb.size, 128), Image.new("L", rgb.size, 128)])
    assert difference(read_image(saved(lab, "TIFF")), REFERENCE) < 0.01
    assert difference(read_image(rgb.convert("HSV")), REFERENCE) < 0.01


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float32, np.float64, bool])
@pytest.mark.parametrize("channels", [None, 3, 4])
def test_arrays(dtype, channels):
    dtype = np.dtype(dtype)
    values = np.asarray(drawn()) / 255
    if channels:
        values = np.dstack([values] * 3 + [np.ones_like(values)] * (channels - 3))
    scale = np.iinfo(dtype).max if dtype.kind == "u" else 1
    array = (values * scale).astype(dtype)
    before = array.copy()
    assert difference(read_image(array), REFERENCE) < 0.01
    assert difference(read_image(array[::-1][::-1]), REFERENCE) < 0.01  # not contiguous
    np.testing.assert_array_equal(array, before)


def test_pillow_image_is_left_alone():
    picture = Image.open(io.BytesIO(saved(drawn(1500).convert("RGB"), "JPEG")))
    assert difference(read_image(picture), read_image(drawn(1500))) < 0.02
    assert (picture.size, picture.mode) == ((1500, 1500), "RGB")


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(9, np.uint8),
        np.full((9, 9), 2.0),
        np.full((9, 9), -0.1),
        np.full((9, 9), np.nan),
        np.zeros((9, 9), np.int64),
    ],
)
def test_bad_arrays_are_value_errors(source):
    with pytest.raises(ValueError, match="array"):
        read_image(source)


def test_bad_arguments():
    with pytest.raises(ValueError, match="invert"):
        read_image(drawn(), invert="maybe")
    with pytest.raises(ValueError, match="size"):
        read_image(drawn(), size=27)
    for source in (None, 7, [1, 2]):
        with pytest.raises(TypeError, match="path, bytes, file, Pillow image or array"):
            read_image(source)


def test_invert_decides_the_polarity():
    dark, light = drawn(), drawn(dark=False)
    assert difference(read_image(dark, invert="yes"), REFERENCE) < 0.01
    assert difference(read_image(light, invert="no"), REFERENCE) < 0.01
    for picture, wrong in ((dark, "no"), (light, "yes")):
        with contextlib.suppress(NoDigitError):  # seen so, nothing need stand out
            assert difference(read_image(picture, invert=wrong), REFERENCE) > 0.05


@pytest.mark.parametrize("side", [16, 24, 28, 50, 200, 1000, 2500])
@pytest.mark.parametrize("dark", [True, False])
def test_sizes(side, dark):
    assert difference(read_image(drawn(side, dark=dark)), REFERENCE) < (0.03 if side > 50 else 0.06)


@pytest.mark.parametrize("where", [(0.5, 0.5), (0.4, 0.62), (0.6, 0.4), (0.32, 0.25), (0.68, 0.8)])
def test_place_does_not_matter(where):
    assert difference(read_image(drawn(200, where=where)), read_image(drawn(200))) < 0.02


@pytest.mark.parametrize("shape", [(9, 9), (9, 14), (14, 9), (8, 40), (80, 12)])
@pytest.mark.parametrize("value", [0, 255])
def test_smallest_pictures(shape, value):
    picture = np.full(shape, 255 - value, np.uint8)
    picture[1:-1, shape[1] // 2] = value
    assert 0.5 < read_image(picture).max() <= 1


@pytest.mark.parametrize("pen", [1, 2, 4, 9, 14])
@pytest.mark.parametrize("side", [28, 96, 400])
def test_digit_fills_the_box_and_is_centred(pen, side):
    found = prepare(drawn(side, pen=max(pen, 96 / side), where=(0.45, 0.55)))
    box = box_of(found.field > 0)
    height, width = box.bottom - box.top, box.right - box.left
    assert max(height, width) in (19, 20)
    y, x = normalization._centre_of_mass(found.field)
    assert abs(y - 14) <= 0.51
    assert abs(x - 14) <= 0.51


@pytest.mark.parametrize("pen", [1, 2, 3, 30])
def test_strokes_are_ink_in_their_middle(pen):
    """Of any pen: half of what is drawn is dark, as in MNIST's images."""
    field = prepare(drawn(400, pen=pen)).field
    assert field.max() == 1
    assert np.median(field[field > 0.1]) > 0.4


def test_aspect_is_kept():
    picture = np.full((200, 200), 255, np.uint8)
    picture[20:180, 90:110] = 0
    box = box_of(prepare(picture).field > 0.2)
    assert box.bottom - box.top == 20
    assert box.right - box.left in (2, 3)


def test_prepared_pictures_pass_unchanged():
    field = np.rint(prepare(drawn()).field * 255).astype(np.uint8)
    field[field == field.max()] = 255
    wanted = field / np.float32(255)
    for source in (field, saved(Image.fromarray(field)), 255 - field, np.pad(field, 2)):
        np.testing.assert_array_equal(read_image(source)[0, 2:30, 2:30], wanted)
    rgb = saved(Image.fromarray(field).convert("RGB"))
    np.testing.assert_array_equal(read_image(rgb)[0, 2:30, 2:30], wanted)
    sixteen = field.astype(np.uint16) * 257
    np.testing.assert_array_equal(read_image(sixteen)[0, 2:30, 2:30], wanted)
    np.testing.assert_array_equal(read_image(rgb, size=28)[0], wanted)


def test_same_picture_same_bits(tmp_path):
    picture = drawn(300).convert("RGB")
    np.testing.assert_array_equal(read_image(picture), read_image(picture))


# --- Paper, light, colour ---


def on_paper(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def test_uneven_light():
    digit = np.asarray(drawn(300)).astype(float) * 0.7 + 60
    smooth = digit * np.linspace(0.45, 1, 300)[:, None] * np.linspace(1, 0.8, 300)
    shadow = digit * np.where(np.add.outer(np.arange(300), np.arange(300)) < 300, 0.6, 1)
    for lit in (smooth, shadow):
        found = prepare(on_paper(lit))
        assert found.dark
        assert difference(found.input, read_image(drawn(300))) < 0.02


def test_grain_and_specks():
    rng = np.random.default_rng(0)
    digit = np.asarray(drawn(300)).astype(float) * 0.6 + 80 + rng.normal(0, 10, (300, 300))
    digit[20:24, 30:34] = digit[260:263, 280:283] = 30
    assert difference(read_image(on_paper(digit)), read_image(drawn(300))) < 0.03


def test_dark_edges_of_a_scan_are_no_digit():
    digit = np.asarray(drawn(300)).copy()
    digit[:, :14] = 0
    digit[:10] = 30
    assert difference(read_image(digit), read_image(drawn(300))) < 0.02


@pytest.mark.parametrize(
    ("paper", "colour"),
    [
        ((255, 255, 255), (255, 240, 60)),  # yellow on white
        ((90, 160, 90), (255, 60, 60)),  # of nearly one brightness
        ((40, 70, 50), (250, 250, 240)),  # chalk
    ],
)
def test_coloured_ink(paper, colour):
    amount = 1 - np.asarray(drawn(200))[..., None] / 255
    picture = on_paper(amount * colour + (1 - amount) * paper)
    assert difference(read_image(picture), read_image(drawn(200))) < 0.025


@pytest.mark.parametrize("marker", [(255, 245, 70), (130, 250, 130), (255, 150, 200), (255, 180, 80)])
@pytest.mark.parametrize("ink", [(20, 20, 25), (30, 40, 140)])
def test_a_highlighter_is_not_ink(marker, ink):
    page = np.full((300, 300, 3), 245, np.uint8)
    page[130:200, 40:260] = marker
    amount = 1 - np.asarray(drawn(300))[..., None] / 255
    picture = on_paper(amount * ink + (1 - amount) * page)
    assert difference(read_image(picture), read_image(drawn(300))) < 0.025


def test_a_digit_in_highlighter_and_one_in_red_beside_print_stay():
    for colour in [(255, 245, 70), (220, 20, 30)]:
        amount = 1 - np.asarray(drawn(300))[..., None] / 255
        picture = on_paper(amount * colour + (1 - amount) * 245)
        picture[10:14, ::7] = 20
        assert difference(read_image(picture), read_image(drawn(300))) < 0.025


def test_sheet_on_a_table():
    table = np.full((400, 500), 20, np.uint8)
    table[60:340, 100:380] = np.asarray(drawn(280))
    found = prepare(table)
    assert found.dark
    assert difference(found.input, read_image(drawn(280))) < 0.025
    assert found.box.top > 60
    assert found.box.left > 100


def test_grey_and_equal_channels_are_the_same():
    grey = np.asarray(drawn()) / np.float32(255)
    np.testing.assert_array_equal(normalization.to_grey(np.dstack([grey] * 3)), grey)
    tinted = normalization.to_grey(np.dstack([grey, grey * 0.9, grey * 0.5]).astype(np.float32))
    assert tinted.min() >= 0
    assert tinted.max() <= 1.001


# --- Transparency ---


@pytest.mark.parametrize("colour", [0, 255, 128])
def test_alpha_alone_is_the_ink(colour):
    alpha = Image.eval(drawn(), lambda v: 255 - v)
    plain = Image.new("L", alpha.size, colour)
    pictures = [Image.merge("LA", [plain, alpha]), Image.merge("RGBA", [plain] * 3 + [alpha])]
    for picture in pictures:
        for kind in ("PNG", "WEBP", "TIFF"):
            source = saved(picture.convert("RGBA") if kind == "WEBP" else picture, kind)
            assert difference(read_image(source), REFERENCE) < 0.02
    assert difference(read_image(saved(pictures[0]), invert="no" if colour > 127 else "yes"), REFERENCE) < 0.02


def test_opaque_sheet_with_transparent_surroundings():
    picture = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    picture.paste(drawn(dark=False).convert("RGBA"), (100, 50))
    found = prepare(picture)
    assert not found.dark
    assert difference(found.input, REFERENCE) < 0.01


def test_palette_transparency():
    picture = drawn().convert("P")
    paper = picture.getpixel((0, 0))
    for kind in ("PNG", "GIF"):
        assert difference(read_image(saved(picture, kind, transparency=paper)), REFERENCE) < 0.02
    grey = drawn(dark=False)
    assert difference(read_image(saved(grey, transparency=0)), REFERENCE) < 0.02


# --- Sixteen bits and more ---


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (0, 255), (0, 4095), (30000, 34000), (1, 2)])
def test_wide_values_are_spread(low, high):
    values = np.asarray(drawn()) / 255 * (high - low) + low
    for dtype in (np.uint16, np.int32, np.float32):
        picture = Image.fromarray(values.astype(dtype))
        assert difference(read_image(picture), REFERENCE) < 0.01
        assert difference(read_image(saved(picture, "TIFF")), REFERENCE) < 0.01


def test_float_picture_with_holes():
    values = np.asarray(drawn()).astype(np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    assert read_image(Image.fromarray(values)).max() > 0.9
    with pytest.raises(NoDigitError):
        read_image(Image.fromarray(np.full((9, 9), np.nan, np.float32)))


# --- Nothing drawn ---


def blanks():
    rng = np.random.default_rng(1)
    for side in (1, 2, 3, 5, 28, 300):
        for level in (0, 127, 255):
            yield f"flat-{side}-{level}", np.full((side, side), level, np.uint8)
    for side in (28, 100, 400):
        for deviation in (1, 3, 8, 20):
            noise = rng.normal(180, deviation, (side, side))
            yield f"noise-{side}-{deviation}", on_paper(noise)
    ramp = np.linspace(60, 220, 300)
    yield "ramp", on_paper(np.tile(ramp, (200, 1)))
    yield "corner", on_paper(np.add.outer(ramp, ramp) / 2 + rng.normal(0, 3, (300, 300)))
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    yield "vignette", on_paper(230 - 60 * (x * x + y * y))
    speck = np.full((300, 300), 250, np.uint8)
    speck[100, 100] = speck[200:202, 50] = 0
    yield "specks", speck
    yield "transparent", np.zeros((40, 40, 4), np.uint8)
    yield "white-and-transparent", np.dstack([np.full((40, 40, 3), 255, np.uint8), np.zeros((40, 40), np.uint8)])


@pytest.mark.parametrize(("name", "picture"), [pytest.param(*b, id=b[0]) for b in blanks()])
def test_blank_pictures_hold_no_digit(name, picture):
    for invert in ("auto", "yes", "no"):
        with pytest.raises(NoDigitError, match="no digit"):
            read_image(picture, invert=invert)


def test_stroke_width_of_a_bar():
    for width in (2, 3, 5):
        bar = np.zeros((60, 60))
        bar[5:55, 20 : 20 + width] = 1
        assert morphology.stroke_width(bar) == pytest.approx(width, rel=0.12)


def test_show_input(tmp_path):
    path = tmp_path / "sheet.png"
    show_input(saved(drawn(700).convert("RGB"), "JPEG"), path)
    sheet = Image.open(path)
    sheet.load()
    assert sheet.format == "PNG"
    assert sheet.width > 5 * 200
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


def test_show_input_of_an_image_that_is_only_resized(tmp_path):
    show_input(drawn(100), tmp_path / "sheet.png", preparation=IMAGE)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert 3 * 200 < sheet.width < 4 * 240


@pytest.mark.parametrize(("resized", "field"), [(28, 32), (32, 32), (64, 68)])
def test_a_coloured_image_is_resized_channel_by_channel(resized, field):
    """Red, green and blue stay in this order; a grey image has three equal ones."""
    pixels = np.zeros((80, 40, 3), np.uint8)
    pixels[:40, :, 0], pixels[:, 20:, 2] = 255, 102
    preparation = Preparation("image", resized, field, 3)
    found = stages(pixels, preparation=preparation).input
    margin = (field - resized) // 2
    inside = found[:, margin : field - margin, margin : field - margin]
    assert found.shape == preparation.shape
    np.testing.assert_allclose(inside.mean(axis=(1, 2)), [0.5, 0, 0.2], atol=0.02)
    assert found.sum() == pytest.approx(inside.sum())
    grey = stages(pixels[..., 0], preparation=preparation).input
    np.testing.assert_array_equal(grey[0], grey[2])
    np.testing.assert_allclose(stages(pixels, preparation=preparation, invert="yes").input.max(axis=(1, 2)), 1)


def slanted_one() -> np.ndarray:
    """A one that fills its picture from edge to edge."""
    one = Image.new("L", (35, 100), 255)
    ImageDraw.Draw(one).line((8, 99, 26, 0), fill=0, width=17)
    return np.asarray(one.filter(ImageFilter.GaussianBlur(2)))


LOST = {
    "blank": np.full((90, 90), 255, np.uint8),
    "grain": np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8),
    "specks": np.pad(np.zeros((2, 2), np.uint8), 62, constant_values=255),
}


@pytest.mark.parametrize("name", LOST)
def test_stages_of_an_image_without_a_digit(tmp_path, name):
    """They are drawn to where the ink was lost, with the reason below; nobody needs them more."""
    found = stages(LOST[name])
    reason = normalization.SPECKS if name == "specks" else normalization.NOTHING
    assert (found.lost, found.input, found.glyph, found.box) == (reason, None, None, None)
    assert found.ink.shape == found.classes.shape[1:]
    with pytest.raises(NoDigitError, match=reason):
        prepare(LOST[name])
    sizes = []
    for source, verdict in ((LOST[name], ""), (drawn(90), "answered: 7")):
        show_input(source, tmp_path / "stages.png", verdict=verdict)
        with Image.open(tmp_path / "stages.png") as sheet:
            sizes.append(sheet.size)
    assert sizes[0][0] < sizes[1][0]
    assert sizes[0][1] == sizes[1][1]


@pytest.mark.parametrize("dark", [True, False])
def test_a_digit_may_fill_its_image(dark):
    found = stages(slanted_one() if dark else 255 - slanted_one())
    assert found.lost is None
    assert found.dark == dark
    assert found.input.max() == 1


@pytest.mark.parametrize("dark", [True, False])
def test_any_ink(dark):
    """An image of one colour stays without a digit; others keep what was found before."""
    for name, image in LOST.items():
        found = stages(image if dark else 255 - image, any_ink=True)
        if name == "blank":
            assert found.lost == normalization.NOTHING
        else:
            assert found.input.shape == (1, 32, 32)
            assert found.input.max() > 0.5
    np.testing.assert_array_equal(stages(drawn(90), any_ink=True).input, read_image(drawn(90)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (28, 28)])
@pytest.mark.parametrize("seed", range(3))
def test_any_ink_in_the_smallest_pictures(shape, seed):
    rng = np.random.default_rng(seed)
    for picture in (rng.integers(0, 256, shape, dtype=np.uint8), (rng.random(shape) < 0.2) * np.uint8(255)):
        for invert in ("auto", "yes", "no"):
            found = stages(picture, invert=invert, any_ink=True)
            assert found.lost or np.isfinite(found.input).all()


@pytest.mark.parametrize(("kind", "pages"), [("TIFF", 3), ("GIF", 3), ("WEBP", 3), ("PNG", 3), ("JPEG", 1), ("MPO", 1)])
def test_pages(kind, pages):
    """The first is read; what a camera keeps beside a photo is none."""
    others = [drawn(60, where=(0.4, 0.6)), drawn(60, where=(0.6, 0.4))]
    several = {} if kind == "JPEG" else {"save_all": True, "append_images": [o.convert("RGB") for o in others]}
    data = saved(drawn(60).convert("RGB"), kind, **several)
    with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as image:
        if image.format != kind:
            pytest.skip("this Pillow writes files of several photos that are malformed")
    found = stages(data)
    assert found.pages == decode.decoded(data).pages == pages
    assert found.input.max() == 1


def test_examples_are_found():
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "examples")
    names = [n for n in sorted(os.listdir(folder)) if n.endswith((".png", ".jpg", ".webp"))]
    assert len(names) >= 5
    for name in names:
        found = prepare(os.path.join(folder, name))
        assert found.dark == ("chalk" not in name)
        assert found.input.max() > 0.9


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([2, 4, 256]))
def test_any_array_is_read_or_blank(height, width, seed, levels):
    values = np.random.default_rng(seed).integers(0, levels, (height, width)) * (255 // (levels - 1))
    try:
        picture = read_image(values.astype(np.uint8))
    except NoDigitError:
        return
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= 1


# --- MNIST ---


def mnist_pictures(folder, n: int) -> np.ndarray:
    data = gzip.decompress((folder / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(data, np.uint8, offset=16).reshape(-1, 28, 28)[:n]


@pytest.mark.mnist
def test_mnist_passes_unchanged(mnist_dir):
    for picture in mnist_pictures(mnist_dir, 500):
        found = read_image(saved(Image.fromarray(picture)))
        np.testing.assert_array_equal(found[0, 2:30, 2:30], picture / np.float32(255))


@pytest.mark.mnist
def test_mnist_enlarged_and_inverted_comes_back(mnist_dir):
    wrong = []
    for picture in mnist_pictures(mnist_dir, 200):
        large = 255 - np.kron(np.pad(picture, 5), np.ones((4, 4), np.uint8))
        field, wanted = read_image(large, size=28)[0], picture / 255
        overlap = (field * wanted).sum() / np.sqrt((field**2).sum() * (wanted**2).sum())
        wrong.append(overlap < 0.75)  # thin strokes come back thicker
    assert np.mean(wrong) <= 0.02
