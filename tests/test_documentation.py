"""What the README shows, works."""

import re

import pytest
import torch
from helpers import ROOT, random_network, random_split, snakemake
from torch import nn

import ossum
from ossum.pruning.view import TrainingView
from ossum.registry import METHODS, MethodSpec

README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.S)


def block(containing: str) -> str:
    (found,) = [code for code in PYTHON if containing in code]
    return found


def test_the_method_to_add_is_a_method():
    names: dict = {}
    exec(block("def output_norm"), names)
    network, split = random_network(6, 7, 3), random_split()
    view = TrainingView(network, split, options=None, seed=0)
    subnetworks = names["output_norm"](network, [(7,), (2,)], view)
    assert [subnetwork.widths for subnetwork in subnetworks] == [(7,), (2,)]
    lengths = network.weights[1].norm(dim=0)
    assert subnetworks[1].kept[0].tolist() == sorted(lengths.topk(2).indices.tolist())


def test_the_registry_line_is_one():
    entry = eval("{" + block('"output-norm": MethodSpec') + "}", {"MethodSpec": MethodSpec})
    assert entry["output-norm"].function == "output_norm"
    assert type(next(iter(METHODS.values()))) is MethodSpec


def test_pruning_a_network_of_ones_own():
    code = block("ossum.prune(").replace("10_000", "100")
    names = {"images": torch.rand(200, 784), "labels": torch.randint(10, (200,))}
    exec(code, names)
    assert isinstance(names["small"], nn.Sequential)
    assert names["small"][0].out_features == 25
    assert ossum.prune is not None


def test_the_pages_and_folders_it_names_exist():
    named = re.findall(r"`((?:config|docs|rules|scripts|ossum|benchmarks|tests)/[\w./-]*)`", README)
    assert len(named) > 8
    missing = [path for path in named if not (ROOT / path).exists()]
    assert missing == ["ossum/pruning/output_norm.py"]  # the one that the reader is to write


@pytest.mark.parametrize("config", ["config/quick.yaml", "config/config.yaml"])
def test_its_commands_plan(tmp_path, config):
    assert "./run snakemake --cores 8 figures/fig1.pdf" in README
    assert "figure" in snakemake(tmp_path, "figures/fig1.pdf", "--dry-run", config=config).stdout
    cell = re.search(r"(results/evaluations/dataset=mnist\S+parquet)", README).group(1)
    assert "evaluate" in snakemake(tmp_path, cell, "--dry-run", config=config).stdout


def test_it_counts_right():
    from test_cells import config_with

    quick, paper = config_with(overlay="quick.yaml"), config_with()
    for config in (quick, paper):
        assert f"{len(config.results('fig1')):,} subnetworks" in README
