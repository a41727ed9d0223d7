"""Methods from other papers, for comparison, against plain definitions in double precision."""

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, options, random_network, random_split
from torch import Tensor

from ossum.config.options import GradientOptions
from ossum.networks.network import Network
from ossum.networks.rng import stream
from ossum.pruning import prune_network
from ossum.pruning.eerf import alignment
from ossum.pruning.greedy_forward import added_losses
from ossum.pruning.snip import mask_gradient
from ossum.pruning.synflow import flows
from ossum.pruning.view import TrainingView
from ossum.training.masks import train_mask, train_masks

SPLIT = random_split(60)


def view_of(network, split=SPLIT, seed=0, cache=False):
    return TrainingView(network, split, options(), seed, cache)


def kept(method, network, *counts, split=SPLIT, seed=0):
    found = prune_network(method, network, [(c,) for c in counts], view_of(network, split, seed))
    return [subnetwork.kept[0].tolist() for subnetwork in found]


def top(scores: Tensor, count: int) -> list[int]:
    return sorted(scores.topk(count).indices.tolist())


def masked_loss(network, masks, inputs, labels):
    """The mean cross-entropy with the hidden activations multiplied by masks, float64."""
    activations = inputs.double()
    for layer, mask in enumerate(masks):
        sums = activations @ network.weights[layer].double().T
        if network.biases:
            sums = sums + network.biases[layer].double()
        activations = sums.tanh() * mask
    logits = activations @ network.weights[-1].double().T
    return F.cross_entropy(logits + (network.biases[-1].double() if network.biases else 0), labels)


def sensitivity(network, mask):
    mask = mask.double().requires_grad_()
    loss = masked_loss(network, [mask], SPLIT.inputs(), SPLIT.labels)
    return torch.autograd.grad(loss, mask)[0]


# SNIP


@pytest.mark.parametrize("biased", [False, True])
def test_the_gradient_of_the_mask_is_that_of_autograd(biased, monkeypatch):
    monkeypatch.setattr("ossum.pruning.snip._ROWS", 7)
    network = random_network(6, 12, 3, biased=biased)
    view = view_of(network)
    for some in (torch.arange(12), torch.tensor([1, 4, 5, 11])):
        expected = sensitivity(network, torch.zeros(12).index_fill(0, some, 1))[some]
        found = mask_gradient(network, some, view.activation_reader(7), view)
        torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-5)  # half precision


def test_snip_keeps_the_most_sensitive_neurons():
    network = random_network(6, 12, 3)
    gradient = sensitivity(network, torch.ones(12))
    assert kept("snip", network, 8, 3) == [top(gradient.abs(), 8), top(gradient.abs(), 3)]
    assert kept("snip-signed", network, 8, 3) == [top(-gradient, 8), top(-gradient, 3)]
    assert kept("snip", network, 3) != kept("snip-signed", network, 3)


@pytest.mark.parametrize(
    ("method", "score"), [("snip-iterative", torch.abs), ("snip-signed-iterative", torch.neg)]
)
def test_iterative_snip_is_snip_step_by_step(method, score):
    network, expected = random_network(6, 40, 3), {}
    left = torch.arange(40)
    while len(left) > 1:
        gradient = sensitivity(network, torch.zeros(40).index_fill(0, left, 1))[left]
        following = min(len(left) - 1, int(len(left) / 2**0.25))
        for count in range(following + 1, len(left)):
            expected[count] = left[score(gradient).topk(count).indices].sort().values.tolist()
        left = left[score(gradient).topk(following).indices].sort().values
        expected[following] = left.tolist()
    counts = [37, 20, 10, 5, 1]
    found = kept(method, network, *counts)
    assert found == [expected[count] for count in counts]
    assert found != kept(method.removesuffix("-iterative"), network, *counts)


