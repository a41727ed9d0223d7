for batch in batches(CONFIG, "evaluate"):

    # All subnetworks of one network share one pass over the test set.
    rule:
        name:
            batch.rule("evaluate")
        input:
            data=timeless(DATA),
            recipes=timeless(batch.files(NETWORK)),
            trained=trained_networks(batch),
            subnetworks=batch.files(SUBNETWORK),
        output:
            update(batch.files(RESULTS["pruned"])),
        log:
            batch.file("logs/evaluate", ".log"),
        benchmark:
            batch.file("results/benchmarks/evaluate", ".tsv")
        wildcard_constraints:
            **batch.constraints,
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            **GPU,
            mem_mb=evaluation_memory(batch),
            runtime=time_limit("pruned", batch),
            processors=processors,
        params:
            made_from=made_by(batch, "pruned"),
        message:
            "Evaluating subnetworks of {wildcards.architecture} on {wildcards.dataset}"
        script:
            "../scripts/evaluate.py"


workflow.ruleorder(*(batch.rule("evaluate") for batch in batches(CONFIG, "evaluate")))


for batch in batches(CONFIG, "evaluate"):

    rule:
        name:
            batch.rule("statistics")
        input:
            recipes=timeless(batch.files(NETWORK)),
            trained=trained_networks(batch),
            subnetworks=batch.files(SUBNETWORK),
        output:
            update(batch.files(RESULTS["statistics"])),
        log:
            batch.file("logs/statistics", ".log"),
        benchmark:
            batch.file("results/benchmarks/statistics", ".tsv")
        wildcard_constraints:
            **batch.constraints,
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            mem_mb=statistics_memory,
            runtime=time_limit("statistics", batch),
            processors=processors,
        params:
            made_from=made_by(batch, "statistics"),
        message:
            "Weight statistics of subnetworks of {wildcards.architecture}"
        script:
            "../scripts/weight_statistics.py"


workflow.ruleorder(*(batch.rule("statistics") for batch in batches(CONFIG, "evaluate")))
