"""Where numbers are found in a picture: rules and specks gone, marks grouped, reading order, boxes."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import layout
from lenet5.preprocessing import morphology, ruled_lines
from lenet5.preprocessing.sheets import sheets, without_border

X, Y = strokes.draw(300, seed=6)


def page(places, shape=(220, 520), zoom=1.4, seed=0):
    """Numbers of three digits at (top, left), bright on dark: (H, W) float32, and the box of each."""
    style = digit_strings.Style(length=(3, 3), gap=(2, 4), zoom=(zoom, zoom))
    ink, boxes = np.zeros(shape, np.float32), []
    for (top, left), string in zip(
        places, digit_strings.compose(X, Y, len(places), style=style, seed=seed), strict=True
    ):
        h, w = string.ink.shape
        ink[top : top + h, left : left + w] = string.ink
        rows, columns = np.nonzero(string.ink > 0.3)
        boxes.append((top + rows.min(), left + columns.min(), top + rows.max() + 1, left + columns.max() + 1))
    return ink, boxes


PLACES = [(10, 10), (14, 200), (8, 390), (80, 40), (150, 12), (152, 300)]


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("slope", [0.0, 0.25])
def test_numbers_in_reading_order(dark, slope):
    ink, boxes = page(PLACES)
    light = np.linspace(1, 1 - slope, ink.shape[1], dtype=np.float32)
    grey = (0.95 - 0.8 * ink) * light if dark else 0.05 + 0.8 * ink
    found = layout.find(grey)
    assert [number.line for number in found] == [0, 0, 0, 1, 2, 2]
    for number, box in zip(found, boxes, strict=True):
        rows, columns = np.nonzero(number.ink > 0.3)
        own = number.box((rows.min(), columns.min(), rows.max() + 1, columns.max() + 1))
        assert np.abs(np.subtract(own, box)).max() <= 2


def test_invert_says_what_is_ink():
    ink, _ = page(PLACES)
    assert len(layout.find(0.1 + 0.8 * ink, "no")) == len(layout.find(0.9 - 0.8 * ink, "yes")) == len(PLACES)


@pytest.mark.parametrize("grain", [0.0, 0.01, 0.05])
def test_blank_paper_has_no_numbers(grain):
    rng = np.random.default_rng(1)
    assert layout.find(np.clip(0.8 + rng.normal(0, grain, (120, 300)), 0, 1).astype(np.float32)) == []


def test_a_tiny_picture_has_no_numbers():
    assert layout.find(np.full((1, 1), 0.5, np.float32)) == []


def test_rules_are_taken_away_and_strokes_that_cross_them_stay():
    mask = np.zeros((60, 200), bool)
    mask[40:42] = True
    mask[20:50, 90:94] = True
    clean = ruled_lines.without_rules(mask)
    assert clean[20:50, 90:94].all()
    assert clean.sum() <= 30 * 4 + 2 * 8


@pytest.mark.parametrize("step", [0, 17])
def test_numbers_on_ruled_paper(step):
    """Under the numbers, and all over the page."""
    ink, _ = page(PLACES[3:], shape=(220, 520))
    for y in range(5 + step, 220, step) if step else (125, 195):
        ink[y : y + 2] = np.maximum(ink[y : y + 2], 0.5)
    found = layout.find(0.95 - 0.8 * ink)
    assert len(found) == 3


def test_specks_are_no_numbers():
    ink, _ = page(PLACES[3:])
    rng = np.random.default_rng(0)
    ink[rng.integers(220, size=60), rng.integers(520, size=60)] = 1
    assert len(layout.find(0.95 - 0.8 * ink)) == 3


def test_runs_against_the_obvious():
    mask = np.random.default_rng(0).random((9, 14)) < 0.6
    expected = np.zeros(mask.shape, int)
    for y, row in enumerate(mask):
        for x in np.flatnonzero(row):
            low = high = x
            while low > 0 and row[low - 1]:
                low -= 1
            while high < 13 and row[high + 1]:
                high += 1
            expected[y, x] = high - low + 1
    np.testing.assert_array_equal(morphology.run_lengths(mask, axis=1), expected)
    np.testing.assert_array_equal(morphology.run_lengths(mask.T, axis=0), expected.T)


def test_thin_strokes_get_thicker_and_others_stay():
    ink = np.zeros((60, 40), np.float32)
    ink[10:50, 20] = 1
    number = layout._thickened(ink, 40)
    assert layout.stroke_width(number) > 2.5 > layout.stroke_width(ink)
    ink[10:50, 17:23] = 1
    np.testing.assert_array_equal(layout._thickened(ink, 40), ink)


@pytest.mark.parametrize(("strength", "left_out"), [(0.45, True), (1.0, False)])
def test_scraps_that_are_fainter_than_the_digits_are_left_out(strength, left_out):
    ink, _ = page([(10, 30)], (70, 220))
    alone = layout.find(0.95 - 0.9 * ink)[0]
    rows = np.flatnonzero((ink > 0.3).any(1))
    right = np.flatnonzero((ink > 0.3).any(0))[-1]
    ink[rows[-1] - 6 : rows[-1] - 3, right + 6 : right + 14] = strength
    found = layout.find(0.95 - 0.9 * ink)[0]
    assert (found.ink.shape == alone.ink.shape) == left_out


RING = ("ellipse", (150, 20, 410, 215))
PEN = ("rectangle", (470, 100, 490, 219))
LINE = ("line", (505, 0, 508, 219))


@pytest.mark.parametrize(("shape", "edges"), [RING, PEN, LINE])
def test_one_large_mark_that_is_no_digit_leaves_the_numbers(shape, edges):
    """A cup's ring, a pen, the edge of the paper."""
    ink, _ = page([(10, 10), (80, 40), (150, 12), (100, 240)], zoom=1.2)
    image = Image.fromarray(ink)
    draw = ImageDraw.Draw(image)
    filled = {"fill": 1.0} if shape != "ellipse" else {"outline": 0.9}
    getattr(draw, shape)(edges, width=4 if shape != "rectangle" else 1, **filled)
    found = layout.find(0.95 - 0.8 * np.asarray(image))
    assert [number.line for number in found] == [0, 1, 2, 3]


