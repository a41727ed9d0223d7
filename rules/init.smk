# A network is stored as its recipe, with a checksum of each layer that is drawn from it. This takes
# seconds: on a cluster, it runs where the user starts Snakemake.
rule init:
    output:
        f"results/networks/{NETWORK}.json",
    log:
        f"logs/init/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/init/{NETWORK}.tsv"
    localrule: True
    conda:
        "../environment.yml"
    resources:
        mem_mb=memory(sizes.network_mb),
    params:
        code=code_hash("scripts/init.py"),
    message:
        "Initialising {wildcards.architecture} for {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../scripts/init.py"
