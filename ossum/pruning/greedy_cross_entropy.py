"""Neurons chosen one by one by the training loss itself, at a temperature.

It is not in the paper. It is what second-order OSSuM approximates (docs/second-order.md): at an
inverse temperature b, each step adds the neuron that leaves the lowest cross-entropy of the logits
times b. That takes a look at all examples for each neuron, so it is for narrow networks.
"""

import logging
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning.bottom_up import OutputLayer
from ossum.pruning.second_order import Layer, units
from ossum.pruning.view import TrainingView

# How many neurons are tried in each step: those with the lowest second-order estimate.
_CANDIDATES = 8


def greedy_cross_entropy(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """Networks of one hidden layer. Of several temperatures, the training accuracy decides."""
    options, full = view.options.greedy_cross_entropy, network.hidden_widths[-1]
    output = OutputLayer.of(network)
    layer = Layer.of(view, (), output, view.class_sums, options.examples)
    activations, outgoing = layer.activations(slice(0, full)).cpu(), layer.outgoing.cpu()
    labels, bias = layer.labels.cpu(), layer.bias.cpu()
    chosen = {full: torch.arange(full)}
    for count in dict.fromkeys(count for (count,) in widths if count < full):
        (unit,) = units(layer, [slice(0, full)], [count])
        tried = []
        for factor in options.inverse_temperatures:
            kept, logits = grow(activations, outgoing, bias, labels, factor * unit, count)
            correct = int((logits.argmax(dim=1) == labels).sum())
            tried.append((correct, -factor, kept))
        correct, factor, kept = max(tried, key=lambda found: found[:2])
        share = correct / len(labels)
        logging.info("%d neurons: temperature unit x %g, accuracy %.4f", count, -factor, share)
        chosen[count] = kept
    return [Subnetwork((chosen[count],)) for (count,) in widths]


def grow(
    activations: Tensor, outgoing: Tensor, bias: Tensor, labels: Tensor, beta: float, count: int
) -> tuple[Tensor, Tensor]:
    """The `count` neurons that are added one by one, ascending, and the logits [n, K] they give.

    activations [n, h], outgoing [K, h], bias [K], labels int64 [n]; all logits are times beta.
    """
    logits = bias.repeat(len(labels), 1)
    wanted = F.one_hot(labels, len(bias)).to(logits.dtype)
    # To second order where all logits are zero, for each neuron alone.
    curvatures = beta**2 / 2 * activations.square().mean(dim=0) * outgoing.square().mean(dim=0)
    kept: list[int] = []
    for _ in range(count):
        errors = (beta * logits).softmax(dim=1) - wanted
        slopes = beta * ((errors.T @ activations) * outgoing).sum(dim=0) / len(labels)
        estimates = slopes + curvatures
        estimates[kept] = torch.inf
        n_tried = min(_CANDIDATES, len(estimates) - len(kept))
        tried = estimates.topk(n_tried, largest=False).indices.sort().values
        changes = activations.T[tried][:, :, None] * outgoing.T[tried][:, None, :]
        after = beta * (logits + changes)
        right = after.gather(2, labels.expand(n_tried, -1)[:, :, None])[:, :, 0]
        losses = (after.logsumexp(dim=2) - right).mean(dim=1)
        best = int(losses.argmin())
        kept.append(int(tried[best]))
        logits = logits + changes[best]
    return torch.tensor(sorted(kept)), logits
