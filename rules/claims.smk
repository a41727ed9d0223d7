rule claims:
    input:
        tables_of(*CLAIMS),
    output:
        markdown="results/claims.md",
        parquet="results/claims.parquet",
        page=report(
            "results/claims.html",
            caption="captions/claims.rst",
            category="1 Claims",
            labels=lambda wildcards: listed("What holds: each claim with its verdict"),
        ),
        pdf="figures/claims.pdf",
        png="figures/claims.png",
    log:
        "logs/claims.log",
    benchmark:
        "results/benchmarks/claims.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        claims=list(CLAIMS),
        code=claims_code("scripts/claims.py"),
    message:
        "Judging the paper's claims"
    script:
        "../scripts/claims.py"


# One claim, judged from the tables that it is about.
rule claim:
    input:
        lambda wildcards: tables_of(wildcards.claim),
    output:
        markdown="results/claims/{claim}.md",
    log:
        "logs/claims/{claim}.log",
    benchmark:
        "results/benchmarks/claims/{claim}.tsv"
    wildcard_constraints:
        claim="|".join(CLAIMS),
    localrule: True
    conda:
        "../environment.yml"
    params:
        claims=lambda wildcards: [wildcards.claim],
        code=claims_code("scripts/claims.py"),
    message:
        "Judging {wildcards.claim}"
    script:
        "../scripts/claims.py"
