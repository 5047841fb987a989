"""lenet5 benchmark: what it measures, writes, shows, draws and compares; calls that are wrong; files that lie."""

import json
import os
from xml.etree import ElementTree

import pytest
from commandline import has_escape_codes, interrupt, quick, start

from lenet5.benchmark import figures

SHORT = ["--quick", "--repeats", "1"]


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def strict(text):
    return json.loads(text, parse_constant=refuse)


def row(median, low, high, contestant="lenet5", threads=1, n=5):
    spread = {"median": median, "min": low, "max": high, "n": n}
    return figures.figure("training", "training pass", "s", spread, contestant, threads=threads, batch_size=64,
                          n_pictures=60_000)  # fmt: skip


@pytest.fixture
def written(tmp_path):
    """Writes a document of these figures; the machine's fields can be changed."""

    def write(name, *rows, **machine):
        where = {"processor": "A", "cores": 2, "isa": "avx2", "load_before": 0.0, "peers": {}} | machine
        document = {
            "format": "lenet5-benchmark", "version": 1, "date": "2026-01-01", "command": "lenet5 benchmark",
            "machine": where, "settings": {"data": "mnist"}, "notes": [], "figures": rows,
        }  # fmt: skip
        (tmp_path / name).write_text(json.dumps(document))
        return tmp_path / name

    return write


# ---- measuring -----------------------------------------------------------------------------------------------------


def test_all_parts_as_tables(tmp_path):
    result = quick("benchmark", *SHORT, "--threads", "1", cwd=tmp_path, few=True, LENET5_DATA_DIR=str(tmp_path))
    assert result.code == 0
    for text in ("multiply-add peak", "c3 forward", "training pass", "us an image", "lenet5 predict digit.png",
                 "scaling: prediction by pictures", "strokes images", "medians (least .. most)"):  # fmt: skip
        assert text in result.stdout
    assert "--peers measures others beside" in result.stderr
    assert "kernels\n" in result.stderr
    assert not has_escape_codes(result.stdout + result.stderr)
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_strict_document_and_the_file_is_the_same(tmp_path):
    args = ["kernels", "prediction", *SHORT, "--threads", "2", "--json", "--out", "r.json", "--chart", "r.svg"]
    result = quick("benchmark", *args, cwd=tmp_path, few=True)
    assert result.code == 0
    document = strict(result.stdout)
    assert document == strict((tmp_path / "r.json").read_text()) == figures.load(tmp_path / "r.json")
    assert {row["part"] for row in document["figures"]} == {"peak", "kernels", "prediction"}
    assert document["command"].startswith("lenet5 benchmark kernels prediction --quick")
    assert document["settings"]["threads"] == [2]
    ElementTree.parse(tmp_path / "r.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.json", "r.svg"]


def test_kernels_need_no_pictures(tmp_path):
    result = quick("benchmark", "kernels", "-q", *SHORT, cwd=tmp_path, LENET5_DATA_DIR=str(tmp_path / "none"))
    assert (result.code, result.stderr) == (0, "")
    assert "images;" not in result.stdout
    assert "c5 weight gradient" in result.stdout


def test_an_older_result_is_replaced_and_that_is_said(tmp_path, written):
    written("r.json", row(1, 1, 1))
    result = quick("benchmark", "kernels", *SHORT, "--out", "r.json", cwd=tmp_path)
    assert result.code == 0
    assert "r.json of 2026-01-01 will be replaced" in result.stderr
    assert len(figures.load(tmp_path / "r.json")["figures"]) > 5


def test_ctrl_c(tmp_path):
    process = start("benchmark", "training", "--repeats", "1000", "--out", "r.json", cwd=tmp_path)
    while b"training passes" not in process.stderr.readline():
        pass
    result = interrupt(process)
    assert (result.code, result.stdout) == (130, "")
    assert list(tmp_path.iterdir()) == []


# ---- shown again ---------------------------------------------------------------------------------------------------


