"""The workflow as users run it: planned at paper scale, and run on digits."""

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from workflows import EVALUATION, FIG1, NOTHING, planned, snakemake, tiny_deep

from ossum import results
from ossum.cells import NETWORK, RESULTS, SUBNETWORK, Cell
from ossum.claims import CLAIMS
from ossum.datasets import load
from ossum.networks import build
from ossum.recipes import Recipe
from ossum.registry import FIGURES
from ossum.tensor_files import load_subnetwork, saved_fingerprint
from ossum.training.rescaling import rescaled


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("smoke")
    snakemake(folder)
    return folder


def test_paper_scale_plan_of_figure_1(tmp_path):
    """30 networks, each made, pruned and evaluated by one job; 1,680 cells."""
    plan = snakemake(tmp_path, FIG1, "--dry-run", "--quiet", "rules", config="config/config.yaml")
    assert planned(plan) == {
        "dataset": 2,
        "init": 30,
        "prune_two_layer_narrow": 10,
        "prune_two_layer_wide": 20,
        "evaluate_two_layer_narrow": 10,
        "evaluate_two_layer_wide": 20,
        "table": 1,
        "figure_fig1": 1,
        "total": 94,
    }


def test_paper_scale_plan_of_all_figures(tmp_path):
    """Every figure from 107 networks and 7 trained ones; nothing is made for two figures twice."""
    plan = snakemake(
        tmp_path, "figures", "--dry-run", "--quiet", "rules", config="config/config.yaml"
    )
    jobs = planned(plan)
    by_stage = {
        stage: sum(count for name, count in jobs.items() if name.startswith(f"{stage}_"))
        for stage in ("network", "prune", "train", "evaluate", "statistics", "readout", "figure")
    }
    # 15 + 15 + 50 + 6 + 3 networks pruned as drawn, 21 + 3 after training; 97 ensembles: a job for
    # each data set, architecture, sparsity and kind of training. Beyond the paper: 10 networks
    # pruned once more and read out, 7 x 3 small dense ones, which are trained, not evaluated.
    assert by_stage == {
        "network": 7, "prune": 110 + 10 + 21, "train": 97 + 7, "evaluate": 110 + 10,
        "statistics": 5, "readout": 10, "figure": 10,
    }  # fmt: skip
    assert jobs["init"] == 86 + 21 and jobs["search"] == 2
    assert jobs["table"] == jobs["summary"] == 10
    assert jobs["claims"] == jobs["costs"] == 1
    assert jobs["total"] == 438 + 81 + 10 + 2


