"""Benchmarks: turns, spreads, rates, documents, comparisons, charts. No test looks at how long anything takes."""

import json
import math
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from lenet5 import LeNet5, _kernels
from lenet5.benchmark import chart, compare, figures, kernels, machine, peers, prediction, scaling, suite, timing
from lenet5.datasets.synthetic import strokes
from lenet5.errors import DataError, LeNet5Error
from lenet5.nn.network import softmax

SVG = "{http://www.w3.org/2000/svg}"


def spread(median, low=None, high=None, n=5):
    return {"median": median, "min": median if low is None else low, "max": median if high is None else high, "n": n}


def document(*rows, **changes):
    where = {"processor": "A", "cores": 2, "isa": "avx2", "load_before": 0.1, "peers": {}}
    return {
        "format": "lenet5-benchmark", "version": 1, "date": "2026-01-01", "command": "lenet5 benchmark",
        "machine": where, "settings": {"data": "mnist", "threads": [1]}, "notes": [], "figures": list(rows),
    } | changes  # fmt: skip


def a_pass(numbers, contestant="lenet5", **sizes):
    sizes = {"batch_size": 64, "threads": 1, "n_pictures": 60_000} | sizes
    return figures.figure("training", "training pass", "s", numbers, contestant, **sizes)


def calls(numbers, contestant="lenet5", n=1000):
    return figures.figure("prediction", "prediction", "us/picture", numbers, contestant, threads=1, n_pictures=n)


# ---- turns ---------------------------------------------------------------------------------------------------------


def test_contestants_take_turns_after_one_call_that_is_not_counted():
    order = []
    found = timing.alternate({name: lambda name=name: order.append(name) for name in "ab"}, timing.Rounds(3, 3))
    assert order == list("ab" * 4)
    assert {name: len(seconds) for name, seconds in found.items()} == {"a": 3, "b": 3}


def test_turns_end_with_the_time_but_not_before_the_least():
    assert len(timing.alternate({"a": int}, timing.Rounds(2, 50, 0.0))["a"]) == 2
    assert len(timing.alternate({"a": int}, timing.Rounds(2, 50, 60.0))["a"]) == 50


def test_everybody_rests_before_each_turn(monkeypatch):
    done = []
    monkeypatch.setattr(timing.time, "sleep", lambda seconds: done.append(seconds))
    timing.alternate({name: lambda name=name: done.append(name) for name in "ab"}, timing.Rounds(2, 2), rest=0.3)
    assert done == ["a", "b", *[0.3, "a", 0.3, "b"] * 2]


def test_a_contestant_that_fails_is_left_out_where_somebody_is_told():
    def broken():
        raise RuntimeError("no compiler")

    told = []
    found = timing.alternate({"a": int, "b": broken}, timing.Rounds(1, 1), lambda *given: told.append(given))
    assert list(found) == ["a"]
    assert [(name, str(error)) for name, error in told] == [("b", "no compiler")]
    with pytest.raises(RuntimeError, match="no compiler"):
        timing.alternate({"b": broken}, timing.Rounds(1, 1))


def test_spread():
    assert timing.spread([3.0, 1.0, 2.0], 10) == {"median": 20.0, "min": 10.0, "max": 30.0, "n": 3}
    assert timing.spread([1.0, 2.0])["median"] == 1.5
    assert timing.spread([1 / 3])["median"] == 0.333333


def test_calls_are_repeated_until_they_last():
    assert 1 <= timing.calls_lasting(1e-4, int) <= timing.MAX_CALLS
    assert timing.calls_lasting(10.0, int, most=7) == 7
    count = []
    timing.repeated(lambda: count.append(1), 5)()
    assert len(count) == 5


# ---- rates and kernels ---------------------------------------------------------------------------------------------


def test_operations_of_a_picture():
    forward, training = kernels.flops_per_picture(LeNet5().network)
    assert forward == 2 * 416_520
    assert training == 2 * (3 * 416_520 - 117_600)


def test_rates_are_nominal_operations_by_the_median_by_the_peak():
    row = figures.figure("kernels", "x", "us", spread(2.0)) | {"operations": 400_000}
    rated = figures.with_rates(row, 100.0)
    assert (rated["gflops"], rated["share_of_peak"]) == (200.0, 2.0)
    assert "gflops" not in figures.with_rates(row, 0.0)
    assert "gflops" not in figures.with_rates(row | {"median": 0.0}, 100.0)
    assert "gflops" not in figures.with_rates(figures.figure("kernels", "x", "us", spread(2.0)), 100.0)