def test_a_result_is_shown_and_drawn_again(tmp_path, written):
    path = written("r.json", row(0.5, 0.4, 0.6), row(3.0, 2.9, 3.1, "PyTorch"), peers={"torch": "2.2"})
    result = quick("benchmark", "--from", path, "--chart", "r.svg", cwd=tmp_path)
    assert result.code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "training, one pass over 60,000 images" in lines
    assert "training pass PyTorch 64 1 3.000 (2.900 .. 3.100) 20,000 6.00" in lines
    assert "peers: torch 2.2" in result.stdout
    assert "PyTorch 2.2" in (tmp_path / "r.svg").read_text(encoding="utf-8")
    assert strict(quick("benchmark", "--from", path, "--json", cwd=tmp_path).stdout) == json.loads(path.read_text())


def test_a_share_above_the_peak_is_explained(tmp_path, written):
    fast = figures.figure("kernels", "c3 forward", "us", {"median": 1, "min": 1, "max": 1, "n": 3}, n_pictures=16)
    fast |= {"gflops": 120.0, "share_of_peak": 1.2}
    result = quick("benchmark", "--from", written("r.json", fast), cwd=tmp_path)
    assert "120%" in result.stdout
    assert "above 100 %: minimal filtering does fewer multiply-adds" in result.stdout
    slow = written("s.json", fast | {"share_of_peak": 0.9})
    assert "above 100 %" not in quick("benchmark", "--from", slow, cwd=tmp_path).stdout


def test_texts_of_a_file_do_not_reach_the_terminal(tmp_path, written):
    evil = "\x1b]0;title\x07\n\u202e"
    path = written("r.json", row(1, 1, 1, evil), row(2, 2, 2) | {"part": evil, "name": evil, "unit": evil},
                   processor=evil, isa=[evil], peers={evil: evil}, lenet5=None, cores={"a": "x" * 10**6})  # fmt: skip
    for args in (["--from", path], ["--from", path, "--json"], ["--compare", path, path]):
        result = quick("benchmark", *args, cwd=tmp_path)
        assert result.code == 0
        assert not has_escape_codes(result.stdout + result.stderr)
        assert len(result.stdout) < 5000 or "--json" in args


# ---- comparing -----------------------------------------------------------------------------------------------------


def test_compare(tmp_path, written):
    old = written("old.json", row(2.0, 1.9, 2.1), row(1.0, 0.9, 1.1, threads=2), row(9, 9, 9, "PyTorch"))
    new = written("new.json", row(1.0, 0.9, 1.1), row(1.1, 1.0, 1.2, threads=2), row(5, 5, 5, "OpenVINO"))
    result = quick("benchmark", "--compare", old, new, cwd=tmp_path)
    assert (result.code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    (faster,) = (line for line in lines if line.startswith("training pass, batch 64, 1 thread"))
    assert " ".join(faster.split()).endswith(" 2.000 (1.900 .. 2.100) 1.000 (0.900 .. 1.100) s 0.50 faster")
    (same,) = (line for line in lines if line.startswith("training pass, batch 64, 2 threads"))
    assert same.endswith("1.10  within spread")
    assert "only in the old file:" in lines
    assert "only in the new file:" in lines
    assert lines[-1] == "2 figures in both: 1 faster, 0 slower, 1 within spread; 1 only in old, 1 only in new"
    found = strict(quick("benchmark", "--compare", old, new, "--json", cwd=tmp_path).stdout)
    assert [entry["change"] for entry in found["figures"]] == ["faster", "within spread"]
    assert found["figures"][0]["ratio"] == 0.5


def test_compare_with_another_machine_warns(tmp_path, written):
    old = written("old.json", row(2, 2, 2))
    new = written("new.json", row(1, 1, 1), processor="B", isa="avx512", cores=64, load_before=60.5)
    result = quick("benchmark", "--compare", old, new, cwd=tmp_path)
    assert result.code == 0
    assert result.stderr.splitlines() == [
        "warning: processor differs: A, then B",
        "warning: cores differs: 2, then 64",
        "warning: isa differs: avx2, then avx512",
        "warning: the machine was busy before the new run: load 60.5",
    ]
    assert len(strict(quick("benchmark", "--compare", old, new, "--json", "-q", cwd=tmp_path).stdout)["warnings"]) == 4


def test_compare_nothing_in_common(tmp_path, written):
    result = quick("benchmark", "--compare", written("a"), written("b"), cwd=tmp_path)
    assert (result.code, result.stdout) == (
        0, "0 figures in both: 0 faster, 0 slower, 0 within spread; 0 only in old, 0 only in new\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff" * 100, b"[" * 10**6, b"{}", b"NaN", b'{"machine": {}, "kernels": {}}', b"9" * 10**5,
     b'{"format": "lenet5-benchmark", "version": 1, "figures": [NaN]}', b'{"format": "\x1b[31m"}'],
)  # fmt: skip
def test_files_that_are_no_results(tmp_path, written, content):
    good = written("good.json", row(1, 1, 1))
    (tmp_path / "bad\x1b.json").write_bytes(content)
    for args in (["--compare", good, "bad\x1b.json"], ["--compare", "bad\x1b.json", good], ["--from", "bad\x1b.json"]):
        result = quick("benchmark", *args, cwd=tmp_path)
        assert (result.code, result.stdout) == (4, "")
        assert "bad\\x1b.json" in result.error
        assert not has_escape_codes(result.stderr)


