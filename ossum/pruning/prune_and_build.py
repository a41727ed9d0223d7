"""OSSuM + PAB (Algorithm 2): build the pruned network up, layer by layer, for any depth.

Stage i puts the whole hidden layer i of the network on what is kept of the layers below, and an
output layer on that; scores the neurons of layer i; and keeps the best. The output layer of the
last stage is the network's own. Those of the stages before are random and thrown away.
"""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from ossum.networks import INITS, Kept, Network, Subnetwork
from ossum.pruning.bottom_up import prune_bottom_up
from ossum.pruning.scores import Score
from ossum.pruning.view import TrainingView
from ossum.rng import stream
from ossum.scoring import linear_ossum_scores, log_ossum_scores, ossum_scores


def ossum_pab(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Algorithm 2 with the OSSuM score (Eq. 2)."""
    return _prune_and_build(ossum_scores, network, widths, view)


def linear_ossum_pab(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Algorithm 2 with the Linear OSSuM score (Eq. 4)."""
    return _prune_and_build(linear_ossum_scores, network, widths, view)


def log_ossum_pab(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Algorithm 2 with the Log OSSuM score (Eq. 5)."""
    return _prune_and_build(log_ossum_scores, network, widths, view)


def output_weights(network: Network, layer: int, seed: int) -> Tensor:
    """Output weights [K, h] of the stage of hidden layer 1..L.

    Random ones are U(-1/sqrt(h), 1/sqrt(h)), from a stream of their own for each layer, and do not
    depend on what is kept below. Their scale does not matter: every score only orders neurons.
    """
    if layer == len(network.hidden_widths):
        return network.weights[-1]
    n_classes, width = len(network.weights[-1]), network.hidden_widths[layer - 1]
    generator = stream(seed, "auxiliary output layer", layer)
    return INITS["uniform"](torch.empty(n_classes, width), 1 / sqrt(width), generator)


def _prune_and_build(
    score: Score, network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    def scores(layer: int, kept: list[Kept]) -> list[Tensor]:
        output = output_weights(network, layer, view.seed)
        return [score(sums, output) for sums in view.class_sums_above(kept)]

    return prune_bottom_up(network, widths, scores)
