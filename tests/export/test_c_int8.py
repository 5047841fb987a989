"""The C file in 8 bits: on every processor it gives the whole numbers that the model gives here."""

import c_programs
import numpy as np
import pytest
from c_programs import AVR, EMULATED, NATIVE, TARGETS
from networks import IN_8_BITS, images, in_8_bits, network

from lenet5 import Committee, LeNet5, datasets, export, pretrained
from lenet5.export import c_int8_file

#: Bytes that LeNet-5 may need: constants with code, and buffers with image, scores and stack.
MOST_FLASH, MOST_RAM = 68_000, 2_600
STACK = 176  # by gcc -fstack-usage, at most
#: Instructions for one image on a Cortex-M4.
MOST_INSTRUCTIONS = 800_000


def scores(target, folder, X):
    return c_programs.scores(target, folder, X, np.int32)


@pytest.mark.parametrize("name", IN_8_BITS)
def test_all_scores_are_those_of_the_model(name, tmp_path):
    folder = c_programs.written(in_8_bits(name), tmp_path, "c-int8")
    np.testing.assert_array_equal(scores(NATIVE, folder, images()[0]), in_8_bits(name).scores(images()[0]))


@pytest.mark.parametrize("name", IN_8_BITS)
def test_pairs_of_products_give_the_same_scores(name, tmp_path):
    folder = c_programs.written(in_8_bits(name), tmp_path, "c-int8")
    found = scores(c_programs.with_pairs(folder), folder, images()[0])
    np.testing.assert_array_equal(found, in_8_bits(name).scores(images()[0]))


@pytest.mark.parametrize(
    "form",
    [
        {"in_channels": 3, "size": 48, "labels": ["a", "b", "c"]},
        {"size": 28},
        {"c3": "table"},
    ],
    ids=["colour", "28", "table"],
)
def test_own_sizes_colours_and_classes(form, tmp_path):
    model, X = LeNet5(seed=1, **form), np.random.default_rng(0).random((20, 3, 60, 60), np.float32)
    side = model.size
    small = model.quantize(X[:, : model.in_channels, :side, :side])
    export.write(small, tmp_path / "c", "c-int8")
    report = export.check(small, tmp_path / "c", "c-int8", images()[0][:30])
    assert (report.differing, report.difference) == (0, 0)


@pytest.mark.mnist
@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS[:2], ids=lambda target: target.name)
def test_all_test_images(target, tmp_path, mnist_dir):
    (X_train, _), (X, _) = datasets.load("mnist", mnist_dir)
    small = pretrained().quantize(X_train[:1000])
    folder = c_programs.written(small, tmp_path, "c-int8")
    for each in (target, c_programs.with_pairs(folder)):
        np.testing.assert_array_equal(scores(each, folder, X), small.scores(X))


@pytest.mark.slow
@pytest.mark.parametrize("optimization", ["-Os", "-O2"])
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("name", IN_8_BITS)
def test_no_compiler_warns(name, target, optimization, tmp_path):
    c_programs.strict(target, c_programs.written(in_8_bits(name), tmp_path, "c-int8"), optimization)


@pytest.mark.slow
def test_a_small_network_compiles_for_avr(tmp_path):
    options = ("-std=gnu99", "-DLENET5_FLASH=__flash")
    c_programs.strict(AVR, c_programs.written(in_8_bits("lenet1-max"), tmp_path, "c-int8"), *options)


@pytest.mark.slow
@pytest.mark.parametrize("target", EMULATED, ids=lambda target: target.name)
@pytest.mark.parametrize("name", IN_8_BITS)
def test_emulated_processors_give_the_same_scores(name, target, tmp_path):
    X = images()[0][:100]
    folder = c_programs.written(in_8_bits(name), tmp_path, "c-int8")
    np.testing.assert_array_equal(scores(target, folder, X), in_8_bits(name).scores(X))


def test_the_largest_and_smallest_numbers(tmp_path):
    """Images of noise reach both ends of a byte, and those of full ink the largest sums."""
    X = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (200, 28, 28))
    X[0], X[1] = 0, 255
    folder = c_programs.written(in_8_bits("modern"), tmp_path, "c-int8")
    np.testing.assert_array_equal(scores(NATIVE, folder, X), in_8_bits("modern").scores(X))


# ---- what is promised about the file -------------------------------------------------------------------------------


