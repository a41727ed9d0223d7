"""The bench of methods: numbers against plain definitions, checks against what they look for."""

import importlib
import re
import shutil
import sys
from itertools import combinations

import pandas as pd
import pytest
import torch
from helpers import ROOT, float64, options, random_network, random_split
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.stats import ttest_1samp

from ossum.bench import __main__ as command
from ossum.bench.measure import SPARSITIES, check
from ossum.bench.method import BenchError, find_method
from ossum.bench.picture import draw_picture
from ossum.bench.table import (
    accuracy,
    difference,
    file_name,
    page,
    put_into,
    read_all,
)
from ossum.bench.watch import watched
from ossum.config.registry import METHODS
from ossum.datasets import load, prepare
from ossum.figures import style
from ossum.networks.network import Subnetwork, draw
from ossum.networks.recipe import Recipe
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.storage import results

WIDTHS = (500, 250, 125, 63, 31, 16, 8)
HEAD = """
import torch
from ossum.networks.network import Subnetwork
from ossum.pruning.scoring import top_neurons
"""
KEEP_FIRST = "return [Subnetwork((torch.arange(count),)) for (count,) in widths]"


def replaced(weights, layer=2):
    """The body of a method that keeps the first neurons, with these weights of a layer."""
    subnetwork = f"Subnetwork((torch.arange(c),), {{{layer}: {weights}}})"
    return f"return [{subnetwork} for (c,) in widths]"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    prepare("digits", folder / "digits.safetensors", folder)
    return folder


