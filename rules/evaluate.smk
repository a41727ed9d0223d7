# All subnetworks of a network share one pass over the test set.
rule evaluate:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
        trained=trained_network,
        subnetworks=rules.prune.output[0],
    output:
        f"results/evaluations/pruned/{{grid}}/{NETWORK}.parquet",
    log:
        f"logs/evaluate/{{grid}}/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/evaluate/{{grid}}/{NETWORK}.tsv"
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.evaluate_mb, lambda wildcards: len(cuts(wildcards))),
        runtime=minutes("evaluate"),
    params:
        stage="pruned",
        experiment=experiment,
        precision=CONFIG.precision,
        code=code("scripts/evaluate.py"),
    message:
        "Evaluating {wildcards.grid}: {wildcards.architecture} on {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../scripts/evaluate.py"


# After training or fine-tuning, from the weights.
rule evaluate_trained:
    input:
        data=rules.dataset.output[0],
        weights=f"results/{{stage}}/{{grid}}/{NETWORK}/sparsity={{sparsity}}.safetensors",
    output:
        f"results/evaluations/{{stage}}/{{grid}}/{NETWORK}/sparsity={{sparsity}}.parquet",
    log:
        f"logs/evaluate_trained/{{stage}}/{{grid}}/{NETWORK}/sparsity={{sparsity}}.log",
    benchmark:
        f"results/benchmarks/evaluate_trained/{{stage}}/{{grid}}/{NETWORK}/sparsity={{sparsity}}.tsv"
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.train_mb, lambda wildcards: wildcards.sparsity, n_networks),
        runtime=minutes("evaluate"),
    params:
        experiment=experiment,
        precision=CONFIG.precision,
        code=code("scripts/evaluate_trained.py"),
    message:
        "Evaluating {wildcards.grid}, {wildcards.stage}: {wildcards.architecture} on {wildcards.dataset}, "
        "sparsity {wildcards.sparsity}, seed {wildcards.seed}"
    script:
        "../scripts/evaluate_trained.py"