@pytest.mark.parametrize("network", [LeNet5().network, LeNet5(activation="tanh", pool="avg").network])
def test_the_kernels_of_all_layers_with_weights(network):
    found = list(kernels.kernels(network))
    assert len({kernel.name for kernel in found}) == len(found)
    macs = {row.name: row.macs * _kernels.N_LANES for row in network.summary() if row.macs}
    dense = {"forward": 1, "input gradient": 1, "weight gradient": 1}
    expected = {"c1": {"forward": 1, "weight gradient": 1}, "c3": {"forward": 1, "both gradients": 2}}
    for layer, n in macs.items():
        parts = {kernel.part: kernel.macs for kernel in found if kernel.layer.split("+")[0] == layer}
        assert parts == {part: times * n for part, times in expected.get(layer, dense).items()}
    for kernel in found:
        kernel.loop(1)


def test_the_peak_is_a_rate():
    for threads in (1, 2):
        rates = kernels.peak_rates(threads, timing.Rounds(2, 2))
        assert len(rates) == 2
        assert all(0 < rate < 1e6 for rate in rates)


def test_numbers_of_threads():
    assert [scaling.thread_counts(n) for n in (1, 2, 3, 4, 6)] == [(1,), (1, 2), (1, 2, 3), (1, 2, 4), (1, 2, 4, 6)]


# ---- a whole run ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured():
    """All parts, as few and as small as they can be."""
    said = []
    plan = suite.BenchmarkPlan(threads=(1, 2), batch_sizes=(64,), sizes=(1, 20), repeats=1, quick=True)
    found = suite.measure(plan, strokes.draw(300, seed=1), "strokes", "lenet5 benchmark", said.append)
    return found, said


def test_a_run_has_every_part_and_can_be_read_back(measured, tmp_path):
    found, said = measured
    assert {row["part"] for row in found["figures"]} == {"peak", *suite.PARTS}
    assert {row["contestant"] for row in found["figures"]} == {"lenet5"}
    assert all(0 <= row["min"] <= row["median"] <= row["max"] for row in found["figures"])
    assert found["settings"]["n_pictures"] == 300
    assert said[0] == "multiply-add peak"
    figures.save(tmp_path / "r.json", found)
    assert figures.load(tmp_path / "r.json") == found


def test_a_run_names_sizes_and_rates(measured):
    rows = measured[0]["figures"]
    assert {row["threads"] for row in rows if row["part"] == "peak"} == {1, 2}
    training = [row for row in rows if row["part"] == "training"]
    assert {(row["threads"], row["batch_size"], row["n_pictures"]) for row in training} == {(1, 64, 300), (2, 64, 300)}
    assert all(row["operations"] == kernels.flops_per_picture(LeNet5().network)[1] * 300 for row in training)
    assert {row["n_pictures"] for row in rows if row["part"] == "prediction"} == {1, 20}
    for row in rows:
        if row["part"] in ("training", "prediction"):
            assert math.isclose(
                row["gflops"], row["operations"] / row["median"] / figures.SECONDS[row["unit"]] / 1e9, rel_tol=1e-4
            )
    by_pictures = [row["n_pictures"] for row in rows if row["name"] == "prediction by pictures"]
    assert by_pictures == [1, 10, 100, 300]


def test_no_part_of_that_name():
    with pytest.raises(ValueError, match="no part 'x'"):
        suite.measure(suite.BenchmarkPlan(parts=("x",)), None, None, "")


def test_rounds_of_a_plan():
    plan = suite.BenchmarkPlan
    assert plan(repeats=7).rounds("kernels") == plan(repeats=7, quick=True).rounds("training")
    assert plan(repeats=7).rounds("peak") == suite.ROUNDS["peak"]
    assert plan(quick=True).rounds("startup").most == suite.QUICK_ROUNDS
    assert {plan().rounds(part) for part in ("peak", *suite.PARTS)} == set(suite.ROUNDS.values())
    assert all(rounds.least >= compare.LEAST_RUNS for rounds in suite.ROUNDS.values())


def test_the_machine_is_json():
    where = machine.describe()
    assert json.loads(json.dumps(where, allow_nan=False)) == where
    assert where["isa"] == _kernels.ISA
    assert machine.versions(("numpy", "no-such-thing")) == {"numpy": np.__version__}


@pytest.mark.parametrize(
    ("load", "cores", "busy"),
    [(0.4, 2, False), (1.9, 2, True), (5, 64, False), (30, 64, True), (None, 2, False), ("x", 2, False)],
)
def test_a_busy_machine(load, cores, busy):
    assert machine.is_busy({"load_before": load, "cores": cores}) == busy