@pytest.fixture
def bench(data, tmp_path, monkeypatch):
    """The command, in a folder with digits and, as numbers that come with the code, no method."""
    (tmp_path / "data").symlink_to(data)
    reference = tmp_path / "reference"
    reference.mkdir()
    (reference / "beyond.parquet").symlink_to(ROOT / "results/reference/beyond.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "REFERENCE", reference)
    monkeypatch.setattr(command, "set_threads", lambda count: None)  # it is for the whole process
    monkeypatch.setattr(command, "draw_picture", lambda known: Figure((1, 1)))  # the rest is slow

    def run(method, *more, seeds=1):
        command.main([str(method), "--datasets", "digits", "--seeds", str(seeds), *more])

    return run


def written(folder, body, name="mine"):
    """A file with a method of that body."""
    lines = "\n    ".join(body.strip().splitlines())
    path = folder / f"{name}.py"
    path.write_text(f"{HEAD}\n\ndef {name}(network, widths, view):\n    {lines}\n")
    return path


# Numbers


def test_accuracies_are_those_of_the_pruned_networks_of_the_workflow(bench, tmp_path):
    bench("ossum", "--add", "OSSuM", seeds=2)
    rows = results.read(tmp_path / "results/bench/ossum.parquet")
    assert len(rows) == 2 * len(SPARSITIES)
    train, test = (load("data/digits.safetensors", split) for split in ("train", "test"))
    for seed in (0, 1):
        network = draw(Recipe.of("digits", "FC-1000", "tanh", "uniform", seed))
        view = TrainingView(network, train, None, seed)
        found = rows[rows["seed"] == seed].set_index("sparsity")
        for sparsity, width in zip(SPARSITIES, WIDTHS, strict=True):
            (subnetwork,) = prune_network("ossum", network, [(width,)], view)
            _, logits = float64(network, test.inputs(), subnetwork.kept)
            assert found.loc[sparsity, "correct"] == (logits.argmax(1) == test.labels).sum()
            assert list(found.loc[sparsity, "widths"]) == [width]
    facts = rows[["passes", "labels", "gradients", "reweights"]].drop_duplicates()
    assert facts.to_numpy().tolist() == [[1.0, True, False, False]]


def test_differences_are_paired_by_seed(bench, tmp_path, capsys):
    for method in ("ossum", "random", "norm"):
        bench(method, "--add", method, seeds=3)
    said = capsys.readouterr().out.split("norm on Digits")[1]
    known = read_all(tmp_path / "reference", tmp_path / "results/bench")
    own, other = (accuracy(known[name], "digits") for name in ("norm", "ossum"))
    for sparsity in SPARSITIES:
        test = ttest_1samp(own[sparsity] - other[sparsity], 0)
        half = test.confidence_interval().high - test.statistic * test._standard_error
        mean = f"{(own - other)[sparsity].mean():.1f}".replace("-", "−")
        assert f"{mean} ± {half:.1f}" in said
    (row,) = [line for line in (tmp_path / "results/bench/table.md").open() if "| norm " in line]
    means = (own - other).mean(axis=1)
    assert f"{means.mean():.1f}".replace("-", "−") in row


def test_seeds_that_only_one_of_two_methods_has_are_left_out():
    of_three = pd.DataFrame({0.5: [1.0, 2, 3]}, index=[0, 1, 2])
    assert difference(of_three, of_three.loc[1:]).index.tolist() == [1, 2]
    readout = pd.DataFrame({0.0: [5.0, 6, 7]}, index=[0, 1, 2])
    assert difference(of_three, readout)[0.5].tolist() == [-4, -4, -4]


@pytest.mark.parametrize(
    ("body", "passes", "labels", "gradients", "reweights"),
    [
        (KEEP_FIRST, 0, False, False, False),
        (f"view.class_sums\n{KEEP_FIRST}", 1, True, False, False),
        (f"view.split.inputs()\nview.split.batch(slice(0, 1437))\n{KEEP_FIRST}", 2, *[False] * 3),
        (
            f"torch.ones(1, requires_grad=True).exp().backward()\n{KEEP_FIRST}",
            0,
            False,
            True,
            False,
        ),
        (f"torch.func.grad(torch.sum)(torch.ones(2))\n{KEEP_FIRST}", 0, False, True, False),
        (
            "return [Subnetwork((torch.arange(c),), {2: torch.ones(10, c)}) for (c,) in widths]",
            0,
            False,
            False,
            True,
        ),
    ],
)
def test_what_a_method_uses_is_noted(bench, tmp_path, body, passes, labels, gradients, reweights):
    bench(written(tmp_path, body), "--add", "mine")
    row = results.read(tmp_path / "results/bench/mine.parquet").iloc[0]
    found = (row["passes"], row["labels"], row["gradients"], row["reweights"])
    assert found == (passes, labels, gradients, reweights)


def test_a_gradient_is_noted_by_whatever_name_a_file_calls_it(data, tmp_path):
    path = tmp_path / "by_name.py"
    path.write_text(
        "import torch\nfrom torch.autograd import grad\n\n"
        "def by_name(network, widths, view):\n"
        "    x = torch.ones(1, requires_grad=True)\n    return grad(x * x, x)\n"
    )
    with watched(data):
        method = find_method(str(path))
    with watched(data) as seen:
        method.prune(None, None, None)
    assert seen.gradients


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_ours_say_whether_they_use_gradients(method, data):
    """Where autograd goes backward, they say so (of gradients by hand this cannot tell)."""
    network = random_network(6, 8, 3)
    with watched(data) as seen:
        prune_network(method, network, [(4,)], TrainingView(network, random_split(), options(), 0))
    assert seen.gradients <= METHODS[method].gradients


def test_options_reach_the_method(bench, tmp_path):
    body = f"assert view.options.best_random.draws == 3\n{KEEP_FIRST}"
    bench(written(tmp_path, body), "--option", "best_random.draws=3")
    with pytest.raises(SystemExit, match=r"options\.best_random\.drows: unknown key"):
        bench("best-random", "--option", "best_random.drows=3")
    for wrong, message in [
        ("best_random", "expected KEY=VALUE"),
        ("best_random.draws=[1", r"'\[1' is no value in YAML, .*expected ',' or '\]'"),
        ("best_random={[1]: 2}", "is no value in YAML"),
        ("=3", "unknown key"),
        ("best_random=3", r"options\.best_random"),
    ]:
        with pytest.raises(SystemExit, match=f"(?s)^ossum-bench: .*{message}"):
            bench("best-random", "--option", wrong)


# Checks


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "a list of 7 Subnetworks.*returned a NoneType"),
        (f"widths = widths[1:]\n{KEEP_FIRST}", "returned a list of 6"),
        ("return [torch.arange(c) for (c,) in widths]", "as in Subnetwork"),
        ("return [Subnetwork(([0],)) for _ in widths]", "500 ascending indices.*got a list of 1"),
        ("return [Subnetwork((torch.arange(c + 1),)) for (c,) in widths]", "got 501: widths"),
        ("return [Subnetwork((torch.arange(c).flip(0),)) for (c,) in widths]", "do not ascend"),
        ("return [Subnetwork((torch.zeros(c).long(),)) for (c,) in widths]", "they repeat"),
        ("return [Subnetwork((torch.arange(c) + 501,)) for (c,) in widths]", "neurons 0 to 999"),
        (f"network.weights[0].mul_(2)\n{KEEP_FIRST}", "changed the weights"),
        (f"view.split.labels.zero_()\n{KEEP_FIRST}", "changed the labels"),
        (
            "return [Subnetwork((torch.randperm(1000)[:c].sort()[0],)) for (c,) in widths]",
            "called twice.*kept other neurons",
        ),
        (
            "return [Subnetwork((torch.arange(c),), {2: torch.ones(c, 10)}) for (c,) in widths]",
            r"float32 tensor \[10, 500\]; got a tensor torch.float32 \[500, 10\]",
        ),
        (replaced("torch.ones(10, c).double()"), r"got a tensor torch.float64 \[10, 500\]"),
        (replaced("torch.ones(10, c) / 0"), "finite float32 .*got one with NaN or infinite"),
        (replaced("torch.ones(10, c) * torch.nan"), "got one with NaN or infinite values"),
        (replaced("torch.ones(10, c, device='meta')"), "float32 .*500. on meta"),
        (replaced("[[1.0] * c] * 10"), "float32 tensor .*got a list of 10"),
        (replaced("torch.ones(10, c).requires_grad_()"), "requires gradients: detach"),
        (replaced("3e38 * torch.ones(10, c)"), "logits become infinite"),
        (replaced("torch.rand(10, c)"), "called twice.*replaced the output weights"),
        (replaced("torch.ones(c, 64)", 1), r"only output weights .*\{2: weights\}.*layer 1"),
        (replaced("torch.ones(10, c)", "'2'"), "got weights of layer '2'"),
        (
            "return [Subnetwork((torch.arange(c),), torch.ones(10, c)) for (c,) in widths]",
            "got a tensor .* instead of a dictionary",
        ),
        ("return [Subnetwork(None) for _ in widths]", "kept neurons of 1 .* of a NoneType"),
        ("return [Subnetwork(torch.arange(c)) for (c,) in widths]", "a Subnetwork of a tensor"),
        (
            "return [Subnetwork((torch.arange(c) / 1,)) for (c,) in widths]",
            r"500 ascending indices \(int64\).*got a tensor torch.float32 \[500\]",
        ),
        ("return [Subnetwork((torch.arange(c).int(),)) for (c,) in widths]", "got .*torch.int32"),
        ("yield from [Subnetwork((torch.arange(c),)) for (c,) in widths]", "a generator"),
        ("return view.nothing", "it raised AttributeError: .*nothing"),
        ("raise SystemExit('done')", "it raised SystemExit: done"),
        (f"network.weights[1].requires_grad_()\n{KEEP_FIRST}", "require gradients: take a copy"),
        (f"torch.set_default_dtype(torch.float64)\n{KEEP_FIRST}", "changed torch's default dtype"),
        (
            f"import ossum.datasets as d\nd.load('data/digits.safetensors', 'test')\n{KEEP_FIRST}",
            "opened data/digits.safetensors",
        ),
        (f"open('data/digits.safetensors', 'rb').close()\n{KEEP_FIRST}", "opened data/digits"),
        (
            f"import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 0.1)\n"
            f"except OSError:\n    pass\n{KEEP_FIRST}",
            "opened a connection to .*127.0.0.1",
        ),
    ],
)
def test_what_a_method_must_not_do_is_refused(bench, tmp_path, body, message):
    with pytest.raises(SystemExit, match=f"(?s)^ossum-bench: mine on digits, seed 0: .*{message}"):
        bench(written(tmp_path, body), "--add", "mine")
    assert not (tmp_path / "results").exists()


