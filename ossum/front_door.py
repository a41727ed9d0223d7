"""`ossum.prune`, for people with a network of their own."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ossum.config.architectures import kept_width
from ossum.config.options import GradientOptions, PruningOptions
from ossum.networks.network import ACTIVATIONS, Network
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView

# The paper's schedule for MNIST.
_OPTIONS = PruningOptions(gradient=GradientOptions(schedule=[(0.1, 10), (0.01, 5)]))
_NAMES = {module: name for name, (_, module) in ACTIVATIONS.items()}

Data = tuple[Tensor, Tensor] | Dataset | DataLoader


def prune(
    model: nn.Sequential,
    data: Data,
    sparsity: float | None = None,
    widths: Sequence[int] | None = None,
    method: str = "ossum",
    seed: int = 0,
    options: PruningOptions | None = None,
) -> nn.Sequential:
    """A smaller dense copy of `model`, without the hidden neurons that `method` prunes.

    model: Linear layers, with or without bias, with one kind of activation (Tanh, ReLU or Sigmoid)
        between them. It gives logits, may start with nn.Flatten(), and may be trained or not. It is
        not changed.
    data: training examples: inputs float [N, m] (any shape after N if the model flattens them) and
        integer labels [N], as two tensors, or as a Dataset or DataLoader of such pairs, which is
        read once, into memory.
    sparsity: the fraction of neurons, 0 <= sparsity < 1, to prune from every hidden layer. Give
        either this or widths.
    widths: how many neurons to keep in each hidden layer.
    method: an id of `ossum.config.registry.METHODS`. "ossum" is for one hidden layer; "ossum-pab"
        is for any number.
    seed: the seed of the methods that draw random numbers.
    options: the options of the methods that have any; by default they are the paper's for MNIST.

    A neuron's bias goes or stays with it; norms do not count it. Scores are computed in float32 on
    the device of the inputs. The result has the model's own weights, and its device, type, layer
    names and mode (train or eval).

    ValueError that says what was expected, for any other model, data or request.
    """
    linears = _linear_layers(model)
    network = _network(linears, _activation(model))
    examples = _examples(model, data, network.layer_sizes)
    if (sparsity is None) == (widths is None):
        raise ValueError("say how much to prune: give either sparsity or widths")
    if widths is None:
        if not 0 <= sparsity < 1:
            raise ValueError(f"sparsity must be at least 0 and below 1, got {sparsity}")
        widths = [kept_width(width, sparsity) for width in network.hidden_widths]
    plain = _in_float32(network)
    options = options or _OPTIONS
    if options.gradient is None:
        options = options.model_copy(update={"gradient": _OPTIONS.gradient})
    view = TrainingView(plain, examples, options, seed)
    (subnetwork,) = prune_network(method, plain, [tuple(widths)], view)
    return _rebuilt(model, subnetwork.of(network))


@dataclass(frozen=True)
class _Examples:
    """Examples that are inputs already. Pruning methods can use them like a `Split`."""

    inputs: Tensor
    labels: Tensor
    n_classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def device(self) -> torch.device:
        return self.inputs.device

    def batch(self, rows: slice | Tensor) -> Tensor:
        return self.inputs[rows]


def _linear_layers(model: nn.Module) -> list[nn.Linear]:
    """The Linear layers of a model. ValueError if its layers are others, or in another order."""
    if not isinstance(model, nn.Sequential):
        raise ValueError(f"the model must be an nn.Sequential, got {type(model).__name__}")
    layers = [layer for _, layer in _body(model)]
    for position, layer in _body(model):
        if type(layer) is not nn.Linear and type(layer) not in _NAMES:
            raise ValueError(
                f"layer {position} is {type(layer).__name__}: only Linear, Tanh, ReLU and Sigmoid "
                "can be pruned, after an optional Flatten"
            )
    linears, activations = layers[::2], layers[1::2]
    if (
        len(layers) < 3
        or len(layers) % 2 == 0
        or any(type(layer) is not nn.Linear for layer in linears)
        or any(type(layer) is nn.Linear for layer in activations)
    ):
        raise ValueError(
            "the model must be Linear, activation, ..., Linear, with at least one hidden layer, "
            f"ending in logits; got {', '.join(type(layer).__name__ for layer in layers)}"
        )
    for lower, upper in pairwise(linears):
        if lower.out_features != upper.in_features:
            raise ValueError(
                f"a layer of {lower.out_features} outputs cannot feed one of "
                f"{upper.in_features} inputs"
            )
    return linears


def _body(model: nn.Sequential) -> list[tuple[int, nn.Module]]:
    """The layers after the optional Flatten, each with its position."""
    layers = list(enumerate(model))
    return layers[1:] if _flattens(model) else layers


def _flattens(model: nn.Sequential) -> bool:
    first = model[0] if len(model) else None
    return type(first) is nn.Flatten and (first.start_dim, first.end_dim) == (1, -1)


def _activation(model: nn.Sequential) -> str:
    names = {_NAMES[type(layer)] for layer in model if type(layer) in _NAMES}
    if len(names) > 1:
        raise ValueError(f"all hidden layers must have the same activation, got {sorted(names)}")
    return names.pop()


def _network(linears: Sequence[nn.Linear], activation: str) -> Network:
    """The model's own weights. If only some layers have a bias, the other biases are zero."""
    weights = tuple(linear.weight.detach() for linear in linears)
    biases: tuple[Tensor, ...] = ()
    if any(linear.bias is not None for linear in linears):
        biases = tuple(
            w.new_zeros(len(w)) if linear.bias is None else linear.bias.detach()
            for linear, w in zip(linears, weights, strict=True)
        )
    return Network(weights, activation, biases)