# ---- peers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def fake_peers(monkeypatch):
    """Three peers that need nothing: one is right, one gives other answers, one cannot be used."""
    answers = suite.uncalibrated().predict_proba

    def broken(*given):
        raise RuntimeError("it has\nno wheels")

    monkeypatch.setattr(peers, "available", lambda: list(peers.NEEDS))
    monkeypatch.setattr(peers, "_torch_predict", lambda model, X, threads, compiled=False: lambda: answers(X))
    monkeypatch.setattr(peers, "_onnxruntime_predict", lambda model, X, threads: lambda: answers(X)[:, ::-1])
    monkeypatch.setattr(peers, "_openvino_predict", broken)
    monkeypatch.setattr(peers, "_torch_pass", lambda X, y, batch_size, threads, compiled=False: lambda: None)
    monkeypatch.setattr(peers, "_sklearn_pass", lambda X, y, batch_size, threads: broken)


def test_peers_beside_and_the_reason_where_one_is_left_out(fake_peers):
    plan = suite.BenchmarkPlan(("training", "prediction"), sizes=(5,), repeats=1, quick=True, peers=True)
    found = suite.measure(plan, strokes.draw(64, seed=1), "strokes", "")
    for part, names in (
        ("training", {"lenet5", "PyTorch", "PyTorch compiled"}),
        ("prediction", {"lenet5", "PyTorch", "PyTorch compiled"}),
    ):
        assert {row["contestant"] for row in found["figures"] if row["part"] == part} == names
    assert len(found["notes"]) == 3
    assert "scikit-learn MLP is left out: it has no wheels" in found["notes"]
    assert "OpenVINO is left out: it has no wheels" in found["notes"]
    assert any(note.startswith("ONNX Runtime is left out: it is not the same network") for note in found["notes"])


def test_our_own_failure_is_no_peers(fake_peers, monkeypatch):
    def broken(*given):
        raise RuntimeError("ours")

    monkeypatch.setattr(prediction.peers, "prediction_peers", lambda *given: {})
    model = suite.uncalibrated()
    monkeypatch.setattr(model, "predict_proba", broken)
    with pytest.raises(RuntimeError, match="ours"):
        prediction.measure_prediction(
            model, np.zeros((2, 1, 32, 32), np.float32), 1, timing.Rounds(1, 1), 1e-4, print
        )  # fmt: skip


@pytest.mark.parametrize("theirs", [np.full((3, 10), np.nan), np.zeros((3, 9)), np.ones((3, 10))])
def test_other_scores_are_seen(theirs):
    with pytest.raises(ValueError, match="not the same network"):
        peers._compare(theirs, np.zeros((3, 10)))
    peers._compare(np.full((3, 10), 1e-5), np.zeros((3, 10)))


def test_peers_are_looked_for_without_importing_them():
    before = set(sys.modules)
    assert set(peers.available()) <= set(peers.NEEDS)
    assert not {"torch", "onnxruntime", "openvino", "sklearn"} & (set(sys.modules) - before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_peers_that_are_installed_agree():
    if not peers.available():
        pytest.skip("no peer is installed: pip install -e '.[bench]'")
    X, y = strokes.draw(64, seed=1)
    failures = []
    found = peers.prediction_peers(suite.uncalibrated(), prediction.inputs(X), 1, lambda *given: failures.append(given))
    found |= peers.training_peers(X, y, 32, 1, lambda *given: failures.append(given))
    for function in found.values():
        function()
    assert failures == []


# ---- documents -----------------------------------------------------------------------------------------------------

GOOD = a_pass(spread(1.0))


def test_labels():
    assert figures.label(GOOD) == "training pass, batch 64, 1 thread, 60,000 images"
    assert figures.label(calls(spread(1), "PyTorch", 1)) == "prediction, 1 thread, 1 image, PyTorch"


@pytest.mark.parametrize(
    "row",
    [
        5, None, [], {}, {**GOOD, "median": None}, {**GOOD, "median": "1"}, {**GOOD, "median": True},
        {**GOOD, "max": 10**400}, {**GOOD, "min": -1}, {**GOOD, "min": 2.0}, {**GOOD, "max": 0.5}, {**GOOD, "n": 0},
        {**GOOD, "n": 1.5}, {**GOOD, "threads": "1"}, {**GOOD, "threads": 10**30}, {**GOOD, "n_pictures": -1},
        {**GOOD, "name": 5}, {**GOOD, "name": "x" * 201}, {**GOOD, "unit": None}, {**GOOD, "gflops": "fast"},
        {**GOOD, "share_of_peak": [1]}, {**GOOD, "batch_size": None},
    ],
)  # fmt: skip
def test_a_figure_that_is_none(tmp_path, row):
    (tmp_path / "r.json").write_text(json.dumps(document(GOOD | {"name": "other"}, row)))
    with pytest.raises(DataError, match="damaged result of `lenet5 benchmark`: figure 1: "):
        figures.load(tmp_path / "r.json")


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "[", "[" * 100_000, "1" * 10_000, "null", "[]", "5", '"x"', "{}", '{"format": 5}', "\x00",
        '{"format": "lenet5-benchmark", "version": 1, "machine": NaN}',
        '{"format": "lenet5-benchmark", "version": Infinity}',
        json.dumps(document(GOOD)).replace("60000", "NaN"),
        json.dumps(document(GOOD)).replace('"min": 1.0', '"min": 1e999'),
        json.dumps(document(GOOD, version=2)), json.dumps(document(GOOD, version="\x1b[31m")),
        json.dumps(document(GOOD, GOOD)), json.dumps(document(GOOD, figures={})), json.dumps(document(GOOD, machine=5)),
        json.dumps(document(GOOD, settings=[])), json.dumps(document(GOOD, date=5)),
        json.dumps(document(GOOD, command="x" * 10_001)), json.dumps(document(GOOD, figures=[0] * 10_001)),
    ],
)  # fmt: skip
def test_a_document_that_is_none(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError) as caught:
        figures.load(tmp_path / "r.json")
    assert str(caught.value).startswith(str(tmp_path / "r.json"))
    assert str(caught.value).isprintable()