def test_rounding_may_exchange_few_neurons(bench, tmp_path):
    """One of 993, but not ten."""
    body = "view.seen = network.__dict__.setdefault('seen', [])\nview.seen.append(0)\n"
    body += "def kept(c):\n    shift = {} if len(view.seen) > 1 and c == 500 else 0\n"
    body += "    return (torch.arange(c) + shift,)\n"
    body += "return [Subnetwork(kept(c)) for (c,) in widths]"
    bench(written(tmp_path, body.format(1), "rounds"))
    with pytest.raises(SystemExit, match="10 of 993 differ"):
        bench(written(tmp_path, body.format(10), "changes"))


def test_rounding_may_change_weights_a_little(bench, tmp_path):
    body = "calls = network.__dict__.setdefault('calls', [])\ncalls.append(0)\n"
    close, far = "(1 + 1e-4 * len(calls))", "(1 + len(calls))"
    bench(written(tmp_path, body + replaced(f"torch.ones(10, c) * {close}"), "rounds"))
    with pytest.raises(SystemExit, match="replaced the output weights of 500 neurons by others"):
        bench(written(tmp_path, body + replaced(f"torch.ones(10, c) * {far}"), "changes"))
    once = "{2: torch.ones(10, c)} if len(calls) == 1 else {}"
    body += f"return [Subnetwork((torch.arange(c),), {once}) for (c,) in widths]"
    with pytest.raises(SystemExit, match="replaced the output weights of 500 neurons by others"):
        bench(written(tmp_path, body, "once"))