def test_signed_snip_of_small_logits_is_ossum():
    """As at m = 0, the softmax is uniform then."""
    network = random_network(6, 40, 3)
    small = Network((network.weights[0], network.weights[1] * 1e-4))
    assert kept("snip-signed", small, 20, 5) == kept("ossum", network, 20, 5)


# SynFlow


def test_the_flow_through_a_neuron_is_the_derivative_of_all_paths():
    network = random_network(4, 6, 5, 3)
    weights = [w.double().abs() for w in network.weights]
    masks = [torch.ones(6, dtype=torch.float64), torch.ones(5, dtype=torch.float64)]
    masks[0][2] = masks[1][4] = 0
    inputs = [m.clone().requires_grad_() for m in masks]
    flow = torch.ones(4, dtype=torch.float64)
    for matrix, mask in zip(weights, inputs, strict=False):
        flow = (matrix @ flow) * mask
    gradients = torch.autograd.grad((weights[-1] @ flow).sum(), inputs)
    for found, gradient, mask in zip(flows(weights, masks), gradients, masks, strict=True):
        expected = gradient * mask
        torch.testing.assert_close(found / found.sum(), expected / expected.sum())


def test_synflow_keeps_the_widest_paths_and_takes_rounds_in_deep_networks():
    network = random_network(4, 9, 3)
    first, second = (w.double().abs() for w in network.weights)
    assert kept("synflow", network, 4) == [top(first.sum(dim=1) * second.sum(dim=0), 4)]
    deep = random_network(4, 9, 8, 3)
    weights = [w.double().abs() for w in deep.weights]
    left = [list(range(9)), list(range(8))]
    for step in range(1, 101):
        masks = [
            torch.zeros(width, dtype=torch.float64).index_fill(0, torch.tensor(here), 1)
            for width, here in zip((9, 8), left, strict=True)
        ]
        for layer, (width, count) in enumerate([(9, 3), (8, 2)]):
            size = round(width * (count / width) ** (step / 100))
            scores = flows(weights, masks)[layer]
            left[layer] = sorted(sorted(left[layer], key=lambda j: -scores[j])[:size])
    (found,) = prune_network("synflow", deep, [(3, 2)], view_of(deep))
    assert [indices.tolist() for indices in found.kept] == left


# GraSP


@pytest.mark.parametrize("sizes", [(6, 12, 3), (6, 8, 7, 3)])
def test_grasp_keeps_what_the_norm_of_the_gradient_falls_without(sizes):
    """Its score is minus the derivative of half the squared norm when outgoing weights shrink."""
    network = random_network(*sizes)
    weights = [w.double().requires_grad_() for w in network.weights]

    def flow(weights):
        a = SPLIT.inputs().double()
        for w in weights[:-1]:
            a = (a @ w.T).tanh()
        loss = F.cross_entropy(a @ weights[-1].T, SPLIT.labels)
        return sum(g.square().sum() for g in torch.autograd.grad(loss, weights))

    expected = []
    for layer, width in enumerate(sizes[1:-1]):
        changes = []
        for neuron in range(width):
            of = []
            for factor in (1 + 1e-4, 1 - 1e-4):
                shrunk = [w.detach().clone() for w in weights]
                shrunk[layer + 1][:, neuron] *= factor
                of.append(flow([w.requires_grad_() for w in shrunk]))
            changes.append((of[0] - of[1]) / 2e-4)
        expected.append(top(torch.tensor(changes), 5))
    (found,) = prune_network("grasp", network, [(5,) * (len(sizes) - 2)], view_of(network))
    assert [indices.tolist() for indices in found.kept] == expected


# Greedy forward selection


