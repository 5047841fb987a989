"""The shape of the compiled part: which C and Cython file includes which, and how long they may be."""

import re
from pathlib import Path

import pytest

import lenet5
from lenet5 import _kernels

PACKAGE = Path(lenet5.__file__).parent
KERNELS = PACKAGE / "kernels"
pytestmark = pytest.mark.skipif(not KERNELS.is_dir(), reason="a wheel has no sources of its compiled part")

C_FILES = {str(path.relative_to(KERNELS)): path for path in sorted(KERNELS.rglob("*.[ch]"))}
CYTHON_FILES = {
    str(path.relative_to(PACKAGE)): path
    for pattern in ("*.pyx", "ocr/*.pyx", "kernels/*.pxd", "kernels/cython/*.pxi")
    for path in sorted(PACKAGE.glob(pattern))
}
#: Lowest first: a file includes files of its own layer or of one below.
LAYERS = [
    ["special_shapes.h", "thread_team.h", "table.inl.h", "fcn.h", "program.h", "int8.h"],
    ["macros.h", "checks.h", "random.h", "simd.inl.h"],
    ["strokes.h", "oversegment.h", "augment/", "ops/"],
    ["net/"],
    ["element.inl.h", "int8.inl.h"],
    ["isa.inl.h"],
    ["isa/"],
]
#: Headers of the C library and of the compiler that the kernels may use: none of Python's.
OUTSIDE = {"assert.h", "immintrin.h", "math.h", "pthread.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
LONGEST_C, LONGEST_CYTHON = 560, 400
#: Prefixes of what is defined for both element types, FN(name): calls tell who uses whom without an #include.
DEFINITION = re.compile(r"^(?:INLINE|NOINLINE|static)\b[^;={]*?\bFN\((\w+)\)\(", re.M)
USE = re.compile(r"\bFN\((\w+)\)")


def layer(name):
    """The number of a file's layer, by its folder or its name."""
    found = [i for i, names in enumerate(LAYERS) if name in names or f"{name.split('/')[0]}/" in names]
    assert len(found) == 1, f"{name} has no layer"
    return found[0]


def includes(path):
    """What a C file includes: its own headers, and those from outside."""
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r'#include "(.+?)"', text)), set(re.findall(r"#include <(.+?)>", text))


@pytest.mark.parametrize("name", C_FILES)
def test_includes_point_downward(name):
    own, outside = includes(C_FILES[name])
    for included in own:
        assert included in C_FILES, f"{name} includes {included}, which is not there"
        assert layer(included) <= layer(name), f"{name} includes {included}, which stands above it"
    assert outside <= OUTSIDE


def test_operations_use_nothing_of_the_network():
    """Files of one element type are included in one go, so the calls are what tells."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in C_FILES.items()}
    home = {match: name for name, text in texts.items() for match in DEFINITION.findall(text)}
    assert len(home) > 150
    for name, text in texts.items():
        if name.startswith("ops/"):
            upward = {used for used in USE.findall(text) if home.get(used, "").startswith("net/")}
            assert not upward, f"{name} uses {upward}"


def test_every_kernel_is_compiled_once():
    own, _ = includes(C_FILES["element.inl.h"])
    trained, _ = includes(C_FILES["isa.inl.h"])
    whole, _ = includes(C_FILES["int8.inl.h"])
    assert own | trained | whole >= {name for name in C_FILES if name.startswith(("ops/", "net/", "augment/"))}
    assert not own & trained
    assert not (own | trained) & {name for name in whole if "/" in name}


def test_every_part_of_the_module_is_included_once():
    text = CYTHON_FILES["_kernels.pyx"].read_text(encoding="utf-8")
    parts = re.findall(r'^include "(.+)"$', text, re.M)
    assert sorted(parts) == [name for name in CYTHON_FILES if name.endswith(".pxi")]


@pytest.mark.parametrize("name", CYTHON_FILES)
def test_cython_reads_only_headers_that_are_there(name):
    text = CYTHON_FILES[name].read_text(encoding="utf-8")
    for header in re.findall(r'cdef extern from "(.+?)"|#include "(.+?)"', text):
        assert "".join(header) in C_FILES


def test_the_table_and_cython_name_the_same_functions():
    entries = re.findall(r"^ENTRY\(\w+, (\w+),", C_FILES["table.inl.h"].read_text(encoding="utf-8"), re.M)
    pxd = CYTHON_FILES["kernels/kernels.pxd"].read_text(encoding="utf-8")
    for element in ("f32", "f64"):
        struct = pxd[pxd.index(f"ctypedef struct lenet5_kernels_{element}") :]
        struct = struct[: struct.index("ctypedef", 10)]
        assert re.findall(r"\(\*(\w+)\)\(", struct) == [name for name in entries if name in struct]
        assert set(entries) - set(re.findall(r"\(\*(\w+)\)\(", struct)) <= {"fma_peak"}


@pytest.mark.parametrize("name", [*C_FILES, *CYTHON_FILES])
def test_no_file_is_long(name):
    path, longest = (C_FILES[name], LONGEST_C) if name in C_FILES else (CYTHON_FILES[name], LONGEST_CYTHON)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= longest


def test_python_knows_every_operation_by_its_name_in_c():
    listed = re.findall(r"^    (OP|ACTIVATION)\((\w+)\)", C_FILES["program.h"].read_text(encoding="utf-8"), re.M)
    assert [*_kernels.OPS] == [name for _, name in listed]
    assert [*_kernels.OPS.values()] == list(range(len(listed)))
    assert {_kernels.OPS[name] for kind, name in listed if kind == "ACTIVATION"} == {*_kernels.ACTIVATIONS}
    assert all(getattr(_kernels, name, number) == number for name, number in _kernels.OPS.items())
