# The reproduction as an article, from whatever tables, figures and verdicts the configuration has.
rule paper:
    input:
        tables=tables_of_readings(CLAIMS)
        + [TABLE.format(figure=name) for name in CONFIG.figures if name == "second-order"],
        figures=expand(rules.figure.output.pdf, figure=CONFIG.figures),
        text=f"{ROOT}/docs/paper/paper.typ",
        others=[
            f"{ROOT}/docs/paper/{name}"
            for name in ("numbers.typ", "template.typ", "references.bib")
        ],
    output:
        pdf="figures/paper.pdf",
        numbers="results/paper.json",
    log:
        "logs/paper.log",
    benchmark:
        "results/benchmarks/paper.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        readings=readings,
        overlays=[Path(file).name for file in workflow.overwrite_configfiles],
        code=claims_code("scripts/paper.py"),
    message:
        "Typesetting the article"
    script:
        "../scripts/paper.py"
