"""How an image becomes the network's input, drawn stage by stage."""

import os
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from ..evaluation.contact_sheet import save_png
from ..utils.geometry import Box
from .decode import decoded
from .normalization import GLYPH, Prepared, stages, to_grey
from .preparation import DIGIT, IMAGE, Preparation
from .segmenter import INK, OTHER

PANEL = 224  # side of a panel on the sheet


def show_input(
    source,
    path: str | os.PathLike,
    *,
    invert: str = "auto",
    any_ink: bool = False,
    preparation: Preparation = DIGIT,
    part: int = 0,
    verdict: str = "",
) -> None:
    """Write a PNG to ``path`` which shows how `read_image` prepares ``source``, stage by stage, enlarged.

    Of an image without a digit these are the stages up to where the ink was lost, and why it was. ``part`` is the
    answer's: which of the digit's components are drawn. ``verdict`` is written below the stages. PictureError where the
    file cannot be read; OSError where ``path`` cannot be written.
    """
    found = stages(source, invert=invert, any_ink=any_ink, preparation=preparation)
    if preparation.kind == IMAGE.kind:  # whose stages begin at the network's size
        grey = to_grey(decoded(source).pixels)
        found = replace(found, grey=grey, window=Box(0, 0, *grey.shape), box=Box(0, 0, *grey.shape))
    if part:
        found = found.fewer[part - 1]
    panels = _first_panels(found) if found.lost else [*_first_panels(found), *_last_panels(found)]
    lines = [text for text in (f"no digit: {found.lost}" if found.lost else "", verdict) if text]
    step, line = PANEL + 8, 16
    sheet = Image.new("RGB", (step * len(panels) + 8, PANEL + 32 + line * len(lines)), (96, 96, 96))
    draw = ImageDraw.Draw(sheet)
    for i, (caption, panel) in enumerate(panels):
        sheet.paste(panel, (8 + i * step + (PANEL - panel.width) // 2, 8 + (PANEL - panel.height) // 2))
        draw.text((8 + i * step, PANEL + 14), caption, fill="white")
    for i, text in enumerate(lines):
        draw.text((8, PANEL + 30 + line * i), text, fill=(255, 224, 128))
    save_png(sheet, path)


def _first_panels(found: Prepared) -> list[tuple[str, Image.Image]]:
    """Captions and panels up to the ink, which every image has."""
    height, width = found.grey.shape
    kind = "" if found.lost else ", dark on light" if found.dark else ", light on dark"
    window = found.window
    panels = [(f"{width} x {height}{kind}", _panel(found.grey, found.box or window))]
    if found.classes is not None:
        looked = f"{window.right - window.left} x {window.bottom - window.top}"
        panels.append((f"{looked}: ink green, other red", _map(found)))
    if found.glyph is found.field and not found.lost:
        return [panels[0], (f"{len(found.field)} x {len(found.field)}: resized", _panel(found.ink))]
    return [*panels, ("the digit's ink" if found.box else "ink: none of it is a digit", _panel(found.ink))]


def _map(found: Prepared) -> Image.Image:
    """The window in grey with the probabilities of ink and of other marks over it."""
    assert found.classes is not None
    window = found.window
    part = found.grey[window.top : window.bottom, window.left : window.right]
    grey = np.asarray(_panel(part), np.float32) / 255
    other, ink = (
        np.asarray(_panel(found.classes[k]).resize(grey.shape[1::-1]), np.float32) / 255 for k in (OTHER, INK)
    )
    pale = 0.35 + 0.4 * grey
    pale = pale * (1 - ink) + ink * np.array((0.1, 0.75, 0.25), np.float32)
    pale = pale * (1 - other) + other * np.array((0.85, 0.25, 0.2), np.float32)
    return Image.fromarray(np.rint(np.clip(pale, 0, 1) * 255).astype(np.uint8))


def _last_panels(found: Prepared) -> list[tuple[str, Image.Image]]:
    """Those from where a digit was found."""
    assert found.glyph is not None
    assert found.field is not None
    assert found.input is not None
    if found.glyph is found.field:  # it was only resized
        side = found.input.shape[-1]
        return [(f"{side} x {side}: what the network sees", _panel(found.input.mean(axis=0)))]
    glyph = np.zeros((GLYPH, GLYPH), np.float32)
    top, left = ((GLYPH - n) // 2 for n in found.glyph.shape)
    glyph[top : top + found.glyph.shape[0], left : left + found.glyph.shape[1]] = found.glyph
    return [
        ("20 x 20: scaled", _panel(glyph)),
        ("28 x 28: centred", _panel(found.field)),
        ("32 x 32: what the network sees", _panel(found.input[0])),
    ]


def _panel(plane: np.ndarray, box: Box | None = None) -> Image.Image:
    """Draw a plane (H, W) in 0..1 at most PANEL pixels large, with a frame round ``box``."""
    k = PANEL / max(plane.shape)
    size = max(1, round(plane.shape[1] * k)), max(1, round(plane.shape[0] * k))
    levels = Image.fromarray(np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8))
    method = Image.Resampling.NEAREST if k > 1 else Image.Resampling.BOX
    panel = levels.resize(size, method).convert("RGB")
    if box is not None:
        corners = [round(edge * k) for edge in (box.left, box.top, box.right, box.bottom)]
        ImageDraw.Draw(panel).rectangle(corners, outline=(255, 64, 64))
    return panel
