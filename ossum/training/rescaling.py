"""Rescaling of a pruned network before it is trained."""

from math import sqrt

from torch import Tensor

from ossum.networks.network import Network


def rescaled(network: Network) -> Network:
    """The network with each layer multiplied so that its largest absolute weight is 1/sqrt(fan_in).

    fan_in is the number of inputs of the layer in this network. Biases and layers of zeros stay as
    they are.
    """
    weights = tuple(_rescaled(layer) for layer in network.weights)
    return Network(weights, network.activation, network.biases)


def _rescaled(weights: Tensor) -> Tensor:
    largest = weights.abs().max()
    # The division comes first because it makes the largest weight exactly one.
    return (weights / largest).mul_(1 / sqrt(weights.shape[1])) if largest > 0 else weights
