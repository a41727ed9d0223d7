"""Training of the masks of the gradient supermask."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.config.options import GradientOptions
from ossum.datasets import Split
from ossum.networks.forward import Activations
from ossum.networks.network import Network
from ossum.progress import progress
from ossum.training.products import products


def train_mask(
    activations: Activations,
    labels: Tensor,
    output_weights: Tensor,
    mask: Tensor,
    options: GradientOptions,
    order: torch.Generator,
    output_bias: Tensor | None = None,
) -> Tensor:
    """Steps 3 to 6 of Algorithm 3 for one hidden layer; returns the trained mask [d].

    The weights are frozen, so the hidden activations a [N, d] never change and may come from
    memory. With logits o = (W * mask) a^T, class by example, and delta = softmax(o) - onehot, the
    gradient of the mean cross-entropy of n examples is sum_k W[k] * (delta a)[k] / n. So a step is
    two thin matrix products without autograd (`ossum.training.products`). An inverse temperature
    multiplies W.

    labels int64 [N], output_weights [K, d], output_bias [K], mask float32 [d] (not modified). Every
    epoch visits the examples once, in a new order drawn from `order`. The optimizer is SGD with
    momentum as in torch.optim.SGD. With `options.sigmoid` it trains the logits of the mask m, whose
    gradient has a factor m (1 - m). Everything runs on the device of `labels`. FloatingPointError
    if the mask diverges.
    """
    mask, beta = mask.to(labels.device, copy=True), options.inverse_temperature
    output_weights = output_weights.to(labels.device) * beta
    n_classes, with_activations = len(output_weights), products(activations)
    padding = (0, 0, 0, -n_classes % with_activations.classes)  # zeros, which change no sum
    weights = F.pad(output_weights, padding)
    bias = None if output_bias is None else output_bias.to(labels.device)[:, None] * beta
    masked = torch.empty_like(weights)
    trained = logits_of(mask) if options.sigmoid else mask
    velocity = torch.zeros_like(mask)
    for rate, batches in _epochs(labels, options, order):
        for rows in batches:
            torch.mul(weights, mask, out=masked)
            logits = with_activations.logits(rows, masked)[:n_classes]
            delta = F.softmax(logits if bias is None else logits + bias, dim=0)
            targets = labels.index_select(0, rows)[None]
            delta.scatter_add_(0, targets, delta.new_full((), -1.0).expand(targets.shape))
            delta = F.pad(delta.div_(len(rows)), padding)
            gradient = with_activations.gradient(delta, weights)
            if options.sigmoid:
                gradient.mul_(mask).mul_(1 - mask)
            velocity.mul_(options.momentum).add_(gradient)
            trained.sub_(velocity, alpha=rate)
            if options.sigmoid:
                torch.sigmoid(trained, out=mask)
        _check_finite(trained)
    return mask.cpu()


def train_masks(
    network: Network,
    split: Split,
    masks: Sequence[Tensor],
    options: GradientOptions,
    order: torch.Generator,
) -> tuple[Tensor, ...]:
    """Steps 3 to 6 of Algorithm 3 for any depth; returns the trained masks, one [h_l] a layer.

    The masks of all layers are trained together, by plain autograd; the weights are frozen.
    Arguments and errors are as for `train_mask`, which does the same for one hidden layer.
    """
    network = network.to(split.device)
    trained = [
        (logits_of(mask) if options.sigmoid else mask).to(split.device, copy=True).requires_grad_()
        for mask in masks
    ]
    optimizer = torch.optim.SGD(trained, lr=0.0, momentum=options.momentum)
    for rate, batches in _epochs(split.labels, options, order):
        optimizer.param_groups[0]["lr"] = rate
        for rows in batches:
            masks = [values.sigmoid() for values in trained] if options.sigmoid else trained
            logits = _masked_logits(network, masks, split.batch(rows)) * options.inverse_temperature
            optimizer.zero_grad()
            F.cross_entropy(logits, split.labels.index_select(0, rows)).backward()
            optimizer.step()
        _check_finite(*trained)
    masks = [values.sigmoid() for values in trained] if options.sigmoid else trained
    return tuple(mask.detach().cpu() for mask in masks)


def logits_of(mask: Tensor) -> Tensor:
    """Values whose sigmoid is the mask; finite where it is 0 or 1."""
    return mask.logit(eps=1e-6)


def _masked_logits(network: Network, masks: Sequence[Tensor], inputs: Tensor) -> Tensor:
    for layer, mask in enumerate(masks):
        inputs = network.activate(layer, network.weighted_sums(layer, inputs)) * mask
    return network.weighted_sums(-1, inputs)


def _epochs(
    labels: Tensor, options: GradientOptions, order: torch.Generator
) -> Iterator[tuple[float, Iterator[Tensor]]]:
    """The learning rate of each epoch and its batches of rows, in a new order, with one bar.

    An order is drawn on the processor and moved to the device of `labels` at once.
    """
    rates = [rate for rate, epochs in options.schedule for _ in range(epochs)]
    n_batches = -(-len(labels) // options.batch_size)
    with progress(None, "mask training", total=len(rates) * n_batches) as bar:

        def ticking(batches: Sequence[Tensor]) -> Iterator[Tensor]:
            for rows in batches:
                yield rows
                bar.update()

        for rate in rates:
            shuffled = torch.randperm(len(labels), generator=order).to(labels.device)
            yield rate, ticking(shuffled.split(options.batch_size))


def _check_finite(*masks: Tensor) -> None:
    if not all(torch.isfinite(mask).all().cpu() for mask in masks):
        raise FloatingPointError("mask training diverged: a mask value is not finite")
