"""The examples of docs/prune-your-network.md run as they stand, with smaller data and models."""

import re
import sys
from types import SimpleNamespace

import pytest
import torch
from helpers import ROOT, options
from test_front_door_table import Vgg
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import ossum
from ossum.config.registry import METHODS
from ossum.front_door.examples import Streamed
from ossum.pruning.view import TrainingView

PAGE = (ROOT / "docs/prune-your-network.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^## (.*?)$.*?^```python\n(.*?)^```", PAGE, flags=re.S | re.M)
SMALLER = {"10_000": "40", "1000": "30", "512": "24"}


@pytest.fixture(scope="module")
def names():
    """What the page says that there is. It is read from top to bottom, so examples share names."""
    torch.manual_seed(0)
    images, labels = torch.randn(200, 784), torch.arange(200) % 10
    images[torch.arange(200), labels] += 5  # so that there is something to learn
    pictures = torch.randn(200, 3, 32, 32)
    return {"images": images, "labels": labels, "pictures": pictures, "test": (images, labels)}


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_runs(title, code, names, monkeypatch, capsys):
    if "torch_pruning" in code:
        pytest.importorskip("torch_pruning")
    vgg11 = SimpleNamespace(vgg11=lambda num_classes: Vgg())
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=vgg11))
    if "vgg11" in code:
        names["labels"] = names["labels"] % 4
    for large, small in SMALLER.items():
        code = re.sub(rf"\b{large}\b", small, code)
    exec(compile(code, title, "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == code.count("print(") + 2 * ("[0.5, 0.75, 0.9]" in code) + (
        "for name" in code
    )
    if "small" in names:
        assert sum(p.numel() for p in names["small"].parameters()) < 10**5


@pytest.fixture
def held(monkeypatch):
    """How often data were read into memory."""
    held, hold, cache = [], Streamed._hold, TrainingView.activation_reader
    monkeypatch.setattr(Streamed, "_hold", lambda self: held.append(1) or hold(self))
    monkeypatch.setattr(
        TrainingView, "activation_reader", lambda self, n: held.append(1) or cache(self, n)
    )
    return held


def test_the_table_of_methods_is_right(held):
    """Every method is in it, with what it needs and how it reads data."""
    rows = re.findall(r"^\| (`[^|]*`) \| (1|any) \| ([^|]*) \| ([^|]*) \|", PAGE, flags=re.M)
    data = torch.randn(60, 12, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 4
    found = {}
    for names, layers, need, reads in rows:
        for method in re.findall("`(.*?)`", names):
            found[method] = METHODS[method]
            assert (METHODS[method].max_hidden_layers == 1) == (layers == "1")
            assert METHODS[method].gradients == ("gradients" in need)
            hidden = [
                n for _ in range(1 if layers == "1" else 3) for n in (nn.Linear(9, 9), nn.ReLU())
            ]
            model = nn.Sequential(nn.Linear(12, 9), *hidden[1:], nn.Linear(9, 4))
            held.clear()
            given = None if reads == "never" else DataLoader(TensorDataset(*data), 9)
            request = {"sparsity": 0.5, "method": method, "options": options()}
            passes = ossum.report(ossum.prune(model, given, **request)).passes
            assert bool(held) == (reads == "into memory")
            if not held:
                assert passes == {"never": 0, "once": 1, "once for each hidden layer": 3}[reads]
    assert found == {method: spec for method, spec in METHODS.items() if not spec.builds}


def test_there_are_four_worked_examples_and_one_for_torch_pruning():
    assert len(EXAMPLES) == 5
    assert len(set(re.findall("layers=|masks=|round_to|scores\\(|sparsity=\\[", PAGE))) == 5
