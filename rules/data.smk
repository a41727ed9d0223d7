rule dataset:
    output:
        DATA,
    log:
        "logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    message:
        "Obtaining {wildcards.dataset}"
    script:
        "../scripts/dataset.py"
