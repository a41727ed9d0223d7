# Every combination of widths by one method: its subnetworks share what they have in common.
rule search:
    input:
        data=timeless(DATA),
        recipes=timeless(NETWORK),
    output:
        RESULTS["search"],
    log:
        RESULTS["search"].replace("results/", "logs/").replace(".parquet", ".log"),
    benchmark:
        RESULTS["search"].replace("results/", "results/benchmarks/").replace(".parquet", ".tsv")
    wildcard_constraints:
        origin="init",
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=search_memory,
        runtime=search_time_limit,
        processors=processors,
    params:
        made_from=lambda wildcards: made_from(
            wildcards.dataset, wildcards.architecture, "init", [wildcards.method], ["search"]
        ),
    message:
        "Searching {wildcards.architecture} for {wildcards.dataset} by {wildcards.method}"
    script:
        "../scripts/search.py"