def test_a_result_that_says_a_thing_twice_or_goes_deep(tmp_path):
    good = json.dumps(document(GOOD))
    for text in (
        good[:-1] + ', "date": "x"}',
        good.replace('"unit"', '"n": 3, "unit"', 1),
        good[:-1] + ', "x": ' + "[" * 33 + "]" * 33 + "}",
    ):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(DataError, match="is not JSON"):
            figures.load(tmp_path / "r.json")


def test_an_older_format_is_called_so(tmp_path):
    (tmp_path / "r.json").write_text('{"machine": {}, "passes": []}')
    with pytest.raises(DataError, match="an older format"):
        figures.load(tmp_path / "r.json")


@pytest.mark.parametrize("name", ["missing", ".", "a\0b", "/dev/zero"])
def test_what_is_no_file(tmp_path, name):
    with pytest.raises(DataError):
        figures.load(tmp_path / name)


def test_a_huge_file_is_not_read(tmp_path):
    with open(tmp_path / "r.json", "wb") as stream:
        stream.truncate(10**10)
    with pytest.raises(DataError, match="10,000,000,000 bytes"):
        figures.load(tmp_path / "r.json")


# ---- comparing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "change", "ratio"),
    [
        (spread(2, 1.9, 2.1), spread(1, 0.9, 1.1), "faster", 0.5),
        (spread(1, 0.9, 1.1), spread(2, 1.9, 2.1), "slower", 2.0),
        (spread(1, 0.9, 1.1), spread(1.2, 1.1, 1.3), "within spread", 1.2),
        (spread(1, 0.9, 1.1), spread(1, 0.9, 1.1), "within spread", 1.0),
        (spread(1, 0.5, 3), spread(2, 1.9, 2.1), "within spread", 2.0),
        (spread(1), spread(2, n=2), "too few runs", 2.0),
        (spread(0), spread(1), "slower", None),
        (spread(0), spread(0), "within spread", None),
    ],
)
def test_a_change_beyond_the_spreads(old, new, change, ratio):
    (row,) = compare.compare(document(a_pass(old)), document(a_pass(new)))["figures"]
    assert (row["change"], row["ratio"]) == (change, ratio)
    assert (row["old"], row["new"]) == (old, new)


def test_more_of_a_rate_is_faster():
    old, new = (figures.figure("peak", "peak", "GFLOP/s", spread(value), threads=1) for value in (100, 200))
    assert compare.compare(document(old), document(new))["figures"][0]["change"] == "faster"
    other = compare.compare(document(old), document(new | {"unit": "s"}))
    assert other["figures"][0]["change"] == "other unit"


def test_figures_of_one_file_only():
    found = compare.compare(
        document(a_pass(spread(1)), a_pass(spread(1), "PyTorch")),
        document(a_pass(spread(1)), a_pass(spread(1), threads=2)),
    )
    assert len(found["figures"]) == 1
    assert [row["contestant"] for row in found["only_old"]] == ["PyTorch"]
    assert [row["threads"] for row in found["only_new"]] == [2]


