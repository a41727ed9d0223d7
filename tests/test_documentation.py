"""What the README shows, works."""

import re
from itertools import product

import numpy as np
import pytest
import torch
from helpers import ROOT, random_network, random_split
from torch import nn
from workflows import snakemake

import ossum
from ossum import results
from ossum.claims import CLAIMS
from ossum.claims.check import judge
from ossum.datasets.sources import obtain
from ossum.pruning.view import TrainingView
from ossum.registry import FIGURES, METHODS, DatasetSpec, MethodSpec

README = (ROOT / "README.md").read_text()
ARTIFACT = (ROOT / "ARTIFACT.md").read_text()
ARRAYS = ("train", "test"), ("images", "labels")
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


def test_the_data_set_to_add_is_one(tmp_path):
    names: dict = {}
    exec(block("shapes.npz"), names)
    arrays = {f"{split}_{what}": np.zeros(3, "uint8") for split, what in product(*ARRAYS)}
    np.savez(tmp_path / "shapes.npz", **arrays)
    assert obtain("shapes", names["DATASET"], tmp_path).keys() == arrays.keys()
    entry = eval("{" + block('"shapes": DatasetSpec') + "}", {"DatasetSpec": DatasetSpec})
    assert entry["shapes"].module == "ossum.datasets.shapes"


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
    # Those that the reader is to write:
    assert missing == ["ossum/pruning/output_norm.py", "ossum/datasets/shapes.py"]


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


def test_its_verdicts_are_those_of_the_reference():
    reference = (ROOT / "results/reference").glob("*.parquet")
    tables = {path.stem: results.read(path) for path in reference}
    printed = dict(re.findall(r"\| `([a-z-]+)` \| \*\*([a-z ]+)\*\*", README))
    papers = [claim for claim in CLAIMS.values() if not claim.ours]
    assert printed == {claim.id: judge(claim, tables).verdict for claim in papers}


def test_the_path_for_reviewers_names_every_claim_and_figure():
    for claim in CLAIMS:
        assert f"`{claim}`" in ARTIFACT
    for figure in FIGURES:
        assert f"`figures/{figure}.pdf`" in ARTIFACT
    for page in re.findall(r"\]\(((?:docs|[A-Z])[\w/.-]*)", ARTIFACT + README):
        assert (ROOT / page).exists()
