# Of what was run, whatever that is: no inputs, so that it never computes anything.
rule verify:
    log:
        "logs/verify.log",
    localrule: True
    conda:
        "../environment.yml"
    message:
        "Comparing results/ with results/reference/"
    script:
        "../scripts/verify.py"


# A figure of both, of what both have.
rule compared:
    input:
        TABLE,
        "results/reference/{figure}.parquet",
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
        figure="{figure}",
        code=code_hash("scripts/figure.py", "ossum/registry.py"),  # labels, order
        tables=lambda wildcards: CONFIG.tables,
    message:
        "Drawing {wildcards.figure}, yours and the reference"
    script:
        "../scripts/figure.py"
