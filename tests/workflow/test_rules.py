"""The rules are ordinary ones: a rule for each stage, and Snakemake's own options act on them."""

import re
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread

from helpers import ROOT
from workflows import configure, copy_of_workflow, plan, refused, snakemake

RULES = {
    *("dataset", "init", "train_network", "prune", "train", "train_unscaled", "finetune"),
    *("evaluate", "evaluate_trained", "statistics", "readout", "search", "cost"),
    *("table", "figure", "figures", "compared", "claims", "claim", "verify"),
    *("readings", "reading", "paper"),
}
# Variants of a rule have its script.
SHARED = {"train_unscaled": "train", "finetune": "train", "claim": "claims", "reading": "readings"}


def test_there_is_one_rule_a_stage(tmp_path):
    said = snakemake(tmp_path, "--list-rules")
    assert {line for line in said.splitlines() if re.fullmatch(r"\w+", line)} == RULES


def test_scripts_have_the_names_of_rules():
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")])
    found = {}
    for block in re.split(r"^(?:use )?rule ", text, flags=re.M)[1:]:
        name = re.match(r"\w+(?: as (\w+))?", block)
        if script := re.search(r'script:\s+"\.\./scripts/(\w+)\.py"', block):
            found[name[1] or name[0]] = script[1]
    assert found == {name: SHARED.get(name, name) for name in found}
    assert set(found) == RULES - {"figures", "train_unscaled", "finetune"}
    assert set(found.values()) == {path.stem for path in ROOT.glob("scripts/*.py")}


def test_the_rule_graph_is_the_experiment(tmp_path):
    said = snakemake(tmp_path, "figures", "--rulegraph", config=ROOT / "config/smoke.yaml")
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', said))
    graph = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", said)}
    for path in (
        "init prune evaluate table figure figures",
        "init prune train evaluate_trained table",
        "prune train_unscaled evaluate_trained",
        "init train_network prune finetune evaluate_trained",
        "prune statistics table claims",
        "prune readout table",
        "init search table",
        "init cost table",
    ):
        steps = path.split()
        assert set(pairwise(steps)) <= graph, path
    others = {"claim", "compared", "verify", "readings", "reading", "paper"}
    assert set(names.values()) == RULES - others


def test_the_paper_is_planned(tmp_path):
    """By hand, from SPEC.md: seeds times data sets times architectures (times sparsities)."""
    narrow, wide, deep, small_dense = 5 * 2, 5 * 2 * 2, 3 * 2, 3 * 7
    of_trained = 3 * 2 * 1, 3 * 2 * 2, 3  # narrow, wide, deep
    finetuned = of_trained[0] * 8 + of_trained[1] * 10 + of_trained[2] * 8
    trained = 3 * 8 + 3 + 3 * 8 + small_dense  # Figure 3, MNIST for Figure 6, variants
    activations, distributions, variants, controls = 5 * 3, 5 * 8, 3, 10
    evaluated = narrow + wide + deep + variants + activations + distributions + controls
    assert plan(tmp_path, "figures") == {
        "dataset": 2,
        "init": narrow + wide + deep + 5 * 2 + distributions + small_dense,
        "train_network": sum(of_trained),
        "prune": evaluated + sum(of_trained) + controls + small_dense,
        "evaluate": evaluated + sum(of_trained),
        "train": trained,
        "train_unscaled": deep * 8,
        "finetune": finetuned,
        "evaluate_trained": trained + deep * 8 + finetuned,
        "statistics": 5,
        "readout": controls,
        "search": 1,
        "cost": 3 * 2 + 3,
        "table": 11,
        "figure": 10,
        "claims": 1,
        "figures": 1,
    }


def test_the_reference_tier_draws_and_computes_nothing(tmp_path):
    jobs = plan(tmp_path, "figures", config=ROOT / "config/reference.yaml")
    assert jobs == {"figure": 10, "claims": 1, "figures": 1}


def test_what_comes_with_the_code_is_found_from_any_folder(tmp_path):
    """As in a clone that one may only read: with --directory and the folder of one's own."""
    own = tmp_path / "results/evaluations/fig1.parquet"
    own.parent.mkdir(parents=True)
    shutil.copy(ROOT / "results/reference/fig1.parquet", own)
    targets = "verify", "figures/compared/fig1.pdf"
    said = snakemake(tmp_path, *targets, config=ROOT / "config/reference.yaml")
    assert "All within tolerance." in said
    assert (tmp_path / "figures/compared/fig1.png").exists()


def test_a_clone_under_a_path_with_braces_is_refused(tmp_path):
    snakefile = copy_of_workflow(tmp_path / "a{x}b")
    said = refused(tmp_path, "figures", "--dry-run", snakefile=snakefile)
    assert "Snakemake takes the braces in" in said and "a{x}b for wildcards: move the" in said


def test_unit_tests_by_snakemake_are_refused(tmp_path):
    said = refused(tmp_path, "figures", "--generate-unit-tests", config=ROOT / "config/smoke.yaml")
    assert "This one has its own tests: run pytest" in said


def test_a_workflow_from_a_server_is_refused(tmp_path):
    """The package would be missing: it lies beside the Snakefile of a clone."""
    handler = partial(SimpleHTTPRequestHandler, directory=ROOT)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/Snakefile"
        own = tmp_path / "Snakefile"
        own.write_text(f'module ossum:\n    snakefile: "{address}"\nuse rule * from ossum\n')
        said = refused(tmp_path, "--dry-run", snakefile=own)
        server.shutdown()
    assert "Clone the repository and name the Snakefile in the clone." in said


def test_until_stops_at_a_stage(tmp_path):
    configure(tmp_path / "config.yaml")
    jobs = plan(tmp_path, "figures", "--until", "prune")
    assert jobs == {"dataset": 1, "init": 2, "train_network": 1, "prune": 4}


def test_one_claim_needs_its_own_tables_only(tmp_path):
    configure(tmp_path / "config.yaml")
    jobs = plan(tmp_path, "results/claims/trained-deep.md", "results/claims/luck.md")
    assert jobs["claim"] == 2 and jobs["table"] == 2 and "figure" not in jobs


def test_forced_training_reaches_what_comes_after_it_and_weights_can_be_kept(copy):
    """Without --notemp a dry-run says that it would remove them."""
    options = "--forcerun", "train", "--notemp"
    said = snakemake(copy, "results/tables/fig3.parquet", *options, "--dry-run")
    for rule, count in (("train", 1), ("evaluate_trained", 1), ("table", 1), ("total", 3)):
        assert re.search(rf"^{rule} +{count}$", said, re.M)
    assert "Would remove" not in said


def test_a_figure_without_a_caption_is_refused(tmp_path):
    """When the rules are read: in a copy of the workflow, from which the caption is taken."""
    snakefile = copy_of_workflow(tmp_path / "copied")
    (snakefile.parent / "rules/captions/fig3.rst").unlink()
    said = refused(tmp_path, "--list-rules", snakefile=snakefile)
    assert "figure 'fig3' has no caption for the report: write" in said


def test_a_wrong_configuration_is_refused_with_all_that_is_wrong(tmp_path):
    wrong = {"training": {"optimiser": 1}}
    configure(tmp_path / "config.yaml", {"thread": 2, "grids": {"layered": {"options": wrong}}})
    said = refused(tmp_path, "figures", "--dry-run")
    assert "thread: unknown key; did you mean 'threads'" in said
