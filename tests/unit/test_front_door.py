"""`ossum.prune` on models of other people, and the public face of the package."""

import copy
import subprocess
import sys
from collections import OrderedDict

import pytest
import torch
from helpers import ROOT, options, random_network, random_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import ossum
from ossum.config.registry import METHODS
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView

INPUTS, LABELS = torch.randn(8, 15), torch.arange(8) % 4


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(70, 5, 3, generator=generator)
    labels = (inputs[:, 0, 0] > 0).long() + 2 * (inputs[:, 1, 1] > 0).long()
    return inputs, labels


def two_layers(*middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(15, 9), *(middle or (nn.Tanh(),)), nn.Linear(9, 4))


def kept_rows(small: nn.Linear, large: nn.Linear) -> list[int]:
    """Which neurons of `large` the neurons of `small` are, by their biases, which all differ."""
    matches = small.bias[:, None] == large.bias[None, :]
    assert (matches.sum(dim=1) == 1).all()
    return matches.int().argmax(dim=1).tolist()


@pytest.mark.parametrize(
    ("method", "activation"),
    [("random", nn.Sigmoid), ("norm", nn.ReLU), ("gradient", nn.Tanh), ("ossum-pab", nn.ReLU)],
)
def test_the_pruned_model_is_the_masked_model(method, activation, data):
    layers = [nn.Flatten(), nn.Linear(15, 23), activation(), nn.Linear(23, 17), activation()]
    model = nn.Sequential(*layers, nn.Linear(17, 4))
    before, inputs = copy.deepcopy(model.state_dict()), data[0].clone()
    small = ossum.prune(model, data, widths=(7, 5), method=method, options=options())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert torch.equal(inputs, data[0])
    assert [m.out_features for m in small if isinstance(m, nn.Linear)] == [7, 5, 4]
    hidden = inputs.flatten(1)
    for position in (1, 3):
        mask = torch.zeros(model[position].out_features)
        mask[kept_rows(small[position], model[position])] = 1
        hidden = activation()(model[position](hidden)) * mask
    torch.testing.assert_close(small(data[0]), model[5](hidden))


@pytest.mark.parametrize("method", METHODS)
def test_it_is_the_registry_method(method):
    split, network = random_split(60), random_network(6, 11, 3)
    view = TrainingView(network, split, options(), seed=2)
    (expected,) = prune_network(method, network, [(3,)], view)
    examples = (split.inputs(), split.labels)
    found = ossum.prune(
        network.to_module(), examples, 0.75, method=method, seed=2, options=options()
    )
    for layer, weights in zip(found[::2], expected.of(network).weights, strict=True):
        torch.testing.assert_close(layer.weight.detach(), weights)


def test_all_forms_of_data_are_the_same_data(data):
    model = nn.Sequential(nn.Flatten(), *two_layers())
    dataset = TensorDataset(*data)
    forms = [data, list(data), dataset, DataLoader(dataset, batch_size=13)]
    first, *others = (ossum.prune(model, form, sparsity=0.5) for form in forms)
    assert all(torch.equal(first[1].weight, other[1].weight) for other in others)
    assert first[1].weight.shape == (5, 15)  # 4.5 neurons, halves go up


def test_the_result_looks_like_the_model(data):
    """Names, type, mode, a bias only where there was one, and an activation that is used twice."""
    tanh = nn.Tanh()
    layers = OrderedDict(flat=nn.Flatten(), a=nn.Linear(15, 9, bias=False), f=tanh)
    layers |= OrderedDict(b=nn.Linear(9, 9), g=tanh, out=nn.Linear(9, 4, bias=False))
    model = nn.Sequential(layers).double().eval()
    small = ossum.prune(model, data, 0.5, method="ossum-pab")
    assert [name for name, _ in small.named_modules(remove_duplicate=False)] == ["", *layers]
    assert not small.training and small.f is not tanh
    assert small.a.bias is None and small.out.bias is None and small.b.bias.shape == (5,)
    rows = small.a.weight.tolist()
    assert all(row in model.a.weight.tolist() for row in rows)  # to the last bit of a double
    whole = ossum.prune(model, data, 0, method="ossum-pab")
    assert torch.equal(whole(data[0].double()), model(data[0].double()))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(15, 4), "nn.Sequential, got Linear"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), "layer 0 is Conv2d"),
        (two_layers(nn.GELU()), "layer 1 is GELU"),
        (nn.Sequential(nn.Linear(15, 4)), "at least one hidden layer"),
        (nn.Sequential(), "at least one hidden layer"),
        (two_layers(nn.Tanh(), nn.Linear(9, 9)), "activation, ..., Linear"),
        (nn.Sequential(*two_layers(), nn.Tanh()), "ending in logits"),
        (two_layers(nn.Tanh(), nn.Linear(9, 9), nn.ReLU()), "same activation"),
        (two_layers(nn.Tanh(), nn.Linear(8, 9), nn.Tanh()), "cannot feed"),
        (two_layers(nn.Tanh(), nn.Linear(9, 9), nn.Tanh()), "ossum-pab"),
    ],
)
def test_other_models_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        ossum.prune(model, (INPUTS, LABELS), 0.5)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "either sparsity or widths"),
        ({"sparsity": 0.5, "widths": (3,)}, "either sparsity or widths"),
        ({"sparsity": 1}, "below 1"),
        ({"sparsity": -0.1}, "at least 0"),
        ({"widths": (10,)}, "cannot keep"),
        ({"sparsity": 0.5, "method": "osum"}, "did you mean 'ossum'"),
    ],
)
def test_other_requests_are_refused(request_, message):
    with pytest.raises(ValueError, match=message):
        ossum.prune(two_layers(), (INPUTS, LABELS), **request_)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((INPUTS[:, :14], LABELS), r"\[N, 15\].*\[8, 14\]"),
        ((INPUTS.view(8, 3, 5), LABELS), r"\[N, 15\]"),
        ((INPUTS.int(), LABELS), "floating-point"),
        ((INPUTS, LABELS[:7]), "one for each of the 8"),
        ((INPUTS, LABELS.float()), "integers"),
        ((INPUTS[:0], LABELS[:0]), "at least one"),
        ((INPUTS, LABELS + 1), r"0\.\.3.*1\.\.4"),
        ((INPUTS, LABELS - 1), r"0\.\.3"),
        (INPUTS, "two tensors"),
        (TensorDataset(INPUTS), "pairs"),
        ((torch.full_like(INPUTS, float("nan")), LABELS), "finite"),
    ],
)
def test_other_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        ossum.prune(two_layers(), data, 0.5)


def test_a_flattening_model_refuses_data_without_features():
    model = nn.Sequential(nn.Flatten(), *two_layers())
    with pytest.raises(ValueError, match=r"\[N, 15\]"):
        ossum.prune(model, (INPUTS[:, 0], LABELS), 0.5)


def test_the_package_is_quick_to_import_and_keeps_what_it_promises():
    code = "import sys, ossum; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    assert all(callable(getattr(ossum, name)) for name in ossum.__all__)
    with pytest.raises(AttributeError, match="no attribute 'prun'"):
        _ = ossum.prun
