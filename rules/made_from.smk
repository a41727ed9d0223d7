"""What results are made from: hashes of code, and options, for the `params` of rules.

Where one of them is another than last time, what depends on it is made again, and nothing else.
"""

from itertools import product
from pathlib import Path

from ossum.cells import TRAINING_STAGES
from ossum.claims import CLAIMS
from ossum.files import digest
from ossum.provenance import code_hash, module_source
from ossum.registry import DATASETS, METHODS

SCRIPTS = {
    "pruned": "scripts/evaluate.py",
    **dict.fromkeys(TRAINING_STAGES, "scripts/train.py"),
    "statistics": "scripts/weight_statistics.py",
    "readout": "scripts/readout.py",
    "search": "scripts/search.py",
}


def code_of(script, dataset):
    """Hash of the code behind a result: the script and the module of the data set."""
    return code_hash(script, module_source(DATASETS[dataset].module))


def prune_code(dataset, methods):
    """Hash of the code behind each method: the pruning script and the method's own module."""
    return {
        method: f"{METHODS[method].function} in "
        + code_hash(
            "scripts/prune.py",
            module_source(DATASETS[dataset].module),
            module_source(METHODS[method].module),
        )
        for method in methods
    }


def cost_options(dataset):
    """Options of all methods that have any."""
    options = CONFIG.pruning.options(dataset)
    return {method: options.of(method) for method in METHODS if options.of(method)}


def costs_code(cells):
    """Hash of the code behind the costs of pruning, all methods and data sets together."""
    modules = {METHODS[cell.method].module for cell in cells}
    modules |= {DATASETS[cell.dataset].module for cell in cells}
    return code_hash("scripts/costs.py", *map(module_source, sorted(modules)))


def training_options(stage, dataset, architecture):
    return CONFIG.training.options(stage, dataset, architecture).model_dump()


def stage_made_from(stage, dataset, architecture):
    """Code of a result stage, and options where it has some."""
    made = {"code": code_of(SCRIPTS[stage], dataset)}
    if stage in TRAINING_STAGES:
        made["options"] = training_options(stage, dataset, architecture)
    elif stage == "search":
        made["options"] = CONFIG.search.model_dump()
    elif stage == "readout":
        made["options"] = CONFIG.readout.model_dump()
    return made


def made_from(dataset, architecture, origin, methods, stages=()):
    """All that cells depend on beside their key: see `ossum.fingerprints`.

    Later stages have this in their `params` although only the pruning uses most of it: a change
    then reaches them also when a job in between has failed.
    """
    options = CONFIG.pruning.options(dataset)
    made = {
        "precision": CONFIG.precision,
        "prune": prune_code(dataset, methods),
        "options": {method: options.of(method) for method in methods},
    }
    if origin == "trained":
        made["network"] = network_made_from(dataset, architecture)
    return made | {"stages": {s: stage_made_from(s, dataset, architecture) for s in stages}}


def network_made_from(dataset, architecture):
    """What a trained network depends on beside its key."""
    return {
        "code": code_of("scripts/train_network.py", dataset),
        "options": training_options("full", dataset, architecture),
    }


def made_by(batch, *stages):
    """`made_from` of the jobs of a batch as a function of their wildcards."""

    def of(wildcards):
        wanted = stages or ([wildcards.stage] if "stage" in wildcards.keys() else [])
        methods = batch.fused.get("method") or [wildcards.method]
        return made_from(wildcards.dataset, wildcards.architecture, batch.origin, methods, wanted)

    return of


def table_made_from(figure):
    """By data set, architecture and origin: all methods and stages that the figure shows."""
    shown = {}
    for stages, grid in CONFIG.views(figure):
        for key in product(grid.datasets, grid.architectures, [grid.origin]):
            all_methods, all_stages = shown.setdefault(key, ({}, {}))
            all_methods.update(dict.fromkeys(grid.methods))
            all_stages.update(dict.fromkeys(stages))
    return {"/".join(key): made_from(*key, *map(list, value)) for key, value in shown.items()}


def workflow_hash():
    """Hash of what the rule graph depends on."""
    rules = sorted((ROOT / "rules").glob("*.smk"))
    return digest(config, *(path.read_text(encoding="utf-8") for path in rules))


def claims_code():
    """Hash of the code behind verdicts, with the modules that claims name their checks in."""
    return code_hash(
        "scripts/claims.py",
        "ossum/registry.py",
        *sorted({f"ossum/claims/{claim.checks.split('.')[0]}.py" for claim in CLAIMS.values()}),
    )
