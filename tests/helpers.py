"""Small networks and data that several tests use, and what they compute, written plainly."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from ossum.config.options import GradientOptions, PruningOptions
from ossum.datasets import Split
from ossum.networks.network import Network
from ossum.workflow.device import DeviceError, set_precision

ROOT = Path(__file__).resolve().parent.parent
PHI = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def random_network(
    *sizes: int, activation: str = "tanh", seed: int = 0, biased: bool = False
) -> Network:
    """A network of the given layer sizes with weights, and biases if wanted, of order one."""
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(fan_out, fan_in, generator=generator) / fan_in**0.5
        for fan_in, fan_out in pairwise(sizes)
    ]
    biases = [torch.randn(width, generator=generator) for width in sizes[1:] if biased]
    return Network(tuple(weights), activation, tuple(biases))


def random_split(
    n: int = 50, m: int = 6, n_classes: int = 3, seed: int = 0, blanks: bool = False
) -> Split:
    """Random images of m pixels 0 to 255 with random labels.

    blanks: some pixels are 0 in all of them, and others in a part of them, as in digits.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, m), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, n_classes, (n,), generator=generator)
    if blanks:
        images *= torch.rand(n, m, generator=generator) < torch.linspace(-0.2, 1, m)
    return Split(
        images=images,
        labels=labels,
        max_value=255,
        mean=0.5,
        std=0.5,
        n_classes=n_classes,
    )


def options(schedule=((0.1, 2),), **changes) -> PruningOptions:
    """Pruning options with a short mask training."""
    return PruningOptions(gradient=GradientOptions(schedule=list(schedule), **changes))


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    before = torch.get_float32_matmul_precision()
    try:
        set_precision("bfloat16", torch.device("cpu"))
    except DeviceError:
        return False
    finally:
        torch.set_float32_matmul_precision(before)
    return True


def hidden_layers(network: Network, inputs: Tensor, kept: Sequence[Tensor] = ()) -> list[Tensor]:
    """The activations of all neurons of each hidden layer, plainly and in double precision.

    kept: the kept neurons of some hidden layers, from the first one up. The other neurons of those
    layers are silent for the layer above.
    """
    layers, inputs = [], inputs.double()
    for layer, weights in enumerate(network.weights[:-1]):
        sums = inputs @ weights.double().T
        if network.biases:
            sums = sums + network.biases[layer].double()
        layers.append(PHI[network.activation](sums))
        inputs = layers[-1]
        if layer < len(kept):
            inputs = inputs * torch.zeros(len(weights)).index_fill(0, kept[layer], 1)
    return layers


def float64(network: Network, inputs: Tensor, kept: Sequence[Tensor] = ()) -> tuple[Tensor, Tensor]:
    """Last hidden activations, without those of pruned neurons, and logits, in double precision."""
    hidden = hidden_layers(network, inputs, kept)[-1]
    output = network.weights[-1].double()
    if kept:
        hidden, output = hidden[:, kept[-1]], output[:, kept[-1]]
    logits = hidden @ output.T
    return hidden, logits + network.biases[-1].double() if network.biases else logits
