# A network is its recipe: what to draw, from which seed. No weights are stored.
rule init:
    output:
        NETWORK,
    log:
        NETWORK.replace("results/networks", "logs/networks").replace(".json", ".log"),
    benchmark:
        NETWORK.replace("results/networks", "results/benchmarks/networks").replace(".json", ".tsv")
    conda:
        "../environment.yml"
    message:
        "Recipe of {wildcards.architecture} for {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../scripts/init.py"
