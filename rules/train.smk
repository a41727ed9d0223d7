# The subnetworks of a network at one sparsity have equal widths and train as one ensemble. The
# weights go when they have been evaluated.
rule train:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
        subnetworks=rules.prune.output[0],
    output:
        weights=temp(f"results/trained/{{grid}}/{NETWORK}/sparsity={{sparsity}}.safetensors"),
        curves=f"results/trained/{{grid}}/{NETWORK}/sparsity={{sparsity}}.parquet",
    log:
        f"logs/train/{{grid}}/{NETWORK}/sparsity={{sparsity}}.log",
    benchmark:
        f"results/benchmarks/train/{{grid}}/{NETWORK}/sparsity={{sparsity}}.tsv"
    wildcard_constraints:
        grid=grids_of("initial"),
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.train_mb, lambda wildcards: wildcards.sparsity, n_networks),
        runtime=minutes("train"),
    params:
        stage="trained",
        rescale=True,
        experiment=experiment,
        options=training_options("train"),
        precision=CONFIG.precision,
        code=code("scripts/train.py"),
    message:
        "Training {wildcards.grid}: {wildcards.architecture} on {wildcards.dataset}, "
        "sparsity {wildcards.sparsity}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"


# As `train`, but with the weights as they were drawn.
use rule train as train_unscaled with:
    output:
        weights=temp(
            f"results/trained-unscaled/{{grid}}/{NETWORK}/sparsity={{sparsity}}.safetensors"
        ),
        curves=f"results/trained-unscaled/{{grid}}/{NETWORK}/sparsity={{sparsity}}.parquet",
    log:
        f"logs/train_unscaled/{{grid}}/{NETWORK}/sparsity={{sparsity}}.log",
    benchmark:
        f"results/benchmarks/train_unscaled/{{grid}}/{NETWORK}/sparsity={{sparsity}}.tsv"
    params:
        stage="trained-unscaled",
        rescale=False,


# Networks that were trained before they were pruned.
use rule train as finetune with:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
        trained=trained_network,
        subnetworks=rules.prune.output[0],
    output:
        weights=temp(f"results/finetuned/{{grid}}/{NETWORK}/sparsity={{sparsity}}.safetensors"),
        curves=f"results/finetuned/{{grid}}/{NETWORK}/sparsity={{sparsity}}.parquet",
    log:
        f"logs/finetune/{{grid}}/{NETWORK}/sparsity={{sparsity}}.log",
    benchmark:
        f"results/benchmarks/finetune/{{grid}}/{NETWORK}/sparsity={{sparsity}}.tsv"
    wildcard_constraints:
        grid=grids_of("trained"),
    params:
        stage="finetuned",
        rescale=False,
        options=training_options("finetune"),
    message:
        "Fine-tuning {wildcards.grid}: {wildcards.architecture} on {wildcards.dataset}, "
        "sparsity {wildcards.sparsity}, seed {wildcards.seed}"
