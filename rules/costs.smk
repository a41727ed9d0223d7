COSTS = [cell for grid in CONFIG.costs.values() for cell in grid.cells()]


# One job that has the machine for itself: it measures time.
rule costs:
    input:
        data=ancient(sorted({DATA.format(dataset=cell.dataset) for cell in COSTS})),
    output:
        "results/tables/costs.parquet",
    log:
        "logs/costs.log",
    benchmark:
        "results/benchmarks/costs.tsv"
    conda:
        "../environment.yml"
    threads: workflow.cores
    resources:
        mem_mb=costs_memory(COSTS),
        processors=os.cpu_count(),
    params:
        cells=[cell.columns() for cell in COSTS],
        options={cell.dataset: cost_options(cell.dataset) for cell in COSTS},
        code=costs_code(COSTS),
    message:
        "Measuring what pruning costs"
    script:
        "../scripts/costs.py"