def test_masks_of_a_method_are_not_looked_at(bench, tmp_path):
    """They are for the workflow: here they would only cost time, or be wrong."""
    body = "return [Subnetwork((torch.arange(c),), mask=(torch.ones(3),)) for (c,) in widths]"
    bench(written(tmp_path, body))


def test_where_a_method_raised_is_shown(bench, tmp_path, capsys):
    with pytest.raises(SystemExit, match="it raised ZeroDivisionError: division by zero"):
        bench(written(tmp_path, "one = 1\none / 0"))
    assert f'File "{tmp_path}/mine.py", line 9, in mine' in capsys.readouterr().err


def test_test_data_are_not_in_memory_while_a_method_runs(bench, tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(
        "ossum.bench.measure.load", lambda path, split: order.append(split) or load(path, split)
    )
    body = f"import builtins\nbuiltins.order_of_calls.append('method')\n{KEEP_FIRST}"
    monkeypatch.setattr("builtins.order_of_calls", order, raising=False)
    bench(written(tmp_path, body), seeds=2)
    assert order == ["train", "method", "method", "method", "test"]


def test_networks_of_another_torch_are_refused(bench, tmp_path):
    bench("ossum", "--add", "OSSuM")
    path = tmp_path / "results/bench/ossum.parquet"
    results.write(results.read(path).assign(network="0" * 64), path, schema=results.BENCH)
    with pytest.raises(SystemExit, match="draws other weights from seed 0"):
        bench("norm")


def test_what_cannot_be_asked_for_is_refused_before_anything_is_computed(bench, tmp_path, capsys):
    for wrong, message in [
        (["--seeds", "0"], "'0' is not a number of at least 1"),
        (["--threads", "two"], "'two' is not a number of at least 1"),
        (["--reference"], "--reference needs --add NAME"),
        (["--seeds", "5-"], "'5-' is not a range of seeds, as in 5-9"),
        (["--seeds", "5-3"], "'5-3' is not a range of seeds"),
        (["--tables"], "name a method, or give --tables without one"),
        (["--add", "random"], "take another name"),
        (["--add", ""], "a name needs a letter or a digit"),
        (["--add", "!!!"], "--add '!!!': a name needs a letter or a digit"),
        (["--add", "a | b"], "one line of at most 60 characters, without |"),
        (["--add", "a\nb"], "one line of at most 60 characters"),
        (["--add", "a" * 61], "one line of at most 60 characters"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            bench("ossum", *wrong)
        assert message in capsys.readouterr().err
    for arguments in ([], ["--tables", "--add", "mine"]):
        with pytest.raises(SystemExit, match="2"):
            command.main(arguments)
    (tmp_path / "data").unlink()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/digits.safetensors").write_bytes(b"nothing")
    with pytest.raises(SystemExit, match=r"^ossum-bench: data/digits\.safetensors is not the prep"):
        bench("ossum")


def test_a_deep_subnetwork_has_a_tensor_for_each_layer():
    network = random_network(6, 5, 4, 3)
    kept = (torch.tensor([0, 4]), torch.tensor([1]))
    check([Subnetwork(kept)], network, [(2, 1)])
    with pytest.raises(BenchError, match=r"kept neurons of 2 hidden layer\(s\)"):
        check([Subnetwork(kept[:1])], network, [(2, 1)])


# Files


def test_a_method_is_found_by_its_name_or_as_the_only_one(tmp_path):
    path = tmp_path / "two.py"
    path.write_text(
        "def one(network, widths, view):\n    return 1\n\ndef helper(x):\n    return x\n"
    )
    assert find_method(str(path)).prune(0, 0, 0) == 1
    path.write_text(path.read_text() + "def other(network, widths, view):\n    return 2\n")
    with pytest.raises(BenchError, match=r"has 2 functions.*as in .*two\.py:one"):
        find_method(str(path))
    assert find_method(f"{path}:other").prune(0, 0, 0) == 2
    with pytest.raises(BenchError, match=r"helper in .* must take \(network, widths, view\)"):
        find_method(f"{path}:helper")
    with pytest.raises(BenchError, match="has no function nobody"):
        find_method(f"{path}:nobody")
    path.write_text(path.read_text() + "def two(network, widths, view, more=3):\n    return more\n")
    assert find_method(str(path)).prune(0, 0, 0) == 3
    path.write_text("x = 1\n")
    with pytest.raises(BenchError, match="has no functions of three arguments"):
        find_method(str(path))
    path.write_text("import no_such_module\n")
    with pytest.raises(BenchError, match=r"two\.py cannot be imported: ModuleNotFoundError"):
        find_method(str(path))
    path.write_text("def two(:\n")
    with pytest.raises(BenchError, match=r"two\.py cannot be imported: SyntaxError"):
        find_method(str(path))
    path.write_text("from math import hypot as norm\nfrom builtins import max as most\n")
    with pytest.raises(BenchError, match=r"most in .* must take \(network, widths, view\)"):
        find_method(f"{path}:most")
    path.write_text("def two(network, widths):\n    return []\n")
    with pytest.raises(BenchError, match=r"two in .* must take \(network, widths, view\)"):
        find_method(str(path))
    with pytest.raises(BenchError, match=r"did you mean 'ossum'.*of yours is a file"):
        find_method("osum")
    with pytest.raises(BenchError, match=r"there is no file osum\.py"):
        find_method("osum.py")


def test_files_beside_a_method_can_be_imported_but_hide_nothing(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    (tmp_path / "colorsys.py").write_text("raise RuntimeError\n")
    (tmp_path / "beside_a_method.py").write_text("two = 2\n")
    path = tmp_path / "method.py"
    path.write_text("from beside_a_method import two\ndef method(a, b, c):\n    return two\n")
    assert find_method(str(path)).prune(0, 0, 0) == 2
    importlib.import_module("colorsys")


def test_a_method_that_is_added_again_takes_its_own_place(bench, tmp_path):
    for method in ("random", "norm"):
        bench(method, "--add", "My method, β = 2")
    table = (tmp_path / "results/bench/table.md").read_text()
    assert file_name("My method, β = 2") == "my-method-β-2.parquet"
    assert table.count("| My method, β = 2 ") == 1
    bench("norm", "--add", "a/b")
    assert (tmp_path / "results/bench/a-b.parquet").exists()


def test_no_name_hides_another(bench, tmp_path, capsys):
    shipped = tmp_path / "reference/bench/signed-snip.parquet"
    shipped.parent.mkdir()
    shipped.symlink_to(ROOT / "results/reference/bench/signed-snip.parquet")
    bench("norm", "--add", "My norm")
    for name, message in [
        ("signed SNIP!", "the numbers that come with the code have a method of this name"),
        ("my norm", "my-norm.parquet has the numbers of 'My norm': take another name, or delete"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            bench("norm", "--add", name)
        assert message in capsys.readouterr().err


def test_numbers_of_other_networks_stay_while_the_method_stays_the_same(bench, tmp_path, capsys):
    def seeds():
        rows = results.read(tmp_path / "results/bench/mine.parquet")
        return sorted(rows["seed"].unique())

    path = written(tmp_path, KEEP_FIRST)
    bench(path, "--add", "mine", seeds=2)
    bench(path, "--add", "mine", seeds="3-4")
    bench(path, "--add", "mine", seeds="4-4")
    assert seeds() == [0, 1, 3, 4]
    bench(path, "--add", "mine", "--option", "best_random.draws=3", seeds="5-5")
    assert seeds() == [5]
    assert "earlier numbers of mine are gone; changed: options\n" in capsys.readouterr().out
    path.write_text(f"{path.read_text()}\n# another one\n")
    bench(path, "--add", "mine", "--option", "best_random.draws=3", seeds="6-6")
    assert seeds() == [6]
    assert "are gone; changed: file\n" in capsys.readouterr().out


def test_a_run_that_is_stopped_leaves_what_was_there(bench, tmp_path, monkeypatch):
    bench("norm", "--add", "mine")
    before = {path: path.read_bytes() for path in (tmp_path / "results/bench").iterdir()}

    def stop(*_):
        raise KeyboardInterrupt

    for place in ("bench", "page"):
        monkeypatch.setattr(command, place, stop)
    with pytest.raises(SystemExit, match="stopped, and nothing of this run was kept"):
        bench("norm", "--add", "mine", seeds=2)
    assert {path: path.read_bytes() for path in (tmp_path / "results/bench").iterdir()} == before


def test_tables_are_made_anew_from_what_is_there(bench, tmp_path, capsys):
    for name in ("one", "two"):
        bench("norm", "--add", name)
    assert "FC-1000, 1 seed\n" in capsys.readouterr().out
    (tmp_path / "results/bench/one.parquet").unlink()
    command.main(["--tables"])
    table = (tmp_path / "results/bench/table.md").read_text()
    assert table.startswith("![Accuracy against passes](table.png)\n")
    assert "| two " in table and "| one " not in table


def test_what_is_no_table_of_the_bench_is_refused(bench, tmp_path):
    folder = tmp_path / "results/bench"
    folder.mkdir(parents=True)
    (folder / "mine.parquet").write_bytes(b"nothing")
    with pytest.raises(SystemExit, match=r"^ossum-bench: results/bench/mine\.parquet is damaged"):
        bench("norm", "--add", "mine")
    (folder / "mine.parquet").unlink()
    (folder / "mine.parquet").symlink_to(ROOT / "results/reference/fig1.parquet")
    with pytest.raises(SystemExit, match=r"mine\.parquet has no numbers of ossum-bench"):
        bench("norm")
    shutil.rmtree(folder)
    folder.write_text("")
    with pytest.raises(SystemExit, match="results/bench is a file where a folder has to be"):
        bench("norm", "--add", "mine")


def test_a_data_set_that_is_named_twice_counts_once(bench, tmp_path):
    bench("norm", "--datasets", "digits", "digits", "--add", "mine")
    assert len(results.read(tmp_path / "results/bench/mine.parquet")) == len(SPARSITIES)


def test_tables_are_put_where_a_page_has_them():
    text = (ROOT / "docs/bench.md").read_text(encoding="utf-8")
    assert put_into(put_into(text, "other\n"), "one\n").count("one\n\n<!--") == 1
    with pytest.raises(ValueError, match="has no line"):
        put_into("# Title", "one")


# What comes with the code


def test_the_page_shows_what_comes_with_the_code():
    """If it fails: ./run ossum-bench ossum --add OSSuM --reference makes it anew."""
    text = (ROOT / "docs/bench.md").read_text(encoding="utf-8")
    assert text == put_into(text, page(read_all(ROOT / "results/reference")))


def test_the_page_says_how_each_of_its_methods_was_run():
    text = (ROOT / "docs/bench.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| ([^|]+) \| `([a-z-]+)((?: [\w.]+=\S+)*)` \|", text, re.M)
    said = {name: [method, options.strip()] for name, method, options in said}
    for path in (ROOT / "results/reference/bench").glob("*.parquet"):
        facts = results.read_metadata(path)
        (name,) = results.read(path)["method"].unique()
        assert [facts["method"], facts["options"]] == said.pop(name)
        assert path.name == file_name(name)
    assert not said


def test_the_page_names_every_option_of_the_command(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help"}
    text = (ROOT / "docs/bench.md").read_text(encoding="utf-8")
    assert {option for option in options if f"`{option}" not in text} == set()


@pytest.fixture(scope="module")
def picture():
    known = read_all(ROOT / "results/reference")
    with style.applied():
        figure = draw_picture(known)
        figure.draw_without_rendering()
    return known, figure


def test_the_picture_shows_every_method_where_it_is(picture):
    known, figure = picture
    for dataset, axes in zip(("mnist", "cifar10"), figure.axes, strict=True):
        expected = {}
        for file, rows in known.items():
            rows = rows[rows["dataset"] == dataset]
            if len(rows) and file != "readout":
                place = rows["passes"].mean(), rows["accuracy"].mean()
                expected[rows["method"].iloc[0]] = pytest.approx(place, rel=1e-3)
        assert {text.get_text(): text.xy for text in axes.texts} == expected
        drawn = [bars[0].get_xydata()[0].tolist() for bars in axes.containers]
        assert sorted(drawn) == sorted(list(text.xy) for text in axes.texts)


def test_names_in_the_picture_do_not_overlap(picture):
    _, figure = picture
    for axes in figure.axes:
        panel = axes.get_window_extent()
        assert axes.get_ylim()[0] <= 0 and min(text.get_fontsize() for text in axes.texts) >= 7
        boxes = [Text.get_window_extent(text) for text in axes.texts]
        marks = axes.transData.transform([text.xy for text in axes.texts])
        for box, text in zip(boxes, axes.texts, strict=True):
            assert panel.x0 <= box.x0 and box.x1 <= panel.x1 and panel.y0 <= box.y0
            assert not any(box.contains(*mark) for mark in marks), text
        for a, b in combinations(boxes, 2):
            assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1


def test_shipped_numbers_are_those_of_figure_1():
    """From other runs, on other processors: but for rounding."""
    figure = results.read(ROOT / "results/reference/fig1.parquet")
    known = read_all(ROOT / "results/reference")
    for dataset in ("mnist", "cifar10"):
        rows = figure[(figure["architecture"] == "FC-1000") & (figure["dataset"] == dataset)]
        for method in ("ossum", "random"):
            shown = rows[(rows["method"] == method) & (rows["sparsity"] > 0)]
            shown = 100 * shown.pivot(index="seed", columns="sparsity", values="accuracy")
            found = accuracy(known[method], dataset)
            assert len(found) == 10
            assert (found.loc[shown.index] - shown).abs().max(axis=None) < 1


def test_the_methods_of_the_page_can_be_benched(bench, tmp_path):
    text = (ROOT / "docs/bench.md").read_text(encoding="utf-8")
    codes = re.findall(r"^```python\n(.*?)^```$", text, flags=re.S | re.M)
    for code in codes:
        assert len(code.splitlines()) <= 16
        (name,) = re.findall(r"^def (\w+)\(network, widths, view\)", code, flags=re.M)
        assert f"`{name}.py`" in text
        (tmp_path / f"{name}.py").write_text(code)
        bench(tmp_path / f"{name}.py", "--add", name)
        rows = results.read(tmp_path / f"results/bench/{name}.parquet")
        assert rows["passes"].unique() == [1] and not rows["gradients"].any()
    assert len(codes) == 2


@pytest.mark.parametrize(
    ("method", "baseline"),
    [
        ("Second-order OSSuM", "OSSuM"),
        ("Second-order OSSuM", "Gradient mask"),
        ("Second-order OSSuM", "Greedy forward selection"),
        ("Second-order OSSuM", "Readout of all neurons"),
        ("Linear OSSuM", "OSSuM"),
        ("Signed SNIP", "OSSuM"),
        ("Iterative signed SNIP", "OSSuM"),
        ("Gradient mask", "OSSuM"),
        ("Gradient mask, SGD", "OSSuM"),
        ("Gradient mask", "Gradient mask, SGD"),
        ("Gradient mask, logits × 10", "Gradient mask"),
        ("Gradient mask, SGD, logits × 10", "Gradient mask, SGD"),
        ("Perturb and regress", "OSSuM"),
        ("SNIP", "Random"),
        ("Energy-based features", "Random"),
        ("Coreset", "Random"),
        ("GraSP", "Random"),
        ("OSSuM", "Readout of all neurons"),
    ],
)
def test_what_the_page_says_of_methods_is_in_its_tables(method, baseline):
    tables = read_all(ROOT / "results/reference").values()
    rows = {table["method"].iloc[0]: table for table in tables}
    said = []
    for dataset, label in (("mnist", "MNIST"), ("cifar10", "CIFAR-10")):
        one, other = (
            rows[name][rows[name]["dataset"] == dataset]
            .pivot(index="seed", columns="sparsity", values="accuracy")
            .mean(axis=1)
            for name in (method, baseline)
        )
        both = 100 * (one - other).dropna()
        if len(both):
            half = ttest_1samp(both, 0).confidence_interval().high - both.mean()
            mean = f"{both.mean():.1f}".replace("-", "−")
            said.append(f"{mean} ± {half:.1f}{'' if said else ' points'} on {label}")
    text = " ".join((ROOT / "docs/bench.md").read_text(encoding="utf-8").split())
    assert " and ".join(said) in text
