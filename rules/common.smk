"""The checked configuration, paths, and what jobs ask for."""

import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import strip_wildcard_constraints

# Rules and scripts import the package that lies beside the Snakefile. That is not always the main
# one: another workflow may use this one as a module.
ROOT = Path(workflow.snakefile).resolve().parent.parent
sys.path.insert(0, str(ROOT))
paths = [str(ROOT), os.environ.get("PYTHONPATH")]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, paths)))

from ossum.claims import CLAIMS
from ossum.config.architectures import NAME as ARCHITECTURE
from ossum.config.grids import SPARSITY, TRAINING_STAGES, spell_sparsity
from ossum.config.registry import ACTIVATIONS, DATASETS, DISTRIBUTIONS, FIGURES, METHODS, lookup
from ossum.config.schema import ConfigError, parse_config
from ossum.storage.files import check_folders, remove_leftovers
from ossum.workflow import estimates
from ossum.workflow import resources as sizes
from ossum.workflow.machine import free_memory, processors
from ossum.workflow.orphans import VARIABLE
from ossum.workflow.provenance import code_hash
from ossum.workflow.slurm import LeftOverError, refuse_left_over_jobs


@contextmanager
def refusing(*errors):
    """Errors whose messages are for the user end the run with the message alone."""
    try:
        yield
    except errors as error:
        raise WorkflowError(str(error))


# What Snakemake itself answers with a traceback.
if re.search("[{}]", str(ROOT)):
    raise WorkflowError(f"Snakemake takes the braces in {ROOT} for wildcards: move the clone")
if any(word.startswith("--generate-unit-test") for word in sys.argv):
    raise WorkflowError(
        "Snakemake cannot write unit tests of a workflow that finds its configuration beside the "
        "Snakefile. This one has its own tests: run pytest"
    )

with refusing(ConfigError):
    CONFIG = parse_config(config)

with refusing(ValueError):
    for name, reading in CONFIG.readings.items():
        for claim in reading.claims:
            if (figure := lookup(CLAIMS, claim, "claim").table) != reading.figure:
                raise ValueError(
                    f"readings.{name}.figure: {claim} is judged by {figure}, not {reading.figure}"
                )

with refusing(OSError):
    check_folders("data", "results", "figures", "logs")
    check_folders(".snakemake", writable=True)

GRIDS = CONFIG.grids

# The numbers that come with the code are beside the Snakefile, wherever the results go.
REFERENCE = "results/reference" if Path.cwd() == ROOT else f"{ROOT}/results/reference"

# A network is what these keys say, under the same path in every stage.
NETWORK = (
    "dataset={dataset}/architecture={architecture}/activation={activation}/"
    "distribution={distribution}/seed={seed}"
)


wildcard_constraints:
    grid="|".join(GRIDS),
    dataset="|".join(DATASETS),
    architecture=ARCHITECTURE,
    activation="|".join(ACTIVATIONS),
    distribution="|".join(map(re.escape, DISTRIBUTIONS)),
    seed=r"0|[1-9][0-9]{0,17}",  # fits into 64 bits
    sparsity=SPARSITY,
    stage="|".join(TRAINING_STAGES),
    figure="|".join(CONFIG.all_views) or "(?!)",
    reading="|".join(CONFIG.readings) or "(?!)",


def grids_of(origin):
    """For `wildcard_constraints`: the grids that prune networks of that origin."""
    return "|".join(name for name, grid in GRIDS.items() if grid.origin == origin) or "(?!)"


# What depends on the grid of a job.


def methods(wildcards):
    return GRIDS[wildcards.grid].methods


def n_networks(wildcards):
    """How many networks a training job has. Where nothing is pruned, all methods share one."""
    return 1 if wildcards.sparsity == "0" else len(methods(wildcards))


def fractions(wildcards):
    return CONFIG.options_of(wildcards.grid).search.fractions


def experiment(wildcards):
    """The origin and own options of a grid, which are written to each row."""
    name = wildcards.grid
    return {"origin": GRIDS[name].origin, "options": CONFIG.own_options(name)}


def cuts(wildcards):
    """The subnetworks of each network: (method, sparsity)."""
    grid = GRIDS[wildcards.grid]
    return [(method, sparsity) for method in grid.methods for sparsity in grid.sparsities]


def pruning_options(wildcards):
    """Those of the grid's methods, as plain values."""
    options = CONFIG.options_of(wildcards.grid).pruning(wildcards.dataset)
    return {method: options.of(method) for method in methods(wildcards)}


