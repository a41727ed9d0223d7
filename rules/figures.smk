# Seconds of work: never a job of a cluster.
localrules:
    table,
    summary,
    rulegraph,


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


for name in CONFIG.figures:

    # A rule each, because a caption in the report cannot depend on a wildcard.
    rule:
        name:
            f"figure_{name}"
        input:
            TABLE.format(figure=name),
        output:
            f"figures/{name}.pdf",
            report(
                f"figures/{name}.png",
                caption=caption(name),
                category=FIGURES[name].category,
                labels=labels(name),
            ),
        log:
            f"logs/figure/{name}.log",
        benchmark:
            f"results/benchmarks/figure/{name}.tsv"
        localrule: True
        conda:
            "../environment.yml"
        params:
            figure=name,
            code=code_hash("scripts/figure.py", "ossum/registry.py"),  # labels, order
            tables=lambda wildcards: CONFIG.tables,  # what it was drawn from, whatever the times
        message:
            f"Drawing {name}"
        script:
            "../scripts/figure.py"


# The numbers of a figure for people: what Parquet does not show.
rule summary:
    input:
        TABLE,
    output:
        report(
            "results/tables/{figure}.html",
            caption="captions/table.rst",
            category="Tables",
            labels=lambda wildcards: labels(wildcards.figure),
        ),
    log:
        "logs/summary/{figure}.log",
    benchmark:
        "results/benchmarks/summary/{figure}.tsv"
    conda:
        "../environment.yml"
    params:
        code=code_hash("scripts/summary.py"),
        tables=lambda wildcards: CONFIG.tables,  # what it was made from, whatever the times
    message:
        "Numbers of {wildcards.figure}"
    script:
        "../scripts/summary.py"


rule rulegraph:
    output:
        report(
            "figures/rulegraph.svg",
            caption="captions/rulegraph.rst",
            category="Rule graph",
            labels={"figure": "Rule graph", "topic": "stages of the workflow"},
        ),
    log:
        "logs/rulegraph.log",
    benchmark:
        "results/benchmarks/rulegraph.tsv"
    conda:
        "../environment.yml"
    params:
        workflow=workflow_hash(),
        code=code_hash("scripts/rulegraph.py"),
    message:
        "Drawing the rule graph"
    script:
        "../scripts/rulegraph.py"
