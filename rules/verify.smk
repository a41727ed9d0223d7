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
