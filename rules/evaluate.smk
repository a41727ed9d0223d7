from math import prod

from ossum.memory import evaluate_mb


def evaluate_memory(batch):
    n_cells = prod(map(len, batch.fused.values()))

    def in_mb(wildcards):
        return evaluate_mb(wildcards.dataset, wildcards.architecture, n_cells)

    return in_mb


def evaluation_made_from(batch):
    return lambda wildcards: made_from(wildcards.dataset, batch.methods)


for batch in batches(CONFIG, "evaluate"):

    # All subnetworks of one network share one pass over the test set.
    rule:
        name:
            f"evaluate_{batch.name}"
        input:
            data=ancient(DATA),
            recipes=ancient(batch.files(NETWORK)),
            subnetworks=batch.files(SUBNETWORK),
        output:
            update(batch.files(EVALUATION)),
        log:
            batch.file("logs/evaluate", ".log"),
        benchmark:
            batch.file("results/benchmarks/evaluate", ".tsv")
        wildcard_constraints:
            **batch.constraints,
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            mem_mb=evaluate_memory(batch),
        params:
            made_from=evaluation_made_from(batch),
        message:
            "Evaluating subnetworks of {wildcards.architecture} on {wildcards.dataset}"
        script:
            "../scripts/evaluate.py"


workflow.ruleorder(*(f"evaluate_{batch.name}" for batch in batches(CONFIG, "evaluate")))
