"""Training. So far: the masks of the gradient supermask."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.forward import Activations
from ossum.options import GradientOptions
from ossum.progress import progress

# A matrix product with 10 columns runs at a fraction of the speed of one with 16, so the classes
# are padded with zero weights up to a multiple of this. Zeros change no sum.
_CLASS_PADDING = 16


def train_mask(
    activations: Activations,
    labels: Tensor,
    output_weights: Tensor,
    mask: Tensor,
    options: GradientOptions,
    order: torch.Generator,
) -> Tensor:
    """Steps 3 to 6 of Algorithm 3 for one hidden layer; returns the trained mask [d].

    The layer's weights are frozen, so its activations a [N, d] never change and may come from
    memory. With logits o = (a * mask) W^T and delta = softmax(o) - onehot(labels), the gradient of
    the mean cross-entropy is sum_k W[k] * (delta^T a)[k] / n: two thin products a step and no
    autograd. A step is bound by memory traffic, so its large arrays are made once.

    labels int64 [N], output_weights [K, d], mask float32 [d] (not modified). Every epoch visits the
    examples once, in a new order drawn from `order`. SGD with momentum as in torch.optim.SGD.
    FloatingPointError if the mask diverges.
    """
    n_classes = len(output_weights)
    padding = -n_classes % _CLASS_PADDING
    weights = F.pad(output_weights, (0, 0, 0, padding))
    weights_by_neuron = weights.T.contiguous()
    masked = torch.empty_like(weights)
    mask, velocity = mask.clone(), torch.zeros_like(mask)
    rates = [rate for rate, epochs in options.schedule for _ in range(epochs)]
    n_batches = -(-len(labels) // options.batch_size)
    with progress(None, "mask training", total=len(rates) * n_batches) as bar:
        for rate in rates:
            shuffled = torch.randperm(len(labels), generator=order)
            for rows in shuffled.split(options.batch_size):
                a = activations(rows)
                torch.mul(weights, mask, out=masked)
                logits = (a @ masked.T)[:, :n_classes]
                delta = F.softmax(logits, dim=1)
                delta[torch.arange(len(rows)), labels[rows]] -= 1
                delta = F.pad(delta / len(rows), (0, padding))
                gradient = (a.T @ delta).mul_(weights_by_neuron).sum(dim=1)
                velocity.mul_(options.momentum).add_(gradient)
                mask.sub_(velocity, alpha=rate)
                bar.update()
            if not torch.isfinite(mask).all():
                raise FloatingPointError("mask training diverged: a mask value is not finite")
    return mask
