"""A finished run, looked at: every stage once, and how the stages fit together."""

import shutil

import pandas as pd
import pytest
import torch
from workflows import (
    DEEP,
    SHALLOW,
    TARGETS,
    VIEWS,
    configure,
    copy_of_workflow,
    done,
    plan,
    refused,
    snakemake,
)

from ossum.claims import CLAIMS
from ossum.config.registry import STAGES
from ossum.datasets import load
from ossum.figures import draw
from ossum.networks.network import draw as draw_network
from ossum.networks.network import subnetwork_from_tensors
from ossum.networks.recipe import Recipe
from ossum.storage import results, tensors
from ossum.training.rescaling import rescaled

MEASURED = ["method", "correct", "total", "accuracy", "loss", "diverged"]


def evaluations(folder, stage, grid):
    """Of the deep network at sparsity 0.5."""
    table = results.read(folder / f"results/evaluations/{stage}/{grid}")
    return table[table["sparsity"] == 0.5]


def curves(folder, stage, grid, epoch):
    table = results.read(folder / f"results/{stage}/{grid}")
    return table[table["epoch"] == (table["epoch"].max() if epoch == "last" else epoch)]


def assert_same(table, other):
    """Up to rounding: one is of an ensemble, the other of networks one by one."""
    a, b = (t[MEASURED].reset_index(drop=True) for t in (table, other))
    assert len(a) and (a["total"] == 360).all()
    assert (a["correct"] - b["correct"]).abs().max() <= 1
    same = ["method", "total", "loss", "diverged"]
    pd.testing.assert_frame_equal(a[same], b[same], rtol=1e-4, check_dtype=False)


def test_every_job_runs_once_and_leaves_a_log_and_a_benchmark(finished):
    jobs = done((finished / "run.log").read_text())
    assert jobs == {
        **{"dataset": 1, "init": 2, "train_network": 1, "prune": 4, "evaluate": 4},
        **{"train": 1, "train_unscaled": 1, "finetune": 1, "evaluate_trained": 3},
        **{"statistics": 1, "readout": 1, "search": 1, "cost": 1},
        **{"table": len(VIEWS) + 1, "figure": 1, "claims": 1},
    }
    logs = list((finished / "logs").rglob("*.log"))
    assert len(logs) == len(list(finished.rglob("*.tsv"))) == jobs.total()
    assert all(path.read_text().endswith("done\n") for path in logs)


def test_a_second_run_does_nothing(finished):
    assert plan(finished, *TARGETS) == {}


def test_weights_of_subnetworks_are_gone_and_learning_curves_are_not(finished):
    """Those of whole networks stay: more can be done with them."""
    folders = ("trained-networks", "trained", "trained-unscaled", "finetuned")
    files = {
        str(path.relative_to(finished / "results"))
        for folder in folders
        for path in finished.glob(f"results/{folder}/**/*.*")
    }
    assert files == {
        f"trained-networks/layered-trained/{DEEP}.parquet",
        f"trained-networks/layered-trained/{DEEP}.safetensors",
        f"finetuned/layered-trained/{DEEP}/sparsity=0.5.parquet",
        f"trained/layered/{DEEP}/sparsity=0.5.parquet",
        f"trained-unscaled/layered/{DEEP}/sparsity=0.5.parquet",
    }


@pytest.mark.parametrize(
    ("stage", "grid"),
    [
        ("trained", "layered"),
        ("trained-unscaled", "layered"),
        ("finetuned", "layered-trained"),
    ],
)
def test_a_learning_curve_ends_with_the_evaluation_of_the_weights(finished, stage, grid):
    assert_same(curves(finished, stage, grid, "last"), evaluations(finished, stage, grid))


def test_a_learning_curve_begins_where_pruning_left_off(finished):
    for stage, grid in (("trained-unscaled", "layered"), ("finetuned", "layered-trained")):
        assert_same(curves(finished, stage, grid, 0), evaluations(finished, "pruned", grid))


def test_or_with_the_rescaled_network(finished):
    network = draw_network(Recipe.of("digits", "FC-12-8", "tanh", "uniform", 0))
    found, _ = tensors.load(finished / f"results/subnetworks/layered/{DEEP}.safetensors")
    begun = curves(finished, "trained", "layered", 0).set_index("method")["loss"]
    test = load(finished / "data/digits.safetensors", "test")
    for method in ("random", "ossum-pab"):
        prefix = f"{method} 0.5/"
        own = {n.removeprefix(prefix): t for n, t in found.items() if n.startswith(prefix)}
        logits = rescaled(subnetwork_from_tensors(own).of(network)).logits(test.inputs())
        expected = torch.nn.functional.cross_entropy(logits, test.labels).item()
        assert begun[method] == pytest.approx(expected, rel=1e-5)


def test_trained_networks_are_pruned_and_another_grid_prunes_the_same_ones(finished):
    """Pruned by nothing, they are as good as at the end of their training."""
    (trained,) = curves(finished, "trained-networks", "layered-trained", "last").to_dict("records")
    assert pd.isna(trained["method"]) and trained["stage"] == "trained-network"
    assert trained["accuracy"] > 0.7
    for grid in ("layered-trained", "pruned-again"):
        table = results.read(finished / f"results/evaluations/pruned/{grid}")
        whole = table[table["sparsity"] == 0]
        assert set(whole["origin"]) == {"trained"} and set(whole["correct"]) == {trained["correct"]}


