"""GraSP for neurons: keep those that the gradient needs to flow.

Wang, Zhang and Grosse, "Picking winning tickets before training by preserving gradient flow", ICLR
2020. To first order, the squared norm of the gradient g of the loss changes by 2 delta' H g if the
weights change by delta, H being the Hessian. Theirs removes weights; removing a neuron is delta =
minus its outgoing weights, so its score is the sum of theirs over these. They take ten examples of
each class and divide the logits by 200; this takes 1,000 random examples and the logits as they
are. It is made for networks that are trained afterwards: it does not ask what lowers the loss now.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView

_EXAMPLES = 1000


def grasp(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """In each layer, keep the neurons with the largest sum of w (H g) over outgoing weights w."""
    split = view.split
    order = torch.randperm(len(split), generator=stream(view.seed, "examples of GraSP"))
    rows = order[:_EXAMPLES].to(split.device)
    network = network.to(split.device)
    weights = tuple(matrix.detach().requires_grad_() for matrix in network.weights)
    logits = Network(weights, network.activation, network.biases).logits(split.batch(rows))
    loss = F.cross_entropy(logits, split.labels.index_select(0, rows))
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    flow = sum((gradient * gradient.detach()).sum() for gradient in gradients)
    products = torch.autograd.grad(flow, weights[1:])
    scores = [
        (matrix.detach() * product).sum(dim=0).cpu()
        for matrix, product in zip(weights[1:], products, strict=True)
    ]
    return [
        Subnetwork(tuple(top_neurons(s, count) for s, count in zip(scores, wanted, strict=True)))
        for wanted in widths
    ]
