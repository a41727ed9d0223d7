"""The best of many random subsets: what choosing by the training set alone is worth.

This control is not in the paper. It looks at the same training examples as OSSuM, but only at how
well each whole subset does, never at a single neuron, so it stands between OSSuM and one random
subset.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.progress import progress
from ossum.pruning.view import TrainingView

# Examples at a time: the activations of a narrow layer then stay in the processor's cache while all
# draws read them, and those of a wide one (100 MiB for 100,000 neurons) fit in memory.
_ROWS = 256


def best_random(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """Of many random subsets of one hidden layer, keep the one with the best training accuracy.

    Ties go to the lower training cross-entropy, then to the earlier draw. A draw is a random order
    of the neurons, of which each width keeps the first ones, as in random pruning.

    Activations are not cached: one pass serves all draws and widths, in full precision, so the
    choice does not depend on memory or on other methods.
    """
    full = network.hidden_widths[-1]
    orders = [
        torch.randperm(full, generator=stream(view.seed, "best of random", draw))
        for draw in range(view.options.best_random.draws)
    ]
    counts = [count for (count,) in widths]
    # There is nothing to choose where nothing is pruned.
    draws = {count: _subsets(orders, count) for count in {*counts} if count < full}
    best = _best(network, list(draws.values()), view) if draws else []
    chosen = {full: torch.arange(full)} | {
        count: draws[count][i] for count, i in zip(draws, best, strict=True)
    }
    return [Subnetwork((chosen[count],)) for count in counts]


def _subsets(orders: Sequence[Tensor], count: int) -> list[Tensor]:
    return [order[:count].sort().values for order in orders]


def _best(network: Network, draws: Sequence[list[Tensor]], view: TrainingView) -> list[int]:
    """The index of the best subset in each list, by one pass over the training set."""
    device = view.split.device
    network = network.to(device)
    draws = [[subset.to(device) for subset in subsets] for subsets in draws]
    outgoing = network.weights[-1].T.contiguous()
    biases = network.biases[-1] if network.biases else outgoing.new_zeros(outgoing.shape[1])
    correct = [torch.zeros(len(subsets), dtype=torch.int64, device=device) for subsets in draws]
    loss = [torch.zeros(len(subsets), dtype=torch.float64, device=device) for subsets in draws]
    for start in progress(range(0, len(view.split), _ROWS), "random subsets"):
        rows = slice(start, min(start + _ROWS, len(view.split)))
        activations = network.hidden(view.split.batch(rows)).T.contiguous()
        for subsets, hits, losses in zip(draws, correct, loss, strict=True):
            logits = _logits(activations, outgoing, subsets) + biases[:, None]
            labels = view.split.labels[rows].expand(len(subsets), -1)
            hits += (logits.argmax(dim=1) == labels).sum(dim=1)
            losses += F.cross_entropy(logits, labels, reduction="none").sum(1, dtype=torch.float64)
    keys = [
        list(zip((-hits).cpu().tolist(), losses.cpu().tolist(), strict=True))
        for hits, losses in zip(correct, loss, strict=True)
    ]
    return [of_draws.index(min(of_draws)) for of_draws in keys]


def _logits(activations: Tensor, outgoing: Tensor, subsets: Sequence[Tensor]) -> Tensor:
    """Logits [C, K, n] of C subsets of equal size, from activations [d, n] and weights [d, K].

    Kept neurons are gathered, so that a subset costs as much as it keeps. Each neuron is a row
    here, so it is copied in one piece. All subsets are gathered in the same memory, because fresh
    memory would cost more than the copy.
    """
    logits = activations.new_empty(len(subsets), outgoing.shape[1], activations.shape[1])
    gathered = activations.new_empty(len(subsets[0]), activations.shape[1])
    for subset, out in zip(subsets, logits, strict=True):
        torch.index_select(activations, 0, subset, out=gathered)
        torch.mm(outgoing.index_select(0, subset).T, gathered, out=out)
    return logits
