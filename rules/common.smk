"""The checked configuration, and what several rules use."""

import os
import sys

from snakemake.exceptions import WorkflowError

# Rules here and the scripts of jobs import the package that lies beside the Snakefile.
sys.path.insert(0, workflow.basedir)
paths = [workflow.basedir, os.environ.get("PYTHONPATH")]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, paths)))

from ossum.cells import CONSTRAINTS, EVALUATION, NETWORK, SUBNETWORK
from ossum.config import ConfigError, parse_config
from ossum.fusion import batches
from ossum.provenance import code_hash, module_source
from ossum.registry import DATASETS, METHODS

try:
    CONFIG = parse_config(config)
except ConfigError as error:
    raise WorkflowError(str(error))

DATA = "data/{dataset}.safetensors"


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


def made_from(dataset, methods):
    """All that an evaluation depends on beside its key: see `ossum.fingerprints`.

    Later stages have this in their `params` although only the pruning uses most of it: a change
    then reaches them also when a job in between has failed.
    """
    return {
        "prune": prune_code(dataset, methods),
        "options": CONFIG.pruning.options(dataset).model_dump(),
        "evaluate": code_of("scripts/evaluate.py", dataset),
    }


def table_made_from(figure):
    """By data set, for all methods that the figure shows."""
    grids = CONFIG.grids_of(figure)
    methods = list(dict.fromkeys(m for grid in grids for m in grid["method"]))
    return {d: made_from(d, methods) for grid in grids for d in grid["dataset"]}


wildcard_constraints:
    **CONSTRAINTS,
    figure="|".join(CONFIG.figures),


# A job keeps those of its cells that are finished already (outputs are flagged `update`), except
# where the user forces it: jobs inherit this variable, and scripts look at it.
onstart:
    settings = workflow.dag_settings
    everything = settings.forceall or settings.forcetargets
    forced = ["all"] if everything else settings.forcerun
    os.environ.update(OSSUM_FORCE=" ".join(map(str, forced)))
