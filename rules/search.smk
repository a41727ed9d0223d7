# Every combination of widths. Subnetworks that agree in their first layers share these layers.
rule search:
    input:
        data=rules.dataset.output[0],
        network=rules.init.output[0],
    output:
        f"results/search/{{grid}}/{NETWORK}.parquet",
    log:
        f"logs/search/{{grid}}/{NETWORK}.log",
    benchmark:
        f"results/benchmarks/search/{{grid}}/{NETWORK}.tsv"
    wildcard_constraints:
        grid=grids_of("initial"),
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=memory(sizes.search_mb, lambda wildcards: len(fractions(wildcards))),
        runtime=minutes("search"),
    params:
        stage="search",
        experiment=experiment,
        methods=methods,
        options=pruning_options,
        fractions=fractions,
        precision=CONFIG.precision,
        code=pruning_code("scripts/search.py"),
    message:
        "Searching {wildcards.architecture} for {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../scripts/search.py"
