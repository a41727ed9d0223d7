"""The checked configuration, and what several rules use."""

import os
import sys
from itertools import product

from snakemake.exceptions import WorkflowError

# Rules here and the scripts of jobs import the package that lies beside the Snakefile.
sys.path.insert(0, workflow.basedir)
paths = [workflow.basedir, os.environ.get("PYTHONPATH")]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, paths)))

from ossum.cells import (
    CONSTRAINTS,
    NETWORK,
    NETWORK_KEYS,
    RESULTS,
    SUBNETWORK,
    TRAINED_NETWORK,
    TRAINED_NETWORK_CURVE,
    TRAINING,
    TRAINING_STAGES,
)
from ossum.config import ConfigError, parse_config
from ossum.fusion import batches
from ossum.provenance import code_hash, module_source
from ossum.registry import DATASETS, METHODS
from ossum.slurm import LeftOverError, refuse_left_over_jobs

try:
    CONFIG = parse_config(config)
except ConfigError as error:
    raise WorkflowError(str(error))

DATA = "data/{dataset}.safetensors"
SCRIPTS = {
    "pruned": "scripts/evaluate.py",
    **dict.fromkeys(TRAINING_STAGES, "scripts/train.py"),
    "statistics": "scripts/weight_statistics.py",
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


def training_options(stage, dataset, architecture):
    return CONFIG.training.options(stage, dataset, architecture).model_dump()


def stage_made_from(stage, dataset, architecture):
    """Code of a result stage, and options where it has some."""
    made = {"code": code_of(SCRIPTS[stage], dataset)}
    if stage in TRAINING_STAGES:
        made["options"] = training_options(stage, dataset, architecture)
    elif stage == "search":
        made["options"] = CONFIG.search.model_dump()
    return made


def made_from(dataset, architecture, origin, methods, stages=()):
    """All that cells depend on beside their key: see `ossum.fingerprints`.

    Later stages have this in their `params` although only the pruning uses most of it: a change
    then reaches them also when a job in between has failed.
    """
    options = CONFIG.pruning.options(dataset)
    made = {
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


def trained_networks(batch):
    """The trained networks that the cells of a job are pruned from, if they are."""
    return ancient(batch.files(TRAINED_NETWORK)) if batch.trained else []


def table_made_from(figure):
    """By data set, architecture and origin: all methods and stages that the figure shows."""
    shown = {}
    for stages, grid in CONFIG.views(figure):
        for key in product(grid.datasets, grid.architectures, [grid.origin]):
            all_methods, all_stages = shown.setdefault(key, ({}, {}))
            all_methods.update(dict.fromkeys(grid.methods))
            all_stages.update(dict.fromkeys(stages))
    return {"/".join(key): made_from(*key, *map(list, value)) for key, value in shown.items()}


wildcard_constraints:
    **CONSTRAINTS,
    figure="|".join(CONFIG.figures),
    stage="|".join(TRAINING_STAGES),


# A job keeps those of its cells that are finished already (outputs are flagged `update`), except
# where the user forces it: jobs inherit this variable, and scripts look at it.
onstart:
    settings = workflow.dag_settings
    everything = settings.forceall or settings.forcetargets
    forced = ["all"] if everything else settings.forcerun
    os.environ.update(OSSUM_FORCE=" ".join(map(str, forced)))
    if workflow.executor_plugin.name == "slurm":
        try:
            refuse_left_over_jobs(os.getcwd(), workflow.executor_settings.jobname_prefix)
        except LeftOverError as error:
            raise WorkflowError(str(error))
