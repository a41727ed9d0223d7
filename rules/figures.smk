# Seconds of work: never a job of a cluster.
localrules:
    table,
    figure,


rule table:
    input:
        lambda wildcards: [
            cell.path(RESULTS[stage]) for stage, cell in CONFIG.results(wildcards.figure)
        ],
    output:
        "results/tables/{figure}.parquet",
    log:
        "logs/table/{figure}.log",
    benchmark:
        "results/benchmarks/table/{figure}.tsv"
    conda:
        "../environment.yml"
    params:
        code=code_hash("scripts/table.py"),
        # A figure that asks for other cells than last time needs a new table.
        views=lambda wildcards: [
            (stages, grid.values()) for stages, grid in CONFIG.views(wildcards.figure)
        ],
        made_from=lambda wildcards: table_made_from(wildcards.figure),
    message:
        "Table of {wildcards.figure}"
    script:
        "../scripts/table.py"


rule figure:
    input:
        "results/tables/{figure}.parquet",
    output:
        multiext("figures/{figure}", ".pdf", ".png"),
    log:
        "logs/figure/{figure}.log",
    benchmark:
        "results/benchmarks/figure/{figure}.tsv"
    conda:
        "../environment.yml"
    params:
        code=code_hash("scripts/figure.py", "ossum/registry.py"),  # labels, order
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/figure.py"
