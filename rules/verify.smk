# Compares whatever results there are. It has no inputs, so it starts no other job.
rule verify:
    log:
        "logs/verify.log",
    localrule: True
    conda:
        "../environment.yml"
    params:
        reference=REFERENCE,
    message:
        "Comparing results/ with results/reference/"
    script:
        "../scripts/verify.py"
