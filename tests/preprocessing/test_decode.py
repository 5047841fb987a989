"""Files that are not what they should be: one line each, at once and in little memory; never another error."""

import functools
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import FORMATS, drawn, in_mode, saved
from PIL import Image

from lenet5.errors import NoDigitError, PictureError
from lenet5.preprocessing import decode, limits
from lenet5.preprocessing.normalization import read_image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *, before=b"", kind=0) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@functools.cache
def zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


def frames(kind: str) -> bytes:
    rng = np.random.default_rng(0)
    first, *rest = (Image.fromarray(rng.integers(0, 255, (9, 9), np.uint8)) for _ in range(1000))
    if kind == "WEBP":
        first, rest = first.convert("RGB"), [f.convert("RGB") for f in rest]
    return saved(first, kind, save_all=True, append_images=rest)


def gif(body: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + body


def tiff(*entries) -> bytes:
    rows = b"".join(struct.pack("<HHII", *e) for e in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + bytes(4)


GIF_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
SQUARE = [(256, 4, 1, 60000), (257, 4, 1, 60000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
BMP = struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 50000, 50000, 1, 24, *[0] * 6)
RLE = struct.pack("<IHHI", 100, 0, 0, 1078) + struct.pack("<IiiHHIIiiII", 40, 5000, 5000, 1, 8, 1, 0, 0, 0, 256, 0)

HOSTILE = {
    "bomb.png": (lambda: png(30000, 30000), "million"),
    "bomb-140-megapixels.png": (lambda: png(12000, 12000), "million"),
    "bomb-of-2-gigapixels-a-side.png": (lambda: png(2**31 - 1, 2**31 - 1), "pixels"),
    "text-bomb.png": (lambda: png(9, 9, before=chunk(b"zTXt", b"a\0\0" + zeros(200))), "damaged"),
    "profile-bomb.png": (lambda: png(9, 9, before=chunk(b"iCCP", b"a\0\0" + zeros(200))), "damaged"),
    "chunks.png": (lambda: png(9, 9, before=chunk(b"abCd", b"") * 1_000_000), "pieces"),
    "frames.gif": (lambda: frames("GIF"), "pages"),
    "frames.webp": (lambda: frames("WEBP"), "pages"),
    "frames.tiff": (lambda: frames("TIFF"), "pages"),
    "frames.png": (lambda: frames("PNG"), "pages"),
    "frames-by-the-million.gif": (lambda: gif(GIF_FRAME * 2_000_000), "pieces|pages"),
    "extensions.gif": (lambda: gif(b"!\x01\x00" * 5_000_000 + GIF_FRAME), "pieces"),
    "markers.jpg": (lambda: b"\xff\xd8" + b"\xff\xe3\x00\x02" * 5_000_000, "pieces"),
    "fill.jpg": (lambda: b"\xff\xd8" + b"\xff" * 20_000_000, "pieces"),
    "huge.tiff": (lambda: tiff(*SQUARE, (273, 4, 1, 200), (279, 4, 1, 10)), "pixels"),
    "huge-tag.tiff": (lambda: tiff((256, 4, 1, 9), (257, 4, 1, 9), (273, 4, 2**30, 100)), "accepted kind"),
    "huge.bmp": (lambda: b"BM" + BMP + bytes(100), "pixels"),
    "runs.bmp": (lambda: b"BM" + RLE + bytes(1024) + b"\x01\x00" * 5_000_000, "pieces"),
    "huge.ppm": (lambda: b"P6 50000 50000 255\n", "pixels"),
    "spaces.ppm": (lambda: b"P5 " + b" " * 5_000_000 + b"5 5 255\n", "pieces"),
    "slow.ppm": (lambda: b"P3 3000 3000 255\n" + b"1 " * 9_000_000, "PPM"),
    "odd-maximum.ppm": (lambda: b"P6 2000 2000 200\n" + bytes(12_000_000), "PPM"),
    "postscript.eps": (
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "PostScript is not",
    ),
    "document.pdf": (lambda: b"%PDF-1.4\n" + bytes(100), "PDF is not read; save its page"),
    "drawing.svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG is not read"),
    "text.png": (lambda: b"no picture at all\n" * 20, "accepted kind"),
    "empty.png": (lambda: b"", "empty"),
    "half.png": (lambda: saved(drawn(300))[:700], "damaged"),
    "half.jpg": (lambda: saved(drawn(300), "JPEG")[:2000], "damaged"),
    "half.webp": (lambda: saved(drawn(300), "WEBP")[:500], "damaged"),
}

RUNNER = """
import resource, sys, time, warnings
warnings.simplefilter("error")
from lenet5.preprocessing.normalization import read_image
from lenet5.errors import PictureError
for path in sys.argv[1:]:
    began = time.process_time()
    try:
        read_image(path)
        line = "read"
    except PictureError as error:
        line = str(error)
    if sys.platform == "linux":  # ru_maxrss would count the parent, up to the moment of exec
        [peak] = (int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line[:5] == "VmHWM")
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20
    print(f"{time.process_time() - began:.3f}\\t{peak}\\t{line}")
"""


def read_apart(*paths) -> list[tuple[float, int, str]]:
    """Read pictures in a process of their own: seconds, greatest memory so far in MB, and the line, for each."""
    command = [sys.executable, "-c", RUNNER, *map(str, paths)]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(decode.__file__))))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return [(float(s), int(m), line) for s, m, line in (r.split("\t") for r in done.stdout.splitlines())]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A folder of these files."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in HOSTILE.items():
        (folder / name).write_bytes(make())
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_get_one_line(name, hostile):
    with pytest.raises(PictureError, match=HOSTILE[name][1]) as caught:
        read_image(hostile / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, NoDigitError)


