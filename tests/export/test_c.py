"""The C file: it compiles everywhere without a warning, answers as the model does, and keeps names in their strings."""

import subprocess

import c_programs
import numpy as np
import pytest
from c_programs import AVR, EMULATED, NATIVE, TARGETS
from networks import ALL, ALL_MARKED, assert_close, images, network

from lenet5 import Cascade, Committee, LeNet5, datasets, pretrained
from lenet5.export import c_file, c_math, c_text, write
from lenet5.export.graph import describe

HOSTILE = ["*/ int x; /*", '"; system("x"); "', "a\\", "??/", "%s%n", "é€😀", "// \\", "'", "\\n", "#include <x>"]


@pytest.mark.parametrize("name", ALL_MARKED)
def test_every_network_answers_as_the_model_does(name, tmp_path):
    folder = c_programs.written(network(name), tmp_path)
    assert_close(c_programs.scores(NATIVE, folder, images()[0]), network(name))


@pytest.mark.mnist
@pytest.mark.slow
def test_all_test_images(tmp_path, mnist_dir):
    _, (X, _) = datasets.load("mnist", mnist_dir)
    assert_close(c_programs.scores(NATIVE, c_programs.written(pretrained(), tmp_path), X), pretrained(), X)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("name", ALL)
def test_no_compiler_warns(name, target, tmp_path):
    c_programs.strict(target, c_programs.written(network(name), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("target", EMULATED, ids=lambda target: target.name)
@pytest.mark.parametrize("name", ["modern", "1998"])
def test_emulated_processors_answer_as_the_model_does(name, target, tmp_path):
    X = images()[0][:20]
    assert_close(c_programs.scores(target, c_programs.written(network(name), tmp_path), X), network(name), X)


@pytest.mark.slow
def test_a_small_network_compiles_for_avr(tmp_path):
    """Where an int has 16 bits. Its flash is a memory of its own, which is a matter of GNU C."""
    options = ("-std=gnu99", "-DLENET5_FLASH=__flash")
    c_programs.strict(AVR, c_programs.written(network("lenet1"), tmp_path), *options)


# ---- names ---------------------------------------------------------------------------------------------------------


#: Writes the names of the classes, each with its last byte, 0.
NAMES = """\
#include "lenet5.h"
#include <stdio.h>

int main(void)
{
    for (int k = 0; k < LENET5_CLASSES; k++) {
        const char *name = lenet5_class_names[k];
        do
            putchar(*name);
        while (*name++);
    }
    return 0;
}
"""


def test_no_class_name_breaks_out_of_its_string(tmp_path):
    folder = c_programs.written(LeNet5(labels=HOSTILE), tmp_path)
    c_programs.strict(NATIVE, folder)
    (folder / "main.c").write_text(NAMES)
    subprocess.run([*NATIVE.compiler, "lenet5.c", "main.c", "-o", "names"], check=True, cwd=folder)
    shown = subprocess.run([folder / "names"], capture_output=True, check=True).stdout
    assert shown.decode().split("\0")[:-1] == HOSTILE


@pytest.mark.parametrize("text", [*HOSTILE, "\n", "\r\n#error", "\0x", "\x7f", "a" * 300, ""])
def test_strings_and_comments_stay_on_their_line(text):
    literal = c_text.string(text)
    assert literal.isascii()
    assert literal.isprintable()
    assert not {'"', "?"} & set(literal[1:-1].replace('\\"', ""))
    comment = c_text.comment(text)
    assert comment.isascii()
    assert not {"*", "/", "\\", "?", "\n"} & set(comment)


def test_numbers_come_back_exactly():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 0x7F800000, 2000, dtype=np.uint32).view(np.float32)
    literals = [c_text.number(value) for value in [*values, -values[0], 0.0, 1.0]]
    assert all(text.endswith("f") and ("." in text or "e" in text) for text in literals)
    assert [np.float32(text[:-1]) for text in literals[:2000]] == list(values)


# ---- what is promised about the file -------------------------------------------------------------------------------


def test_the_header_says_what_the_model_is(tmp_path):
    header = (c_programs.written(network("modern"), tmp_path) / "lenet5.h").read_text()
    for line in (
        "#define LENET5_INPUT 784", "#define LENET5_CLASSES 10", "typedef float lenet5_score;",
        f"#define LENET5_TEMPERATURE {c_text.number(network('modern').temperature)}",
        "#define LENET5_CONSTANT_BYTES 246824", "#define LENET5_BUFFER_BYTES 7072",
    ):  # fmt: skip
        assert line in header.splitlines()


@pytest.mark.parametrize("name", ALL)
def test_nothing_of_the_c_library_but_string_h(name):
    source = c_file.contents(network(name))["lenet5.c"]
    included = {line for line in source.splitlines() if line.startswith("#include")}
    assert included <= {'#include "lenet5.h"', "#include <string.h>"}
    assert ("memcpy" in source) == ("#include <string.h>" in included)
    assert not any(word in source for word in ("malloc", "double", "math.h"))


def test_buffers_may_lie_on_the_stack(tmp_path):
    folder = c_programs.written(network("modern"), tmp_path)
    target = c_programs.Target("stack", (*NATIVE.compiler, "-DLENET5_BUFFERS="))
    assert_close(c_programs.scores(target, folder, images()[0][:50]), network("modern"), images()[0][:50])


def test_a_mathematical_function_brings_those_that_it_calls():
    code = c_math.needed("x = add_probabilities(1);")
    names = ("power_of_two", "exponential_less_1", "exponential", "add_probabilities")
    places = [code.index(f" {name}(") for name in names]
    assert places == sorted(places)
    assert "logarithm" not in code
    assert c_math.needed("x = 1;") == ""


def test_what_cannot_be_exported_is_refused_in_one_line(tmp_path):
    small, nested = LeNet5("lenet1"), Committee([Committee([LeNet5()])])
    for model, reason in ((Cascade(small, LeNet5(), 0.5), "a Cascade cannot be exported"), (nested, "single network")):
        with pytest.raises(ValueError, match=reason):
            write(model, tmp_path / "c", "c")
    assert not (tmp_path / "c").exists()


def test_a_layer_that_no_writer_knows_is_named():
    from lenet5.nn.layers import Dropout

    model = LeNet5()
    model.network.layers["f6_dropout"] = Dropout(0.5)
    with pytest.raises(ValueError, match="layer f6_dropout is a Dropout"):
        describe(model)
