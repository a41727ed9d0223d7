from ossum.memory import prune_mb


def prune_memory(batch):
    def in_mb(wildcards):
        return prune_mb(wildcards.dataset, wildcards.architecture, batch.methods)

    return in_mb


def prune_code_of(batch):
    return lambda wildcards: prune_code(wildcards.dataset, batch.methods)


for batch in batches(CONFIG, "prune"):

    # One job prunes one network by every fused method to every fused sparsity: they share a
    # forward pass over the training set.
    rule:
        name:
            f"prune_{batch.name}"
        input:
            data=ancient(DATA),
            recipes=ancient(batch.files(NETWORK)),
        output:
            update(batch.files(SUBNETWORK)),
        log:
            batch.file("logs/prune", ".log"),
        benchmark:
            batch.file("results/benchmarks/prune", ".tsv")
        wildcard_constraints:
            **batch.constraints,
        conda:
            "../environment.yml"
        threads: CONFIG.threads
        resources:
            mem_mb=prune_memory(batch),
        params:
            code=prune_code_of(batch),
            options=lambda wildcards: CONFIG.pruning.options(wildcards.dataset).model_dump(),
        message:
            "Pruning {wildcards.architecture} for {wildcards.dataset}"
        script:
            "../scripts/prune.py"


workflow.ruleorder(*(f"prune_{batch.name}" for batch in batches(CONFIG, "prune")))
