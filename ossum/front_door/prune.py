"""`ossum.prune`, `ossum.scores` and `ossum.report`, for people with a network of their own."""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from difflib import get_close_matches
from math import ceil
from numbers import Integral, Real
from time import perf_counter
from typing import Any, overload

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ossum.config.architectures import count_weights, kept_width
from ossum.config.options import GradientOptions, PruningOptions, option_name
from ossum.config.registry import METHODS, lookup
from ossum.config.schema import describe, merged
from ossum.front_door.chain import Chain, find_chain
from ossum.front_door.compare import Comparison
from ossum.front_door.cut import cut, mask, n_parameters
from ossum.front_door.examples import (
    Data,
    Examples,
    InMemory,
    Reader,
    Source,
    Unpack,
    undisturbed,
)
from ossum.front_door.scores import score_network
from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView

# The paper's schedule for MNIST.
_OPTIONS = PruningOptions(gradient=GradientOptions(schedule=[(0.1, 10), (0.01, 5)]))
_KINDS = {str: "a string", Integral: "a whole number", Real: "a number"}
# The most memory, in bytes, for activations that are read many times.
_CACHE = 2**31
# Methods that look at weights alone.
_WITHOUT_DATA = ("norm", "norm-outgoing", "random", "synflow")

Options = PruningOptions | Mapping[str, Mapping[str, Any]]
Sparsity = float | Mapping[str, float]
WidthsWanted = Sequence[int] | Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """What pruning did to a model.

    kept: the kept neurons, int64 in ascending order, of each layer that could lose some, by its
        name.
    output: the layer that gives the logits.
    parameters: of the whole model, before and after.
    macs: multiply-adds for an example in the layers of `kept` and the output layer, before and
        after.
    seconds: wall time from the beginning of the call to this model.
    passes: how often all examples went through the model, for all models of the call.
    accuracy: before and after, if `report` got data.
    """

    method: str
    seed: int
    kept: dict[str, Tensor]
    output: str
    parameters: tuple[int, int]
    macs: tuple[int, int]
    seconds: float
    passes: float
    accuracy: tuple[float, float] | None = None


@overload
def prune(
    model: nn.Module,
    data: Data | None,
    *,
    sparsity: Sparsity,
    method: str = ...,
    layers: str = ...,
    round_to: int = ...,
    masks: bool = ...,
    unpack: Unpack | None = ...,
    seed: int = ...,
    options: Options | None = ...,
) -> nn.Module: ...


@overload
def prune(
    model: nn.Module,
    data: Data | None,
    *,
    sparsity: Sequence[Sparsity],
    method: str = ...,
    layers: str = ...,
    round_to: int = ...,
    masks: bool = ...,
    unpack: Unpack | None = ...,
    seed: int = ...,
    options: Options | None = ...,
) -> list[nn.Module]: ...


@overload
def prune(
    model: nn.Module,
    data: Data | None,
    *,
    widths: WidthsWanted,
    method: str = ...,
    layers: str = ...,
    masks: bool = ...,
    unpack: Unpack | None = ...,
    seed: int = ...,
    options: Options | None = ...,
) -> nn.Module: ...


def prune(
    model: nn.Module,
    data: Data | None,
    *,
    sparsity: Sparsity | Sequence[Sparsity] | None = None,
    widths: WidthsWanted | None = None,
    method: str = "ossum",
    layers: str = "",
    round_to: int = 1,
    masks: bool = False,
    unpack: Unpack | None = None,
    seed: int = 0,
    options: Options | None = None,
) -> nn.Module | list[nn.Module]:
    """A smaller copy of `model`, without the hidden neurons that `method` prunes.

    model: any module that ends in fully connected layers: Linear layers with anything between them
        that acts on each neuron by itself, such as activations, Dropout and BatchNorm1d, ending in
        logits (LogSoftmax or Softmax may follow). What comes before them, such as convolutions, is
        run and stays as it is. The model may be trained or not. It is not changed.
    data: training examples: inputs as the model takes them and integer labels [N], as two tensors,
        or as a Dataset or DataLoader of such pairs. They are read batch by batch, once for
        "ossum" and once for each hidden layer for "ossum-pab"; some other methods hold them in
        memory. None for a method that looks at weights alone: norm, norm-outgoing, random, synflow.
    sparsity: the fraction of neurons, 0 <= sparsity < 1, to prune from every hidden layer, or from
        each layer by its name: layers that are not named keep all. A list of several sparsities
        gives a list of models, which share their passes over the data.
    widths: instead, how many neurons to keep in each hidden layer, in order or by name.
    method: an id of `ossum.config.registry.METHODS`. "ossum" is for one hidden layer; "ossum-pab"
        is for any number.
    layers: the submodule that holds the fully connected layers, such as "classifier"; by default
        they are looked for in the whole model.
    round_to: with sparsity, widths are rounded up to multiples of this, but not beyond the layer.
    masks: give the model at full size instead, with masks of `torch.nn.utils.prune`.
    unpack: makes (inputs, labels) of a batch of another kind. Inputs may be a tuple or a dict of
        the model's arguments.
    seed: the seed of the methods that draw random numbers.
    options: of the methods that have any, such as {"gradient": {"schedule": [(0.1, 10)]}}. Those of
        "gradient" are by default the paper's for MNIST.

    A neuron's bias and BatchNorm entries go or stay with it; norms do not count them. Everything
    runs in eval mode, on the device of the model, and scores are computed in float32. The copy
    keeps the model's own weights (coreset reweights them), hooks outside of the fully connected
    layers, device, type, attributes and modes. `ossum.report` says what was done.

    ValueError that says what was expected, for any other model, data or request.
    """
    begun = perf_counter()
    if not isinstance(masks, bool):
        raise ValueError(f"masks must be True or False, got {masks!r}")
    if (sparsity is None) == (widths is None):
        raise ValueError("say how much to prune: give either sparsity or widths")
    sparsity, widths = (
        each.tolist() if isinstance(each, np.ndarray | Tensor) else each
        for each in (sparsity, widths)
    )
    several = isinstance(sparsity, Sequence) and not isinstance(sparsity, str)
    if several and not sparsity:
        raise ValueError("sparsity must be a number or a list of at least one, got an empty one")
    with _undisturbed(model):
        job = _Job.of(model, data, method, layers, unpack, seed, options)
        wanted = [
            _widths(each, widths, job.chain, _checked("round_to", round_to, Integral))
            for each in (sparsity if several else [sparsity])
        ]
        subnetworks = prune_network(method, job.network, wanted, job.view)
        found = [(mask if masks else cut)(job.chain, s) for s in subnetworks]
        for small, subnetwork in zip(found, subnetworks, strict=True):
            job.comparison.check(small, subnetwork)
            # A plain dict, so that a file of the model can be read without this package.
            facts = job.report(small, subnetwork, perf_counter() - begun)
            small.__dict__["ossum_report"] = facts
    return found if several else found[0]


