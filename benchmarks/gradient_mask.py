"""Training the gradient mask of FC-100000 from cached activations, and by recomputing them.

    ./run python benchmarks/gradient_mask.py            (13 GiB of memory)

Prints a Markdown table. All its rows are timed in one run. Needs data/mnist.safetensors and
data/cifar10.safetensors, which any run on real data leaves.
"""

from common import headline, network_for, seconds
from torch import Tensor

from ossum.datasets import load
from ossum.options import GradientOptions, PruningOptions
from ossum.pruning.gradient import initial_mask
from ossum.pruning.view import TrainingView
from ossum.registry import DATASETS
from ossum.rng import stream
from ossum.training.masks import train_mask

SCHEDULES = {"mnist": [(0.1, 10), (0.01, 5)], "cifar10": [(0.1, 20), (0.01, 10)]}
# The slow way is timed in part and scaled; the table says so.
RECOMPUTED_STEPS_TIMED = 20


def mask_rows(dataset: str) -> list[str]:
    network = network_for(dataset, "FC-100000")
    train = load(f"data/{dataset}.safetensors", "train")
    options = GradientOptions(schedule=SCHEDULES[dataset])
    view = TrainingView(network, train, PruningOptions(gradient=options), 0, True)
    one_pass = seconds(lambda: view.class_sums)  # fills the cache on the way
    start = initial_mask(network.hidden_widths[0], options, 0)

    def train_with(view: TrainingView, labels: Tensor, options: GradientOptions) -> None:
        reader = view.activation_reader(options.batch_size)
        order = stream(0, "benchmark")
        train_mask(reader, labels, network.weights[1], start, options, order)

    cached = seconds(lambda: train_with(view, train.labels, options))
    recomputing = TrainingView(network, train, PruningOptions(gradient=options), 0)
    few = options.model_copy(update={"schedule": [(0.1, 1)]})
    labels = train.labels[: RECOMPUTED_STEPS_TIMED * options.batch_size]
    a_step = seconds(lambda: train_with(recomputing, labels, few)) / RECOMPUTED_STEPS_TIMED
    steps = -(-len(train) // options.batch_size) * sum(epochs for _, epochs in options.schedule)
    label, again = DATASETS[dataset].label, a_step * steps
    return [
        f"| {label} | one forward pass, filling the cache | {one_pass:.0f} | 1.0 |",
        f"| {label} | {steps:,} steps from the cache | {cached:.0f} | {cached / one_pass:.2f} |",
        f"| {label} | {steps:,} steps, recomputing | {again:.0f} | {again / one_pass:.0f} |",
    ]


def main() -> None:
    print(f"{headline()}\n")
    print("| data | what | seconds | x pass |\n|---|---|---|---|")
    for dataset in SCHEDULES:
        print("\n".join(mask_rows(dataset)), flush=True)
    print(f"\nRecomputing: {RECOMPUTED_STEPS_TIMED} steps timed, then scaled.")


if __name__ == "__main__":
    main()
