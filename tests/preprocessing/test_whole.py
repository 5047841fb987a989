"""A whole image at the network's size, of any kind of file, mode and turn."""

import io

import numpy as np
import pytest
from pictures import FORMATS, saved
from PIL import Image

from lenet5.errors import PictureError
from lenet5.preprocessing.whole import read_whole

RED, BLUE = (220, 30, 40), (20, 40, 210)


def halves(width=64, height=64, left=RED, right=BLUE) -> Image.Image:
    image = Image.new("RGB", (width, height), right)
    image.paste(left, (0, 0, width // 2, height))
    return image


def as_file(image, kind="PNG", **settings) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_kind_of_file(kind):
    found = read_whole(saved(halves(), kind))
    assert found.format == kind
    assert found.pixels.shape == (3, 32, 32)
    assert found.pixels.dtype == np.uint8
    assert np.abs(found.pixels[:, 16, 4].astype(int) - RED).max() < 12
    assert np.abs(found.pixels[:, 16, 28].astype(int) - BLUE).max() < 12


@pytest.mark.parametrize(("channels", "shape"), [(1, (32, 32)), (3, (3, 32, 32)), (None, (32, 32))])
def test_grey_stays_grey_unless_colour_is_asked_for(channels, shape):
    grey = halves().convert("L")
    found = read_whole(grey, channels=channels).pixels
    assert found.shape == shape
    assert (found == read_whole(grey).pixels).all()
    assert (read_whole(grey.convert("RGB"), channels=channels).pixels == found).all()


def test_a_tint_is_not_colour():
    assert read_whole(Image.new("RGB", (40, 40), (200, 196, 190))).pixels.ndim == 2
    assert read_whole(Image.new("RGB", (40, 40), (200, 196, 150))).pixels.ndim == 3


@pytest.mark.parametrize("size", [(640, 40), (31, 500), (1, 1), (3000, 2000)])
def test_any_shape_is_stretched_to_the_square(size):
    found = read_whole(as_file(halves(*size)), size=48).pixels
    assert found.shape[-2:] == (48, 48)
    if size[0] > 1:
        assert (found[:, :, 4] == np.array(RED)[:, None]).all()
        assert (found[:, :, 44] == np.array(BLUE)[:, None]).all()


def test_an_image_of_the_size_of_the_field_stays_sharp():
    pixels = np.zeros((28, 28), np.uint8)
    pixels[5:20, 8:20] = np.random.default_rng(0).integers(0, 256, (15, 12))
    assert (read_whole(pixels).pixels == np.pad(pixels, 2)).all()
    assert (read_whole(255 - pixels).pixels == 255 - np.pad(pixels, 2)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_it_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = halves()
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's numbers of what undoes each
    lying = upright.transpose(back[orientation]) if orientation > 1 else upright
    found = read_whole(as_file(lying, "PNG", exif=exif)).pixels
    assert (found == read_whole(upright).pixels).all()


def test_damaged_exif_is_noted_and_the_image_read():
    found = read_whole(as_file(halves(), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff"))
    assert found.pixels.shape == (3, 32, 32)
    assert found.is_exif_damaged
    assert not read_whole(as_file(halves(), "JPEG")).is_exif_damaged


@pytest.mark.parametrize("mode", ["1", "P", "LA", "PA", "RGBA", "CMYK", "I;16", "I", "F", "HSV", "YCbCr", "LAB"])
def test_every_mode(mode):
    image = halves(left=(255,) * 3, right=(0,) * 3)
    image = image.convert("L").convert(mode) if mode in ("I;16", "I", "F", "LA") else _converted(image, mode)
    found = read_whole(image, channels=1).pixels
    assert found[16, 4] > 250
    assert found[16, 28] < 5


def _converted(image, mode):
    if mode == "LAB":
        return Image.merge("LAB", [image.convert("L")] + [Image.new("L", image.size, 128)] * 2)
    return image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)


def test_sixteen_bits_are_spread():
    levels = np.zeros((40, 40), np.uint16)
    levels[:, 20:] = 4095
    found = read_whole(as_file(Image.fromarray(levels))).pixels
    assert (found[0, 0], found[0, -1]) == (0, 255)


@pytest.mark.parametrize(("ink", "on"), [((0, 0, 0), 255), ((250, 10, 10), 255), ((255, 255, 255), 0)])
def test_transparency_is_laid_on_white_and_white_on_black(ink, on):
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((*ink, 255), (16, 16, 48, 48))
    found = read_whole(image, channels=3).pixels
    assert (found[:, 0, 0] == on).all()
    assert (found[:, 16, 16] == ink).all()


@pytest.mark.parametrize("data", [b"", b"text", as_file(halves())[:120]])
def test_what_is_not_an_image_is_refused(data):
    with pytest.raises(PictureError):
        read_whole(data)


def test_arguments_are_checked():
    for wrong in ({"channels": 2}, {"size": 0}):
        with pytest.raises(ValueError):
            read_whole(halves(), **wrong)
