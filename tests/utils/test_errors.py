"""Names in messages: as they are where a file can have them, else short, and always on one line."""

import pytest

from lenet5.errors import one_line, shortened, with_short_words

LONGEST = "/".join(["größe 四 " + "x" * 247] * 15)


@pytest.mark.parametrize("name", ["", "7.png", "a" * 255, "四" * 255, LONGEST, "data:" + "x" * 250])
def test_names_that_a_file_can_have_stay(name):
    assert shortened(name) == one_line(name) == with_short_words(name) == name


@pytest.mark.parametrize("name", ["a" * 256, "x/" * 10_000, "a b" * 100, "data:image/png;base64," + "iVB/" * 10_000])
def test_others_lose_their_middle(name):
    short = one_line(name)
    assert len(short) < 70
    assert short.startswith(name[:20])
    assert short.endswith(name[-20:])
    assert shortened(name) == short


def test_only_what_is_too_long_of_a_path_is_shortened():
    assert one_line(f"folder/{'a' * 300}/7.png") == f"folder/{'a' * 40}...{'a' * 20}/7.png"


def test_escapes_do_not_make_a_name_long():
    assert len(one_line("\0" * 100_000)) < 300


def test_words_of_a_message():
    assert with_short_words(f"'{'a' * 1000}' is not one of yes, no\nnor {'b' * 255}") == (
        f"'{'a' * 39}...{'a' * 19}' is not one of yes, no\nnor {'b' * 255}"
    )
    assert len(with_short_words(f"x data:;base64,{'iVB/' * 1000} y")) < 70
