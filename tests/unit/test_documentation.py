"""What the pages say is so: code runs, links lead somewhere, numbers and verdicts are computed."""

import os
import re
import subprocess
import sys
from copy import deepcopy
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import ROOT, random_network, random_split
from snakemake.utils import update_config
from torch import nn

from ossum.claims import CLAIMS
from ossum.claims.check import judge
from ossum.config.registry import FIGURES, METHODS, DatasetSpec, MethodSpec
from ossum.config.schema import Config, ConfigError, parse_config
from ossum.datasets.sources import obtain
from ossum.pruning.view import TrainingView
from ossum.storage import results

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        ROOT / "ARTIFACT.md",
        ROOT / "benchmarks/README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    )
}
README, ARTIFACT = PAGES["README.md"], PAGES["ARTIFACT.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
NETWORK = (
    "dataset=cifar10/architecture=FC-1000-1000-1000/activation=tanh/distribution=uniform/seed=0"
)


def blocks(language: str, page: str = README) -> list[str]:
    """The code blocks of a page."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.S | re.M)
    return [code for found, code in fenced if found == language]


def block(language: str, containing: str) -> str:
    (found,) = [code for code in blocks(language) if containing in code]
    return found


def prose(page: str) -> str:
    """A page without code, tables, pictures and the addresses of links."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.S | re.M)
    lines = [line for line in text.splitlines() if not line.startswith(("|", "!["))]
    return LINK.sub("]", "\n".join(lines))


def n_words(text: str) -> int:
    return len(re.findall(r"\S*\w\S*", text))


def configuration(*overlays: dict) -> Config:
    """The paper's configuration with overlays, merged as Snakemake does it."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for overlay in overlays:
        update_config(values, deepcopy(overlay))
    return parse_config(values)


def overlay(name: str) -> dict:
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())


def planned(folder: Path, *arguments: str, snakefile: Path = ROOT / "Snakefile") -> str:
    """What Snakemake says that it would do in a folder. `config/` is the repository's."""
    arguments = tuple(str(ROOT / a) if a.startswith("config/") else a for a in arguments)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--cores", "2"]
    done = subprocess.run(
        [*command, "--directory", str(folder), "--dry-run", *arguments],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


# The shape of the pages


def test_the_readme_is_short_and_starts_with_a_figure_and_a_command():
    assert n_words(prose(README)) <= 900
    before_figure, after = README.split("](figures/reference/fig1.png)")
    assert n_words(before_figure) <= 100
    assert n_words(after.split("```sh")[0]) <= 45


def test_nothing_is_left_to_measure():
    left = {page: text.count("TODO") for page, text in PAGES.items() if "TODO" in text}
    assert not left


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


def anchors(page: str) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page, flags=re.S | re.M)
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, flags=re.M)}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in LINK.findall(PAGES[page]):
        if link.startswith("https://"):
            continue
        path, _, fragment = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        name = str(target.resolve().relative_to(ROOT.resolve()))
        if fragment:
            assert fragment in anchors(PAGES[name]), link


def test_every_page_is_within_reach_of_the_readme():
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        if page not in reached:
            reached.add(page)
            for link in LINK.findall(PAGES[page]):
                target = ((ROOT / page).parent / link.partition("#")[0]).resolve()
                if target.suffix == ".md" and target.exists():
                    todo.append(str(target.relative_to(ROOT.resolve())))
    assert reached == PAGES.keys()


@pytest.mark.parametrize("page", PAGES)
def test_files_and_folders_that_a_page_names_exist(page):
    named = re.findall(
        r"`((?:config|docs|rules|scripts|ossum|benchmarks|tests|profiles)/[\w./-]*)`", PAGES[page]
    )
    missing = {path for path in named if not (ROOT / path).exists()}
    # Those that the reader is to write:
    assert missing <= {"ossum/pruning/output_norm.py", "ossum/datasets/shapes.py"}


# What the README tells people to run


def commands(page: str) -> set[str]:
    """The runs of Snakemake that a page shows, without how many cores they have."""
    lines = "\n".join(blocks("sh", page)).splitlines() + re.findall(r"`(\./run [^`…]*)`", page)
    runs = [line.partition("#")[0].strip() for line in lines]
    runs = [run.removeprefix("./run snakemake ") for run in runs if "./run snakemake " in run]
    runs = [re.sub(r"--cores \d+ ?", "", run) for run in runs]
    return {run for run in runs if run and not re.search("--report|--unlock", run)}


