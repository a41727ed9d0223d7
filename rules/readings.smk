# The claims under every reading of the paper that config/readings.yaml names.
rule readings:
    input:
        tables_of_readings(CLAIMS),
    output:
        markdown="results/readings.md",
        parquet="results/readings.parquet",
        pdf="figures/readings.pdf",
        png=report(
            "figures/readings.png",
            caption="captions/readings.rst",
            category="1 Claims",
            labels=lambda wildcards: listed(
                "Readings: do verdicts depend on how we read the paper?"
            ),
        ),
    log:
        "logs/readings.log",
    benchmark:
        "results/benchmarks/readings.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        readings=readings,
        claims=list(CLAIMS),
        code=claims_code("scripts/readings.py"),
    message:
        "Judging the claims under every reading"
    script:
        "../scripts/readings.py"


# Those claims that a reading is about, under this reading alone.
rule reading:
    input:
        lambda wildcards: TABLE.format(figure=wildcards.reading),
    output:
        markdown="results/readings/{reading}.md",
    log:
        "logs/readings/{reading}.log",
    benchmark:
        "results/benchmarks/readings/{reading}.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        readings=readings,
        claims=[],
        code=claims_code("scripts/readings.py"),
    message:
        "Judging claims under the reading {wildcards.reading}"
    script:
        "../scripts/readings.py"
