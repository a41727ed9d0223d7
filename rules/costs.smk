COSTS = [cell for grid in CONFIG.costs.values() for cell in grid.cells()]


# It measures time, so it takes all processors: no other job runs beside it.
rule costs:
    input:
        data=timeless(sorted({DATA.format(dataset=cell.dataset) for cell in COSTS})),
    output:
        "results/tables/costs.parquet",
    log:
        "logs/costs.log",
    benchmark:
        "results/benchmarks/costs.tsv"
    conda:
        "../environment.yml"
    threads: CONFIG.threads
    resources:
        **GPU,
        mem_mb=costs_memory(COSTS),
        runtime=costs_time_limit(COSTS),
        processors=os.cpu_count(),
    params:
        cells=[cell.columns() for cell in COSTS],
        options={cell.dataset: cost_options(cell.dataset) for cell in COSTS},
        precision=CONFIG.precision,
        code=costs_code(COSTS),
    message:
        "Measuring what pruning costs"
    script:
        "../scripts/costs.py"
