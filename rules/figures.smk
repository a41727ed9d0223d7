rule table:
    input:
        lambda wildcards: [cell.path(EVALUATION) for cell in CONFIG.cells(wildcards.figure)],
    output:
        "results/tables/{figure}.parquet",
    log:
        "logs/table/{figure}.log",
    benchmark:
        "results/benchmarks/table/{figure}.tsv"
    params:
        code=code_hash("scripts/table.py"),
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
    params:
        code=code_hash("scripts/figure.py"),
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/figure.py"
