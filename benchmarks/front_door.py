"""Pruning a model of one's own, beside Torch-Pruning

    ./run python benchmarks/front_door.py            (2 GiB of memory)

Ratios of processor time, each pair measured in turn. A bare pass computes hidden layers of the
same examples in batches of 1024, and nothing else; OSSuM + PAB makes two, the first of one layer.
Torch-Pruning prunes a copy of the model by the L2 norm of a neuron's incoming weights; its rows
need `pip install torch-pruning`.
"""

import copy
import sys
from collections.abc import Callable, Iterator
from statistics import median
from time import process_time

import torch
from common import document, row, rule
from torch import Tensor, nn

import ossum

TIMES, EXAMPLES = 5, {784: 8192, 25_088: 1024}
HEAD = ("network", "what", "beside", "ratio of processor time (range)", "most memory (MiB)")


def networks() -> Iterator[tuple[str, nn.Sequential]]:
    layers = [nn.Linear(784, 10_000), nn.Tanh(), nn.Linear(10_000, 10)]
    yield "784-10000-10", nn.Sequential(*layers)
    sizes = [nn.Linear(25_088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()]
    yield "head of VGG11", nn.Sequential(*sizes, nn.Dropout(), nn.Linear(4096, 10))


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    for name, model in networks():
        generator, n = torch.Generator().manual_seed(0), EXAMPLES[model[0].in_features]
        inputs = torch.randn(n, model[0].in_features, generator=generator)
        data = inputs, torch.arange(n) % 10
        method = "ossum" if len(model) == 3 else "ossum-pab"
        passes = 1 if len(model) == 3 else 2
        pairs: list[tuple[str, Callable, str, Callable]] = [
            (
                method,
                lambda m=model, d=data, by=method: ossum.prune(m, d, sparsity=0.5, method=by),
                f"{passes} bare pass{'es' * (passes > 1)}",
                lambda m=model, x=inputs, p=passes: [bare_pass(m, x, k + 1) for k in range(p)],
            )
        ]
        if torch_pruning() is not None:
            pairs.append(
                (
                    "norm",
                    lambda m=model: ossum.prune(m, None, sparsity=0.5, method="norm"),
                    "Torch-Pruning by norm",
                    lambda m=model, x=inputs: by_torch_pruning(m, x[:1]),
                )
            )
        for what, ours, beside, theirs in pairs:
            ratios = [seconds(ours) / seconds(theirs) for _ in range(TIMES)]
            spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            yield row(name, what, beside, spread, memory(ours) + " and " + memory(theirs))


@torch.no_grad()
def bare_pass(model: nn.Sequential, inputs: Tensor, hidden: int) -> None:
    """The first `hidden` hidden layers."""
    last = [i for i, layer in enumerate(model) if isinstance(layer, nn.Linear)][hidden]
    layers = model[:last].eval()
    for batch in inputs.split(1024):
        layers(batch)


def torch_pruning():
    try:
        import torch_pruning
    except ImportError:
        return None
    return torch_pruning


def by_torch_pruning(model: nn.Sequential, example: Tensor) -> nn.Module:
    tp, small = torch_pruning(), copy.deepcopy(model)
    importance = tp.importance.MagnitudeImportance(p=2, group_reduction="first")
    pruner = tp.pruner.BasePruner(
        small, example, importance, pruning_ratio=0.5, ignored_layers=[small[-1]]
    )
    pruner.step()
    return small


def seconds(function: Callable) -> float:
    begun = process_time()
    function()
    return process_time() - begun


def memory(function: Callable) -> str:
    """What torch allocates at most, beyond what was there."""
    with torch.profiler.profile(profile_memory=True) as profile:
        function()
    now = most = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    return f"{most / 2**20:.0f}"


if __name__ == "__main__":
    document(sys.modules[__name__])
