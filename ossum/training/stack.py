"""Networks of equal sizes, stacked, so that one matrix product does a layer of all of them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import nan, prod

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.config.architectures import count_weights
from ossum.networks.network import ACTIVATIONS, Network

_aten = torch.ops.aten
# (gradient with respect to the activations a, a, out=) -> that with respect to the weighted sums.
_BACKWARD: dict[str, Callable[..., Tensor]] = {
    "tanh": lambda grad, a, out: _aten.tanh_backward.grad_input(grad, a, grad_input=out),
    "relu": lambda grad, a, out: _aten.threshold_backward.grad_input(grad, a, 0, grad_input=out),
    "sigmoid": lambda grad, a, out: _aten.sigmoid_backward.grad_input(grad, a, grad_input=out),
}


class Stack:
    """M networks with equal layer sizes and activation, which all get the same inputs.

    Their first layers are one matrix product, because they share its right-hand side. All arrays
    are feature by example: the activations of a layer are [M, width, n] for n examples, so that
    the part of one network is a contiguous block.

    `parameters` and `gradients` hold the weights of all networks and their gradients as flat
    arrays, for an optimizer. The weights are copied to the device. All arrays are allocated here,
    once, because fresh memory costs page faults.

    largest_batch: the largest number of examples that a call may have.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        largest_batch: int,
        device: torch.device | str = "cpu",
    ):
        m, sizes = len(networks), networks[0].layer_sizes
        self._m, self._sizes, self._activation = m, sizes, networks[0].activation
        self.parameters = torch.zeros(m * count_weights(sizes), device=device)
        self.gradients = torch.zeros_like(self.parameters)
        self._weights = self._layers(self.parameters)
        self._weight_gradients = self._layers(self.gradients)
        for i, network in enumerate(networks):
            for stacked, weights in zip(self._weights, network.weights, strict=True):
                stacked[i].copy_(weights)
        widths = [*sizes[1:], max(sizes[1:-1], default=0)]
        *self._buffers, self._spare = (
            self.parameters.new_empty(m * width * largest_batch) for width in widths
        )

    def network(self, i: int) -> Network:
        """A copy, on the processor, of network i as it is now."""
        weights = tuple(stacked[i].clone().cpu() for stacked in self._weights)
        return Network(weights, self._activation)

    def erase(self, i: int) -> None:
        """Set all weights of network i to NaN, which they remain under any training."""
        for stacked in self._weights:
            stacked[i].fill_(nan)

    def finite(self) -> Tensor:
        """Whether all weights of a network are finite; bool [M]."""
        finite = torch.ones(self._m, dtype=torch.bool, device=self.parameters.device)
        for stacked in self._weights:
            # The extremes are NaN if any weight is, and finding them allocates no array of flags.
            lowest, highest = torch.aminmax(stacked.flatten(1), dim=1)
            finite &= lowest.isfinite() & highest.isfinite()
        return finite

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits [M, K, n] for inputs [n, m]; the next call overwrites them."""
        phi, _ = ACTIVATIONS[self._activation]
        self._inputs, n = inputs, len(inputs)
        self._values = [
            _view(buffer, (self._m, width, n))
            for buffer, width in zip(self._buffers, self._sizes[1:], strict=True)
        ]
        torch.mm(self._weights[0].flatten(0, 1), inputs.T, out=self._values[0].flatten(0, 1))
        for below, weights, values in zip(
            self._values, self._weights[1:], self._values[1:], strict=False
        ):
            torch.bmm(weights, phi(below), out=values)
        return self._values[-1]

    def backward(self, labels: Tensor) -> Tensor:
        """Fill `gradients`, for the mean cross-entropy of the last logits and labels int64 [n].

        Returns the summed cross-entropy of each network, float64 [M]. With respect to the logits,
        the gradient of the mean is (softmax - onehot) / n.
        """
        targets = labels.expand(self._m, 1, -1)
        log_softmax = F.log_softmax(self._values[-1], dim=1)
        losses = -log_softmax.gather(1, targets).sum(dim=(1, 2), dtype=torch.float64)
        delta = log_softmax.exp_()
        delta.scatter_add_(1, targets, delta.new_full((), -1.0).expand(targets.shape))
        delta.div_(len(labels))
        for layer in range(len(self._weights) - 1, 0, -1):
            below = self._values[layer - 1]
            torch.bmm(delta, below.transpose(1, 2), out=self._weight_gradients[layer])
            spare = _view(self._spare, below.shape)
            torch.bmm(self._weights[layer].transpose(1, 2), delta, out=spare)
            delta = _BACKWARD[self._activation](spare, below, out=below)
        torch.mm(delta.flatten(0, 1), self._inputs, out=self._weight_gradients[0].flatten(0, 1))
        return losses

    def _layers(self, flat: Tensor) -> list[Tensor]:
        """Views [M, outputs, inputs], layer by layer, of a flat array of all weights."""
        shapes = [(self._m, fan_out, fan_in) for fan_in, fan_out in pairwise(self._sizes)]
        parts = flat.split([prod(shape) for shape in shapes])
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def _view(buffer: Tensor, shape: tuple[int, ...]) -> Tensor:
    return buffer[: prod(shape)].view(shape)
