"""The notebook of the examples: its cells run one after the other, as a reader would run them."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "own-images.ipynb"


@pytest.mark.slow
def test_every_cell_runs_and_the_model_is_good(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names: dict = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["model"].score(*names["data"].validation) >= 0.9
    printed = capsys.readouterr().out
    assert "left out: ()" in printed or "left out: []" in printed
    assert "circle" in printed
    assert (tmp_path / "shapes.safetensors").exists()


def test_the_notebook_is_kept_without_its_output():
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert [cell for cell in notebook["cells"] if cell.get("outputs") or cell.get("execution_count")] == []
