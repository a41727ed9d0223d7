"""Train a whole network."""

from ossum.config.options import TrainingOptions
from ossum.storage.results import CURVES
from ossum.training.curves import curve_rows
from ossum.training.ensemble import train_ensemble
from ossum.workflow.job import Job

with Job.of(snakemake) as job:
    checkpoint = job.checkpoint()
    (trained,) = train_ensemble(
        [job.network()],
        job.seed,
        job.data("train"),
        job.data("test"),
        TrainingOptions(**snakemake.params.options),
        checkpoint=checkpoint,
    )
    if trained.diverged:
        raise FloatingPointError("training diverged: lower the learning rate")
    job.write(curve_rows(trained), CURVES, snakemake.output.curves)
    job.save_networks({"whole": trained.network})
    checkpoint.remove()
