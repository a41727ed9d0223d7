# Milliseconds of work: never a job of a cluster.
localrules:
    init,


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


TRAINED = [batch for batch in batches(CONFIG, "train") if batch.trained]

for batch in TRAINED:

    # Trained once for all methods; the weights go when the last job that reads them has ended.
    rule:
        name:
            batch.rule("network")
        input:
            data=timeless(DATA),
            recipes=timeless(batch.files(NETWORK)),
        output:
            weights=temp(update(batch.files(TRAINED_NETWORK))),
            curves=update(batch.files(TRAINED_NETWORK_CURVE)),
        log:
            batch.file("logs/train-network", ".log", NETWORK_KEYS),
        benchmark:
            batch.file("results/benchmarks/train-network", ".tsv", NETWORK_KEYS)
        wildcard_constraints:
            **batch.constraints,
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            **GPU,
            mem_mb=network_training_memory(batch),
            runtime=time_limit("full", batch),
            processors=processors,
        params:
            made_from=lambda wildcards: {
                "precision": CONFIG.precision,
                "network": network_made_from(wildcards.dataset, wildcards.architecture),
            },
        message:
            "Training {wildcards.architecture} on {wildcards.dataset}"
        script:
            "../scripts/train_network.py"


workflow.ruleorder(*(batch.rule("network") for batch in TRAINED))
