"""Gradient supermask (Algorithm 3): learn one real mask value per hidden neuron, prune the lowest.

All hidden layers are masked and trained together; the lowest values are pruned in each.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ossum.config.options import GradientOptions
from ossum.networks.network import Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView
from ossum.training.masks import train_mask, train_masks


def gradient(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """Freeze the weights, train the mask with SGD on the cross-entropy, make it 0/1.

    One trained mask serves all widths: the paper's Algorithm 3 discretises after training.
    """
    options = view.options.gradient
    if options is None:
        raise ValueError("no schedule for this data set: add one to options.gradient.schedule")
    start = [
        initial_mask(width, options, view.seed, layer)
        for layer, width in enumerate(network.hidden_widths, start=1)
    ]
    order = stream(view.seed, "mask training order")
    if len(start) > 1:
        masks = train_masks(network, view.split, start, options, order)
    else:
        mask = train_mask(
            activations=view.activation_reader(options.batch_size),
            labels=view.split.labels,
            output_weights=network.weights[-1],
            mask=start[0],
            options=options,
            order=order,
            output_bias=network.biases[-1] if network.biases else None,
        )
        masks = (mask,)
    return [
        Subnetwork(tuple(top_neurons(m, k) for m, k in zip(masks, wanted, strict=True)), mask=masks)
        for wanted in widths
    ]


def initial_mask(width: int, options: GradientOptions, seed: int, layer: int = 1) -> Tensor:
    """M^0 of Algorithm 3 [width], float32: N(0.5, 0.01^2) or U(0, 1); each layer has its stream."""
    names = ("initial mask",) if layer == 1 else ("initial mask", layer)
    generator = stream(seed, *names)
    if options.mask_init == "uniform":
        return torch.rand(width, generator=generator)
    return torch.empty(width).normal_(0.5, 0.01, generator=generator)
