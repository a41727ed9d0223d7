# One job prunes a network by every method of its grid to every sparsity: they share passes over the
# training set.
rule prune:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
        trained=trained_network,
    output:
        f"results/subnetworks/{{grid}}/{NETWORK}.safetensors",
    log:
        f"logs/prune/{{grid}}/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/prune/{{grid}}/{NETWORK}.tsv"
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.prune_mb, pruning_options),
        runtime=minutes("prune"),
    params:
        cuts=cuts,
        options=pruning_options,
        precision=CONFIG.precision,
        code=pruning_code("scripts/prune.py"),
    message:
        "Pruning {wildcards.grid}: {wildcards.architecture} on {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../scripts/prune.py"