@pytest.mark.parametrize("arguments", sorted(commands(README)))
def test_commands_plan(tmp_path, arguments):
    """In an empty folder with the reference beside it."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/reference").symlink_to(ROOT / "results/reference")
    assert re.search(r"^total +\d+", planned(tmp_path, *arguments.split()), re.M)


def test_commands_for_reviewers_name_what_there_is():
    known = {
        "figures",
        "verify",
        "readings",
        "paper",
        *(f"figures/{figure}.pdf" for figure in FIGURES),
    }
    known |= {f"results/claims/{claim}.md" for claim in CLAIMS}
    assert len(commands(ARTIFACT)) >= 5
    for arguments in commands(ARTIFACT):
        targets, _, files = arguments.partition("--configfile ")
        assert set(targets.split()) <= known
        assert all((ROOT / file).exists() for file in files.split())


def test_the_files_on_the_path_of_a_seed_are_made_by_the_rules_beside_them(tmp_path):
    (lines,) = [code.splitlines() for code in blocks("") if "results/networks/…" in code]
    path = dict(re.match(r"(\S+) +(\w+):", line).groups() for line in lines)
    assert len(path) == 7
    targets = [file.replace("…", NETWORK) for file in path]
    rows = [line.split("\t") for line in planned(tmp_path, "--summary", *targets).splitlines()]
    made_by = {row[0]: row[2] for row in rows if len(row) > 2}
    assert [made_by[target] for target in targets] == list(path.values())


def test_its_diagram_shows_rules_and_what_they_feed():
    (diagram,) = blocks("mermaid")
    shown = set(re.findall(r"\w+", diagram.partition("LR")[2]))
    text = "\n".join(file.read_text() for file in (ROOT / "rules").glob("*.smk"))
    assert shown <= set(re.findall(r"^(?:use rule \w+ as|rule) (\w+)", text, re.M))


@pytest.mark.parametrize(("name", "overlays"), [("quick", ["quick"]), ("paper", [])])
def test_it_counts_right(name, overlays):
    shown = configuration(*map(overlay, overlays)).views("fig1")
    networks = [prod(map(len, grid.networks().values())) for _, grid in shown]
    cuts = [len(grid.methods) * len(grid.sparsities) for _, grid in shown]
    (row,) = [line for line in README.splitlines() if line.startswith(f"| {name}")]
    assert f"{sum(n * c for n, c in zip(networks, cuts, strict=True)):,} subnetworks" in row
    if name == "paper":
        assert f"{sum(networks)} networks" in row


# What it tells people to write


def reading() -> dict:
    return yaml.safe_load(block("yaml", "grids:"))


def test_the_reading_to_try_is_a_grid_with_options_that_its_figure_shows():
    config = configuration(reading())
    (name,) = reading()["grids"]
    assert config.options.gradient.momentum == 0.9
    assert config.options_of(name).gradient.momentum == 0
    assert name in [view.grid for view, _ in config.views("fig1")]
    assert config.own_options(name)


def test_the_reading_to_try_plans(tmp_path):
    (tmp_path / "mine.yaml").write_text(block("yaml", "grids:"))
    said = planned(tmp_path, "figures/fig1.pdf", "--configfile", "mine.yaml")
    # Of the paper's grid the five MNIST networks, of which three get a mask without momentum.
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", said, re.M)}
    assert (counts["init"], counts["prune"], counts["evaluate"]) == (5, 8, 8)


def test_the_method_to_add_is_a_method():
    names: dict = {}
    exec(block("python", "def output_norm"), names)
    network, split = random_network(6, 7, 3), random_split()
    view = TrainingView(network, split, options=None, seed=0)
    subnetworks = names["output_norm"](network, [(7,), (2,)], view)
    assert [subnetwork.widths for subnetwork in subnetworks] == [(7,), (2,)]
    lengths = network.weights[1].norm(dim=0)
    assert subnetworks[1].kept[0].tolist() == sorted(lengths.topk(2).indices.tolist())


def test_the_registry_line_is_one():
    line = block("python", '"output-norm": MethodSpec')
    entry = eval("{" + line + "}", {"MethodSpec": MethodSpec})
    assert entry["output-norm"].function == "output_norm"
    assert entry["output-norm"].module == "ossum.pruning.output_norm"
    assert type(next(iter(METHODS.values()))) is MethodSpec


def test_the_data_set_to_add_is_one(tmp_path):
    names: dict = {}
    exec(block("python", "shapes.npz"), names)
    keys = [f"{split}_{what}" for split, what in product(("train", "test"), ("images", "labels"))]
    np.savez(tmp_path / "shapes.npz", **{key: np.zeros(3, "uint8") for key in keys})
    assert obtain("shapes", names["DATASET"], tmp_path).keys() == set(keys)
    line = block("python", '"shapes": DatasetSpec')
    entry = eval("{" + line + "}", {"DatasetSpec": DatasetSpec})
    assert entry["shapes"].module == "ossum.datasets.shapes"


def test_pruning_a_network_of_ones_own():
    code = block("python", "ossum.prune(").replace("10_000", "100")
    names = {"images": torch.rand(200, 784), "labels": torch.randint(10, (200,))}
    exec(code, names)
    assert isinstance(names["small"], nn.Sequential)
    assert names["small"][0].out_features == 25


def test_reading_all_results(tmp_path, monkeypatch):
    folder, table = tmp_path / "results/evaluations", ROOT / "results/reference/fig1.parquet"
    folder.mkdir(parents=True)
    (folder / "fig1.parquet").symlink_to(table)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(block("python", "read_results"), names)
    assert len(names["table"]) == len(results.read(table))


def test_the_module_to_use_plans(tmp_path):
    (code,) = [code for code in blocks("", PAGES["docs/extend.md"]) if "module ossum" in code]
    (tmp_path / "config.yaml").write_text("threads: 2\n")
    target = 'rule mine:\n    default_target: True\n    input: "figures/fig1.pdf"\n'
    (tmp_path / "Snakefile").write_text(code.replace('"ossum/', f'"{ROOT}/') + target)
    said = planned(tmp_path, snakefile=tmp_path / "Snakefile")
    assert re.search(r"^ossum_prune +30$", said, re.M)


# What is said of results and of the configuration


def test_verdicts_are_those_of_the_reference():
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


def values_at(values: object, key: list[str]) -> list:
    """What a configuration has under a key; "*" is any name, and lists are looked into."""
    if isinstance(values, list):
        return [found for value in values for found in values_at(value, key)]
    if not key:
        return [values]
    items = values.items() if isinstance(values, dict) else ()
    return [f for name, v in items if key[0] in ("*", name) for f in values_at(v, key[1:])]


def test_the_keys_that_change_a_reading_exist():
    page = PAGES["docs/how-we-read-the-paper.md"]
    keys = re.findall(r"`((?:options|grids|figures)\.[\w.*-]+)", page.replace(".pdf", ""))
    assert len(keys) > 20
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    assert [key for key in keys if not values_at(config, key.split("."))] == []


# Changes of the paper's configuration that docs/bad-input.md shows.
WRONG = [
    {"grids": {"deep": {"seeds": [-1]}}},
    {"threads": True},
    {"threadsx": 2},
    {"grids": {"deep": {"methods": ["osum"]}}},
    {"grids": {"deep": {"sparsities": [1.0]}}},
    {"grids": {"deep": {"sparsities": [0.5, 0.5]}}},
    {"grids": {"deep": {"architectures": ["CNN"]}}},
    {"grids": {"two-layer-narrow": {"architectures": ["FC-9-9"]}}},
    {"grids": {"deep": {"options": {"gradient": {"momentun": 0}}}}},
    {"grids": {"deep": {"train_sparsities": [0.3]}}},
    {"grids": {"deep-trained": {"trained_by": "deep"}}},
    {"figures": {"fig1": [{"grid": "two-layer-narrow", "methods": ["coreset"]}]}},
    {"figures": {"fig1": [{"grid": "two-layer-narrow", "stages": ["trained"]}]}},
    {"figures": {"fig8": [{"grid": "two-layer-narrow", "stages": ["statistics"]}]}},
    {"grids": None},
    {"device": "gpu"},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_bad_input_is_answered_as_the_page_says(change):
    rows = [line.split(" | ") for line in PAGES["docs/bad-input.md"].splitlines()]
    shown = [message for row in rows if len(row) > 1 for message in re.findall("`(.*?)`", row[1])]
    patterns = [re.escape(message).replace("…", ".*") for message in shown]
    with pytest.raises(ConfigError) as error:
        parse_config(_changed(change))
    assert any(re.search(pattern, str(error.value)) for pattern in patterns)


def _changed(change: dict) -> dict:
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    update_config(values, deepcopy(change))
    return values
