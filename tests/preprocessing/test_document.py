"""Sheets that lie in a picture, however they are turned and whatever their outline; bold digits are none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lenet5.preprocessing import document, localization

SHAPES = {
    "square": [(60, 60), (240, 60), (240, 240), (60, 240)],
    "tilted": [(80, 40), (260, 80), (220, 260), (40, 220)],
    "in perspective": [(100, 60), (200, 60), (260, 240), (40, 240)],
    "in a corner": [(0, 90), (190, 60), (220, 299), (0, 299)],
}


def scene(polygon, ground=60, paper=230, ink=20) -> tuple[np.ndarray, np.ndarray]:
    """A sheet with a 2 on it, (300, 300) in 0..1, and which pixels are the sheet's."""
    picture, mask = Image.new("L", (300, 300), ground), Image.new("L", (300, 300))
    for image, value in ((picture, paper), (mask, 255)):
        ImageDraw.Draw(image).polygon(polygon, fill=value)
    ImageDraw.Draw(picture).line([(120, 120), (150, 110), (160, 130), (120, 180), (165, 180)], ink, 9, "curve")
    grain = np.random.default_rng(0).normal(0, 0.01, (300, 300))
    return (np.asarray(picture) / 255 + grain).clip(0, 1).astype(np.float32), np.asarray(mask) > 0


@pytest.mark.parametrize("bright", [True, False])
@pytest.mark.parametrize("name", SHAPES)
def test_a_sheet_of_any_outline_is_found(name, bright):
    grey, wanted = scene(SHAPES[name])
    grey = grey if bright else 1 - grey
    on = document.find_sheet(grey)
    assert on.even
    assert not (on.pixels & ~wanted).any()
    assert on.pixels.sum() > 0.85 * wanted.sum()
    found = localization.find(grey, "auto")
    assert found.dark == bright
    np.testing.assert_allclose(found.box, (106, 116, 185, 170), atol=6)
    assert not found.ink[:95].any()


def test_a_note_on_a_page_of_nearly_its_brightness():
    grey, wanted = scene(SHAPES["tilted"], ground=205)
    on = document.find_sheet(grey)
    assert (on.pixels & wanted).sum() > 0.85 * wanted.sum()


def test_a_finger_may_lie_on_a_large_sheet():
    grey, _ = scene(SHAPES["square"])
    grey[150:215, :105] = 0.5
    on = document.find_sheet(grey)
    assert not on.even
    np.testing.assert_allclose(localization.find(grey, "auto").box, (106, 116, 185, 170), atol=6)


def pages():
    plain = scene([(0, 0), (0, 1), (1, 1)], ground=230)[0]
    yield "a page", plain
    y, x = np.mgrid[:300, :300]
    yield "a shadow over half of a page", plain * np.where(x > 170, 0.6, 1).astype(np.float32)
    far = np.hypot(y - 140, x - 160)
    yield "the soft shadow of a hand", plain * (1 - 0.4 * np.clip((130 - far) / 60, 0, 1)).astype(np.float32)
    yield "a small picture", np.pad(np.ones((20, 20), np.float32), 12)
    yield "nothing", np.full((300, 300), 0.5, np.float32)
    ring = np.hypot(y - 150, 1.4 * (x - 150))
    yield "a 0, whose counter is page", np.where(abs(ring - 80) < 8, 0.1, 0.9).astype(np.float32)
    yield "a long bar", np.where((abs(x - 150) < 20) & (abs(y - 150) < 90), 0.1, 0.9).astype(np.float32)


@pytest.mark.parametrize(("name", "grey"), [pytest.param(*document, id=document[0]) for document in pages()])
def test_no_sheet(name, grey):
    assert document.find_sheet(grey) is None


@pytest.mark.parametrize("stroke", [30, 42, 50])
def test_a_bold_zero_is_no_sheet_with_a_one(stroke):
    picture = Image.new("L", (300, 300), 230)
    ImageDraw.Draw(picture).ellipse((90, 60, 210, 240), fill=230, outline=20, width=stroke)
    grey = np.asarray(picture, np.float32) / 255
    np.testing.assert_allclose(localization.find(grey, "auto").box, (60, 90, 241, 211), atol=4)


@pytest.mark.parametrize("grain", [0, 0.02])
@pytest.mark.parametrize("side", [60, 200])
def test_what_is_round_is_a_digit(side, grain):
    """A thick 0 whose counter is blurred, as on a small drawing that was enlarged."""
    picture = Image.new("L", (28, 28), 20)
    ImageDraw.Draw(picture).ellipse((6, 4, 21, 24), fill=20, outline=240, width=6)
    grey = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
    grey += np.random.default_rng(0).normal(0, grain, grey.shape).astype(np.float32)
    assert document.find_sheet(grey) is None


def test_a_bold_eight_is_no_sheet():
    picture = Image.new("L", (200, 280), 10)
    for box in ((55, 20, 145, 140), (45, 115, 155, 260)):
        ImageDraw.Draw(picture).ellipse(box, fill=10, outline=250, width=28)
    grey = np.asarray(picture, np.float32) / 255
    np.testing.assert_allclose(localization.find(grey, "auto").box, (20, 45, 261, 156), atol=4)


def test_a_one_on_a_sheet_is_no_counter():
    grey, _ = scene(SHAPES["tilted"], ground=20, ink=230)  # without the 2
    grey[120:180, 145:153] = grey[0, 0]
    np.testing.assert_allclose(localization.find(grey, "auto").box, (120, 145, 180, 153), atol=3)


def test_alone_continues_each_row():
    grey = np.arange(20, dtype=np.float32).reshape(4, 5)
    on = np.array([[c == "#" for c in row] for row in [".....", "..#..", ".###.", "....."]])
    box, part = document.alone(grey, on)
    assert box == (1, 1, 3, 4)
    np.testing.assert_array_equal(part, [[7, 7, 7], [11, 12, 13]])


def test_hull_of_an_l_is_a_triangle():
    drawn = np.array([[c == "#" for c in row] for row in ["#...", "#...", "#...", "####", "...."]])
    wanted = [[c == "#" for c in row] for row in ["#...", "##..", "###.", "####", "...."]]
    np.testing.assert_array_equal(document.hull(drawn), wanted)


def test_roundness_tells_corners_however_a_sheet_lies():
    for name in ("square", "tilted"):
        assert document._roundness(scene(SHAPES[name])[1]) == pytest.approx(12, abs=0.1)
    y, x = np.mgrid[:300, :300]
    assert document._roundness(np.hypot(y - 150, 2 * x - 300) < 140) == pytest.approx(4 * np.pi, abs=0.1)
