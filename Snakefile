"""The paper as a workflow: init → (train_network) → prune → (train | finetune) → evaluate → table →
figure. A rule is a stage; a job does one stage of one network of a grid (see config/config.yaml).
"""

from snakemake.utils import min_version

min_version("9.20")


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
include: "rules/verify.smk"


rule figures:
    default_target: True
    input:
        expand("figures/{figure}.pdf", figure=CONFIG.figures),
        "results/claims.md",
