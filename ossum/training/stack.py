"""Networks of equal sizes, stacked: one matrix product does a layer of all of them.

Everything is feature by example: activations of a layer are [M, width, n] for M networks and n
examples, so that a network's part of every array is one contiguous block.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import accumulate, chain, pairwise

import torch
from torch import Tensor

from ossum.architectures import count_weights
from ossum.device import multiplies_by_onednn
from ossum.networks import ACTIVATIONS, Network

# A network's numbers are to be, to the last bit, what they are by itself. But the order in which a
# matrix product adds its terms may depend on its shape and on the number of threads: MKL's where
# sums are long or rows are few, oneDNN's where sums are long and the left factor is transposed.
# Hence sums in blocks of at most so many terms, and at least so many rows. (It does not help with
# sigmoid, whose vector code rounds otherwise than its code for what is left over.)
_BLOCK_TERMS = {"MKL": 768, "oneDNN, transposed": 2047}
_LEAST_ROWS = 16
# torch leaves products of up to this many multiplications in all to MKL, so that a network alone
# might be multiplied by MKL and in company by oneDNN. Networks of zeros keep it company then, if
# they take no more than so many weights in all.
_MULTIPLICATIONS_OF_MKL = 16**3
_MOST_ZEROS = 2**20

# Padding of the parameters, so that the optimizer's vector code does all of them alike.
_LANES = 16

_aten = torch.ops.aten
# (gradient with respect to the activations a, a, out=) -> that with respect to the weighted sums.
_BACKWARD: dict[str, Callable[..., Tensor]] = {
    "tanh": lambda grad, a, out: _aten.tanh_backward.grad_input(grad, a, grad_input=out),
    "relu": lambda grad, a, out: _aten.threshold_backward.grad_input(grad, a, 0, grad_input=out),
    "sigmoid": lambda grad, a, out: _aten.sigmoid_backward.grad_input(grad, a, grad_input=out),
}


class Stack:
    """Groups of networks with equal layer sizes and activation; a group's networks share inputs.

    The weights are copied to the device. `parameters` and `gradients` hold those of all networks,
    flat, for an optimizer. All arrays are made here, once: fresh ones would cost page faults.

    batch_sizes: the numbers of examples that calls may have.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Network]],
        batch_sizes: Collection[int],
        device: torch.device | str = "cpu",
    ):
        first = groups[0][0]
        self._activation = first.activation
        sizes = first.layer_sizes
        filled = [_filled_up(group, min(batch_sizes), device) for group in groups]
        ends = [0, *accumulate(len(group) for group in filled)]
        self._groups = [slice(start, end) for start, end in pairwise(ends)]
        # Where the networks are in the stack: groups may have been filled up between them.
        starts = zip(ends, groups, strict=False)
        rows = [start + torch.arange(len(group)) for start, group in starts]
        members = torch.repeat_interleave(torch.tensor([len(group) for group in filled]))
        self.rows = torch.cat(rows)
        self._rows, self._members = self.rows.to(device), members.to(device)

        m = ends[-1]
        n_parameters = m * count_weights(sizes)
        self.parameters = torch.zeros(n_parameters + -n_parameters % _LANES, device=device)
        self.gradients = torch.zeros_like(self.parameters)
        self._sizes = sizes
        self._weights = self.layers(self.parameters)
        self._weight_gradients = self.layers(self.gradients)
        networks = list(chain.from_iterable(filled))
        for layer, stacked in enumerate(self._weights):
            for own, network in zip(stacked, networks, strict=True):
                own.copy_(network.weights[layer])

        def buffer(width: int) -> Tensor:
            return self.parameters.new_empty(m * width * max(batch_sizes))

        self._buffers = [buffer(width) for width in sizes[1:]]
        self._spare = buffer(max(sizes[1:-1], default=0))

    def __len__(self) -> int:
        """How many networks were given."""
        return len(self.rows)

    def network(self, i: int) -> Network:
        """A copy, on the processor, of one of the networks as it is now; they are counted group by
        group."""
        row = int(self.rows[i])
        copies = (weights[row].clone().cpu() for weights in self._weights)
        return Network(tuple(copies), self._activation)

    def put(self, i: int, network: Network) -> None:
        """Give one of the networks the weights of `network`."""
        for stacked, weights in zip(self._weights, network.weights, strict=True):
            stacked[int(self.rows[i])].copy_(weights)

    def layers(self, flat: Tensor) -> list[Tensor]:
        """Views [members, outputs, inputs], layer by layer, of a tensor laid out as `parameters`.

        `rows` are the members that were given.
        """
        return _layers(flat, len(self._members), self._sizes)

    def finite(self) -> Tensor:
        """Whether all weights of a network are finite; bool [networks]."""
        finite = torch.ones_like(self._members, dtype=torch.bool)
        for stacked in self._weights:
            # The least and the largest are NaN if any weight is; no array of flags is made.
            lowest, highest = torch.aminmax(stacked.flatten(1), dim=1)
            finite &= lowest.isfinite() & highest.isfinite()
        return self.of_networks(finite)

    def of_networks(self, values: Tensor) -> Tensor:
        """Of values with a row for each member of the stack, the rows of the networks given."""
        return values.index_select(0, self._rows)

    def of_members(self, values: Tensor) -> Tensor:
        """Values with a row for each group, repeated for the members of the stack."""
        return values.index_select(0, self._members)

    def logits(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits [members, K, n] for inputs [n, m], one tensor a group, in memory used again."""
        phi, _ = ACTIVATIONS[self._activation]
        self._inputs, n = inputs, len(inputs[0])
        self._values = [
            _view(buffer, (*stacked.shape[:2], n))
            for buffer, stacked in zip(self._buffers, self._weights, strict=True)
        ]
        for group, x in zip(self._groups, inputs, strict=True):
            first, values = self._weights[0][group], self._values[0][group]
            # Not x.T[None], whose first stride makes torch copy it for oneDNN.
            _product(_as_one(first), x[None].transpose(1, 2), _as_one(values))
        for layer, weights in enumerate(self._weights[1:], start=1):
            _product(weights, phi(self._values[layer - 1]), self._values[layer])
        return self._values[-1]

    def backward(self, delta: Tensor) -> None:
        """Fill `gradients`, given those with respect to the logits of the last call."""
        for layer in range(len(self._weights) - 1, 0, -1):
            below = self._values[layer - 1]
            _product(delta, below.transpose(1, 2), self._weight_gradients[layer])
            spare = _view(self._spare, below.shape)
            _product(self._weights[layer].transpose(1, 2), delta, spare)
            delta = _BACKWARD[self._activation](spare, below, out=below)
        for group, x in zip(self._groups, self._inputs, strict=True):
            _product(_as_one(delta[group]), x[None], _as_one(self._weight_gradients[0][group]))


def _filled_up(
    group: Sequence[Network], least_examples: int, device: torch.device | str
) -> list[Network]:
    """The group, with networks of zeros added if its products would be too small without."""
    weights = group[0].weights
    count = -(-_LEAST_ROWS // len(weights[0]))
    if multiplies_by_onednn(torch.device(device)):
        one = least_examples * min(w.numel() for w in weights)
        fitting = _MOST_ZEROS // sum(w.numel() for w in weights)
        count = max(count, min(_MULTIPLICATIONS_OF_MKL // one + 1, fitting))
    zeros = Network(tuple(map(torch.zeros_like, weights)), group[0].activation)
    return [*group, *[zeros] * (count - len(group))]


def _layers(flat: Tensor, m: int, sizes: tuple[int, ...]) -> list[Tensor]:
    """Views [m, outputs, inputs] of a flat tensor, layer after layer."""
    shapes = [(m, fan_out, fan_in) for fan_in, fan_out in pairwise(sizes)]
    ends = accumulate((a * b * c for a, b, c in shapes), initial=0)
    return [_view(flat[start:], shape) for start, shape in zip(ends, shapes, strict=False)]


def _view(flat: Tensor, shape: tuple[int, ...]) -> Tensor:
    return flat[: torch.Size(shape).numel()].view(shape)


def _as_one(stacked: Tensor) -> Tensor:
    """[g, r, c] as [1, g r, c]."""
    return stacked.view(1, -1, stacked.shape[2])


def _product(a: Tensor, b: Tensor, out: Tensor) -> None:
    """out = a b for each of a stack, [s, r, t] times [s, t, c], in equal blocks of terms t."""
    terms = a.shape[2]
    block = -(-terms // -(-terms // _most_terms(a)))
    torch.bmm(a[:, :, :block], b[:, :block], out=out)
    for start in range(block, terms, block):
        part = slice(start, start + block)
        out.baddbmm_(a[:, :, part], b[:, part])


def _most_terms(a: Tensor) -> int:
    """How many terms a product with the left factor `a` may add up at once."""
    if a.device.type != "cpu":
        return a.shape[2]
    if not multiplies_by_onednn(a.device):
        return _BLOCK_TERMS["MKL"]
    transposed = a.stride(2) != 1
    return _BLOCK_TERMS["oneDNN, transposed"] if transposed else a.shape[2]
