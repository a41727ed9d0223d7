"""One method on frozen networks: is it right, how accurate is it, and what does it cost?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch

from ossum.analysis.pruning_cost import Cost, measured
from ossum.bench.method import BenchError, Method
from ossum.bench.watch import watched
from ossum.config.architectures import Architecture
from ossum.config.options import PruningOptions
from ossum.datasets import Split, load
from ossum.networks.evaluation import evaluation_rows
from ossum.networks.network import Network, Subnetwork, Widths, digests, draw
from ossum.networks.recipe import Recipe
from ossum.progress import progress
from ossum.storage.files import digest

ARCHITECTURE = "FC-1000"
SPARSITIES = (0.5, 0.75, 0.875, 0.9375, 0.96875, 0.984375, 0.9921875)
# Of the neurons that two calls keep, so many must be the same. On some processors rounding depends
# on where in memory an array begins, and may exchange neurons that are as good as equal.
SAME = 0.99
_COLUMNS = ("widths", "correct", "total", "accuracy")


def bench(
    method: Method,
    dataset: str,
    seeds: Sequence[int],
    options: PruningOptions,
    data: Path,
    architecture: str = ARCHITECTURE,
) -> list[dict]:
    """Rows with the columns of `ossum.storage.results.BENCH`, a row for each seed and sparsity.

    The network of the first seed is pruned twice. Test data are loaded when all pruning is done.
    BenchError if the method does what a method must not.
    """
    train = _split(data, dataset, "train")
    labels = train.labels.clone()
    wanted = [Architecture.parse(architecture).kept_widths(s) for s in SPARSITIES]
    found = []
    for seed in progress(seeds, f"{method.name}, {dataset}"):
        network = draw(Recipe.of(dataset, architecture, "tanh", "uniform", seed))
        with watched(data) as seen:
            subnetworks, cost = _prune(method, network, wanted, train, options, seed)
            if seed == seeds[0]:
                again, _ = _prune(method, network, wanted, train, options, seed)
                _check_same(subnetworks, again)
        if seen.opened:
            raise BenchError(
                f"the method opened {seen.opened[0]}: it may look at data through its view only"
            )
        if not torch.equal(train.labels, labels):
            raise BenchError("the method changed the labels of its view: it must not")
        known = {
            **{"dataset": dataset, "architecture": architecture, "seed": seed},
            **{"activation": "tanh", "distribution": "uniform", "origin": "initial"},
            **{"grid": "bench", "options": "", "method": method.name, "stage": "pruned"},
            "network": digest(*digests(network)),
            "passes": cost.passes,
            "processor_seconds": cost.processor_seconds,
            "labels": cost.labels,
            "gradients": method.gradients or seen.gradients,
            "reweights": any(subnetwork.weights for subnetwork in subnetworks),
        }
        found.append((known, network, subnetworks))
    test = _split(data, dataset, "test")
    return [
        known | {"sparsity": sparsity} | {name: row[name] for name in _COLUMNS}
        for known, network, subnetworks in found
        for sparsity, row in zip(
            SPARSITIES, evaluation_rows(network, subnetworks, test), strict=True
        )
    ]


def _split(data: Path, dataset: str, split: Literal["train", "test"]) -> Split:
    try:
        return load(data / f"{dataset}.safetensors", split)
    except ValueError as error:
        raise BenchError(str(error)) from None


def _prune(
    method: Method,
    network: Network,
    wanted: list[Widths],
    train: Split,
    options: PruningOptions,
    seed: int,
) -> tuple[list[Subnetwork], Cost]:
    """What the method returns, checked, and what it cost."""
    before = digests(network)
    subnetworks, cost = measured(
        method.prune, network, list(wanted), train, options, seed, method.cache_activations
    )
    if digests(network) != before:
        raise BenchError("the method changed the weights of its network: it must leave them alone")
    check(subnetworks, network, wanted)
    return subnetworks, cost


def check(subnetworks: object, network: Network, wanted: Sequence[Widths]) -> None:
    """BenchError unless these are subnetworks of `network` of exactly the wanted widths."""
    if not isinstance(subnetworks, list) or len(subnetworks) != len(wanted):
        raise BenchError(
            f"a method returns a list of {len(wanted)} Subnetworks, one for each of the wanted "
            f"widths; this one returned {_described(subnetworks)}"
        )
    for subnetwork, widths in zip(subnetworks, wanted, strict=True):
        if not isinstance(subnetwork, Subnetwork) or len(subnetwork.kept) != len(widths):
            raise BenchError(
                f"for widths {widths} a Subnetwork was expected with kept neurons of "
                f"{len(widths)} hidden layer(s), as in Subnetwork((indices,)); "
                f"got {_described(subnetwork)}"
            )
        for kept, count, width in zip(subnetwork.kept, widths, network.hidden_widths, strict=True):
            _check_indices(kept, count, width)
        sizes = (network.layer_sizes[0], *widths, network.layer_sizes[-1])
        for layer, weights in subnetwork.weights.items():
            if layer != len(network.weights):
                raise BenchError(
                    f"only the output weights, layer {len(network.weights)}, may be replaced; the "
                    f"method replaced those of layer {layer}"
                )
            shape = (sizes[layer], sizes[layer - 1])
            if tuple(weights.shape) != shape:
                raise BenchError(
                    f"replaced weights of layer {layer} must be {list(shape)}, "
                    f"got {list(weights.shape)}"
                )


def _check_indices(kept: object, count: int, width: int) -> None:
    expected = f"{count} ascending indices (int64) of neurons 0 to {width - 1} were expected"
    if not isinstance(kept, torch.Tensor) or kept.dtype != torch.int64 or kept.ndim != 1:
        raise BenchError(f"{expected}, got {_described(kept)}")
    if len(kept) != count:
        raise BenchError(f"{expected}, got {len(kept)}: widths are exact")
    if not bool((kept.diff() > 0).all()) or kept[0] < 0 or kept[-1] >= width:
        raise BenchError(f"{expected}, got {kept.tolist()[:5]} ...: they repeat, or do not ascend")


def _check_same(first: Sequence[Subnetwork], second: Sequence[Subnetwork]) -> None:
    """BenchError if two calls have not kept the same neurons, but for `SAME`."""
    kept = same = 0
    for a, b in zip(first, second, strict=True):
        for ours, theirs in zip(a.kept, b.kept, strict=True):
            kept += len(ours)
            same += int(torch.isin(ours, theirs).sum())
    if same < SAME * kept:
        raise BenchError(
            f"called twice with the same arguments, the method kept other neurons ({kept - same} "
            f"of {kept} differ): draw random numbers from ossum.networks.rng.stream(view.seed, "
            '"a name")'
        )


def _described(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor {value.dtype} {list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
