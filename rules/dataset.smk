# Downloads need the network: on a cluster, this runs where the user starts Snakemake.
rule dataset:
    output:
        "data/{dataset}.safetensors",
    log:
        "logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        code=code("scripts/dataset.py"),
    message:
        "Obtaining {wildcards.dataset}"
    script:
        "../scripts/dataset.py"
