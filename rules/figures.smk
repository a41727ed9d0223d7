# Where each stage's rows are.
RESULTS = {
    "pruned": rules.evaluate.output[0],
    **dict.fromkeys(TRAINING_STAGES, rules.evaluate_trained.output[0]),
    "statistics": rules.statistics.output[0],
    "readout": rules.readout.output[0],
    "search": rules.search.output[0],
    "cost": rules.cost.output[0],
}
CURVES = {
    "trained": rules.train.output.curves,
    "trained-unscaled": rules.train_unscaled.output.curves,
    "finetuned": rules.finetune.output.curves,
}
# What the report says below each figure.
CAPTIONS = {figure: caption(figure) for figure in CONFIG.figures}
# What is shown: tables made here, or those that come with the code.
TABLES = REFERENCE if CONFIG.tables == "results/reference" else CONFIG.tables
TABLE = f"{TABLES}/{{figure}}.parquet"


rule table:
    input:
        # Figures of learning curves ask for the evaluations too: else the temporary weights
        # would go without being evaluated.
        lambda wildcards: results_of(wildcards.figure, RESULTS),
        curves=branch(
            has_curves,
            then=lambda wildcards: results_of(wildcards.figure, CURVES),
        ),
    output:
        "results/tables/{figure}.parquet",
    log:
        "logs/table/{figure}.log",
    benchmark:
        "results/benchmarks/table/{figure}.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        # Files hold all methods and sparsities of a grid; a view may take some.
        views=views,
        code=code_hash("scripts/table.py"),
    message:
        "Table of {wildcards.figure}"
    script:
        "../scripts/table.py"


rule figure:
    input:
        TABLE,
    output:
        pdf="figures/{figure}.pdf",
        png="figures/{figure}.png",
        # The picture with its caption and its numbers, for people.
        html=report(
            "figures/{figure}.html",
            caption="captions/figure.rst",
            category=lambda wildcards: FIGURES[wildcards.figure].category,
            labels=lambda wildcards: listed(FIGURES[wildcards.figure].title),
        ),
    log:
        "logs/figure/{figure}.log",
    benchmark:
        "results/benchmarks/figure/{figure}.tsv"
    wildcard_constraints:
        figure="|".join(CONFIG.figures) or "(?!)",  # of no figures, none
    localrule: True
    conda:
        "../environment.yml"
    params:
        caption=lambda wildcards: CAPTIONS[wildcards.figure],
        code=code_hash("scripts/figure.py", "ossum.figures"),
        names=code_hash("ossum/config/registry.py"),  # labels and their order
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/figure.py"


# Your results and the reference in one figure, as far as both exist.
rule compared:
    input:
        TABLE,
        reference=f"{REFERENCE}/{{figure}}.parquet",
    output:
        "figures/compared/{figure}.pdf",
        "figures/compared/{figure}.png",
    log:
        "logs/compared/{figure}.log",
    benchmark:
        "results/benchmarks/compared/{figure}.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        code=code_hash("scripts/compared.py", "ossum.figures"),
    message:
        "Drawing {wildcards.figure}, yours and the reference"
    script:
        "../scripts/compared.py"