def test_what_else_differs_is_said():
    old, new = document(), document()
    assert compare.compare(old, new)["warnings"] == []
    new["machine"] = {**new["machine"], "processor": "B", "isa": "avx512", "load_before": 7.5}
    old["machine"] = {**old["machine"], "peers": {"torch": "2.1", "onnx": "1"}}
    new["machine"]["peers"] = {"torch": "2.2"}
    new["settings"] = {"data": "strokes", "threads": [1, 2]}
    assert compare.compare(old, new)["warnings"] == [
        "processor differs: A, then B",
        "isa differs: avx2, then avx512",
        "torch differs: 2.1, then 2.2",
        "data differs: mnist, then strokes",
        "threads differs: [1], then [1, 2]",
        "the machine was busy before the new run: load 7.5",
    ]


# ---- the chart -----------------------------------------------------------------------------------------------------


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_chart_has_every_contestant_with_its_version():
    rows = [a_pass(spread(0.5)), a_pass(spread(2.5, 2, 3), "PyTorch"), a_pass(spread(3), "PyTorch compiled"),
            a_pass(spread(0.1), "scikit-learn MLP"), a_pass(spread(0.9), batch_size=128),
            calls(spread(4)), calls(spread(12), "ONNX Runtime"), calls(spread(20), n=1),
            calls(spread(9), "OpenVINO", n=1)]  # fmt: skip
    where = document()["machine"] | {"peers": {"torch": "2.2.0+cpu", "onnxruntime": "1.17"}}
    svg = chart.draw(document(*rows, machine=where))
    found = texts(svg)
    for text in ("lenet5", "PyTorch 2.2.0", "PyTorch 2.2.0, compiled", "ONNX Runtime 1.17", "OpenVINO",
                 "0.50 s, 1 thread", "2.50 s, 1 thread", "12.0 µs, 1 thread",
                 "Training pass over 60,000 images, batch 64"):  # fmt: skip
        assert text in found
    assert not any("scikit" in text or "0.90" in text for text in found)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert "PyTorch 2.2.0 2.50 s, 1 thread" in root.find(f"{SVG}desc").text
    assert root.find(f"{SVG}title").text
    assert "prefers-color-scheme: dark" in svg


def test_every_contestant_gets_the_threads_that_suit_it_best():
    rows = [calls(spread(9)), calls(spread(5)) | {"threads": 2}, calls(spread(4), "OpenVINO"),
            calls(spread(8), "OpenVINO") | {"threads": 2}]  # fmt: skip
    ((_, found),) = chart.groups(document(*rows))
    assert [(row["contestant"], row["threads"]) for row in found] == [("OpenVINO", 1), ("lenet5", 2)]


def test_bars_are_as_long_as_their_medians_and_stay_inside():
    svg = chart.draw(document(a_pass(spread(1)), a_pass(spread(4, 3, 5), "PyTorch")))
    bars = [float(r.get("width")) for r in ElementTree.fromstring(svg).iter(f"{SVG}rect") if r.get("class") != "page"]
    assert math.isclose(bars[1], 4 * bars[0], rel_tol=0.1)
    svg = chart.draw(document(a_pass(spread(0)), a_pass(spread(1e200), "x" * 150)))
    for rect in ElementTree.fromstring(svg).iter(f"{SVG}rect"):
        assert float(rect.get("x", 0)) + float(rect.get("width")) <= chart.WIDTH


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", "\x1b[31m", "]]>", '"', "ü\ud800"])
def test_names_in_a_chart_are_text(name):
    rows = [a_pass(spread(1)), a_pass(spread(2), name)]
    svg = chart.draw(document(*rows, machine={"processor": name, "isa": name, "peers": {"torch": name}}))
    shown = "".join(c if c.isprintable() else "?" for c in name)
    assert shown in texts(svg)
    assert {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()} <= {
        "svg", "title", "desc", "style", "rect", "text", "path"
    }  # fmt: skip
    svg.encode()


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="nothing to draw"):
        chart.draw(document(figures.figure("startup", "x", "ms", spread(1))))


def test_other_programs_are_compared_with_the_plain_softmax():
    """The weights that ship have a temperature, which programs that get these weights know nothing of."""
    model, X = suite.uncalibrated(), np.zeros((3, 1, 32, 32), np.float32)
    assert model.temperature == 1
    np.testing.assert_allclose(model.predict_proba(X), softmax(model.logits(X)), rtol=1e-5)


def test_a_clock_that_stands_still(monkeypatch):
    timing.check_clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: 5.0)
    with pytest.raises(LeNet5Error, match="stands still"):
        suite.measure(suite.BenchmarkPlan(parts=("kernels",), threads=(1,)), None, None, "lenet5 benchmark")