def test_hostile_files_cost_little_time_and_memory(hostile):
    results = read_apart(*(hostile / name for name in HOSTILE))
    assert len(results) == len(HOSTILE)
    for seconds, peak, line in results:
        assert line != "read"
        assert seconds < 2, line  # a fifth of that on an idle machine
        assert peak < 200, line


def test_what_is_not_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with open(tmp_path / "sparse.png", "wb") as stream:
        stream.truncate(5 * 2**30)
    cases = {"pipe": "pipe", "folder": "folder", "loop": "opened", "zero": "device", "sparse": "100 MB"}
    cases["missing"] = "opened"
    for name, reason in cases.items():
        with pytest.raises(PictureError, match=reason):
            read_image(tmp_path / f"{name}.png")
    with pytest.raises(PictureError, match="opened"):
        read_image("a\0b.png")
    with pytest.raises(PictureError, match=r"^'a\\nb.png': "):
        read_image("a\nb.png")


def test_endless_stream():
    with open("/dev/zero", "rb") as stream, pytest.raises(PictureError, match="100 MB"):
        read_image(stream)


def test_nothing_of_pillow_is_changed():
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(PictureError):
        read_image(png(12000, 12000))
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_photo(kind, tmp_path):
    picture = drawn(3500).convert("RGB")
    path = tmp_path / "large"
    picture.save(path, kind)
    [(seconds, peak, line)] = read_apart(path)
    assert line == "read"
    assert seconds < 3
    assert peak < 200


WEBP_SIDE = int(limits.MAX_PIXELS["WEBP"] ** 0.5)
LARGEST = [
    ("WEBP", "RGB", WEBP_SIDE, {"quality": 80, "method": 0}), ("WEBP", "RGB", WEBP_SIDE, {"lossless": True}),
    ("WEBP", "RGBA", WEBP_SIDE, {"quality": 80, "method": 0}), ("WEBP", "RGBA", WEBP_SIDE, {"save_all": True}),
    ("JPEG", "RGB", 5656, {"progressive": True}), ("JPEG", "RGB", 4000, {"progressive": True, "subsampling": 0}),
    ("JPEG", "CMYK", 3460, {"progressive": True}), ("JPEG", "CMYK", 8000, {}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "mode", "side", "options"), LARGEST)
def test_the_largest_of_kinds_whose_decoders_take_most(kind, mode, side, options, tmp_path):
    first, larger = (in_mode(drawn(n), mode) for n in (side, side + 100))
    larger.save(tmp_path / "larger", kind, **{**options, "save_all": False})
    first.save(tmp_path / "largest", kind, append_images=[first.rotate(90)], **options)
    [(_, peak, line), (_, _, refused)] = read_apart(tmp_path / "largest", tmp_path / "larger")
    assert (line, peak < 200) == ("read", True)
    assert "million are read" in refused


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("I;16", "PNG"), ("F", "TIFF"), ("P", "GIF")])
def test_the_largest_pictures_fit_in_memory(mode, kind, tmp_path):
    path = tmp_path / "large"
    side = int(limits.MAX_PIXELS_OTHERS**0.5)
    in_mode(drawn(side), mode).save(path, kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    [(_, peak, line)] = read_apart(path)
    assert line == "read"
    assert peak < 250


# --- Fuzz ---

SEEDS = [saved(drawn(40).convert("RGB"), kind) for kind in FORMATS]
SEEDS += [saved(in_mode(drawn(40), m)) for m in ("1", "LA", "P", "RGBA", "I;16")]
SEEDS += [saved(drawn(40), "TIFF", compression=c) for c in ("tiff_deflate", "packbits")]
SEEDS += [saved(drawn(40), "JPEG", progressive=True), saved(drawn(40).convert("CMYK"), "JPEG")]


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damaged_files_raise_picture_errors_only(data):
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    try:
        picture = read_image(bytes(content))
    except PictureError as error:
        picture, line = None, str(error)
    if picture is None:
        assert line
        assert "\n" not in line
    else:
        assert picture.shape == (1, 32, 32)
        assert np.isfinite(picture).all()
