"""Neural pruning via coresets (Mussay et al. 2019), the structured form, for any depth."""

from collections.abc import Sequence
from math import hypot

import torch
from torch import Tensor

from ossum.networks.forward import largest_input_norm, largest_norms
from ossum.networks.network import Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView


def coreset(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """Draw neurons by importance until enough different ones are hit; reweight what they feed.

    Layers are pruned bottom-up. A layer's coreset approximates that layer of the network as pruned
    and reweighted so far, so its incoming weights and its beta are those of that network. Beta is
    the largest norm of the layer's input over the training set, unless the option sets it to 1. A
    bias is the weight of one more input that is always 1. Subnetworks whose widths agree in the
    first layers share these layers.
    """
    pruned: dict[Widths, Subnetwork] = {(): Subnetwork(())}
    for layer in range(1, len(network.weights)):
        below = list(dict.fromkeys(w[: layer - 1] for w in widths))
        bounds = _bounds(network, [pruned[w] for w in below], view)
        importances = {
            w: importance(network, pruned[w], bound) for w, bound in zip(below, bounds, strict=True)
        }
        for wanted in dict.fromkeys(w[:layer] for w in widths):
            pruned[wanted] = _prune_layer(
                network,
                pruned[wanted[:-1]],
                *_choose(importances[wanted[:-1]], wanted[-1], stream(view.seed, "coreset", layer)),
                reweight=view.options.coreset.reweight,
            )
    return [pruned[wanted] for wanted in widths]


def importance(network: Network, pruned: Subnetwork, bound: float) -> Tensor:
    """max_k |W_{l+1}[k, i]| phi(beta ||w_i||) of all neurons [h_l] of the next layer, float64.

    pruned: the kept neurons of the layers below, with the reweighted incoming weights if any.
    bound: beta.
    """
    layer = len(pruned.kept) + 1
    norms = _incoming(network, pruned).double().norm(dim=1)
    if network.biases:
        norms = torch.hypot(norms, network.biases[layer - 1].double())
    outgoing = network.weights[layer].double().abs().amax(dim=0)
    return outgoing * network.activate(layer - 1, bound * norms)


def draw_distinct(
    probabilities: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw neurons with replacement until `count` different ones are hit.

    probabilities float64 [d] -> (ascending indices [count], how often each was hit [count]).

    There can be very many draws, so this does not loop over them, yet it has exactly their
    distribution. Let neuron i ring at random times, at rate p_i (a Poisson process). The neuron
    that rings next is then an independent draw from p. Neuron i first rings at a time t_i ~
    Exp(p_i). Drawing ends at the time t when the last of the `count` neurons first rings; by then
    neuron i has rung Poisson(p_i (t - t_i)) more times.
    """
    first = torch.empty_like(probabilities).exponential_(generator=generator) / probabilities
    times, order = first.sort(stable=True)
    kept = order[:count].sort().values
    again = probabilities[kept] * (times[count - 1] - first[kept])
    # Beyond 2^53, doubles do not tell whole numbers apart, and Poisson(x) is x to eight digits.
    few = again.clamp(max=2**53)
    return kept, 1 + torch.where(again > few, again, torch.poisson(few, generator=generator))


def reweighting(hits: Tensor, probabilities: Tensor) -> Tensor:
    """Factors h_i / (c p_i) of the outgoing weights, c = sum of h, for neurons that were drawn.

    For a fixed number c of draws the reweighted layer is an unbiased estimate of the whole one.
    Stopping at a number of *different* neurons biases it, because the last draw is always a new
    neuron: likely neurons come out too light, rare ones too heavy. (Drawing on until just before
    the next new neuron would be unbiased, but the authors do not do this.)
    """
    return hits / (hits.sum() * probabilities)


def _bounds(network: Network, pruned: list[Subnetwork], view: TrainingView) -> list[float]:
    """Beta of the next layer on top of each of `pruned`, which are equally deep."""
    if view.options.coreset.beta == "one":
        return [1.0] * len(pruned)
    if pruned[0].kept:
        norms = largest_norms(network, pruned, view.split)
    else:
        norms = [largest_input_norm(view.split)]
    return [hypot(norm, 1) if network.biases else norm for norm in norms]


def _choose(
    importance: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """The kept neurons, and the factors of their outgoing weights if these change.

    A neuron without importance has no outgoing weight or is silent. If all other neurons are kept,
    there is nothing to estimate, so nothing is drawn or reweighted.
    """
    if not torch.isfinite(importance).all():
        raise ValueError("importances must be finite; check the weights and the data")
    if count >= importance.count_nonzero():
        return top_neurons(importance, count), None
    probabilities = importance / importance.sum()
    kept, hits = draw_distinct(probabilities, count, generator)
    return kept, reweighting(hits, probabilities[kept])


def _prune_layer(
    network: Network,
    pruned: Subnetwork,
    kept: Tensor,
    factors: Tensor | None,
    reweight: bool,
) -> Subnetwork:
    """`pruned` with one more layer, whose outgoing weights still go to all neurons above."""
    layer = len(pruned.kept) + 1
    weights = dict(pruned.weights)
    if layer in weights:
        weights[layer] = weights[layer][kept]
    if reweight and factors is not None:
        weights[layer + 1] = (network.weights[layer][:, kept] * factors).float()
    return Subnetwork((*pruned.kept, kept), weights)


def _incoming(network: Network, pruned: Subnetwork) -> Tensor:
    """The incoming weights of all neurons of the layer on top of `pruned`."""
    layer = len(pruned.kept) + 1
    if layer in pruned.weights:
        return pruned.weights[layer]
    full = network.weights[layer - 1]
    return full[:, pruned.kept[-1]] if pruned.kept else full