def _in_float32(network: Network) -> Network:
    weights, biases = (
        tuple(tensor.cpu().float() for tensor in tensors)
        for tensors in (network.weights, network.biases)
    )
    return Network(weights, network.activation, biases)


def _examples(model: nn.Sequential, data: Data, layer_sizes: tuple[int, ...]) -> _Examples:
    inputs, labels = _pair(data)
    if _flattens(model) and inputs.ndim > 1:
        inputs = inputs.flatten(1)
    if inputs.ndim != 2 or inputs.shape[1] != layer_sizes[0] or not inputs.is_floating_point():
        raise ValueError(
            f"inputs must be floating-point [N, {layer_sizes[0]}], "
            f"got {inputs.dtype} {list(inputs.shape)}"
        )
    if labels.shape != (len(inputs),) or labels.dtype.is_floating_point or not len(labels):
        raise ValueError(
            f"labels must be integers [N], one for each of the {len(inputs)} inputs and at least "
            f"one, got {labels.dtype} {list(labels.shape)}"
        )
    n_classes = layer_sizes[-1]
    if not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
        raise ValueError(
            f"labels must lie in 0..{n_classes - 1}, the outputs of the model, "
            f"got {int(labels.min())}..{int(labels.max())}"
        )
    return _Examples(inputs.detach().float(), labels.to(inputs.device).long(), n_classes)


def _pair(data: Data) -> tuple[Tensor, Tensor]:
    if isinstance(data, Dataset):
        data = DataLoader(data, batch_size=1024)
    if isinstance(data, DataLoader):
        batches: Iterable = list(data)
        if not batches or any(len(batch) != 2 for batch in batches):
            raise ValueError("the data must yield pairs (inputs, labels), and at least one")
        inputs, labels = zip(*batches, strict=True)
        return torch.cat(inputs), torch.cat(labels)
    if isinstance(data, tuple | list) and [isinstance(part, Tensor) for part in data] == [True] * 2:
        return data[0], data[1]
    raise ValueError(
        "data must be two tensors (inputs, labels), or a Dataset or DataLoader of such pairs"
    )


def _rebuilt(model: nn.Sequential, small: Network) -> nn.Sequential:
    """A copy of `model` with the weights of `small` in its Linear layers."""
    result, linear_index = nn.Sequential(), 0
    for name, layer in model.named_modules(remove_duplicate=False):
        if layer is model:
            continue
        if type(layer) is nn.Linear:
            layer = _linear(layer, small, linear_index)
            linear_index += 1
        else:
            layer = copy.deepcopy(layer)
        result.add_module(name, layer)
    return result.train(model.training)


def _linear(original: nn.Linear, small: Network, index: int) -> nn.Linear:
    weight = small.weights[index]
    with torch.device("meta"):  # it is only sized: no initial weights are drawn
        linear = nn.Linear(weight.shape[1], weight.shape[0], original.bias is not None)
    linear = linear.to_empty(device=original.weight.device).to(original.weight.dtype)
    with torch.no_grad():
        linear.weight.copy_(weight)
        if original.bias is not None:
            linear.bias.copy_(small.biases[index])
    return linear