def training_options(name):
    """The training protocol of that name, as plain values."""

    def of(wildcards):
        training = CONFIG.options_of(wildcards.grid).training
        return training.protocol(name, wildcards.dataset, wildcards.architecture).model_dump()

    return of


def pruning_code(script):
    """Hash of a script, the data set's module and those of the grid's methods; and what each method
    calls of its module."""

    def of(wildcards):
        specs = [METHODS[method] for method in methods(wildcards)]
        modules = sorted({spec.module for spec in specs})
        called = dict.fromkeys(f"{spec.function}({spec.score or ''})" for spec in specs)
        return " ".join([code_hash(script, DATASETS[wildcards.dataset].module, *modules), *called])

    return of


def code(script):
    """Hash of a script and the data set's module."""
    return lambda wildcards: code_hash(script, DATASETS[wildcards.dataset].module)


def caption(figure):
    """What the report says below a figure."""
    path = ROOT / "rules" / "captions" / f"{figure}.rst"
    if not path.exists():
        raise WorkflowError(f"figure {figure!r} has no caption for the report: write {path}")
    return path.read_text(encoding="utf-8")


def listed(title):
    """The label of a result in the report. It is asked for when a report is made, and refuses to
    report what a run would make again."""
    stale = [file for job in workflow.dag.needrun_jobs() for file in job.output]
    if stale:
        raise WorkflowError(
            f"the report is about another run: {len(stale)} files are missing, unfinished, or not "
            f"by this configuration and code ({stale[-1]}, for example). Give the targets and the "
            "--configfile of your run, or run this command without --report first."
        )
    # One label: with two, the report's page of a category may stay blank.
    return {"result": title}


def facts_of_report(files):
    """What its first page says (`rules/captions/workflow.rst`)."""
    from ossum.workflow.report import facts  # pandas takes a second

    inputs = {str(path) for file in files for path in file.job.input}
    judged = [str(file.path) for file in files if str(file.path) == "results/claims.html"]
    claims = "results/claims.parquet" if judged else None
    return facts(sorted(inputs), claims, workflow.overwrite_configfiles)


def trained_network(wildcards):
    """The whole network that is pruned, where the grid prunes trained ones."""
    grid = GRIDS[wildcards.grid]
    if grid.origin == "initial":
        return []
    return rules.train_network.output.weights.format(
        **dict(wildcards.items()) | {"grid": grid.trained_by or wildcards.grid}
    )


# What tables and claims are made from.


def results_of(figure, files):
    """What a figure shows, each file once; `files` has a pattern for each stage."""
    found = []
    for view, grid in CONFIG.views(figure):
        for stage in view.stages:
            at = [spell_sparsity(sparsity) for sparsity in grid.at(stage)]
            found += expand(
                files[stage], grid=view.grid, stage=stage, sparsity=at, **grid.networks()
            )
    return list(dict.fromkeys(found))


def views(wildcards):
    """What a figure shows, by column of the result tables."""
    return [
        {"grid": [view.grid], "stage": view.stages, "method": grid.methods}
        | {"sparsity": grid.sparsities, **grid.networks()}
        for view, grid in CONFIG.views(wildcards.figure)
    ]


def has_curves(wildcards):
    name = wildcards.figure
    figure = CONFIG.readings[name].figure if name in CONFIG.readings else name
    return figure in FIGURES and FIGURES[figure].curves


def tables_of(*claims):
    """Those tables that the claims are about and the configuration has: a claim without its table
    is "not run"."""
    wanted = {CLAIMS[claim].table for claim in claims}
    return [TABLE.format(figure=table) for table in CONFIG.all_views if table in wanted]


def tables_of_readings(claims):
    """The tables of these claims, and of all other readings of them. Of those that come with the
    code there are some; without its table a reading is "not run"."""
    names = [name for name, reading in CONFIG.readings.items() if {*reading.claims} & {*claims}]
    others = [TABLE.format(figure=name) for name in names]
    if CONFIG.tables == "results/reference":
        others = [table for table in others if Path(table).exists()]
    return [*tables_of(*claims), *others]


def readings(wildcards):
    """All readings, or the one that is asked for, as plain values."""
    return {
        name: reading.model_dump(include={"claims", "figure", "what", "instead"})
        for name, reading in CONFIG.readings.items()
        if wildcards.get("reading", name) == name
    }


