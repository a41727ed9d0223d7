"""What another seed, grid, option or line of code makes anew, and what it leaves as it is."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from workflows import (
    DEEP,
    SHALLOW,
    SMALL,
    TARGETS,
    VIEWS,
    configure,
    content,
    copy_of_workflow,
    done,
    plan,
    refused,
    snakemake,
)

from ossum.figures import DRAWINGS
from ossum.storage import results

READING = {"gradient": {"momentum": 0}}
EXTENDED = {
    "grids": {
        "shallow": {"seeds": [0, 1]},
        "no-momentum": {
            "datasets": ["digits"],
            "architectures": ["FC-12"],
            "methods": ["gradient"],
            "sparsities": [0.5],
            "seeds": [0],
            "options": READING,
        },
    },
    "figures": {
        "fig1": [
            {"grid": "shallow", "seeds": [0]},
            {"grid": "shallow", "seeds": [1], "sparsities": [0.5]},
            {"grid": "no-momentum"},
        ]
    },
}
# Limits that a user sets for one rule, and more processors than there are.
LIMITS = ["--cores", "64", "--set-threads", "evaluate=64", "--set-resources", "prune:mem_mb=1000"]


@pytest.fixture(scope="module")
def extended(finished, tmp_path_factory) -> Path:
    """The finished run, and then run again with one more seed and one more grid."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("runs") / "extended")
    configure(folder / "config.yaml", EXTENDED)
    (folder / "run.log").write_text(snakemake(folder, "figures/fig1.pdf", *LIMITS))
    return folder


def test_another_seed_and_another_grid_compute_only_what_is_new(finished, extended):
    jobs = done((extended / "run.log").read_text())
    assert jobs == {"init": 1, "prune": 2, "evaluate": 2, "table": 1, "figure": 1}
    for path in finished.glob("results/[!bt]*/**/*.*"):  # byte for byte: times are inside
        assert path.read_bytes() == (extended / path.relative_to(finished)).read_bytes()
    assert plan(extended, "figures/fig1.pdf") == {}


def test_a_reading_of_the_paper_is_shown_beside_the_other(extended):
    """The same method of the same network under two names, told apart by a column."""
    table = results.read(extended / "results/tables/fig1.parquet")
    assert set(zip(table["seed"], table["sparsity"], strict=True)) == {(0, 0), (0, 0.5), (1, 0.5)}
    rows = table.query("method == 'gradient' and sparsity == 0.5 and seed == 0").set_index("grid")
    assert rows["options"]["shallow"] == ""
    assert json.loads(rows["options"]["no-momentum"]) == READING
    assert rows["loss"].nunique() == 2
    (legend,) = DRAWINGS["fig1"](table).legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert len([label for label in labels if "Gradient mask" in label]) == 2, labels
    assert "momentum" in (extended / "figures/fig1.html").read_text()


def test_limits_of_a_rule_are_those_that_the_user_sets(extended):
    """Memory that is too small for activations means that they are computed again."""
    log = (extended / f"logs/prune/no-momentum/{SHALLOW}.log").read_text()
    assert "activations do not fit in 1000 MiB: recomputing them" in log
    path = extended / f"results/evaluations/pruned/no-momentum/{SHALLOW}.parquet"
    processors = len(os.sched_getaffinity(0))
    assert results.read_metadata(path)["threads"] == str(min(64, processors))


PRUNED_AGAIN = {"prune": 1, "evaluate": 1, "statistics": 1, "readout": 1, "cost": 1}


@pytest.mark.parametrize(
    ("options", "jobs"),
    [
        (
            {"gradient": {"momentum": 0.5}},
            PRUNED_AGAIN | {"table": 5, "figure": 1, "claims": 1},
        ),
        (
            {"training": {"train": {"schedule": {"digits": [[0.002, 3]]}}}},
            {"train": 1, "train_unscaled": 1, "evaluate_trained": 2, "table": 4, "claims": 1},
        ),
        # Of another method, of an optimizer that is not used, of a data set that is not used.
        (
            {
                "coreset": {"beta": "one"},
                "training": {"momentum": 0.5, "train": {"schedule": {"mnist": [[0.1, 1]]}}},
            },
            {},
        ),
    ],
    ids=["gradient", "training", "others"],
)
def test_a_changed_option_reaches_what_depends_on_it(copy, options, jobs):
    configure(copy / "config.yaml", {"options": options})
    assert plan(copy, *TARGETS) == jobs