def scores(
    model: nn.Module,
    data: Data | None,
    *,
    method: str = "ossum",
    layers: str = "",
    unpack: Unpack | None = None,
    seed: int = 0,
    options: Options | None = None,
) -> dict[str, Tensor]:
    """The scores [h] by which `method` ranks the neurons of each hidden layer, by its name.

    Higher is better. Nothing is pruned, so a layer is scored on top of all neurons below it. The
    arguments and errors are those of `prune`; ValueError also for methods without scores.
    """
    with _undisturbed(model):
        job = _Job.of(model, data, method, layers, unpack, seed, options)
        found = score_network(method, job.network, job.view)
        return dict(zip(job.chain.hidden, found, strict=True))


def report(
    small: nn.Module,
    model: nn.Module | None = None,
    data: Data | None = None,
    *,
    unpack: Unpack | None = None,
) -> Report:
    """What `prune` did when it made `small`, and, given the model and test data, how accurate both
    are: the share of examples whose largest output is that of their label."""
    if isinstance(small, Sequence):
        raise ValueError("report takes one model: call it for each of the list")
    if not isinstance(small, nn.Module) or "ossum_report" not in vars(small):
        raise ValueError(f"this {type(small).__name__} was not made by ossum.prune")
    found = Report(**vars(small)["ossum_report"])
    if model is None and data is None:
        return found
    if model is None or data is None:
        raise ValueError("for accuracies report needs both the model before pruning and data")
    with _undisturbed(model):
        if n_parameters(model) != found.parameters[0]:
            raise ValueError(
                f"the model that was pruned had {found.parameters[0]:,} parameters, this one has "
                f"{n_parameters(model):,}: call report(small, model, data) with that model"
            )
    first, accuracies = next(iter(found.kept)), []
    for each in (model, small):
        with _undisturbed(each):
            accuracies.append(Reader(each, first, found.output, Source(data, unpack)).accuracy())
    return dataclasses.replace(found, accuracy=tuple(accuracies))


