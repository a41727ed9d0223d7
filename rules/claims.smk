# Seconds of work: never a job of a cluster.
localrules:
    claims,
    claim,


rule claims:
    input:
        tables_of_claims(CLAIMS),
    output:
        markdown="results/claims.md",
        parquet="results/claims.parquet",
        page=report(
            "results/claims.html",
            caption="captions/checks.rst",
            category="Claims",
            labels={"figure": "Checks", "topic": "every check behind the verdicts"},
        ),
        pdf="figures/claims.pdf",
        png=report(
            "figures/claims.png",
            caption="captions/claims.rst",
            category="Claims",
            labels={"figure": "Claims", "topic": "expected against observed"},
        ),
    log:
        "logs/claims.log",
    benchmark:
        "results/benchmarks/claims.tsv"
    conda:
        "../environment.yml"
    params:
        claims=list(CLAIMS),
        tables=lambda wildcards: tables_of_claims(CLAIMS),  # judge again when there are others than last time
        code=claims_code(),
    message:
        "Judging the paper's claims"
    script:
        "../scripts/claims.py"


# One of them, from its own tables only.
rule claim:
    input:
        lambda wildcards: tables_of_claims([wildcards.claim]),
    output:
        markdown="results/claims/{claim}.md",
    log:
        "logs/claims/{claim}.log",
    benchmark:
        "results/benchmarks/claims/{claim}.tsv"
    conda:
        "../environment.yml"
    params:
        claims=lambda wildcards: [wildcards.claim],
        tables=lambda wildcards: tables_of_claims([wildcards.claim]),
        code=claims_code(),
    message:
        "Judging {wildcards.claim}"
    script:
        "../scripts/claims.py"
