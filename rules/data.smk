# Needs the network: on a cluster, this runs where the user starts Snakemake.
localrules:
    dataset,


rule dataset:
    output:
        DATA,
    log:
        "logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    conda:
        "../environment.yml"
    message:
        "Obtaining {wildcards.dataset}"
    script:
        "../scripts/dataset.py"
