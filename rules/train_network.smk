# Trained once for all methods. The weights stay, so that more can be done with them later.
rule train_network:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
    output:
        weights=f"results/trained-networks/{{grid}}/{NETWORK}.safetensors",
        curves=f"results/trained-networks/{{grid}}/{NETWORK}.parquet",
    log:
        f"logs/train_network/{{grid}}/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/train_network/{{grid}}/{NETWORK}.tsv"
    wildcard_constraints:
        grid=grids_of("trained"),
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.train_mb, 0, 1),
        runtime=minutes("train_network"),
    params:
        stage="trained-network",
        experiment=lambda wildcards: {
            "origin": "initial",
            "options": CONFIG.own_options(wildcards.grid, "training"),
        },
        options=training_options("train_network"),
        precision=CONFIG.precision,
        code=code("scripts/train_network.py"),
    message:
        "Training {wildcards.architecture} on {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../scripts/train_network.py"
