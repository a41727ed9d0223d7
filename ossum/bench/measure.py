"""One method on frozen networks: is it right, how accurate is it, and what does it cost?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
_DRAW = 'draw random numbers from ossum.networks.rng.stream(view.seed, "a name")'
_COLUMNS = ("widths", "correct", "total", "accuracy")


def bench(
    method: Method,
    dataset: str,
    seeds: Sequence[int],
    options: PruningOptions,
    data: Path,
) -> list[dict]:
    """Rows with the columns of `ossum.storage.results.BENCH`, a row for each seed and sparsity.

    The network of the first seed is pruned twice. Test data are loaded when all pruning is done.
    BenchError if the method does what a method must not.
    """
    train = _split(data, dataset, "train")
    labels = train.labels.clone()
    wanted = [Architecture.parse(ARCHITECTURE).kept_widths(s) for s in SPARSITIES]
    found = []
    for seed in progress(seeds, f"{method.name}, {dataset}"):
        network = draw(Recipe.of(dataset, ARCHITECTURE, "tanh", "uniform", seed))
        with _named(method, dataset, seed), watched(data) as seen:
            subnetworks, cost = _prune(method, network, wanted, train, options, seed)
            if seed == seeds[0]:
                again, _ = _prune(method, network, wanted, train, options, seed)
                _check_same(subnetworks, again, len(network.weights))
            if seen.opened:
                raise BenchError(
                    f"it opened {seen.opened[0]}: it may look at data through its view only"
                )
            if not torch.equal(train.labels, labels):
                raise BenchError("it changed the labels of its view: it must not")
        known = {
            **{"dataset": dataset, "architecture": ARCHITECTURE, "seed": seed},
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
    rows = []
    for known, network, subnetworks in found:
        evaluated = evaluation_rows(network, subnetworks, test)
        if any(row["diverged"] for row in evaluated):
            with _named(method, dataset, known["seed"]):
                raise BenchError("its output weights are so large that logits become infinite")
        rows += [
            known | {"sparsity": sparsity} | {name: row[name] for name in _COLUMNS}
            for sparsity, row in zip(SPARSITIES, evaluated, strict=True)
        ]
    return rows


@contextmanager
def _named(method: Method, dataset: str, seed: int) -> Iterator[None]:
    """Says of a BenchError which method it is about, and where it happened."""
    try:
        yield
    except BenchError as error:
        message = f"{method.name} on {dataset}, seed {seed}: {error}"
        raise BenchError(message) from error.__cause__


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
    """What the method returns, checked and without masks, and what it cost."""
    before = digests(network)
    try:
        subnetworks, cost = measured(
            method.prune, network, list(wanted), train, options, seed, method.cache_activations
        )
    except (Exception, SystemExit) as error:
        raise BenchError(f"it raised {type(error).__name__}: {error}") from error
    if torch.get_default_dtype() != torch.float32:
        torch.set_default_dtype(torch.float32)
        raise BenchError(
            "it changed torch's default dtype, which is everybody's: say dtype=torch.float64 "
            "where you need it"
        )
    if any(weights.requires_grad for weights in network.weights):
        raise BenchError(
            "it made the weights of its network require gradients: take a copy, as in "
            "network.weights[0].clone().requires_grad_()"
        )
    if digests(network) != before:
        raise BenchError("it changed the weights of its network: it must leave them alone")
    check(subnetworks, network, wanted)
    return [Subnetwork(tuple(each.kept), each.weights) for each in subnetworks], cost


def check(subnetworks: object, network: Network, wanted: Sequence[Widths]) -> None:
    """BenchError unless these are subnetworks of `network` of exactly the wanted widths."""
    if not isinstance(subnetworks, list) or len(subnetworks) != len(wanted):
        raise BenchError(
            f"a method returns a list of {len(wanted)} Subnetworks, one for each of the wanted "
            f"widths; this one returned {_described(subnetworks)}"
        )
    for subnetwork, widths in zip(subnetworks, wanted, strict=True):
        kept = subnetwork.kept if isinstance(subnetwork, Subnetwork) else subnetwork
        if kept is subnetwork or not isinstance(kept, tuple | list) or len(kept) != len(widths):
            raise BenchError(
                f"for widths {widths} a Subnetwork was expected with kept neurons of "
                f"{len(widths)} hidden layer(s), as in Subnetwork((indices,)); "
                f"got {'' if kept is subnetwork else 'a Subnetwork of '}{_described(kept)}"
            )
        for indices, count, width in zip(kept, widths, network.hidden_widths, strict=True):
            _check_indices(indices, count, width)
        _check_weights(subnetwork.weights, len(network.weights), network.layer_sizes[-1], widths)


def _check_indices(kept: object, count: int, width: int) -> None:
    expected = f"{count} ascending indices (int64) of neurons 0 to {width - 1} were expected"
    if not _is_tensor(kept, torch.int64) or kept.ndim != 1:
        raise BenchError(f"{expected}, got {_described(kept)}")
    if len(kept) != count:
        raise BenchError(f"{expected}, got {len(kept)}: widths are exact")
    if not bool((kept.diff() > 0).all()) or kept[0] < 0 or kept[-1] >= width:
        raise BenchError(f"{expected}, got {kept.tolist()[:5]} ...: they repeat, or do not ascend")


def _check_weights(replaced: object, output: int, n_classes: int, widths: Widths) -> None:
    """BenchError unless nothing is replaced, or the output layer, number `output`, alone."""
    shape = [n_classes, widths[-1]]
    expected = (
        f"only output weights may be replaced, as in Subnetwork((indices,), {{{output}: weights}}) "
        f"with a finite float32 tensor {shape}"
    )
    if not isinstance(replaced, Mapping):
        raise BenchError(f"{expected}; got {_described(replaced)} instead of a dictionary")
    for layer, weights in replaced.items():
        if layer != output:
            raise BenchError(f"{expected}; got weights of layer {layer!r}")
        if not _is_tensor(weights, torch.float32) or list(weights.shape) != shape:
            raise BenchError(f"{expected}; got {_described(weights)}")
        if weights.requires_grad:
            raise BenchError(f"{expected}; got one that requires gradients: detach() it")
        if not weights.isfinite().all():
            raise BenchError(f"{expected}; got one with NaN or infinite values")


def _is_tensor(value: object, dtype: torch.dtype) -> bool:
    """Whether it is one of that type, plain and on the processor."""
    if not isinstance(value, torch.Tensor) or value.dtype != dtype:
        return False
    return value.device.type == "cpu" and value.layout == torch.strided


def _check_same(first: Sequence[Subnetwork], second: Sequence[Subnetwork], output: int) -> None:
    """BenchError if two calls have not kept the same neurons, or replaced weights by others, but
    for `SAME`."""
    kept = same = 0
    for a, b in zip(first, second, strict=True):
        for ours, theirs in zip(a.kept, b.kept, strict=True):
            kept += len(ours)
            same += int(torch.isin(ours, theirs).sum())
    if same < SAME * kept:
        raise BenchError(
            f"called twice with the same arguments, it kept other neurons ({kept - same} of "
            f"{kept} differ): {_DRAW}"
        )
    for a, b in zip(first, second, strict=True):
        one, other = (each.weights.get(output) for each in (a, b))
        both = torch.isin(a.kept[-1], b.kept[-1]), torch.isin(b.kept[-1], a.kept[-1])
        if one is None and other is None:
            continue
        if one is None or other is None or not _close(one[:, both[0]], other[:, both[1]]):
            raise BenchError(
                f"called twice with the same arguments, it replaced the output weights of "
                f"{len(a.kept[-1])} neurons by others: {_DRAW}"
            )


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether they differ by as little as rounding, magnified, might make."""
    return bool((one - other).norm() <= (1 - SAME) * one.norm())


def _described(value: object) -> str:
    if isinstance(value, torch.Tensor):
        where = "" if value.device.type == "cpu" else f" on {value.device}"
        return f"a tensor {value.dtype} {list(value.shape)}{where}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