def test_more_can_be_done_with_trained_networks_later(copy):
    """They are not trained again, and what is fine-tuned stays."""
    more = {
        "layered-trained": {"train_sparsities": [0, 0.5]},
        "third": SMALL["grids"]["pruned-again"] | {"methods": ["coreset"]},
    }
    configure(copy / "config.yaml", {"grids": more, "figures": {"fig4": [
        *VIEWS["fig4"], {"grid": "third"}]}})  # fmt: skip
    assert plan(copy, "results/tables/fig4.parquet") == {
        "prune": 1, "evaluate": 1, "finetune": 1, "evaluate_trained": 1, "table": 1
    }  # fmt: skip


def test_another_precision_reaches_all_that_is_computed(copy):
    configure(copy / "config.yaml", {"precision": "bfloat16"})
    untouched = {"dataset", "init"}
    ran = done((copy / "run.log").read_text())
    assert plan(copy, *TARGETS) == {rule: n for rule, n in ran.items() if rule not in untouched}


def test_code_that_is_explained_or_moved_makes_nothing_stale(copy, tmp_path_factory):
    snakefile = copy_of_workflow(tmp_path_factory.mktemp("moved"))
    package = snakefile.parent / "ossum"
    network = package / "networks/network.py"
    network.write_text(f"# Explained.\n{network.read_text()}\n\n# At length.\n")
    (package / "training/rescaling.py").rename(package / "networks/rescaling.py")
    script = snakefile.parent / "scripts/train.py"
    text = script.read_text()
    assert "ossum.training.rescaling" in text
    script.write_text(text.replace("ossum.training.rescaling", "ossum.networks.rescaling"))
    assert plan(copy, *TARGETS, snakefile=snakefile) == {}


def test_changed_code_reaches_what_depends_on_it(copy, tmp_path_factory):
    """Of a method: the grid that has it. Of the search: the search."""
    snakefile = copy_of_workflow(tmp_path_factory.mktemp("changed"))
    for module in ("pruning/gradient.py", "analysis/search.py"):
        path = snakefile.parent / "ossum" / module
        path.write_text(f"{path.read_text()}\n\nMORE = 1\n")
    jobs = plan(copy, *TARGETS, snakefile=snakefile)
    assert jobs == PRUNED_AGAIN | {"search": 1, "table": 5, "figure": 1, "claims": 1}


def test_training_that_diverges_is_a_row_or_for_whole_networks_an_error(copy):
    wild = {"schedule": {"digits": [[1e38, 3]]}}
    training = {"training": {"train": wild, "train_network_deep": wild}}
    configure(copy / "config.yaml", {"options": training})
    tables = [f"results/tables/{name}.parquet" for name in ("fig3", "fig4")]
    before = content(copy)
    said = refused(copy, *tables, "--keep-going")
    assert said.count("FloatingPointError: training diverged: lower the learning rate") == 1
    assert re.search(r"Error in rule train_network:.* log: logs/train_network/layered-", said)
    log = (copy / f"logs/train_network/layered-trained/{DEEP}.log").read_text()
    assert "Traceback" in log and log.endswith("training diverged: lower the learning rate\n")
    table = results.read(copy / tables[0])
    trained = table[table["stage"] == "trained"]
    assert len(trained) == 2 and trained["diverged"].all()
    assert trained[["correct", "accuracy", "loss"]].isna().all(axis=None)
    assert content(copy)["tables/fig4.parquet"] == before["tables/fig4.parquet"]


def test_a_locale_changes_nothing(copy, monkeypatch):
    """Only what is asked for is made, in the locale C without Python's UTF-8 mode, where text files
    and the terminal would be ASCII; and nothing fails."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONUTF8", "0")
    said = snakemake(copy, *TARGETS, "--forcerun", "claims")
    assert done(said) == {"claims": 1}
    assert "−" in (copy / "results/claims.md").read_text(encoding="utf-8")
    assert "No claim is judged" in said
