"""Training of many networks of equal sizes at once, each on its own."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import isfinite

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.datasets import Split
from ossum.evaluation import Score
from ossum.networks import Network
from ossum.options import TrainingOptions
from ossum.progress import progress
from ossum.rng import stream
from ossum.training.restart import Restart
from ossum.training.stack import Stack

# Examples in a batch of the test set: more of them multiply no faster and take more memory.
TEST_ROWS = 512


@dataclass(frozen=True)
class Member:
    """A network to train, without biases, and the seed of its data order."""

    network: Network
    seed: int

    @cached_property
    def identity(self) -> str:
        """Equal for members whose training is the same."""
        network = self.network
        total = hashlib.sha256(f"{self.seed} {network.activation} {network.layer_sizes}".encode())
        for weights in (*network.weights, *network.biases):
            total.update(weights.contiguous().numpy())
        return total.hexdigest()


@dataclass(frozen=True)
class Epoch:
    """How a network was doing in one epoch; epoch 0 is before training.

    train_loss: mean cross-entropy (nats) of the epoch's training examples, as they were trained on;
        None at epoch 0 and if the training diverged.
    score: on the test set, after the epoch; None if the training diverged.
    """

    epoch: int
    train_loss: float | None
    score: Score | None
    diverged: bool = False

    @classmethod
    def of(cls, values: dict) -> "Epoch":
        """The inverse of `asdict`."""
        score = values["score"]
        return cls(**values | {"score": Score(**score) if score else None})


@dataclass(frozen=True)
class Trained:
    """A network after training, and its learning curve from epoch 0 on.

    If the training diverged, the curve ends there and the network has weights of that moment.
    """

    network: Network
    curve: tuple[Epoch, ...]

    @property
    def diverged(self) -> bool:
        return self.curve[-1].diverged


def train_ensemble(
    members: Sequence[Member],
    train: Split,
    test: Split,
    options: TrainingOptions,
    restart: Restart | None = None,
) -> list[Trained]:
    """Train networks of equal layer sizes and activation together; results in the order given.

    Each minimises its own mean cross-entropy over batches, from its own weights, as if it were
    alone. Every epoch visits the examples once, in an order drawn anew from the stream "training
    order" of the member's seed; the last batch may be short. Members with one seed share their
    batches, hence the products of their first layers with the inputs.

    The networks given are not modified. A member whose loss or weights are no longer finite ends
    with that epoch; the others go on. ValueError if sizes or activations differ, or for biases.

    It runs on the device of the data; orders are drawn and results are on the processor.

    restart: where the training goes on from if it was interrupted, and is kept now and then.
    """
    _check(members)
    seeds = list(dict.fromkeys(member.seed for member in members))
    order = [i for seed in seeds for i, member in enumerate(members) if member.seed == seed]
    groups = [[member for member in members if member.seed == seed] for seed in seeds]
    trained = _train(groups, train, test, options, restart) if members else []
    return [result for _, result in sorted(zip(order, trained, strict=True), key=lambda x: x[0])]


def _check(members: Sequence[Member]) -> None:
    kinds = {(member.network.layer_sizes, member.network.activation) for member in members}
    if len(kinds) > 1:
        raise ValueError(f"an ensemble has one architecture and activation, not {sorted(kinds)}")
    if any(member.network.biases for member in members):
        raise ValueError("networks with biases cannot be trained here")


def _train(
    groups: Sequence[Sequence[Member]],
    train: Split,
    test: Split,
    options: TrainingOptions,
    restart: Restart | None,
) -> list[Trained]:
    """The same for members grouped by seed; results group by group."""
    members = [member for group in groups for member in group]
    networks = [[member.network for member in group] for group in groups]
    sizes = {*_batch_sizes(len(train), options.batch_size), *_batch_sizes(len(test), TEST_ROWS)}
    stack = Stack(networks, sizes, train.device)
    optimizer = _optimizer(stack, options)
    orders = {group[0].seed: stream(group[0].seed, "training order") for group in groups}
    rates = [rate for rate, epochs in options.schedule for _ in range(epochs)]
    n_batches = -(-len(train) // options.batch_size)
    names = [member.identity for member in members] if restart else []
    kept = restart.load(names, stack, optimizer, orders) if restart else None
    if kept:
        done, curves = kept[0], [[Epoch.of(values) for values in curve] for curve in kept[1]]
    else:
        done, curves = 0, [[Epoch(0, None, score)] for score in _scores(stack, len(groups), test)]
    ended = {i: stack.network(i) for i, curve in enumerate(curves) if curve[-1].diverged}
    with progress(None, f"training of {len(stack)}", total=len(rates) * n_batches) as bar:
        bar.update(done * n_batches)
        for epoch, rate in enumerate(rates[done:], start=done + 1):
            optimizer.param_groups[0]["lr"] = rate
            losses = torch.zeros(len(stack), dtype=torch.float64, device=train.device)
            for rows in _batches(train, options.batch_size, list(orders.values())):
                losses += _gradients(stack, [train.batch(r) for r in rows], _labels(train, rows))
                optimizer.step()
                bar.update()
            after = [
                _after(epoch, loss, score, finite)
                for loss, score, finite in zip(
                    (losses / len(train)).cpu().tolist(),
                    _scores(stack, len(groups), test),
                    stack.finite().cpu().tolist(),
                    strict=True,
                )
            ]
            for i in set(range(len(stack))) - set(ended):
                curves[i].append(after[i])
                if after[i].diverged:
                    ended[i] = stack.network(i)
                    logging.warning(
                        "training diverged in epoch %d (layer sizes %s, seed %d)",
                        epoch,
                        "-".join(map(str, ended[i].layer_sizes)),
                        members[i].seed,
                    )
            if len(ended) == len(stack):
                break
            if restart and restart.due():
                for i, network in ended.items():
                    stack.put(i, network)  # what has become of it since does not matter
                plain = [[asdict(e) for e in curve] for curve in curves]
                restart.save(epoch, names, plain, stack, optimizer, orders)
    return [
        Trained(ended[i] if i in ended else stack.network(i), tuple(curve))
        for i, curve in enumerate(curves)
    ]


def _after(epoch: int, loss: float, score: Score, finite_weights: bool) -> Epoch:
    if finite_weights and isfinite(loss) and isfinite(score.loss):
        return Epoch(epoch, loss, score)
    return Epoch(epoch, None, None, diverged=True)


def _optimizer(stack: Stack, options: TrainingOptions) -> torch.optim.Optimizer:
    """One optimizer for all weights: what it does, it does to each by itself."""
    stack.parameters.grad = stack.gradients
    if options.optimizer == "sgd":
        return torch.optim.SGD([stack.parameters], momentum=options.momentum, fused=True)
    return torch.optim.Adam([stack.parameters], fused=True)


def _batch_sizes(n: int, size: int) -> set[int]:
    """How many examples there are in batches of `size` of `n` in all: the last may have fewer."""
    return {min(n, size), n % size or min(n, size)}


def _batches(split: Split, batch_size: int, orders: Sequence[torch.Generator]) -> Iterator[Tensor]:
    """An epoch: rows [orders, n] of each batch, every order shuffled by itself.

    Drawn on the processor and moved to the split's device all at once: a step waits for nothing.
    """
    shuffled = [torch.randperm(len(split), generator=order) for order in orders]
    return iter(torch.stack(shuffled).to(split.device).split(batch_size, dim=1))


def _labels(split: Split, rows: Tensor) -> Tensor:
    """Labels of examples in the shape of their `rows`."""
    return split.labels.index_select(0, rows.flatten()).view(rows.shape)


def _gradients(stack: Stack, inputs: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Fill the stack's gradients for a batch; returns the summed loss of each network, float64.

    inputs [n, m] and labels [groups, n], one for each group of the stack. With respect to the
    logits, the gradient of the mean cross-entropy is (softmax - onehot) / n.
    """
    labels = stack.of_members(labels)[:, None]
    log_softmax = F.log_softmax(stack.logits(inputs), dim=1)
    losses = -log_softmax.gather(1, labels).sum(dim=(1, 2), dtype=torch.float64)
    delta = log_softmax.exp_()
    delta.scatter_add_(1, labels, delta.new_full((), -1.0).expand(labels.shape))
    stack.backward(delta.div_(labels.shape[2]))
    return stack.of_networks(losses)


def _scores(stack: Stack, n_groups: int, split: Split) -> list[Score]:
    """Scores of the networks on a split, as they are now."""
    correct, loss = 0, 0.0
    for start in range(0, len(split), TEST_ROWS):
        rows = slice(start, start + TEST_ROWS)
        logits = stack.logits([split.batch(rows)] * n_groups)
        labels = split.labels[rows].expand(len(logits), -1)
        correct = correct + (logits.argmax(dim=1) == labels).sum(dim=1)
        losses = F.cross_entropy(logits, labels, reduction="none")
        loss = loss + losses.sum(dim=1, dtype=torch.float64)
    totals = (stack.of_networks(values).cpu().tolist() for values in (correct, loss))
    return [Score(c, len(split), x / len(split)) for c, x in zip(*totals, strict=True)]
