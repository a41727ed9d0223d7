for batch in batches(CONFIG, "prune"):

    # One job prunes one network by every fused method to every fused sparsity: they share a
    # forward pass over the training set.
    rule:
        name:
            batch.rule("prune")
        input:
            data=timeless(DATA),
            recipes=timeless(batch.files(NETWORK)),
            trained=trained_networks(batch),
        output:
            update(batch.files(SUBNETWORK)),
        log:
            batch.file("logs/prune", ".log"),
        benchmark:
            batch.file("results/benchmarks/prune", ".tsv")
        wildcard_constraints:
            **batch.constraints,
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            **GPU,
            mem_mb=pruning_memory(batch),
            runtime=time_limit("prune", batch),
            processors=processors,
        params:
            made_from=made_by(batch),
        message:
            "Pruning {wildcards.architecture} for {wildcards.dataset}"
        script:
            "../scripts/prune.py"


workflow.ruleorder(*(batch.rule("prune") for batch in batches(CONFIG, "prune")))
