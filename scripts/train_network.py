"""Train whole networks: all seeds of a fused job together."""

import logging
from time import perf_counter

from ossum.architectures import Architecture
from ossum.cells import TRAINED_NETWORK, TRAINED_NETWORK_CURVE, Cell
from ossum.datasets import load
from ossum.device import describe, memory_mb, set_up
from ossum.fingerprints import Fingerprints
from ossum.job import network_of, recipe_of, unfinished
from ossum.memory import left_for_ensemble_mb
from ossum.options import TrainingOptions
from ossum.progress import job_log
from ossum.provenance import provenance
from ossum.results import saved_fingerprint as saved_curve
from ossum.results import write
from ossum.tensor_files import save_network
from ossum.tensor_files import saved_fingerprint as saved_weights
from ossum.training.curves import curve_rows
from ossum.training.ensemble import Member
from ossum.training.groups import train_networks
from ossum.training.restart import Restart


def train(cells: list[Cell]) -> None:
    """Train the networks of `cells`; write their weights and learning curves.

    FloatingPointError if one diverges: there is nothing to prune then.
    """
    expected = Fingerprints(**snakemake.params.made_from)
    fingerprint = expected.trained_network
    weights = unfinished(cells, TRAINED_NETWORK, fingerprint, saved_weights, snakemake.rule)
    curves = unfinished(cells, TRAINED_NETWORK_CURVE, fingerprint, saved_curve, snakemake.rule)
    todo = [cell for cell in cells if cell in (*weights, *curves)]
    logging.info("%d of %d networks to do", len(todo), len(cells))
    restart = Restart("networks", [fingerprint(cell) for cell in cells])
    if not todo:
        restart.remove()  # the job may have been killed when it had just written everything
        return
    recipe = recipe_of(cells[0])
    hidden = Architecture.parse(recipe.architecture).hidden
    of_host = left_for_ensemble_mb(
        snakemake.resources.mem_mb, recipe.dataset, recipe.architecture, {hidden: len(cells)}
    )
    facts = provenance(expected.network["code"], snakemake.resources.processors, **describe(device))
    diverged = []
    start = perf_counter()
    for trained in train_networks(
        [Member(network_of(cell, expected), cell.seed) for cell in todo],
        load(snakemake.input.data, "train").to(device),
        load(snakemake.input.data, "test").to(device),
        TrainingOptions.model_validate(expected.network["options"]),
        memory_mb(device, of_host),
        restart,
    ):
        seconds = (perf_counter() - start) / len(trained)
        for i, result in trained.items():
            cell = todo[i]
            key = cell.columns() | {"stage": "full", "seconds": seconds}
            rows = [key | row for row in curve_rows(cell.architecture, result)]
            metadata = facts | {"fingerprint": fingerprint(cell)}
            write(rows, cell.path(TRAINED_NETWORK_CURVE), metadata)
            if result.diverged:
                diverged.append(cell)
            else:
                save_network(result.network, cell.path(TRAINED_NETWORK), fingerprint(cell))
        start = perf_counter()
    restart.remove()
    if diverged:
        raise FloatingPointError(f"training diverged, lower the learning rate: {diverged}")


with job_log(snakemake.log[0]):
    device = set_up(snakemake.config, snakemake.resources.processors)
    train([Cell.parse(path, TRAINED_NETWORK) for path in snakemake.output.weights])
