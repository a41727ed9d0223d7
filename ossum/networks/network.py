"""Networks: their weights, drawn from recipes, and subnetworks as kept neurons.

A network FC-h1-...-hL with input size m and K classes has weights W_1 (h1 x m), ..., W_{L+1}
(K x hL) and a nonlinearity after every layer but the last. The paper's networks have no biases, but
networks from elsewhere may have them.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ossum.networks.recipe import Drawn, Recipe
from ossum.networks.rng import stream

# Each activation as an in-place function (for forward passes) and as a module (for `to_module`).
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], type[nn.Module]]] = {
    "tanh": (torch.tanh_, nn.Tanh),
    "relu": (torch.relu_, nn.ReLU),
    "sigmoid": (torch.sigmoid_, nn.Sigmoid),
}

# What a hidden layer of a network from elsewhere makes of the weighted sums [n, d] of some of its
# neurons, given which these are. It may overwrite them.
Activation = Callable[[Tensor, slice], Tensor]

# Overwrites weights [outputs, inputs] with random numbers, given r = 1 / sqrt(inputs).
Distribution = Callable[[Tensor, float, torch.Generator], Tensor]

# How many neurons to keep in each hidden layer, from the first one up.
Widths = tuple[int, ...]

# Ascending indices (int64) of the kept neurons of some hidden layers, from the first one up.
Kept = tuple[Tensor, ...]


def _uniform(spread: float = 1, mean: float = 0) -> Distribution:
    """U(mean - spread, mean + spread) in units of r."""

    def fill(weights: Tensor, r: float, generator: torch.Generator) -> Tensor:
        return weights.uniform_((mean - spread) * r, (mean + spread) * r, generator=generator)

    return fill


def _normal(weights: Tensor, r: float, generator: torch.Generator) -> Tensor:
    return weights.normal_(0.0, r, generator=generator)


def _normal_of_variance_r(weights: Tensor, r: float, generator: torch.Generator) -> Tensor:
    return weights.normal_(0.0, sqrt(r), generator=generator)


def _const(weights: Tensor, r: float, generator: torch.Generator) -> Tensor:
    return weights.bernoulli_(0.5, generator=generator).sub_(0.5).mul_(2 * r)


# Weight distributions of the paper's appendix; `ossum.config.registry` has their formulas.
DISTRIBUTIONS: dict[str, Distribution] = {
    "uniform": _uniform(),
    "normal": _normal,
    "const": _const,
    "uniform-spread-0.25": _uniform(spread=0.25),
    "uniform-spread-0.5": _uniform(spread=0.5),
    "uniform-spread-2": _uniform(spread=2),
    "uniform-spread-4": _uniform(spread=4),
    "uniform-mean-0.5": _uniform(mean=0.5),
    "uniform-mean-1": _uniform(mean=1),
    "normal-variance": _normal_of_variance_r,
    "uniform-biases": _uniform(),
}
# Those whose networks have biases, from the same distribution. All other networks have none.
WITH_BIASES = ("uniform-biases",)


@dataclass(frozen=True)
class Network:
    """A dense network held in memory.

    weights: W_1, ..., W_{L+1}, float32, each (outputs x inputs).
    activation: a key of ACTIVATIONS. A network from elsewhere may have one function for each of the
        weights instead, of which that of the output layer is never called.
    biases: one tensor [outputs] for each of the weights, or none at all.
    """

    weights: tuple[Tensor, ...]
    activation: str | tuple[Activation, ...] = "tanh"
    biases: tuple[Tensor, ...] = ()

    def __getitem__(self, layers: slice) -> "Network":
        """Consecutive layers as a network of their own, as with `nn.Sequential`."""
        phi = self.activation
        phi = phi if isinstance(phi, str) else phi[layers]
        return Network(self.weights[layers], phi, self.biases[layers])

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Input size, hidden widths, number of classes."""
        return (self.weights[0].shape[1], *(len(w) for w in self.weights))

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        return self.layer_sizes[1:-1]

    def to(self, device: torch.device | str) -> "Network":
        """The same network on another device; nothing is copied if it is there already."""
        weights, biases = (tuple(t.to(device) for t in ts) for ts in (self.weights, self.biases))
        return Network(weights, self.activation, biases)

    def hidden(self, inputs: Tensor) -> Tensor:
        """Activations [n, h_L] of the last hidden layer for inputs [n, m]."""
        for layer in range(len(self.weights) - 1):
            inputs = self.activate(layer, self.weighted_sums(layer, inputs))
        return inputs

    def activate(self, layer: int, sums: Tensor, neurons: slice = slice(None)) -> Tensor:
        """Activations [n, d] of some neurons of a hidden layer (an index into `weights`).

        sums: their weighted sums [n, d], which may be overwritten.
        """
        if isinstance(self.activation, str):
            return ACTIVATIONS[self.activation][0](sums)
        return self.activation[layer](sums, neurons)

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits [n, K] for inputs [n, m]."""
        return self.weighted_sums(-1, self.hidden(inputs))

    def weighted_sums(self, layer: int, inputs: Tensor) -> Tensor:
        """What one layer (an index into `weights`) computes before its nonlinearity."""
        return linear(inputs, self.weights[layer], self.biases[layer] if self.biases else None)

    def to_module(self) -> nn.Sequential:
        """The same network as an `nn.Sequential` of Linear and activation layers."""
        layers: list[nn.Module] = []
        for layer, weights in enumerate(self.weights):
            linear = nn.Linear(weights.shape[1], weights.shape[0], bias=bool(self.biases))
            linear.weight = nn.Parameter(weights.clone())
            if self.biases:
                linear.bias = nn.Parameter(self.biases[layer].clone())
            layers += [linear, ACTIVATIONS[self.activation][1]()]
        return nn.Sequential(*layers[:-1])


def linear(inputs: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    """Weighted sums float32 [n, h]: inputs [n, m], weights [h, m], bias [h].

    Weights of a first layer may be an `ossum.networks.pixel_weights.PixelWeights`.
    """
    if isinstance(weights, Tensor):
        return F.linear(inputs, weights, bias)
    return weights.weighted_sums(inputs, bias)


def draw(recipe: Recipe) -> Network:
    """Draw the weights of a recipe.

    Each layer has its own stream, named by the network's sizes, so that networks which differ only
    in activation or distribution are comparable draw by draw. So have biases.
    """
    sizes = recipe.layer_sizes
    name, fill = "-".join(map(str, sizes)), DISTRIBUTIONS[recipe.distribution]

    def drawn(kind: str, layer: int, *shape: int) -> Tensor:
        r = 1 / sqrt(sizes[layer - 1])
        return fill(torch.empty(shape), r, stream(recipe.seed, kind, name, layer))

    layers = list(enumerate(pairwise(sizes), start=1))
    weights = tuple(drawn("weights", layer, n_out, n_in) for layer, (n_in, n_out) in layers)
    biased = recipe.distribution in WITH_BIASES
    biases = tuple(drawn("biases", layer, n_out) for layer, (_, n_out) in layers if biased)
    return Network(weights, recipe.activation, biases)


def digests(network: Network) -> tuple[str, ...]:
    """SHA-256 of each layer's weights, and then of its biases, as bytes on the processor."""
    tensors = (*network.weights, *network.biases)
    return tuple(hashlib.sha256(tensor.numpy()).hexdigest() for tensor in tensors)


