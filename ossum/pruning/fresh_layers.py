"""OSSuM + PAB with fresh layers: Algorithm 2 as it is printed.

It does not prune the given network but builds another one of the wanted widths. Stage i draws a new
hidden layer of b neurons on top of what it has, and a new output layer on top of that. It scores
the b neurons and keeps the best. The output layer of the last stage stays. `prune_and_build` is our
reading of the algorithm, which prunes the network's own layers.
"""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from ossum.networks.forward import class_sums
from ossum.networks.network import DISTRIBUTIONS, Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.pruning.scoring import NeuronScore, top_neurons
from ossum.pruning.view import TrainingView


def fresh_layers(
    network: Network, widths: Sequence[Widths], view: TrainingView, score: NeuronScore
) -> list[Subnetwork]:
    """Algorithm 2 with any score; b is `options.ossum_pab_fresh.build`.

    All new weights are U(-1/sqrt(fan_in), 1/sqrt(fan_in)), without biases. Networks whose first
    widths agree share these layers. Where nothing is to be pruned, the given network stays as it
    is. ValueError if a layer shall have more than b neurons, or if the network has activations of
    its own, which belong to its neurons.
    """
    if not isinstance(network.activation, str):
        raise ValueError("new layers can be drawn for tanh, ReLU and sigmoid networks only")
    build, full = view.options.ossum_pab_fresh.build, network.hidden_widths
    n_inputs, *_, n_classes = network.layer_sizes
    wanted = [w for w in widths if w != full]
    if most := max((k for w in wanted for k in w if k > build), default=0):
        raise ValueError(f"options.ossum_pab_fresh.build is {build}: too few to keep {most} of")
    built: dict[Widths, tuple[Tensor, ...]] = {(): ()}  # the hidden layers, by their widths
    heads: dict[Widths, Tensor] = {}
    for depth in range(1, len(full) + 1):
        for lower in dict.fromkeys(w[: depth - 1] for w in wanted):
            layers, fan_in = built[lower], (n_inputs, *lower)[-1]
            layer = _drawn(build, fan_in, view.seed, "fresh hidden layer", depth)
            head = _drawn(n_classes, build, view.seed, "fresh output layer", depth)
            sums = class_sums(Network((*layers, layer, head), network.activation), view.split)
            scores = score(sums, head)
            for w in dict.fromkeys(w[:depth] for w in wanted if w[: depth - 1] == lower):
                kept = top_neurons(scores, w[-1])
                built[w], heads[w] = (*layers, layer[kept]), head[:, kept]
            # The next layer is drawn for what is kept of this one.
    return [_as_subnetwork(w, (*built[w], heads[w]) if w != full else ()) for w in widths]


def _drawn(n_out: int, n_in: int, seed: int, *names: str | int) -> Tensor:
    """Weights [n_out, n_in]. Each layer has its own stream."""
    return DISTRIBUTIONS["uniform"](
        torch.empty(n_out, n_in), 1 / sqrt(n_in), stream(seed, *names, n_in)
    )


def _as_subnetwork(widths: Widths, weights: Sequence[Tensor]) -> Subnetwork:
    """All weights are replaced, so the indices of the kept neurons say nothing but their number."""
    return Subnetwork(
        tuple(torch.arange(width) for width in widths), dict(enumerate(weights, start=1))
    )
