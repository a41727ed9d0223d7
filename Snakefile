"""The paper as a workflow: init → (train_network) → prune → (train | finetune) → evaluate → table →
figure. A rule is a stage; a job does one stage of one network of a grid (see config/config.yaml).
"""

from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

if not Path(str(workflow.snakefile)).is_file():
    raise WorkflowError(
        "This workflow needs the package that lies beside its Snakefile, so a URL, github() or "
        "gitfile() cannot run it. Clone the repository and name the Snakefile in the clone."
    )


configfile: workflow.source_path("config/config.yaml")


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/dataset.smk"
include: "rules/init.smk"
include: "rules/train_network.smk"
include: "rules/prune.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/statistics.smk"
include: "rules/readout.smk"
include: "rules/search.smk"
include: "rules/cost.smk"
include: "rules/figures.smk"
include: "rules/claims.smk"
include: "rules/readings.smk"
include: "rules/paper.smk"
include: "rules/verify.smk"


rule figures:
    default_target: True
    input:
        expand("figures/{figure}.pdf", figure=CONFIG.figures),
        "results/claims.md",