def test_numbers_of_two_sizes():
    ink, _ = page([(10, 10)], zoom=4.0)
    small, _ = page([(190, 60)], zoom=0.7)
    assert [number.line for number in layout.find(0.95 - 0.8 * np.maximum(ink, small))] == [0, 1]


def test_halves_of_numbers_at_the_edge_are_none():
    ink, _ = page([(80, 10)], zoom=4.0)
    for left in range(20, 120, 20):
        ink[:12, left : left + 6] = 1
    assert len(layout.find(0.95 - 0.8 * ink)) == 1


def test_columns_without_lines_are_parted():
    """Numbers an own height apart, digits a tenth of it."""
    ink, boxes = page([(10, 10), (90, 10)], zoom=1.6)
    width = max(box[3] for box in boxes) + 28
    ink = np.concatenate([ink[:, :width]] * 3 + [ink[:, :10]], axis=1)
    assert [number.line for number in layout.find(0.95 - 0.8 * ink)] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("shape", ["ellipse", "rectangle"])
def test_numbers_in_circles_and_boxes(shape):
    ink, boxes = page([(20, 30), (20, 260), (120, 40), (120, 260)])
    image = Image.fromarray(ink)
    for top, left, bottom, right in boxes[:3]:
        getattr(ImageDraw.Draw(image), shape)((left - 26, top - 15, right + 26, bottom + 15), outline=0.9, width=3)
    found = layout.find(0.95 - 0.8 * np.asarray(image))
    assert [number.line for number in found] == [0, 0, 1, 1]
    for number, box in zip(found, boxes, strict=True):
        assert np.abs(np.subtract(number.box((0, 0, *number.ink.shape)), box)).max() <= 6


@pytest.mark.parametrize("below", [8, -1])
def test_underlined_numbers(below):
    """Each by itself, not touching the digits, and touching them."""
    ink, boxes = page([(10, 20), (10, 260), (110, 40)])
    image = Image.fromarray(ink)
    for _, left, bottom, right in boxes:
        ImageDraw.Draw(image).line((left - 8, bottom + below, right + 8, bottom + below + 3), fill=0.9, width=3)
    found = layout.find(0.95 - 0.8 * np.asarray(image))
    assert [number.line for number in found] == [0, 0, 1]
    for number, box in zip(found, boxes, strict=True):
        assert np.abs(np.subtract(number.box((0, 0, *number.ink.shape)), box)).max() <= 6


def test_the_black_border_of_a_scan_is_cut_off():
    ink, boxes = page(PLACES, shape=(220, 560))
    grey = 0.95 - 0.8 * ink
    framed = np.pad(grey, ((0, 20), (35, 0)), constant_values=0.03)
    found = layout.find(framed)
    assert [number.line for number in found] == [0, 0, 0, 1, 2, 2]
    for number, box in zip(found, boxes, strict=True):
        assert np.abs(np.subtract(number.box((0, 0, *number.ink.shape)), np.add(box, (0, 35, 0, 35)))).max() <= 6


