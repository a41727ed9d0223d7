"""The paper as a workflow: init -> prune -> evaluate -> table -> figure."""

from snakemake.utils import min_version

min_version("9.0")


configfile: workflow.source_path("config/config.yaml")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/networks.smk"
include: "rules/prune.smk"
include: "rules/evaluate.smk"
include: "rules/figures.smk"


rule all:
    default_target: True
    input:
        expand("figures/{figure}.pdf", figure=CONFIG.figures),
