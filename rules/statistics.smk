# Extremes, mean, variance and signs of the weights that subnetworks keep. It runs on the processor.
rule statistics:
    input:
        network=rules.init.output[0],
        trained=trained_network,
        subnetworks=rules.prune.output[0],
    output:
        f"results/statistics/{{grid}}/{NETWORK}.parquet",
    log:
        f"logs/statistics/{{grid}}/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/statistics/{{grid}}/{NETWORK}.tsv"
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        mem_mb=memory(sizes.evaluate_mb, 1),
        runtime=minutes("statistics"),
    params:
        stage="statistics",
        experiment=experiment,
        code=code_hash("scripts/statistics.py"),
    message:
        "Weight statistics of subnetworks of {wildcards.architecture}"
    script:
        "../scripts/statistics.py"