@pytest.mark.parametrize("name", ["missing.json", ".", "/dev/zero", "/dev/full"])
def test_what_is_no_file(tmp_path, name):
    result = quick("benchmark", "--from", name, cwd=tmp_path)
    assert (result.code, result.stdout) == (4, "")
    assert result.error.startswith(f"Error: {name}")


def test_a_pipe_that_nobody_writes_to(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    result = quick("benchmark", "--from", "fifo", cwd=tmp_path)
    assert result.code == 4
    assert "fifo: not a file" in result.error


# ---- wrong calls ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["everything"], "'everything' is not one of"), (["--repeats", "0"], "--repeats"),
        (["--threads", "0"], "--threads"), (["--threads", "257"], "--threads"), (["--batch-size", "0"], "--batch-size"),
        (["--compare", "a"], "requires 2 arguments"), (["--compare", "a", "b", "kernels"], "so a PART has no meaning"),
        (["--compare", "a", "b", "--quick"], "so --quick has no meaning"),
        (["--compare", "a", "b", "--from", "c"], "so --from has no meaning"),
        (["--compare", "a", "b", "--chart", "c.svg"], "so --chart has no meaning"),
        (["--from", "a", "--out", "b"], "so --out has no meaning"),
        (["--from", "a", "--threads", "1"], "so --threads has no meaning"),
        (["--chart", "r.png"], "must end in .svg"), (["--chart", "taken.svg"], "is not an SVG of lenet5"),
        (["--out", "taken.svg"], "is not a result of lenet5 benchmark"), (["--out", "."], "is a directory"),
        (["--out", "r.svg", "--chart", "r.svg"], "the same file"),
        (["kernels", "--chart", "r.svg"], "name one of them"), (["startup", "--peers"], "name one of them"),
    ],
)  # fmt: skip
def test_a_wrong_call(tmp_path, args, says):
    (tmp_path / "taken.svg").write_text("mine")
    result = quick("benchmark", *args, cwd=tmp_path)
    assert (result.code, result.stdout) == (2, "")
    assert says in result.error
    assert [path.name for path in tmp_path.iterdir()] == ["taken.svg"]


def test_wrong_threads_in_the_environment(tmp_path):
    result = quick("benchmark", "kernels", cwd=tmp_path, LENET5_THREADS="many")
    assert (result.code, result.stdout) == (2, "")
    assert "LENET5_THREADS" in result.error


def test_a_folder_that_is_missing_is_said_before_the_work(tmp_path):
    result = quick("benchmark", "kernels", "--out", "none/r.json", cwd=tmp_path)
    assert (result.code, result.stdout) == (1, "")
    assert "multiply-add peak" not in result.stderr
    assert "none/r.json" in result.error
