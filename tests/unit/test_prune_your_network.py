"""The examples of docs/prune-your-network.md run as they stand, with smaller data and models."""

import re
import sys
from types import SimpleNamespace

import pytest
import torch
from helpers import ROOT
from test_front_door_table import Vgg

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


def test_there_are_four_worked_examples_and_one_for_torch_pruning():
    assert len(EXAMPLES) == 5
    assert len(set(re.findall("layers=|masks=|round_to|scores\\(|sparsity=\\[", PAGE))) == 5