@pytest.mark.parametrize("biased", [False, True])
def test_greedy_selection_adds_the_neuron_that_lowers_the_loss_most(biased, monkeypatch):
    monkeypatch.setattr("ossum.pruning.greedy_forward._BLOCK", 5)
    network = random_network(6, 12, 3, biased=biased)
    generator, chosen = stream(4, "greedy batches"), []
    for step in range(7):
        rows = torch.randint(60, (256,), generator=generator)
        inputs, labels = SPLIT.inputs()[rows], SPLIT.labels[rows]
        losses = {}
        for j in set(range(12)) - set(chosen):
            scale = 12 / (step + 1)
            mask = torch.zeros(12).index_fill(0, torch.tensor([*chosen, j]), scale)
            losses[j] = float(masked_loss(network, [mask], inputs, labels))
        chosen.append(min(losses, key=losses.get))
    expected = [sorted(chosen[:count]) for count in (7, 4, 1)]
    assert kept("greedy-forward", network, 7, 4, 1, seed=4) == expected


def test_losses_with_one_neuron_more_stay_finite():
    """Where a wide network's logits would overflow an exponential."""
    output = torch.tensor([[500.0, -500], [-500, 500]])
    found = added_losses(
        torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([0]), output, torch.zeros(2), 1.0
    )
    torch.testing.assert_close(found, torch.tensor([0.0, 1000]))


# Perturb and regress


@pytest.mark.parametrize("biased", [False, True])
def test_effects_are_regressed_on_random_subnetworks(biased):
    network = random_network(6, 12, 3, biased=biased)
    generator = stream(4, "perturbations")
    signs = 2.0 * torch.randint(2, (24, 12), generator=generator).double() - 1
    differences = []
    for sign in signs:
        rows = torch.randint(60, (256,), generator=generator)
        data = SPLIT.inputs()[rows], SPLIT.labels[rows]
        of = [masked_loss(network, [((1 + s * sign) / 2)], *data) for s in (-1, 1)]
        differences.append(of[0] - of[1])
    normal = torch.linalg.inv(signs.T @ signs)
    effects = normal @ signs.T @ torch.stack(differences)
    expected = [top(effects, 7), top(effects, 2)]
    assert kept("perturb-regress", network, 7, 2, seed=4) == expected


# Energy-based random features


def test_alignment_is_with_the_labels_of_each_class_against_the_rest():
    network = random_network(6, 12, 3)
    hidden, _ = float64(network, SPLIT.inputs())
    expected = torch.zeros(12, dtype=torch.float64)
    for label in range(3):
        signs = torch.where(SPLIT.labels == label, 1.0, -1.0).double()
        expected += (signs[:, None] * hidden).sum(dim=0) ** 2
    sums = F.one_hot(SPLIT.labels).double().T @ hidden
    torch.testing.assert_close(alignment(sums), expected)
    assert kept("eerf", network, 8, 3) == [top(expected, 8), top(expected, 3)]


# The gradient mask at another temperature


def scaled(network: Network, beta: float) -> Network:
    return Network((*network.weights[:-1], network.weights[-1] * beta))


@pytest.mark.parametrize("beta", [1, 4])
def test_a_mask_at_an_inverse_temperature_is_a_mask_of_larger_output_weights(beta):
    schedule = {"schedule": [(0.1, 2)], "batch_size": 16}
    plain = GradientOptions(**schedule)
    chosen = GradientOptions(**schedule, inverse_temperature=beta)
    wide, deep = random_network(6, 20, 3), random_network(6, 9, 8, 3)
    larger = scaled(wide, beta).weights[-1]

    def train(output, options):
        read = view_of(wide).activation_reader(16)
        return train_mask(read, SPLIT.labels, output, torch.ones(20), options, stream(0, "order"))

    same, other = train(larger, plain), train(wide.weights[-1], plain)
    found = train(wide.weights[-1], chosen)
    torch.testing.assert_close(found, same, rtol=0, atol=1e-5 * (beta > 1))
    assert torch.equal(found, other) == (beta == 1)
    start = [torch.ones(9), torch.ones(8)]
    ours = train_masks(deep, SPLIT, start, chosen, stream(0, "order"))
    theirs = train_masks(scaled(deep, beta), SPLIT, start, plain, stream(0, "order"))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
