"""The bench of methods: numbers against plain definitions, checks against what they look for."""

import re

import pandas as pd
import pytest
import torch
from helpers import ROOT, float64, options, random_network, random_split
from scipy.stats import ttest_1samp

from ossum.bench import __main__ as command
from ossum.bench.measure import SPARSITIES, check
from ossum.bench.method import BenchError, find_method
from ossum.bench.table import (
    accuracy,
    difference,
    file_name,
    page,
    put_into,
    ranking,
    read_all,
)
from ossum.bench.watch import watched
from ossum.config.registry import METHODS
from ossum.datasets import load, prepare
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
    with pytest.raises(SystemExit, match="expected KEY=VALUE"):
        bench("best-random", "--option", "best_random")


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
            r"layer 2 must be \[10, 500\], got \[500, 10\]",
        ),
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
    with pytest.raises(SystemExit, match=f"(?s)^ossum-bench: .*{message}"):
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
        (["--add", "random"], "take another name"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            bench("ossum", *wrong)
        assert message in capsys.readouterr().err
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
    path.write_text("def two(network, widths):\n    return []\n")
    with pytest.raises(BenchError, match=r"two in .* must take \(network, widths, view\)"):
        find_method(str(path))
    with pytest.raises(BenchError, match=r"did you mean 'ossum'.*of yours is a file"):
        find_method("osum")
    with pytest.raises(BenchError, match=r"there is no file osum\.py"):
        find_method("osum.py")


def test_a_method_that_is_added_again_takes_its_own_place(bench, tmp_path):
    for method in ("random", "norm"):
        bench(method, "--add", "My method, β = 2")
    table = (tmp_path / "results/bench/table.md").read_text()
    assert file_name("My method, β = 2") == "my-method-β-2.parquet"
    assert table.count("| My method, β = 2 ") == 1


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
        ("Signed SNIP", "OSSuM"),
        ("Iterative signed SNIP", "OSSuM"),
        ("Gradient mask", "OSSuM"),
        ("SNIP", "Random"),
        ("GraSP", "Random"),
        ("OSSuM", "Readout"),
    ],
)
def test_what_the_page_says_of_methods_is_in_its_tables(method, baseline):
    known = read_all(ROOT / "results/reference")
    mnist, cifar10 = (
        ranking(known, dataset).set_index("method").loc[method, f"− {baseline}"]
        for dataset in ("mnist", "cifar10")
    )
    text = " ".join((ROOT / "docs/bench.md").read_text(encoding="utf-8").split())
    assert f"{mnist} points on MNIST and {cifar10} on CIFAR-10" in text