def test_a_border_is_found_at_the_edges_only():
    grey = np.full((300, 400), 0.9, np.float32)
    assert without_border(grey) == np.s_[0:300, 0:400]
    grey[100:110] = grey[:, 390:] = grey[:3] = 0.1
    assert without_border(grey) == np.s_[5:300, 0:388]
    assert without_border(grey[:200, 200:]) == np.s_[0:200, 0:200]  # so small a picture is no scan of a page
    grey[:] = 0.9
    grey[:, :200] = 0.1  # half of the picture is no border
    assert without_border(grey) == np.s_[0:300, 0:400]


def soft(y, x, rows, columns):
    """A spot of soft edges around (y, x), 1 in its middle: (220, 520) float32."""
    down, across = np.mgrid[:220, :520]
    return np.exp(-(((down - y) / rows) ** 2) - ((across - x) / columns) ** 2).astype(np.float32)


LIGHTS = {  # what the page is multiplied with, and what is added
    "the shadow of a phone": (1 - 0.45 * np.minimum(1, 4 * soft(220, 260, 90, 70) ** 2), 0),
    "a flash": (0.25 + 0.75 * soft(110, 300, 50, 75), 0.24 * soft(110, 300, 50, 75) ** 2),
}


@pytest.mark.parametrize(("light", "haze"), LIGHTS.values(), ids=LIGHTS)
def test_numbers_in_a_shadow_of_a_part_of_the_page_and_in_a_flash(light, haze):
    ink, _ = page(PLACES)
    grey = np.clip((0.9 - 0.75 * ink) * light + haze, 0, 1)
    assert [number.line for number in layout.find(grey)] == [0, 0, 0, 1, 2, 2]


def test_what_is_broader_than_strokes_is_a_shadow():
    mask = np.zeros((100, 200), bool)
    mask[20:80, 20:190:10] = True
    mask[20:80, 21:190:10] = True
    assert not layout._holds_shadow(mask)
    mask[30:80, 60:140] = True
    assert layout._holds_shadow(mask)
    assert not layout._holds_shadow(mask[:, 60:160])  # in a small picture that may be a digit


def test_fine_squares_whose_lines_are_broken():
    mask = np.zeros((300, 300), bool)
    mask[10::20] = mask[11::20] = mask[:, 10::20] = mask[:, 11::20] = True
    mask[31:290:53] = mask[32:290:53] = False
    assert not ruled_lines.without_rules(mask)[:, 40:260].any()


def test_holes_are_filled_on_a_page_only():
    row = np.array([1, 0, 0, 0, 1, 0, 0, 0, 0, 1], bool)
    mask = np.zeros((ruled_lines.PAGE, ruled_lines.PAGE), bool)
    mask[5, :10] = row
    assert ruled_lines._filled(mask)[5, :11].tolist() == [True] * 5 + [False] * 4 + [True, False]
    assert (ruled_lines._filled(mask[:20]) == mask[:20]).all()


def desk(*cards, shape=(300, 620)):
    """Numbers on bright sheets (top, left, height, width) on a dark desk: (H, W) float32."""
    grey = np.full(shape, 0.25, np.float32)
    for seed, (top, left, height, width) in enumerate(cards):
        ink, _ = page([(30, 30)], (height, width), seed=seed)
        grey[top : top + height, left : left + width] = 0.9 - 0.8 * ink
    return grey


@pytest.mark.parametrize("gap", [24, 70])
def test_numbers_on_several_cards(gap):
    """Also where these lie close together."""
    cards = [(40, 40, 130, 170), (48, 210 + gap, 130, 170)]
    grey = desk(*cards)
    assert len(sheets(grey)) == 2
    found = layout.find(grey)
    assert [number.line for number in found] == [0, 0]
    for number, (top, left, height, width) in zip(found, cards, strict=True):
        box = number.box((0, 0, *number.ink.shape))
        assert top < box.top < box.bottom < top + height
        assert left < box.left < box.right < left + width


def test_a_finger_over_the_edge_of_a_sheet():
    image = Image.fromarray(desk((40, 60, 190, 440)))
    ImageDraw.Draw(image).line((470, 190, 619, 260), fill=0.7, width=30)
    assert len(sheets(np.asarray(image))) == 1
    assert len(layout.find(np.asarray(image))) == 1


def test_bright_digits_are_no_sheets():
    grey = np.full((300, 300), 0.1, np.float32)
    grey[60:240, 60:130] = grey[60:240, 160:230] = 0.9
    grey[150:240, 60:80] = grey[60:180, 210:230] = 0.9
    grey[110:130, 60:110] = grey[150:240, 90:130] = 0.1
    grey[60:120, 160:200] = grey[200:240, 190:230] = 0.1
    assert sheets(grey) == []