def claims_code(script):
    """Hash of a script that judges, with the modules that claims name their checks in."""
    modules = {f"ossum.claims.{claim.checks.split('.')[0]}" for claim in CLAIMS.values()}
    return code_hash(script, *sorted(modules))


# What jobs ask for. A retry asks for more memory and time.


def memory(function, *others):
    """MiB, by a function of `ossum.workflow.resources` and what it takes beside the network."""

    def of(wildcards, attempt):
        more = [other(wildcards) if callable(other) else other for other in others]
        return attempt * function(wildcards.dataset, wildcards.architecture, *more)

    return of


def minutes(name):
    return lambda wildcards, attempt: attempt * sizes.minutes(
        name, wildcards.dataset, wildcards.architecture
    )


PROCESSORS = processors()
LOCAL = workflow.resource_settings.nodes is None and not workflow.remote_exec  # not on a cluster
# With `device: cuda`, jobs that compute ask for a GPU. On a cluster each gets its own, on one machine
# they share it.
GPU = {"gpu": 1} if CONFIG.device.startswith("cuda") else {}

# What all jobs together may take of one machine. A cluster, whose jobs are counted by --jobs, has a
# scheduler that sees to that, and each of its jobs has what it asked for.
if LOCAL:
    # `--cores` may be more than there are: threads that wait for a processor slow each other down.
    if workflow.resource_settings.cores is not None:
        workflow.global_resources["_cores"] = min(workflow.resource_settings.cores, PROCESSORS)
    machine = {"mem_mb": int(0.95 * free_memory() / 2**20)}
    if GPU:
        machine["gpu"] = 2  # start-up and small networks leave much of a card idle
    for name, limit in machine.items():
        if workflow.global_resources.get(name).value is None:  # unless the user has set one
            workflow.register_resource(name, limit)

# Jobs end when this process is killed.
os.environ[VARIABLE] = str(os.getpid())

# How often a waiting thread looks whether the others are done before it sleeps. By default GNU's
# OpenMP looks for milliseconds and keeps the processor from the very threads that it waits for:
# trainings beside other programs then take ten times as long (docs/speed.md).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def known_targets():
    """Rules that can be asked for by name, and files of the configured grids, figures and claims."""
    names = {each.name for each in workflow.rules if not each.has_wildcards()}
    for name, grid in GRIDS.items():
        values = {
            **grid.networks(),
            "grid": name,
            "stage": TRAINING_STAGES,
            "sparsity": [spell_sparsity(sparsity) for sparsity in grid.sparsities],
            "figure": list(CONFIG.figures),
            "claim": list(CLAIMS),
            "reading": list(CONFIG.readings),
        }
        for each in workflow.rules:
            for file in each.output:
                names.update(expand(strip_wildcard_constraints(file), **values, allow_missing=True))
    return names


# For the display (snakemake_logger_plugin_ossum): what to suggest in the place of a misspelt target.
logger.info("", extra={"known_targets": known_targets})


def estimated(jobs):
    """For the display: the kind of each job, by its number, and how long it may take."""
    return {
        job.jobid: (
            estimates.kind(job.rule.name, job.wildcards_dict),
            estimates.guess(job.rule.name, job.wildcards_dict, job.params),
        )
        for job in jobs
    }


onstart:
    with refusing(OSError):
        check_folders("results", "figures", "logs", writable=True)
        if not any(Path("data").glob("*.safetensors")):  # it may be somebody else's
            check_folders("data", writable=True)
    remove_leftovers("data", "results", "figures")
    special = GPU or CONFIG.precision != "float32"
    # Jobs that compute, and no others, ask for memory.
    computes = any("mem_mb" in job.rule.resources for job in workflow.dag.needrun_jobs())
    if special and computes and workflow.resource_settings.nodes is None:
        from ossum.workflow.device import DeviceError, set_up  # torch takes a second

        with refusing(DeviceError):
            set_up(config)
    if workflow.executor_plugin.name == "slurm":
        with refusing(LeftOverError):
            refuse_left_over_jobs(os.getcwd(), workflow.executor_settings.jobname_prefix)
    # By default Snakemake starts at most 100 jobs a second. To keep to that, it chooses jobs again every
    # second, and each job that ends adds one more such choice a second for the rest of the run. After 70
    # jobs this took a tenth of a core and 70 threads. So the limit goes, unless the user has set one.
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None
    logger.info("", extra={"estimates": estimated(workflow.dag.needrun_jobs())})
