rule claims:
    input:
        tables_of(*CLAIMS),
    output:
        markdown="results/claims.md",
        parquet="results/claims.parquet",
        page=report(
            "results/claims.html",
            caption="captions/checks.rst",
            category="Claims",
            labels={"result": "Checks: every check behind the verdicts"},
        ),
        pdf="figures/claims.pdf",
        png=report(
            "figures/claims.png",
            caption="captions/claims.rst",
            category="Claims",
            labels={"result": "Claims: expected against observed"},
        ),
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
