# What pruning costs, each method alone. It measures time, so on one machine it takes all processors:
# no other job runs beside it.
rule cost:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
    output:
        f"results/cost/{{grid}}/{NETWORK}.parquet",
    log:
        f"logs/cost/{{grid}}/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/cost/{{grid}}/{NETWORK}.tsv"
    wildcard_constraints:
        grid=grids_of("initial"),
    conda:
        "../environment.yml"
    threads: PROCESSORS if LOCAL else CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.prune_mb, pruning_options),
        runtime=minutes("cost"),
    params:
        stage="cost",
        experiment=experiment,
        cuts=cuts,
        options=pruning_options,
        precision=CONFIG.precision,
        code=pruning_code("scripts/cost.py"),
    message:
        "Measuring what pruning {wildcards.architecture} for {wildcards.dataset} costs"
    script:
        "../scripts/cost.py"
