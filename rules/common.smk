"""The checked configuration, and what several rules use."""

import os
import sys
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Rules here and the scripts of jobs import the package that lies beside the Snakefile; not always
# the main one: another workflow may use this one as a module.
ROOT = Path(workflow.snakefile).resolve().parent.parent
sys.path.insert(0, str(ROOT))
paths = [str(ROOT), os.environ.get("PYTHONPATH")]
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
from ossum.claims import CLAIMS
from ossum.config import ConfigError, parse_config
from ossum.files import check_folders, digest, remove_leftovers
from ossum.fusion import batches
from ossum.orphans import VARIABLE
from ossum.provenance import code_hash, module_source
from ossum.registry import DATASETS, FIGURES, METHODS
from ossum.slurm import LeftOverError, refuse_left_over_jobs
from ossum.targets import check_target

# Jobs end when this process is killed.
os.environ[VARIABLE] = str(os.getpid())

# How often a thread looks whether the others are done before it sleeps. As GNU's OpenMP comes it
# looks for milliseconds, during which, if other programs want the processors, too, it keeps them
# from those that it waits for: trainings then take ten times as long (docs/speed.md).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")


@contextmanager
def refusing(*errors, what=""):
    """Errors whose messages are for the user end the run with the message alone."""
    try:
        yield
    except errors as error:
        raise WorkflowError(f"{what}{error}")


with refusing(ConfigError):
    CONFIG = parse_config(config)

with refusing(OSError):
    check_folders("data", "results", "figures", "logs")
    check_folders(".snakemake", writable=True)

# Snakemake knows its targets only after it has read this.
for argument in sys.argv[1:]:
    with refusing(ValueError, what=f"{argument}: "):
        check_target(argument, CONFIG)

if workflow.modifier.modify_path(NETWORK) != NETWORK:
    raise WorkflowError(
        "a cell's path is its key: take `prefix` or `replace_prefix` out of the module statement "
        "(a directory of its own is `snakemake --directory`)"
    )

# Jobs that a killed run has left unfinished, as Snakemake has noted.
INTERRUPTED = workflow.is_main_process and any(Path(".snakemake/incomplete").glob("*"))


def timeless(files):
    """Inputs that are what they are whenever they were made: a newer time makes nothing anew.

    Not in the run that takes up a killed one. Of a job that was interrupted when its files were
    there already, Snakemake 9.27 would make again these files, nothing that depends on them through
    `ancient`, and say that all is done. Cells that are current are kept in any case.
    """
    return files if INTERRUPTED else ancient(files)


DATA = "data/{dataset}.safetensors"
TABLE = f"{CONFIG.tables}/{{figure}}.parquet"  # what is shown: made here, or come with the code
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


def trained_networks(batch):
    """The trained networks that the cells of a job are pruned from, if they are."""
    return timeless(batch.files(TRAINED_NETWORK)) if batch.trained else []


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


def tables_of_claims(claims):
    """Those tables that the claims are about and the configuration has: a claim without its table
    is "not run"."""
    wanted = [table for claim in claims for table in CLAIMS[claim].tables]
    there = [*CONFIG.figures, *(["costs"] if CONFIG.costs else [])]
    return [TABLE.format(figure=table) for table in there if table in wanted]


def claims_code():
    """Hash of the code behind verdicts, with the modules that claims name their checks in."""
    return code_hash(
        "scripts/claims.py",
        "ossum/registry.py",
        *sorted({f"ossum/claims/{claim.checks.split('.')[0]}.py" for claim in CLAIMS.values()}),
    )


def caption(figure):
    """The caption of a figure in the report, relative to the folder of the rules."""
    path = f"captions/{figure}.rst"
    if not (ROOT / "rules" / path).exists():
        raise WorkflowError(f"figure {figure!r} has no caption for the report: write rules/{path}")
    return path


def labels(figure):
    """What the report lists a figure and its table under."""
    return {"figure": FIGURES[figure].label, "topic": FIGURES[figure].topic}


wildcard_constraints:
    **CONSTRAINTS,
    figure="|".join(CONFIG.figures) or "(?!)",  # of no figures, none
    claim="|".join(CLAIMS),
    stage="|".join(TRAINING_STAGES),


# A job keeps those of its cells that are finished already (outputs are flagged `update`), except
# where the user forces it: jobs inherit this variable, and scripts look at it.
onstart:
    settings = workflow.dag_settings
    everything = settings.forceall or settings.forcetargets
    forced = ["all"] if everything else settings.forcerun
    os.environ.update(OSSUM_FORCE=" ".join(map(str, forced)))
    with refusing(OSError):
        check_folders("results", "figures", "logs", writable=True)
        if not any(Path("data").glob("*.safetensors")):  # it may be somebody else's
            check_folders("data", writable=True)
    remove_leftovers("data", "results", "figures")
    special = GPU or CONFIG.precision != "float32"
    # Jobs that compute, and no others, ask for processors.
    computes = any("processors" in job.resources.keys() for job in workflow.dag.needrun_jobs())
    if special and computes and workflow.resource_settings.nodes is None:
        from ossum.device import DeviceError, set_up  # torch takes a second

        with refusing(DeviceError):
            set_up(config, threads=1)
    if workflow.executor_plugin.name == "slurm":
        with refusing(LeftOverError):
            refuse_left_over_jobs(os.getcwd(), workflow.executor_settings.jobname_prefix)
