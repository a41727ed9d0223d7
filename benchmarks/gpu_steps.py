"""On a GPU: training ensembles and single networks, passes, and the mask, beside the card's roofs

    python benchmarks/gpu_steps.py [--device cpu] [--small]

A pass and a training are timed whole, after a first one that warms up. Their floors are their
products at the rate of a large product, and the bytes of the optimizer at that of a large copy.
"One by one" is a plain `nn.Sequential` with torch's fused Adam on data that are on the card.
"""

import argparse
from collections.abc import Callable
from time import perf_counter

import torch
import torch.nn.functional as F
from common import STEP_BYTES, copies, headline, network_for, random_split, row, rule, step_flops

from ossum.config.architectures import count_weights
from ossum.config.options import GradientOptions, PruningOptions, TrainingOptions
from ossum.datasets import Split
from ossum.networks.network import Network
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.training.ensemble import train_ensemble
from ossum.workflow.device import set_precision

MEMBERS, BATCH = 4, 128


def timed(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds of the second run."""
    work()
    wait(device)
    start = perf_counter()
    work()
    wait(device)
    return perf_counter() - start


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def roofs(device: torch.device, small: bool) -> tuple[float, float]:
    """FLOP and bytes a second."""
    n, numbers = (512, 2**20) if small else (8192, 2**28)
    a, b = torch.randn(n, n, device=device), torch.randn(n, n, device=device)
    flops = 2 * n**3 * 10 / timed(device, lambda: [torch.mm(a, b) for _ in range(10)])
    x, y = torch.randn(numbers, device=device), torch.randn(numbers, device=device)
    return flops, 10 * 3 * 4 * numbers / timed(
        device, lambda: [x.add_(y, alpha=0.5) for _ in range(10)]
    )


def one_by_one(network: Network, split: Split) -> None:
    """One epoch of each of the members, plainly."""
    for _ in range(MEMBERS):
        module = network.to_module().to(split.device)
        optimizer = torch.optim.Adam(module.parameters(), fused=split.device.type == "cuda")
        order = torch.randperm(len(split)).to(split.device)
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(module(split.batch(rows)), split.labels[rows]).backward()
            optimizer.step()


def ensembles(device: torch.device, split: Split, flops: float, n_bytes: float, widths: list[int]):
    options = TrainingOptions(optimizer="adam", schedule=[(1e-3, 1)])
    test = random_split("cifar10", BATCH).to(device)
    steps = -(-len(split) // BATCH)
    for width in widths:
        network = network_for("cifar10", f"FC-{width}-{width}-{width}")
        members = copies(network, MEMBERS)
        ours = timed(device, lambda m=members: train_ensemble(m, 0, split, test, options))
        plain = timed(device, lambda n=network: one_by_one(n, split))
        weights = MEMBERS * count_weights(network.layer_sizes)
        floor = step_flops(network, MEMBERS, BATCH) / flops + weights * STEP_BYTES["adam"] / n_bytes
        times = (
            f"{ours:.2f}",
            f"{plain:.2f}",
            f"{plain / ours:.1f}",
            f"{ours / floor / steps:.1f}",
        )
        print(row(f"{MEMBERS} networks of 3 × {width}, an epoch", *times), flush=True)


def passes(device: torch.device, split: Split, flops: float, architectures: list[str]) -> None:
    gradient = GradientOptions(schedule=[(0.1, 1)])
    for architecture in architectures:
        network = network_for("cifar10", architecture)
        width = network.hidden_widths[0]

        def prune(method: str, network: Network = network, width: int = width) -> None:
            view = TrainingView(network, split, PruningOptions(gradient=gradient), 0, True)
            prune_network(method, network, [(width // 4,)], view)

        one_pass = timed(device, lambda: prune("ossum"))
        floor = 2 * len(split) * network.weights[0].numel() / flops
        print(row(f"OSSuM, {architecture}", f"{one_pass:.2f}", "", "", f"{one_pass / floor:.1f}"))
        mask = timed(device, lambda: prune("gradient"))
        what = f"the same and one epoch of mask training, {architecture}"
        print(row(what, f"{mask:.2f}", "", f"{mask / one_pass:.1f}", ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="sizes for a try on a processor")
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    print(f"{name}; {headline()}\n")
    split = random_split("cifar10", 1_000 if chosen.small else 50_000).to(device)
    for precision in ("float32", "tf32") if device.type == "cuda" else ("float32",):
        set_precision(precision, device)
        flops, n_bytes = roofs(device, chosen.small)
        print(f"\n{precision}: {flops / 1e12:.1f} TFLOP/s, {n_bytes / 1e9:.0f} GB/s\n")
        print(row("what", "seconds", "one by one", "ratio", "x floor"), rule(5), sep="\n")
        ensembles(device, split, flops, n_bytes, [16] if chosen.small else [16, 62, 250, 500])
        wide = ["FC-1000"] if chosen.small else ["FC-1000", "FC-10000", "FC-100000"]
        passes(device, split, flops, wide)


if __name__ == "__main__":
    main()
