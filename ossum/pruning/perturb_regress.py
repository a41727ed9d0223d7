"""Perturb and regress: prune at random, many times; the losses tell what each neuron is worth.

Dery, Kolawole, Kagy, Smith, Neubig and Talwalkar, "Everybody prune now: structured pruning of LLMs
with only forward passes", 2024 (Bonsai). They draw subnetworks by a prior and prune in rounds; this
keeps every neuron with probability 1/2, once. As there, each subnetwork is judged on a few
examples. Here each is judged together with its complement on the same examples: the difference
between the two losses does not depend on how hard these are. Then L(1 - m) - L(m) = sum_j s_j e_j,
to first order, if s_j is 1 for a neuron that m keeps and -1 otherwise, and least squares gives the
effects e_j.

There are two pairs of subnetworks for each neuron, and all of them are in memory for the
regression: it is for FC-1000.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.progress import progress
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView

_ROWS = 256
_PAIRS = 2  # for each neuron


def perturb_regress(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """One hidden layer: keep the neurons whose presence lowers the loss most."""
    signs, differences = _perturbations(network, view)
    effects = torch.linalg.lstsq(signs.double(), differences.double()[:, None]).solution[:, 0]
    return [Subnetwork((top_neurons(effects, count),)) for (count,) in widths]


def _perturbations(network: Network, view: TrainingView) -> tuple[Tensor, Tensor]:
    """Signs [n, d] and L(1 - m) - L(m) [n] of n random subnetworks m."""
    network, split = network.to(view.split.device), view.split
    output, bias = network.weights[-1], network.biases[-1] if network.biases else None
    width = output.shape[1]
    generator, read = stream(view.seed, "perturbations"), view.activation_reader(_ROWS)
    signs = 2 * torch.randint(2, (_PAIRS * width, width), generator=generator).float() - 1
    differences = []
    for sign in progress(signs, "perturbations"):
        rows = torch.randint(len(split), (_ROWS,), generator=generator).to(split.device)
        activations, labels = read(rows), split.labels.index_select(0, rows)
        kept = (1 + sign.to(split.device)) / 2
        losses = [
            F.cross_entropy(F.linear(activations, output * mask, bias), labels)
            for mask in (1 - kept, kept)
        ]
        differences.append(losses[0] - losses[1])
    return signs, torch.stack(differences).cpu()
