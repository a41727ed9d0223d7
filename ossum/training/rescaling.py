"""Rescaling of a pruned network before it is trained."""

from math import sqrt

from torch import Tensor

from ossum.networks import Network


def rescaled(network: Network) -> Network:
    """Every layer multiplied so that its largest absolute weight is 1/sqrt(fan_in).

    fan_in is the layer's own, in this network. Biases, and layers of zeros, stay as they are.
    """
    weights = tuple(_rescaled(layer) for layer in network.weights)
    return Network(weights, network.activation, network.biases)


def _rescaled(weights: Tensor) -> Tensor:
    largest = weights.abs().max()
    # Division comes first: it makes the largest weight exactly one.
    return (weights / largest).mul_(1 / sqrt(weights.shape[1])) if largest > 0 else weights
