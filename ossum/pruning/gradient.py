"""Gradient supermask (Algorithm 3): learn one real mask value a hidden neuron, prune the lowest."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ossum.networks import Network, Subnetwork
from ossum.options import GradientOptions
from ossum.pruning.view import TrainingView
from ossum.rng import stream
from ossum.scoring import top_neurons
from ossum.training import train_mask


def gradient(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Freeze the weights, train the mask with SGD on the cross-entropy, make it 0/1.

    One trained mask serves all widths: the paper's Algorithm 3 discretises after training.
    """
    options = view.options.gradient
    mask = train_mask(
        activations=view.activation_reader(options.batch_size),
        labels=view.split.labels,
        output_weights=network.weights[-1],
        mask=initial_mask(network.hidden_widths[-1], options, view.seed),
        options=options,
        order=stream(view.seed, "mask training order"),
    )
    return [Subnetwork((top_neurons(mask, count),), mask=(mask,)) for (count,) in widths]


def initial_mask(width: int, options: GradientOptions, seed: int) -> Tensor:
    """M^0 of Algorithm 3 [width], float32: N(0.5, 0.01^2) or U(0, 1)."""
    generator = stream(seed, "initial mask")
    if options.mask_init == "uniform":
        return torch.rand(width, generator=generator)
    return torch.empty(width).normal_(0.5, 0.01, generator=generator)