def draw_checked(drawn: Drawn) -> Network:
    """Draw a recipe again; ValueError if other weights come out than the first time."""
    network = draw(drawn.recipe)
    if digests(network) != drawn.sha256:
        if torch.__version__ == drawn.torch:
            raise ValueError(
                "the file of the network is damaged: its checksums are not those of the weights "
                f"that seed {drawn.recipe.seed} gives. Delete results/networks and run again"
            )
        raise ValueError(
            f"torch {torch.__version__} draws other weights from seed {drawn.recipe.seed} than "
            f"torch {drawn.torch} did when the network was made: use that version, or delete "
            "results/networks and run again"
        )
    return network


@dataclass(frozen=True)
class Subnetwork:
    """What pruning keeps of a network.

    kept: the kept neurons of every hidden layer.
    weights: replaced weight matrices, keyed by layer 1..L+1, already of the kept size; empty when
        pruning only removes neurons.
    mask: the real-valued mask of a supermask method before it became 0/1, one tensor [h_l] per
        hidden layer; empty for other methods.
    """

    kept: Kept
    weights: Mapping[int, Tensor] = field(default_factory=dict)
    mask: tuple[Tensor, ...] = ()

    @cached_property
    def widths(self) -> tuple[int, ...]:
        return tuple(len(indices) for indices in self.kept)

    def of(self, network: Network) -> Network:
        """The small dense network: `network` without its pruned neurons and their biases.

        Layers that lose nothing are those of `network` and not copies, because wide layers take
        gigabytes.
        """
        kept = [
            None if len(neurons) == width else neurons
            for neurons, width in zip(self.kept, network.hidden_widths, strict=True)
        ]
        outputs, inputs = [*kept, None], [None, *kept]
        weights = [
            self.weights[layer] if layer in self.weights else _part(full, rows, columns)
            for layer, (full, rows, columns) in enumerate(
                zip(network.weights, outputs, inputs, strict=True), start=1
            )
        ]
        biases = (_part(b, rows) for b, rows in zip(network.biases, outputs, strict=False))
        return Network(tuple(weights), network.activation, tuple(biases))


def _part(full: Tensor, rows: Tensor | None, columns: Tensor | None = None) -> Tensor:
    """Some rows and columns of a tensor; None means all of them, without a copy."""
    some = full if rows is None else full[rows]
    return some if columns is None else some[:, columns]


def contents(tensors: Sequence[Tensor]) -> tuple[bytes, ...]:
    """A key for dictionaries: equal for equal tensors."""
    return tuple(tensor.numpy().tobytes() for tensor in tensors)


def to_tensors(network: Network) -> dict[str, Tensor]:
    """The weights of a network by name, for a file."""
    return {f"weight.{i}": weights for i, weights in enumerate(network.weights, start=1)}


def from_tensors(tensors: Mapping[str, Tensor], activation: str) -> Network:
    """The inverse of `to_tensors`."""
    return Network(tuple(_by_layer(tensors, "weight").values()), activation)


def subnetwork_to_tensors(subnetwork: Subnetwork) -> dict[str, Tensor]:
    """What a subnetwork keeps, by name, for a file."""
    tensors = {f"kept.{i}": t.int() for i, t in enumerate(subnetwork.kept, start=1)}
    tensors |= {f"mask.{i}": t for i, t in enumerate(subnetwork.mask, start=1)}
    return tensors | {f"weight.{layer}": t for layer, t in subnetwork.weights.items()}


def subnetwork_from_tensors(tensors: Mapping[str, Tensor]) -> Subnetwork:
    """The inverse of `subnetwork_to_tensors`."""
    return Subnetwork(
        kept=tuple(t.long() for t in _by_layer(tensors, "kept").values()),
        weights=_by_layer(tensors, "weight"),
        mask=tuple(_by_layer(tensors, "mask").values()),
    )


def _by_layer(tensors: Mapping[str, Tensor], kind: str) -> dict[int, Tensor]:
    """The tensors named "kind.layer", by layer, in order."""
    found = {int(n.split(".")[1]): t for n, t in tensors.items() if n.startswith(f"{kind}.")}
    return dict(sorted(found.items()))
