"""What counts as an installed library."""

import pytest

from lenet5.errors import LeNet5Error
from lenet5.nn import extras


def test_a_folder_is_no_library(tmp_path, monkeypatch):
    (tmp_path / "sometool").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not extras.is_installed("sometool")
    (tmp_path / "sometool" / "__init__.py").touch()
    assert extras.is_installed("sometool")


def test_what_is_missing_is_told_with_how_to_install_it():
    with pytest.raises(LeNet5Error, match=r"^nosuchtool is not installed: pip install 'some thing'$"):
        extras.require("nosuchtool", "'some thing'")
