"""Training 24 pruned FC-1000-1000-1000 as one ensemble, and each by itself the usual way.

    ./run python benchmarks/ensemble_training.py            (4 GiB of memory)

Prints a Markdown table. All its rows are timed in one run, each beside the rate of a plain matrix
product, so that their ratios hold on a machine whose speed drifts. The data have the shape of
CIFAR-10 and are random: no value matters to the time of a step. Of each way a few steps are timed,
the best of three goes, and scaled to an epoch of 391 steps.
"""

from collections.abc import Callable

import torch
from common import headline, network_for, seconds
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ossum.architectures import count_weights
from ossum.datasets import Split
from ossum.networks import Network
from ossum.options import TrainingOptions
from ossum.registry import DATASETS
from ossum.training.ensemble import Member, train_ensemble

WIDTHS = [16, 62, 250, 500]
MEMBERS, SEEDS = 24, 3
BATCH, STEPS = 128, 10
STEPS_AN_EPOCH = -(-DATASETS["cifar10"].n_train // BATCH)


def random_split(n: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    pixels = DATASETS["cifar10"].input_size
    images = torch.randint(0, 256, (n, pixels), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (n,), generator=generator)
    return Split(images, labels, 255, 0.5, 0.5, 10)


def best_of_three(work: Callable[[], object]) -> float:
    return min(seconds(work) for _ in range(3))


def matrix_product_rate() -> float:
    """Floating-point operations a second."""
    a, b, out = (torch.ones(2048, 2048) for _ in range(3))
    torch.mm(a, b, out=out)
    return 2 * 2048**3 / best_of_three(lambda: torch.mm(a, b, out=out))


def ensemble_step(network: Network, train: Split) -> float:
    """Seconds of a step of all members: what two more epochs cost, without set-up and tests."""
    members = [Member(network, i % SEEDS) for i in range(MEMBERS)]
    test = random_split(1)

    def train_for(epochs: int) -> None:
        options = TrainingOptions(optimizer="adam", schedule=[(1e-3, epochs)], batch_size=BATCH)
        train_ensemble(members, train, test, options)

    one, three = (best_of_three(lambda n=n: train_for(n)) for n in (1, 3))
    return (three - one) / (2 * STEPS)


def plain_step(network: Network, train: Split) -> float:
    """Seconds of a step of all members, each by itself: those of one, times their number."""
    module = network.to_module()
    optimizer = torch.optim.Adam(module.parameters())
    data = TensorDataset(train.inputs(), train.labels)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True)
    loss_function = nn.CrossEntropyLoss()

    def epoch() -> None:
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss_function(module(inputs), labels).backward()
            optimizer.step()

    epoch()  # warm up
    return MEMBERS * best_of_three(epoch) / STEPS


def row(width: int, train: Split) -> str:
    network = network_for("cifar10", f"FC-{width}-{width}-{width}")
    # Forward, weights' and activations' gradients; inputs need none.
    products = 3 * count_weights(network.layer_sizes) - network.weights[0].numel()
    flops = 2 * BATCH * MEMBERS * products
    ours, plain = ensemble_step(network, train), plain_step(network, train)
    columns = [
        f"{width}",
        f"{ours * STEPS_AN_EPOCH:.1f}",
        f"{plain * STEPS_AN_EPOCH:.1f}",
        f"{plain / ours:.1f}",
        f"{flops / ours / 1e9:.0f}",
        f"{flops / plain / 1e9:.0f}",
        f"{matrix_product_rate() / 1e9:.0f}",
    ]
    return f"| {' | '.join(columns)} |"


def main() -> None:
    print(f"{headline()}\n")
    print(
        "| kept a layer | ensemble, s an epoch | one by one, s | ratio | ensemble, GFLOP/s", end=""
    )
    print(" | one by one | matrix product |\n|---|---|---|---|---|---|---|")
    train = random_split(STEPS * BATCH)
    for width in WIDTHS:
        print(row(width, train), flush=True)
    print(f"\n{MEMBERS} networks, {SEEDS} data orders; {STEPS} steps timed, then scaled.")


if __name__ == "__main__":
    main()