@dataclass
class _Job:
    """All that a pruning method gets, and what its results are compared with."""

    chain: Chain
    network: Network
    view: TrainingView
    method: str
    comparison: Comparison

    @classmethod
    def of(
        cls,
        model: nn.Module,
        data: Data | None,
        method: str,
        layers: str,
        unpack: Unpack | None,
        seed: int,
        options: Options | None,
    ) -> "_Job":
        spec = lookup(METHODS, _checked("method", method, str), "pruning method")
        if spec.builds:
            raise ValueError(
                f"method {method!r} builds another network, of which nothing is yours; "
                "'ossum-pab' prunes any number of layers of the model"
            )
        seed = int(_checked("seed", seed, Integral))
        options = _options(options)
        chain = find_chain(model, layers)
        network = chain.network()
        if method == "coreset" and any(between.known is None for between in chain.between):
            raise ValueError(
                "coreset is defined for Tanh, ReLU and Sigmoid, each right after its Linear layer; "
                "take another method"
            )
        if data is None:
            if method not in _WITHOUT_DATA:
                raise ValueError(f"method {method!r} needs data, only {_WITHOUT_DATA} do without")
            comparison = Comparison.made_up(chain, network, layers)
            nothing = torch.empty(0, network.layer_sizes[0]), torch.empty(0, dtype=torch.int64)
            examples: Examples = InMemory(*nothing, network.layer_sizes[-1])
        else:
            source = Source(data, unpack)
            comparison = Comparison(chain, network, source)
            reader = Reader(model, chain.names[0], chain.names[-1], source)
            # Of a whole model the trace has shown that nothing comes after.
            needs_logits = layers and method not in _WITHOUT_DATA
            if needs_logits and (above := reader.above_logits(comparison.sample)):
                raise ValueError(
                    f"layer {chain.names[-1]!r} does not give the logits, because {above!r} comes "
                    f"after it: {method!r} scores neurons by the logits that they feed. Such a "
                    "block can be pruned by its weights alone: method='norm', data=None"
                )
            examples = reader.examples()
        cache = spec.reads_activations and 2 * len(examples) * network.hidden_widths[-1] <= _CACHE
        view = TrainingView(network, examples, options, seed, cache)  # type: ignore[arg-type]
        whole = Subnetwork(tuple(torch.arange(width) for width in network.hidden_widths))
        comparison.check(model, whole)
        return cls(chain, network, view, method, comparison)

    def report(self, small: nn.Module, subnetwork: Subnetwork, seconds: float) -> dict[str, Any]:
        sizes = self.network.layer_sizes
        outputs = self.chain.linears[-1].out_features
        examples = self.view.split
        return {
            "method": self.method,
            "seed": self.view.seed,
            "kept": dict(zip(self.chain.hidden, subnetwork.kept, strict=True)),
            "output": self.chain.names[-1],
            "parameters": (n_parameters(self.chain.model), n_parameters(small)),
            "macs": (
                count_weights((*sizes[:-1], outputs)),
                count_weights((sizes[0], *subnetwork.widths, outputs)),
            ),
            "seconds": seconds,
            "passes": examples.rows_read / max(1, len(examples)),  # type: ignore[attr-defined]
        }


def _undisturbed(model: nn.Module) -> AbstractContextManager[None]:
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        kind = type(model).__name__
        raise ValueError(f"the model must be an nn.Module, not scripted, got {kind}")
    return undisturbed(model)


def _checked(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name} must be {_KINDS[kind]}, got {value!r}")
    return value


def _options(options: Options | None) -> PruningOptions:
    given = options.model_dump() if isinstance(options, PruningOptions) else options or {}
    if not isinstance(given, Mapping):
        raise ValueError(f"options must be a dict, by method, got {options!r}")
    given = {option_name(str(key)): value for key, value in given.items() if value is not None}
    try:
        return PruningOptions.model_validate(merged(_OPTIONS.model_dump(), given))
    except ValidationError as error:
        raise ValueError(f"options: {describe(error.errors()[0], PruningOptions)}") from None


def _widths(sparsity: Any, widths: WidthsWanted | None, chain: Chain, round_to: int) -> Widths:
    """How many neurons to keep in each hidden layer."""
    full = {
        name: linear.out_features for name, linear in zip(chain.hidden, chain.linears, strict=False)
    }
    wanted = sparsity if widths is None else widths
    what = "sparsity" if widths is None else "widths"
    if not isinstance(wanted, Mapping) and chain.unreached:
        names = ", ".join(f"{name!r}: …" for name in full)
        raise ValueError(f"{chain.unreached}. Name the layers to prune: {what}={{{names}}}")
    if isinstance(wanted, Mapping):
        for name in wanted.keys() - full:
            near = get_close_matches(str(name), full, n=1) or list(full)
            raise ValueError(
                f"{what}: no layer {name!r} can be pruned; did you mean {near[0]!r}? "
                f"(there are {', '.join(full)})"
            )
    if widths is not None:
        if isinstance(wanted, Mapping):
            wanted = [wanted.get(name, width) for name, width in full.items()]
        if isinstance(wanted, str) or not isinstance(wanted, Sequence):
            raise ValueError(f"widths must have a number for each hidden layer, got {widths!r}")
        chosen = tuple(int(_checked("each of widths", w, Integral)) for w in wanted)
        if len(chosen) != len(full) or any(
            not 1 <= k <= h for k, h in zip(chosen, full.values(), strict=True)
        ):
            sizes = ", ".join(f"{name!r} has {width}" for name, width in full.items())
            raise ValueError(
                f"widths must have a number for each hidden layer, from 1 to its size: {sizes}; "
                f"got {list(chosen)}"
            )
        if round_to != 1:
            raise ValueError("round_to is for sparsity: leave it out, or round widths yourself")
        return chosen
    if round_to < 1:
        raise ValueError(f"round_to must be at least 1, got {round_to}")
    each = wanted if isinstance(wanted, Mapping) else dict.fromkeys(full, wanted)
    for one in each.values():
        if not 0 <= _checked("sparsity", one, Real) < 1:
            raise ValueError(f"sparsity must be at least 0 and below 1, got {one}")
    kept = [kept_width(width, float(each.get(name, 0))) for name, width in full.items()]
    return tuple(
        min(width, ceil(k / round_to) * round_to)
        for k, width in zip(kept, full.values(), strict=True)
    )
