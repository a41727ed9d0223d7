"""Training of networks of equal sizes together, each on its own loss."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite, nan

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.config.options import TrainingOptions
from ossum.datasets import Split
from ossum.networks.evaluation import Evaluation
from ossum.networks.network import Network, to_tensors
from ossum.networks.rng import stream
from ossum.progress import progress
from ossum.storage.tensors import checksum
from ossum.training.checkpoint import Checkpoint, Snapshot
from ossum.training.stack import Stack

# Examples in a batch of the test set. Larger batches multiply no faster and take more memory.
TEST_ROWS = 512


@dataclass(frozen=True)
class Epoch:
    """How a network was doing in one epoch; epoch 0 is before training.

    train_loss: mean cross-entropy (nats) of the epoch's examples at the moment when the network was
        trained on them; None for epoch 0 and if the training diverged.
    evaluation: on the test set, after the epoch; its loss is NaN if the training diverged.
    """

    epoch: int
    train_loss: float | None
    evaluation: Evaluation


@dataclass(frozen=True)
class Trained:
    """A network after training, and its learning curve from epoch 0 on.

    If the training diverged, the curve ends there and all weights are NaN.
    """

    network: Network
    curve: tuple[Epoch, ...]

    @property
    def diverged(self) -> bool:
        return self.curve[-1].evaluation.diverged


def train_ensemble(
    networks: Sequence[Network],
    seed: int,
    train: Split,
    test: Split,
    options: TrainingOptions,
    *,
    most: int | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[Trained]:
    """Train networks with equal layer sizes and activation; results in the order given.

    Each network minimises its own mean cross-entropy over batches, as if it were alone. Every epoch
    visits the examples once, in an order drawn anew from the stream "training order" of `seed`; the
    last batch may be short. All networks see the same batches. Equal networks (at sparsity 0 all
    methods keep the same one) are trained once. The networks given are not modified.

    A network diverges when its loss or a weight is no longer finite: its training ends with that
    epoch, and that of the others goes on. Training runs on the device of the data.

    most: how many networks fit into memory at once; more of them train as several ensembles, one
        after the other.
    checkpoint: where the state is kept now and then, and from where interrupted training goes on.

    ValueError if layer sizes or activations differ, or for biases.
    """
    kinds = {(network.layer_sizes, network.activation) for network in networks}
    if len(kinds) > 1:
        raise ValueError(f"an ensemble has one architecture and activation, not {sorted(kinds)}")
    if any(network.biases for network in networks):
        raise ValueError("networks with biases cannot be trained here")
    keys = [checksum(to_tensors(network)) for network in networks]
    distinct = dict(zip(keys, networks, strict=True))
    size = max(1, len(distinct) if most is None else most)
    trained: dict[str, Trained] = {}
    for number, start in enumerate(range(0, len(distinct), size)):
        part = list(distinct)[start : start + size]
        facts = (part, networks[0].activation, seed, options.model_dump())
        snapshot = checkpoint and checkpoint.of(number, *facts)
        # No name keeps the ensemble, so that its memory is free for the next one.
        results = _Ensemble([distinct[k] for k in part], seed, train, test, options).run(snapshot)
        trained |= zip(part, results, strict=True)
    return [trained[key] for key in keys]


class _Ensemble:
    """Different networks that train together, with everything that changes meanwhile."""

    def __init__(
        self,
        networks: Sequence[Network],
        seed: int,
        train: Split,
        test: Split,
        options: TrainingOptions,
    ):
        self._train, self._test, self._options = train, test, options
        largest_batch = max(min(len(train), options.batch_size), min(len(test), TEST_ROWS))
        self._stack = Stack(networks, largest_batch, train.device)
        self._optimizer = _optimizer(self._stack, options)
        self._order = stream(seed, "training order")
        self._curves: list[list[Epoch]] = [[] for _ in networks]

    def run(self, snapshot: Snapshot | None) -> list[Trained]:
        """Train to the end of the schedule, from the last snapshot on if there is one."""
        done = self._start(snapshot)
        rates = [rate for rate, epochs in self._options.schedule for _ in range(epochs)]
        n_batches = -(-len(self._train) // self._options.batch_size)
        label = f"training of {len(self._curves)}"
        with progress(None, label, total=len(rates) * n_batches) as bar:
            bar.update(done * n_batches)
            for epoch, rate in enumerate(rates[done:], start=done + 1):
                if all(curve[-1].evaluation.diverged for curve in self._curves):
                    break
                self._optimizer.param_groups[0]["lr"] = rate
                losses = torch.zeros((), dtype=torch.float64, device=self._train.device)
                for rows in self._batches():
                    losses = losses + self._step(rows)
                    bar.update()
                self._end_epoch(epoch, (losses / len(self._train)).cpu().tolist())
                if snapshot:
                    plain = [[asdict(e) for e in curve] for curve in self._curves]
                    snapshot.save_if_due(self._state(), curves=plain)
        return [
            Trained(self._stack.network(i), tuple(curve)) for i, curve in enumerate(self._curves)
        ]

    def _start(self, snapshot: Snapshot | None) -> int:
        """Take up the state of the snapshot, if there is one; returns the number of epochs done."""
        saved = snapshot and snapshot.load()
        if saved:
            self._restore(*saved)
        else:
            self._end_epoch(0, [None] * len(self._curves))
        return max(curve[-1].epoch for curve in self._curves)

    def _batches(self) -> Sequence[Tensor]:
        """The rows of each batch of an epoch, in a new order.

        The order is drawn on the processor and moved to the device at once, so that no step waits.
        """
        shuffled = torch.randperm(len(self._train), generator=self._order)
        return shuffled.to(self._train.device).split(self._options.batch_size)

    def _step(self, rows: Tensor) -> Tensor:
        """Train on a batch; returns the summed loss of each network, float64 [M]."""
        self._stack.logits(self._train.batch(rows))
        losses = self._stack.backward(self._train.labels.index_select(0, rows))
        self._optimizer.step()
        return losses

    def _end_epoch(self, epoch: int, train_losses: Sequence[float | None]) -> None:
        """Add a point to the curves of all networks in training; erase those that diverged."""
        evaluations, finite = self._evaluate(), self._stack.finite().cpu().tolist()
        for i, curve in enumerate(self._curves):
            if curve and curve[-1].evaluation.diverged:
                continue
            loss, evaluation = train_losses[i], evaluations[i]
            if evaluation.diverged or not finite[i] or not isfinite(loss or 0):
                loss, evaluation = None, replace(evaluation, loss=nan)
                self._stack.erase(i)
                logging.warning("network %d of the ensemble diverged in epoch %d", i, epoch)
            curve.append(Epoch(epoch, loss, evaluation))

    def _evaluate(self) -> list[Evaluation]:
        """Evaluations of the networks as they are now."""
        test, m = self._test, len(self._curves)
        correct = torch.zeros(m, dtype=torch.int64, device=test.device)
        loss = torch.zeros(m, dtype=torch.float64, device=test.device)
        for start in range(0, len(test), TEST_ROWS):
            rows = slice(start, start + TEST_ROWS)
            logits, labels = self._stack.logits(test.batch(rows)), test.labels[rows].expand(m, -1)
            correct += (logits.argmax(dim=1) == labels).sum(dim=1)
            losses = F.cross_entropy(logits, labels, reduction="none")
            loss += losses.sum(dim=1, dtype=torch.float64)
        pairs = zip(correct.cpu().tolist(), (loss / len(test)).cpu().tolist(), strict=True)
        return [Evaluation(c, len(test), x) for c, x in pairs]

    def _state(self) -> dict[str, Tensor]:
        """All tensors that the rest of the training depends on."""
        state = self._optimizer.state[self._stack.parameters]
        moments = {f"optimizer.{name}": t for name, t in state.items() if t is not None}
        return moments | {"parameters": self._stack.parameters, "order": self._order.get_state()}

    def _restore(self, tensors: dict[str, Tensor], facts: dict) -> None:
        """Set everything to what it was when the snapshot was saved."""
        parameters = self._stack.parameters
        parameters.copy_(tensors.pop("parameters"))
        self._order.set_state(tensors.pop("order"))
        self._optimizer.state[parameters] = {
            name.removeprefix("optimizer."): tensor.to(parameters.device, copy=True)
            for name, tensor in tensors.items()
        }
        self._curves = [
            [Epoch(**e | {"evaluation": Evaluation(**e["evaluation"])}) for e in curve]
            for curve in facts["curves"]
        ]
        logging.info("going on from a snapshot")


def _optimizer(stack: Stack, options: TrainingOptions) -> torch.optim.Optimizer:
    """One optimizer for the weights of all networks: it works on each weight by itself."""
    stack.parameters.grad = stack.gradients
    if options.optimizer == "sgd":
        return torch.optim.SGD([stack.parameters], momentum=options.momentum, fused=True)
    return torch.optim.Adam([stack.parameters], fused=True)
