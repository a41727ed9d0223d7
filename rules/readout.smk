for batch in batches(CONFIG, "readout"):

    # A fit takes a minute or more and shares little: a job a cell, unless `fuse` says otherwise.
    rule:
        name:
            batch.rule("readout")
        input:
            data=timeless(DATA),
            recipes=timeless(batch.files(NETWORK)),
            trained=trained_networks(batch),
            subnetworks=batch.files(SUBNETWORK),
        output:
            update(batch.files(RESULTS["readout"])),
        log:
            batch.file("logs/readout", ".log"),
        benchmark:
            batch.file("results/benchmarks/readout", ".tsv")
        wildcard_constraints:
            **batch.constraints,
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            **GPU,
            mem_mb=readout_memory(batch),
            runtime=time_limit("readout", batch),
            processors=processors,
        params:
            made_from=made_by(batch, "readout"),
        message:
            "Readouts of subnetworks of {wildcards.architecture} on {wildcards.dataset}"
        script:
            "../scripts/readout.py"


workflow.ruleorder(*(batch.rule("readout") for batch in batches(CONFIG, "readout")))