def test_fine_tuning_brings_back_what_pruning_took(finished):
    pruned, tuned = (
        evaluations(finished, stage, "layered-trained")["accuracy"].mean()
        for stage in ("pruned", "finetuned")
    )
    assert tuned > pruned + 0.1


def test_a_table_has_the_rows_of_its_views_and_where_they_come_from(finished):
    table = results.read(finished / "results/tables/fig4.parquet")
    shown = table.groupby(["grid", "stage"]).size().to_dict()
    assert shown == {
        ("layered-trained", "finetuned"): 2,
        ("layered-trained", "pruned"): 4,
        ("pruned-again", "pruned"): 2,
    }
    for row in table.to_dict("records"):
        stage, grid, name = row["stage"], row["grid"], f"{DEEP}.parquet"
        if stage == "finetuned":
            name = f"{DEEP}/sparsity=0.5.parquet"
        there = results.read(finished / f"results/evaluations/{stage}/{grid}/{name}")
        there = there[(there["method"] == row["method"]) & (there["sparsity"] == row["sparsity"])]
        assert there["loss"].tolist() == [row["loss"]]
    some = results.read(finished / "results/tables/fig8.parquet")
    assert set(some["method"]) == {"ossum"}  # the view has one of the grid's methods
    facts = results.read_metadata(finished / "results/tables/fig4.parquet")
    assert {"code", "commit", "torch", "machine", "first", "last"} <= set(facts)
    assert facts["precision"] == "float32" and facts["threads"] == "1"


def test_all_stages_are_in_tables(finished):
    found = set()
    for name in (*VIEWS, "costs"):
        found |= set(results.read(finished / f"results/tables/{name}.parquet")["stage"])
    assert found == set(STAGES)


def test_searches_readouts_and_costs_are_of_what_was_asked_for(finished):
    search = results.read(finished / "results/search")
    assert len({tuple(widths) for widths in search["widths"]}) == len(search) == 2 * 2 + 1
    assert search["sparsity"].isna().all()
    readout = results.read(finished / f"results/readout/shallow/{SHALLOW}.parquet")
    assert readout["accuracy"].min() > 0.3 and readout["train_loss"].notna().all()
    log = (finished / f"logs/readout/shallow/{SHALLOW}.log").read_text()
    assert "not converged after 2 iterations: raise options.readout.max_iterations" in log
    cost = results.read(finished / "results/cost").set_index("method")["passes"]
    assert set(cost["ossum"]) == {1} and set(cost["gradient"]) == {2}


@pytest.mark.parametrize("figure", VIEWS)
def test_figures_can_be_drawn_from_tables_of_a_run(finished, tmp_path, figure):
    table = results.read(finished / f"results/tables/{figure}.parquet")
    draw(figure, table, [tmp_path / "figure.pdf"])
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_files_for_people_are_made(finished):
    for path in ("figures/fig1", "figures/claims"):
        assert (finished / f"{path}.pdf").read_bytes().startswith(b"%PDF")
        assert (finished / f"{path}.png").read_bytes().startswith(b"\x89PNG")
    assert "<table" in (finished / "figures/fig1.html").read_text()
    assert "`headline`" in (finished / "results/claims.md").read_text()
    # Digits say nothing about the paper.
    table = pd.read_parquet(finished / "results/claims.parquet")
    assert set(table["claim"]) == set(CLAIMS) and set(table["verdict"]) == {"not run"}


def test_a_run_is_compared_with_the_reference(copy):
    """... which here is itself, so that all of it repeats."""
    clone = copy_of_workflow(copy)
    shutil.copytree(copy / "results/tables", copy / "results/reference")
    said = snakemake(copy, "verify", "figures/compared/fig1.pdf", snakefile=clone)
    assert "All within tolerance." in said
    assert (copy / "figures/compared/fig1.png").read_bytes().startswith(b"\x89PNG")


def test_claims_are_judged_under_another_reading(copy):
    """Digits say nothing about the paper, but every file is made, from a table of the reading."""
    views = [{"grid": "shallow", "methods": ["ossum"]}]
    other = {"claims": ["headline"], "figure": "fig1", "what": "OSSuM alone", "views": views}
    configure(copy / "config.yaml", {"readings": {"alone": other}})
    said = snakemake(copy, "readings", "results/readings/alone.md")
    assert done(said) == {"table": 1, "readings": 1, "reading": 1}
    assert set(results.read(copy / "results/tables/alone.parquet")["method"]) == {"ossum"}
    assert "| OSSuM alone" in (copy / "results/readings.md").read_text(encoding="utf-8")
    table = pd.read_parquet(copy / "results/readings.parquet").query("claim == 'headline'")
    assert set(table["reading"]) == {"default", "alone"} and set(table["verdict"]) == {"not run"}
    assert (copy / "figures/readings.png").read_bytes().startswith(b"\x89PNG")

    wrong = {"readings": {"alone": other | {"claims": ["headlin"]}}}
    configure(copy / "config.yaml", wrong)
    assert "unknown claim 'headlin'; did you mean 'headline'" in refused(copy, "readings")
    configure(copy / "config.yaml", {"readings": {"alone": other | {"claims": ["deep"]}}})
    said = refused(copy, "readings")
    assert "readings.alone.figure: deep is judged by fig7, not fig1" in said
