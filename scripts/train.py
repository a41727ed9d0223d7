"""Train or fine-tune the subnetworks of a network at one sparsity, together."""

from ossum.config.options import TrainingOptions
from ossum.storage.results import CURVES
from ossum.training.curves import curve_rows
from ossum.training.ensemble import train_ensemble
from ossum.training.rescaling import rescaled
from ossum.workflow.job import Job
from ossum.workflow.resources import ensemble_size

with Job.of(snakemake) as job:
    recipe, sparsity = job.recipe, float(snakemake.wildcards.sparsity)
    network = job.network()
    cuts = {cut: s.of(network) for cut, s in job.subnetworks().items() if cut[1] == sparsity}
    if not cuts:
        raise ValueError(f"grids.{snakemake.wildcards.grid} does not prune to {sparsity}")
    del network
    if snakemake.params.rescale:
        cuts = {cut: rescaled(subnetwork) for cut, subnetwork in cuts.items()}
    checkpoint = job.checkpoint()
    trained = train_ensemble(
        list(cuts.values()),
        job.seed,
        job.data("train"),
        job.data("test"),
        TrainingOptions(**snakemake.params.options),
        most=ensemble_size(
            job.memory_mb(), recipe.dataset, recipe.architecture, sparsity, len(cuts)
        ),
        checkpoint=checkpoint,
    )
    rows = [
        {"method": method, "sparsity": sparsity} | row
        for (method, sparsity), one in zip(cuts, trained, strict=True)
        for row in curve_rows(one)
    ]
    job.write(rows, CURVES, snakemake.output.curves)
    methods = [method for method, _ in cuts]
    job.save_networks({m: one.network for m, one in zip(methods, trained, strict=True)})
    checkpoint.remove()
