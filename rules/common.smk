"""The checked configuration, and what several rules use."""

import os
import sys
from contextlib import contextmanager
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
from ossum.files import check_folders, remove_leftovers
from ossum.fusion import batches
from ossum.orphans import VARIABLE
from ossum.registry import FIGURES
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


def trained_networks(batch):
    """The trained networks that the cells of a job are pruned from, if they are."""
    return timeless(batch.files(TRAINED_NETWORK)) if batch.trained else []


def tables_of_claims(claims):
    """Those tables that the claims are about and the configuration has: a claim without its table
    is "not run"."""
    wanted = [table for claim in claims for table in CLAIMS[claim].tables]
    there = [*CONFIG.figures, *(["costs"] if CONFIG.costs else [])]
    return [TABLE.format(figure=table) for table in there if table in wanted]


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
