"""The paper as a workflow: init -> prune -> (train | finetune) -> evaluate -> table -> figure."""

from snakemake.utils import min_version

min_version("9.0")


configfile: workflow.source_path("config/config.yaml")


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/made_from.smk"
include: "rules/resources.smk"
include: "rules/data.smk"
include: "rules/networks.smk"
include: "rules/prune.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/readout.smk"
include: "rules/search.smk"
include: "rules/figures.smk"
include: "rules/costs.smk"
include: "rules/claims.smk"
include: "rules/verify.smk"


rule figures:
    default_target: True
    input:
        expand("figures/{figure}.pdf", figure=CONFIG.figures),
        "results/claims.md",
        expand("results/tables/{figure}.html", figure=CONFIG.figures),
