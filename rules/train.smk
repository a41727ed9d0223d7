for batch in batches(CONFIG, "train"):

    # Networks pruned at initialisation are trained, rescaled before or not; those pruned after
    # training are fine-tuned. All of a job that have the same widths train as one ensemble.
    rule:
        name:
            batch.rule("train")
        input:
            data=timeless(DATA),
            recipes=timeless(batch.files(NETWORK)),
            trained=trained_networks(batch),
            subnetworks=batch.files(SUBNETWORK),
        output:
            update(batch.files(TRAINING)),
        log:
            batch.file("logs/{stage}", ".log"),
        benchmark:
            batch.file("results/benchmarks/{stage}", ".tsv")
        wildcard_constraints:
            **batch.constraints,
            stage="finetuned" if batch.trained else "trained|trained-unscaled",
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            **GPU,
            mem_mb=training_memory(batch),
            runtime=time_limit(None, batch),
            processors=processors,
        params:
            made_from=made_by(batch),
        message:
            "Training subnetworks of {wildcards.architecture} on {wildcards.dataset}"
        script:
            "../scripts/train.py"


workflow.ruleorder(*(batch.rule("train") for batch in batches(CONFIG, "train")))
