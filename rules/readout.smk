# The kept neurons under a learned output layer. A fit takes a minute or more, so a grid for readouts
# has few methods and sparsities.
rule readout:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
        trained=trained_network,
        subnetworks=rules.prune.output[0],
    output:
        f"results/readout/{{grid}}/{NETWORK}.parquet",
    log:
        f"logs/readout/{{grid}}/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/readout/{{grid}}/{NETWORK}.tsv"
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.readout_mb),
        runtime=minutes("readout"),
    params:
        stage="readout",
        experiment=experiment,
        options=lambda wildcards: CONFIG.options_of(wildcards.grid).readout.model_dump(),
        precision=CONFIG.precision,
        code=code("scripts/readout.py"),
    message:
        "Readouts of subnetworks of {wildcards.architecture} on {wildcards.dataset}"
    script:
        "../scripts/readout.py"