def test_the_header_says_what_the_model_is(tmp_path):
    model = in_8_bits("modern")
    header = (c_programs.written(model, tmp_path, "c-int8") / "lenet5.h").read_text()
    for line in (
        "#define LENET5_INPUT 784", "#define LENET5_CLASSES 10", "typedef int32_t lenet5_score;",
        "#define LENET5_CONSTANT_BYTES 63318", "#define LENET5_BUFFER_BYTES 1576",
    ):  # fmt: skip
        assert line in header.splitlines()
    [temperature] = [line.split()[2] for line in header.splitlines() if line.startswith("#define LENET5_TEMPERATURE")]
    assert float(temperature[:-1]) == pytest.approx(model.temperature / model.network.scale, rel=1e-6)


@pytest.mark.parametrize("name", IN_8_BITS)
def test_nothing_of_the_c_library_but_string_h(name):
    source = c_int8_file.contents(in_8_bits(name))["lenet5.c"]
    included = {line for line in source.splitlines() if line.startswith("#include")}
    assert included == {'#include "lenet5.h"', "#include <string.h>", "#include <arm_acle.h>"}
    assert not any(word in source for word in ("malloc", "double", "float", "math.h"))


@pytest.mark.slow
@pytest.mark.parametrize("optimization", ["-Os", "-O2"])
@pytest.mark.parametrize("target", EMULATED[:3], ids=lambda target: target.name)
def test_it_fits_into_a_small_microcontroller(target, optimization, tmp_path):
    folder = c_programs.written(in_8_bits("modern"), tmp_path, "c-int8")
    text, data, bss = c_programs.sections(target, folder, optimization)
    assert (text <= MOST_FLASH, data) == (True, 0)
    assert bss + 28 * 28 + 4 * 10 + STACK <= MOST_RAM


@pytest.mark.slow
@pytest.mark.parametrize("optimization", ["-Os", "-O2"])
def test_products_are_made_in_pairs_where_the_processor_can(optimization, tmp_path):
    """416,520 products take less than twice as many instructions, and on a processor without pairs many more."""
    folder = c_programs.written(in_8_bits("modern"), tmp_path, "c-int8")
    one = images()[0][:1]
    small, large = (c_programs.instructions(target, folder, one, optimization) for target in (EMULATED[1], EMULATED[0]))
    assert 500_000 < small <= MOST_INSTRUCTIONS
    assert large > 3 * small


@pytest.fixture(scope="module")
def narrow():
    """LeNet-5 of fewer units, as structured pruning makes it, in 8 bits."""
    model = LeNet5(widths=(6, 16, 24, 24), seed=1)
    for name, tensor in model.state_dict().items():
        tensor[...] += 0.1 if name.endswith(".bias") else 0
    return model.quantize(images()[0][:100])


def test_fewer_units_give_the_scores_of_the_model(narrow, tmp_path):
    folder = c_programs.written(narrow, tmp_path, "c-int8")
    np.testing.assert_array_equal(scores(NATIVE, folder, images()[0]), narrow.scores(images()[0]))


@pytest.mark.slow
def test_fewer_units_fit_into_16_kilobytes(narrow, tmp_path):
    """Constants and code; an array fits into AVR's 32,767 bytes, too."""
    folder = c_programs.written(narrow, tmp_path, "c-int8")
    for target in EMULATED[:3]:
        assert c_programs.sections(target, folder, "-Os")[0] <= 16_000
    c_programs.strict(AVR, folder, "-std=gnu99", "-DLENET5_FLASH=__flash", "-Os")


def test_a_check_finds_a_score_that_is_off_by_one(tmp_path):
    [source, _] = export.write(in_8_bits("modern"), tmp_path / "c", "c-int8")
    text = source.read_text()
    source.write_text(text.replace("    int best = 0;", "    scores[0]++;\n    int best = 0;"))
    report = export.check(in_8_bits("modern"), tmp_path / "c", "c-int8", images()[0][:30])
    assert (report.differing, report.difference) == (30, 1)


def test_other_models_are_refused_in_one_line(tmp_path):
    for model, reason in (
        (network("modern"), "is in float32: quantize it first"),
        (Committee([in_8_bits("modern")]), "a committee has no scores in whole numbers"),
    ):
        with pytest.raises(ValueError, match=reason):
            export.write(model, tmp_path / "c", "c-int8")
    assert not (tmp_path / "c").exists()