def test_smoke_run_makes_all_figures(smoke):
    for name in FIGURES:
        assert (smoke / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (smoke / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(results.read(smoke / f"results/tables/{name}.parquet"))


def test_smoke_run_judges_the_claims(smoke):
    """Its networks are not the paper's: nothing is reproduced by digits."""
    table = pd.read_parquet(smoke / "results/claims.parquet")
    assert set(table["claim"]) == set(CLAIMS) and set(table["verdict"]) == {"not run"}
    assert "`headline`" in (smoke / "results/claims.md").read_text()
    assert (smoke / "figures/claims.pdf").read_bytes().startswith(b"%PDF")


def test_one_claim_needs_its_own_tables_only(tmp_path):
    """... of which there may be none: then it is judged as not run."""
    config = tiny_deep(tmp_path / "config.yaml")
    target = "results/claims/{}.md".format
    run = snakemake(tmp_path, target("headline"), config=config)
    assert "headline: not run" in run.stdout
    assert not (tmp_path / "results/tables").exists()
    plan = planned(snakemake(tmp_path, target("trained-deep"), "--dry-run", config=config))
    assert plan["table"] == plan["claim"] == 1 and "figure" not in plan
    unknown = snakemake(tmp_path, target("best-of-all"), config=config, check=False)
    assert unknown.returncode and "MissingRuleException" in unknown.stdout


def test_pruned_by_score_untrained_networks_classify(smoke):
    """Digits, not MNIST, but the paper's point shows: pruned by score, a network that was never
    trained classifies; pruned blindly, it guesses."""
    table = results.read(smoke / "results/tables/fig1.parquet")
    assert len(table) == 6 * 2 * (3 + 2 * 4)
    means = table[table["sparsity"] == 0.5].groupby("method")["accuracy"].mean()
    assert means[["ossum", "linear-ossum", "log-ossum", "gradient"]].min() > 0.3
    assert means[["random", "norm"]].max() < 0.25
    assert table[table["sparsity"] == 0]["accuracy"].max() < 0.3


def test_the_readout_of_all_neurons_is_a_ceiling(smoke):
    """Of what choosing among these neurons can reach; and fitted once a network, where asked."""
    table = results.read(smoke / "results/tables/beyond.parquet")
    readouts, pruned = (table[table["stage"] == stage] for stage in ("readout", "pruned"))
    assert len(readouts) == 2 and (readouts["sparsity"] == 0).all()
    assert readouts["accuracy"].min() > 0.9 > pruned["accuracy"].max()
    assert readouts["loss"].max() < pruned["loss"].min()
    assert ((readouts["train_loss"] - readouts["loss"]).abs() < 0.05).all()
    assert len(list((smoke / "results/readouts").rglob("*.parquet"))) == 2


def test_a_readout_of_any_pruned_network(tmp_path):
    cell = Cell("digits", "FC-24-16", "relu", "normal", "init", "ossum-pab", 0.5, 3)
    snakemake(tmp_path, cell.path(RESULTS["readout"]), "--config", "readout={max_iterations: 2}")
    (row,) = results.read(tmp_path / "results/readouts").to_dict("records")
    assert row | cell.columns() == row and list(row["widths"]) == [12, 8]
    (log,) = (tmp_path / "logs/readout").rglob("*.log")
    assert "not converged after 2 iterations: raise readout.max_iterations" in log.read_text()


def test_training_learns_what_was_pruned(smoke):
    """Learning curves start where pruning left off, have every epoch, and rise."""
    table = results.read(smoke / "results/tables/fig4.parquet")
    key = [field.name for field in results.KEYS[:-1]]
    pruned = table[table["stage"] == "pruned"].set_index(key)["accuracy"]
    curves = table[table["stage"] == "finetuned"]
    first, last = (curves[curves["epoch"] == e].set_index(key)["accuracy"] for e in (0, 10))
    pd.testing.assert_series_equal(first.sort_index(), pruned.sort_index(), rtol=0, atol=0.006)
    half, eighth = (last[last.index.get_level_values("sparsity") == s] for s in (0.5, 0.875))
    assert half.min() > 0.95
    assert (eighth - pruned.loc[eighth.index]).mean() > 0.2
    assert curves.groupby(key).size().eq(11).all()
    assert curves["train_loss"].isna().sum() == len(first)
    assert not curves["diverged"].any()


def test_trained_networks_are_gone_and_their_curves_are_not(smoke):
    assert list((smoke / "results/trained-networks").rglob("*.safetensors")) == []
    curves = results.read(smoke / "results/trained-networks")
    assert set(curves["stage"]) == {"full"} and curves["method"].isna().all()
    assert curves[curves["epoch"] == curves["epoch"].max()]["accuracy"].min() > 0.8


def test_the_search_covers_all_widths(smoke):
    table = results.read(smoke / "results/tables/fig5.parquet")
    found = table[table["stage"] == "search"]
    assert found.groupby("method").size().to_dict() == {"ossum-norm": 28, "ossum-pab": 28}
    assert len({tuple(widths) for widths in found["widths"]}) == 28
    assert found["sparsity"].isna().all()


def test_table_is_the_evaluations_with_provenance(smoke):
    table = results.read(smoke / "results/tables/fig1.parquet")
    for row in table.sample(9, random_state=0).to_dict("records"):
        cell = Cell(**{key: row[key] for key in Cell.__dataclass_fields__})
        (original,) = results.read(smoke / cell.path(EVALUATION)).to_dict("records")
        assert original["loss"] == row["loss"] and original["correct"] == row["correct"]
    facts = results.read_metadata(smoke / "results/tables/fig1.parquet")
    assert {"code", "commit", "torch", "machine", "first", "last"} <= set(facts)


def test_every_job_leaves_a_log_and_a_benchmark(smoke):
    logs = list((smoke / "logs").rglob("*.log"))
    assert len(logs) == len(list((smoke / "results/benchmarks").rglob("*.tsv"))) > 60
    assert all(path.read_text().endswith("done\n") for path in logs)


def test_a_second_run_does_nothing(smoke):
    assert NOTHING in snakemake(smoke).stdout


def test_one_cell_by_its_path(tmp_path):
    """A cell outside of every grid gets a job of its own."""
    cell = Cell("digits", "FC-20", "relu", "const", "init", "log-ossum", 0.9, 17)
    snakemake(tmp_path, cell.path(EVALUATION))
    (row,) = results.read(tmp_path / "results/evaluations").to_dict("records")
    assert row | cell.columns() == row
    assert list(row["widths"]) == [2] and row["total"] == 360
    assert len(list((tmp_path / "results/subnetworks").rglob("*.safetensors"))) == 1


def test_jobs_use_no_more_threads_than_there_are_processors(tmp_path):
    """Whatever --cores says, as in an example copied from somewhere."""
    cell = Cell("digits", "FC-9", "tanh", "uniform", "init", "random", 0.5, 0)
    snakemake(tmp_path, cell.path(EVALUATION), "--cores", "64", "--config", "threads=64")
    facts = results.read_metadata(tmp_path / cell.path(EVALUATION))
    assert facts["threads"] == str(min(64, os.cpu_count()))


def test_divergence_of_a_whole_network_is_an_error_that_names_it(tmp_path):
    config = tiny_deep(tmp_path / "config.yaml", full_rate=1e38)
    run = snakemake(tmp_path, "figures/fig4.pdf", config=config, check=False)
    assert run.returncode != 0
    (log,) = (tmp_path / "logs/train-network").rglob("*.log")
    assert "training diverged, lower the learning rate: [Cell(" in log.read_text().splitlines()[-1]
    curves = results.read(tmp_path / "results/trained-networks")
    assert curves.groupby("seed")["diverged"].last().all()


def test_rescaled_networks_are_trained_and_others_as_they_are(smoke):
    """What training starts from, seen through the loss before the first epoch."""
    test = load(smoke / "data/digits.safetensors", "test")
    for sparsity in (0.5, 0.875):
        cell = Cell("digits", "FC-128-128-128", "tanh", "uniform", "init", "ossum-pab", sparsity, 1)
        recipe = Recipe.of("digits", cell.architecture, "tanh", "uniform", 1)
        path = smoke / cell.path(SUBNETWORK)
        small = load_subnetwork(path, saved_fingerprint(path)).of(build(recipe))
        for stage, network in (("trained", rescaled(small)), ("trained-unscaled", small)):
            before = results.read(smoke / cell.path(RESULTS[stage])).iloc[0]
            logits = network.logits(test.inputs())
            expected = torch.nn.functional.cross_entropy(logits, test.labels).item()
            assert before["epoch"] == 0
            assert before["loss"] == pytest.approx(expected, rel=1e-5)


def test_divergence_is_a_row_that_says_so(tmp_path):
    config = tiny_deep(tmp_path / "config.yaml", rate=1e38)
    snakemake(tmp_path, "figures/fig3.pdf", config=config)
    table = results.read(tmp_path / "results/tables/fig3.parquet")
    last = table[(table["stage"] == "trained") & (table["epoch"] > 0)]
    assert len(last) == 4 and last["diverged"].all()
    assert last[["accuracy", "loss", "train_loss"]].isna().all(axis=None)
    assert (tmp_path / "figures/fig3.pdf").exists()


def test_a_failing_job_leaves_its_traceback_in_its_log(tmp_path):
    cell = Cell("digits", "FC-20", "tanh", "uniform", "init", "ossum", 0.5, 0)
    snakemake(tmp_path, cell.path(NETWORK))
    (tmp_path / cell.path(NETWORK)).write_text("{}")
    run = snakemake(tmp_path, cell.path(SUBNETWORK), check=False)
    assert run.returncode != 0
    (log,) = (tmp_path / "logs/prune").rglob("*.log")
    assert str(log.relative_to(tmp_path)) in run.stdout
    assert "Traceback" in log.read_text()
    assert "is not the recipe of a network" in log.read_text().splitlines()[-1]
