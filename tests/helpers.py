"""Small networks and data that several tests use."""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from ossum.datasets import Split
from ossum.device import DeviceError, set_precision
from ossum.networks import Network
from ossum.options import GradientOptions, PruningOptions

ROOT = Path(__file__).resolve().parent.parent


def random_network(*sizes: int, activation: str = "tanh", seed: int = 0) -> Network:
    """A network of the given layer sizes with weights of order one."""
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(fan_out, fan_in, generator=generator) / fan_in**0.5
        for fan_in, fan_out in pairwise(sizes)
    ]
    return Network(tuple(weights), activation)


def random_split(n: int = 50, m: int = 6, n_classes: int = 3, seed: int = 0) -> Split:
    """Random images of m pixels 0 to 255 with random labels."""
    generator = torch.Generator().manual_seed(seed)
    return Split(
        images=torch.randint(0, 256, (n, m), dtype=torch.uint8, generator=generator),
        labels=torch.randint(0, n_classes, (n,), generator=generator),
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


def float64(network: Network, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Last hidden activations and logits, plainly and in double precision."""
    functions = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    hidden = inputs.double()
    for weights in network.weights[:-1]:
        hidden = functions[network.activation](hidden @ weights.double().T)
    return hidden, hidden @ network.weights[-1].double().T
