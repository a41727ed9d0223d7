"""What `ossum.prune` and its companions promise; `test_front_door_table.py` has the models."""

import copy
import inspect
import io
import pickle
import re
import subprocess
import sys
import typing
import warnings
import weakref
from collections import OrderedDict

import numpy as np
import pytest
import torch
from helpers import ROOT, options, random_network, random_split
from torch import nn
from torch.nn.utils import prune as torch_prune
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import ossum
from ossum.config import registry
from ossum.pruning import prune_network
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView

METHODS = {method: spec for method, spec in registry.METHODS.items() if not spec.builds}
DEEP = [method for method, spec in METHODS.items() if not spec.max_hidden_layers]


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(70, 5, 3, generator=generator)
    labels = (inputs[:, 0, 0] > 0).long() + 2 * (inputs[:, 1, 1] > 0).long()
    return inputs, labels


def two_layers(*middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(15, 9), *(middle or [nn.Tanh()]), nn.Linear(9, 4))


def three_layers() -> nn.Sequential:
    layers = [nn.Flatten(), nn.Linear(15, 23), nn.GELU(), nn.Linear(23, 17), nn.BatchNorm1d(17)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(17, 4))


def whole_numbers(model: nn.Module) -> nn.Module:
    """A model of small whole numbers, whose sums are exact in whatever order they are made."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randint(-3, 4, parameter.shape, generator=generator))
    return model


def kept_by(small: nn.Module) -> list[list[int]]:
    return [kept.tolist() for kept in ossum.report(small).kept.values()]


@pytest.mark.parametrize("method", METHODS)
def test_it_is_the_registry_method(method):
    split, network = random_split(60), random_network(6, 11, 3)
    view = TrainingView(network, split, options(), seed=2)
    (expected,) = prune_network(method, network, [(3,)], view)
    found = ossum.prune(
        network.to_module(),
        (split.inputs(), split.labels),
        sparsity=0.75,
        method=method,
        seed=2,
        options=options(),
    )
    for layer, weights in zip(found[::2], expected.of(network).weights, strict=True):
        torch.testing.assert_close(layer.weight.detach(), weights)


def test_what_prunes_nothing_of_the_model_is_refused(data):
    with pytest.raises(ValueError, match=r"'ossum-pab-fresh' builds another .* 'ossum-pab'"):
        ossum.prune(three_layers(), data, sparsity=0.5, method="ossum-pab-fresh")


@pytest.mark.parametrize("method", DEEP)
def test_small_is_masked_to_the_last_bit(method, data):
    """By cutting and by masks of torch, coreset's new weights included."""
    layers = [nn.Flatten(), nn.Linear(15, 8), nn.ReLU(), nn.Linear(8, 6), nn.Hardtanh(-9, 9)]
    if method == "coreset":
        layers[-1] = nn.ReLU()
    model = whole_numbers(nn.Sequential(*layers, nn.Linear(6, 4)))
    # Rounded up to a power of two by hand, or coreset's factors would not be exact.
    request = {"sparsity": 0.5, "method": method, "options": options()}
    small, masked = (ossum.prune(model, data, masks=m, **request) for m in (False, True))
    assert kept_by(small) == kept_by(masked) and [len(k) for k in kept_by(small)] == [4, 3]
    inputs = data[0].round()
    if method == "coreset":
        torch.testing.assert_close(small(inputs), masked(inputs))
    else:
        assert torch.equal(small(inputs), masked(inputs))
    assert torch_prune.is_pruned(masked)
    assert ossum.report(masked).parameters == ossum.report(small).parameters
    for layer in (masked[1], masked[3], masked[5]):
        torch_prune.remove(layer, "weight")
        torch_prune.remove(layer, "bias")
    torch.testing.assert_close(small(inputs), masked(inputs))


def test_forms_of_data_are_the_same_data(data):
    model, dataset = three_layers(), TensorDataset(*data)
    shuffled = DataLoader(dataset, 13, shuffle=True, generator=torch.Generator().manual_seed(1))
    forms = [data, list(data), dataset, DataLoader(dataset, 13), DataLoader(dataset, 13, True)]
    forms += [shuffled, [data], [(data[0][:9], data[1][:9]), (data[0][9:], data[1][9:])]]
    first, *others = (
        kept_by(ossum.prune(model, form, sparsity=0.5, method="ossum-pab")) for form in forms
    )
    assert [other == first for other in others] == [True] * 7


def test_the_result_looks_like_the_model(data):
    """Names, type, mode, a bias only where there was one, and an activation that is used twice."""
    tanh = nn.Tanh()
    layers = OrderedDict(flat=nn.Flatten(), a=nn.Linear(15, 9, bias=False), f=tanh)
    layers |= OrderedDict(b=nn.Linear(9, 9), g=tanh, out=nn.Linear(9, 4, bias=False))
    model = nn.Sequential(layers).double().eval()
    small = ossum.prune(model, data, sparsity=0.5, method="ossum-pab")
    assert [name for name, _ in small.named_modules(remove_duplicate=False)] == ["", *layers]
    assert not small.training and small.f is not tanh and small.f is small.g
    assert small.a.bias is None and small.out.bias is None and small.b.bias.shape == (5,)
    rows = small.a.weight.tolist()
    assert all(row in model.a.weight.tolist() for row in rows)  # to the last bit of a double
    whole = ossum.prune(model, data, sparsity=0, method="ossum-pab")
    assert torch.equal(whole(data[0].double()), model(data[0].double()))
    assert whole.a.weight.data_ptr() != model.a.weight.data_ptr()


class Mine(nn.Sequential):
    scale = 3


def test_the_result_keeps_what_a_model_carries(data):
    model = Mine(*three_layers())
    model.register_buffer("mean", torch.ones(2))
    model.classes = ["a", "b", "c", "d"]
    model.train()
    model[4].eval()
    model[1].weight.requires_grad_(False)
    seen = []
    model.register_full_backward_hook(lambda *_: seen.append(1))
    random = torch.get_rng_state()
    small = ossum.prune(model, data, sparsity={"3": 0.5}, method="ossum-pab")
    assert torch.equal(torch.get_rng_state(), random)
    assert [m.training for m in small] == [m.training for m in model]
    assert small.training and model.training and not model[4].training
    assert isinstance(small, Mine) and small.classes == model.classes and small.mean.sum() == 2
    assert not small[1].weight.requires_grad and small[3].weight.requires_grad
    assert (small[1].out_features, small[3].out_features, small[4].num_features) == (23, 9, 9)
    (kept,) = [k for name, k in ossum.report(small).kept.items() if name == "3"]
    assert torch.equal(small[4].running_var, model[4].running_var[kept])
    assert small[1].weight.data_ptr() != model[1].weight.data_ptr()
    small(data[0]).sum().backward()
    assert seen and small[3].weight.grad is not None and model[3].weight.grad is None


SETTINGS = {
    "double": lambda stack: stack.enter_context(default_dtype(torch.float64)),
    "autocast": lambda stack: stack.enter_context(torch.autocast("cpu", torch.bfloat16)),
    "device": lambda stack: stack.enter_context(torch.device("meta")),
    "no_grad": lambda stack: stack.enter_context(torch.no_grad()),
    "inference": lambda stack: stack.enter_context(torch.inference_mode()),
}


class default_dtype:  # noqa: N801
    def __init__(self, dtype):
        self.dtype = dtype

    def __enter__(self):
        self.before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)

    def __exit__(self, *_):
        torch.set_default_dtype(self.before)


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_of_torch_changes_what_is_kept(setting, data):
    from contextlib import ExitStack

    models = {method: three_layers() if method in DEEP else two_layers() for method in METHODS}
    models.pop("coreset")  # GELU

    def kept(method):
        request = {"method": method, "options": options()}
        small = ossum.prune(models[method], data, sparsity=0.5, **request)
        return kept_by(small), [p.is_inference() for p in small.parameters()]

    expected = {method: kept(method) for method in models}
    with ExitStack() as stack:
        SETTINGS[setting](stack)
        dtype = torch.get_default_dtype()
        assert {method: kept(method) for method in models} == expected
        assert torch.get_default_dtype() == dtype


class Counted(Dataset):
    """Counts passes, and how many of its batches are alive at a time."""

    def __init__(self, data):
        self.data, self.read, self.seen, self.most = data, 0, [], 0

    def __len__(self):
        return len(self.data[1])

    def __getitem__(self, index):
        self.read += 1
        return self.data[0][index], self.data[1][index]

    def collate(self, pairs):
        inputs, labels = (torch.stack(part) for part in zip(*pairs, strict=True))
        self.seen.append(weakref.ref(inputs))
        self.most = max(self.most, sum(seen() is not None for seen in self.seen))
        return inputs, labels


@pytest.mark.parametrize(
    ("method", "model", "passes"),
    [
        ("norm", three_layers, 0),
        ("ossum", two_layers, 1),
        ("gradient", two_layers, 1),  # its activations are kept
        ("ossum-norm", three_layers, 1),
        ("ossum-pab", three_layers, 2),
        ("gradient", three_layers, 1),  # inputs are in memory
    ],
)
def test_a_loader_is_streamed(method, model, passes, data):
    examples = [part.repeat(20, *[1] * (part.ndim - 1)) for part in data]  # 1,400
    counted = Counted(examples)
    loader = DataLoader(counted, 10, collate_fn=counted.collate)
    request = {"sparsity": [0.25, 0.5, 0.9], "method": method, "options": options()}
    model = model()
    small = ossum.prune(model, loader, **request)
    assert counted.read == passes * 1400 + 10  # and the batch on which models are compared
    assert {ossum.report(each).passes for each in small} == {passes}
    if method != "gradient":
        assert counted.most <= 110  # the blocks in which a pass computes have 1,024 examples
    for each, sparsity in zip(small, request.pop("sparsity"), strict=True):
        alone = ossum.prune(model, tuple(examples), sparsity=sparsity, **request)
        assert kept_by(each) == kept_by(alone)


class Endless(IterableDataset):
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        return iter(zip(*self.data, strict=True))


def test_a_loader_without_a_length(data):
    model = three_layers()
    request = {"sparsity": 0.5, "method": "ossum-pab"}
    for form in (Endless(data), DataLoader(Endless(data), 9)):
        assert kept_by(ossum.prune(model, form, **request)) == kept_by(
            ossum.prune(model, data, **request)
        )


@pytest.mark.parametrize("announced", [60, 80])
def test_a_loader_that_announces_another_length_is_refused(announced, data):
    class Lying(list):
        def __len__(self):
            return announced

    loader = DataLoader(TensorDataset(*data), 10, sampler=Lying(range(70)))
    with pytest.raises(ValueError, match=f"{announced} were expected"):
        ossum.prune(two_layers(), loader, sparsity=0.5)


def test_the_report(data):
    model = three_layers()
    model.body = nn.Linear(3, 3)  # not part of it
    with pytest.raises(ValueError, match="not made by ossum"):
        ossum.report(model)
    model = three_layers()
    small = ossum.prune(model, data, sparsity=0.5, method="ossum-pab", seed=3)
    report = ossum.report(small, model, data)
    assert (report.method, report.seed, report.passes, report.output) == ("ossum-pab", 3, 2, "6")
    assert {name: len(kept) for name, kept in report.kept.items()} == {"1": 12, "3": 9}
    assert report.macs == (15 * 23 + 23 * 17 + 17 * 4, 15 * 12 + 12 * 9 + 9 * 4)
    assert report.parameters == tuple(
        sum(p.numel() for p in m.parameters()) for m in (model, small)
    )
    hits = [(m.eval()(data[0]).argmax(1) == data[1]).double().mean() for m in (model, small)]
    assert report.accuracy == pytest.approx([float(hit) for hit in hits])
    assert 0 < report.seconds < 60 and ossum.report(small).accuracy is None


def test_a_report_of_less_says_what_is_missing(data):
    model = three_layers()
    both = ossum.prune(model, data, sparsity=[0.25, 0.5], method="ossum-pab")
    for arguments, message in [
        ((both,), "one model: call it for each"),
        ((both[0], model), "needs both the model before pruning and data"),
        ((both[0], None, data), "needs both the model before pruning and data"),
        ((both[0], both[1], data), "model that was pruned had 882 parameters, .* call report"),
        ((both[0], data, model), "must be an nn.Module, .* got tuple"),
        ((model, both[0], data), "this Sequential was not made by ossum.prune"),
        ((both[0], model, (data[0] * torch.inf, data[1])), "finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            ossum.report(*arguments)


def test_what_training_stored_is_no_obstacle(data):
    """deepcopy knows no tensors with a history, which masks are after a forward pass, too."""
    model = three_layers()
    model.train()
    model.hidden = model[1](data[0].flatten(1))
    small, masked = (
        ossum.prune(model, data, sparsity=0.5, method="ossum-pab", masks=m) for m in (False, True)
    )
    masked.eval()(data[0]).sum().backward()  # in train mode, BatchNorm would look at the data
    assert torch.equal(small.hidden, model.hidden) and model.hidden.grad_fn is not None
    accuracies = [ossum.report(each, model, data).accuracy for each in (small, masked)]
    assert accuracies[0] == accuracies[1]


class InPlace(nn.Module):
    """Its forward changes what it is given."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(15, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, x):
        return self.layers(x.mul_(1.5).flatten(1))


@pytest.mark.parametrize("method", ["ossum", "norm"])
def test_data_stay_as_they_are_whatever_a_forward_does(method, data):
    inputs, model = data[0].clone(), InPlace()
    small = ossum.prune(model, (inputs, data[1]), sparsity=0.5, method=method)
    assert ossum.report(small, model, (inputs, data[1])).accuracy
    loader = DataLoader(TensorDataset(inputs, data[1]), 16)
    again = ossum.prune(model, loader, sparsity=0.5, method=method)
    assert kept_by(small) == kept_by(again) and torch.equal(inputs, data[0])


def test_labels_that_are_no_numbers_are_refused(data):
    names = np.array(list("abcd"))[data[1].numpy()]
    with pytest.raises(ValueError, match="number the classes from 0 on"):
        ossum.prune(three_layers(), (data[0].numpy(), names), sparsity=0.5)


def test_later_random_numbers_are_the_same(data):
    """Although a DataLoader draws from torch's generator, for its order and in each pass."""
    model = three_layers()
    loader = DataLoader(TensorDataset(*data), 16, shuffle=True)

    def then(*calls):
        torch.manual_seed(5)
        for call in calls:
            call()
        return torch.rand(3).tolist()

    small = ossum.prune(model, loader, sparsity=0.5, method="ossum-pab")
    request = {"sparsity": 0.5, "method": "ossum-pab"}
    expected = then()
    assert then(lambda: ossum.prune(model, loader, **request)) == expected
    assert then(lambda: ossum.scores(model, loader, method="ossum-pab")) == expected
    assert then(lambda: ossum.report(small, model, loader)) == expected
    assert then(lambda: next(iter(loader))) != expected


def test_without_data_models_are_compared_where_inputs_are_known(data):
    """On made-up inputs of the model, or of the part that `layers` names; else a warning."""
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), two_layers()[1:])
    model[2][0] = nn.Linear(72, 9)
    request = {"sparsity": 0.5, "method": "norm"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ossum.prune(two_layers(), None, **request)
        expected = kept_by(ossum.prune(model, None, layers="2", **request))
    with pytest.warns(UserWarning, match="it was not run.*Give data, or name the part"):
        assert kept_by(ossum.prune(model, None, **request)) == expected


def test_the_report_of_one_logit(data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(15, 9), nn.ReLU(), nn.Linear(9, 1), nn.Sigmoid())
    labels = data[1] % 2
    small = ossum.prune(model, (data[0], labels), sparsity=0.5)
    accuracy = ossum.report(small, model, (data[0], labels)).accuracy
    right = ((model(data[0])[:, 0] > 0.5) == labels).double().mean()
    assert accuracy[0] == pytest.approx(float(right))
    # The same as two outputs of which one is always zero.
    two = nn.Sequential(*copy.deepcopy(model[:3]), nn.Linear(9, 2))
    with torch.no_grad():
        for part in ("weight", "bias"):
            given = getattr(model[3], part)
            getattr(two[3], part).copy_(torch.cat([torch.zeros_like(given), given]))
    assert kept_by(ossum.prune(two, (data[0], labels), sparsity=0.5)) == kept_by(small)
    assert small[3].weight.shape == (1, 5)


@pytest.mark.parametrize(
    ("method", "model"),
    [
        *((m, two_layers) for m in ("ossum", "linear-ossum", "log-ossum", "gradient", "norm")),
        *((m, three_layers) for m in ("ossum-pab", "ossum-norm", "norm-outgoing", "gradient")),
    ],
)
def test_scores_are_what_neurons_are_kept_by(method, model, data):
    model = model()
    request = {"method": method, "options": options(), "seed": 1}
    scores = ossum.scores(model, data, **request)
    for name, score in scores.items():
        width = model.get_submodule(name).out_features
        assert score.shape == (width,)
        small = ossum.prune(model, data, sparsity={name: 0.5}, **request)
        kept = ossum.report(small).kept[name]
        assert torch.equal(kept, top_neurons(score, len(kept))) and len(kept) < width


@pytest.mark.parametrize("method", ["random", "best-random", "coreset"])
def test_methods_that_draw_have_no_scores(method, data):
    with pytest.raises(ValueError, match="has no scores"):
        ossum.scores(two_layers(), data, method=method)


def test_what_comes_after_data_is_said_by_name(data):
    with pytest.raises(TypeError, match="positional"):
        ossum.prune(two_layers(), data, 0.5, "ossum")
    with pytest.raises(TypeError, match="metod"):
        ossum.prune(two_layers(), data, sparsity=0.5, metod="ossum")


def test_type_checkers_see_every_argument(tmp_path):
    """The overloads have the arguments of prune, and no checker takes a name that is not there."""
    from ossum.front_door.prune import prune

    known = inspect.signature(prune).parameters
    overloads = [inspect.signature(each).parameters for each in typing.get_overloads(prune)]
    assert len(overloads) == 3 and set().union(*overloads) == set(known)
    assert all(found[name].kind == known[name].kind for found in overloads for name in found)
    pytest.importorskip("pyright")
    calls = [
        "prune(model, None, metod='norm')",
        "prune(model, None)",
        "prune(model, None, 0.5)",
        "prune(model, None, sparsity='0.5')",
        "scores(model, None, sparsity=0.5)",
        "prun(model, None, sparsity=0.5)",
        "prune(model, None, sparsity=[0.5])[0]",  # right
        "report(prune(model, None, widths=[3]), model).macs",  # right
    ]
    head = "import ossum\nfrom torch import nn\n\nmodel = nn.Sequential()\n"
    file = tmp_path / "calls.py"
    file.write_text(head + "".join(f"x{i} = ossum.{c}\n" for i, c in enumerate(calls)), "utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(file)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8").stdout
    wrong = {int(line) for line in re.findall(r"calls.py:(\d+):\d+ - error", said)}
    assert wrong == set(range(5, 11)), said


def test_results_can_be_stored_exported_and_scripted(data):
    small = ossum.prune(three_layers().eval(), data, sparsity=0.5, method="ossum-pab")
    expected = small(data[0])
    assert torch.equal(pickle.loads(pickle.dumps(small))(data[0]), expected)
    assert torch.equal(copy.deepcopy(small)(data[0]), expected)
    file = io.BytesIO()
    torch.save(small, file)
    assert b"front_door" not in file.getvalue()  # it can be read where ossum is not installed
    file = io.BytesIO()
    torch.save(small.state_dict(), file)
    file.seek(0)
    loaded = ossum.prune(three_layers(), data, sparsity=0.5, method="ossum-pab").eval()
    loaded.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(loaded(data[0]), expected)
    again = ossum.prune(small, data, sparsity=0.5, method="ossum-pab")
    assert [len(kept) for kept in kept_by(again)] == [6, 5]
    torch.testing.assert_close(torch.export.export(small, data[:1]).module()(data[0]), expected)
    torch.testing.assert_close(torch.jit.trace(small, data[0])(data[0]), expected)
    torch.testing.assert_close(torch.jit.script(small)(data[0]), expected)
    compiled = torch.compile(small, backend="eager")
    torch.testing.assert_close(compiled(data[0]), expected)
    with pytest.raises(ValueError, match=r"give model\._orig_mod"):
        ossum.prune(compiled, data, sparsity=0.5)


def test_results_become_onnx(data, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    small = ossum.prune(three_layers().eval(), data, sparsity=0.5, method="ossum-pab")
    torch.onnx.export(small, data[:1], str(tmp_path / "small.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "small.onnx"))
    (found,) = session.run(None, {session.get_inputs()[0].name: data[0].numpy()})
    torch.testing.assert_close(torch.from_numpy(found), small(data[0]), rtol=1e-4, atol=1e-5)


def test_low_precision_and_models_whose_forward_needs_the_settings_of_their_owner(data):
    class Owner(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift, self.head = nn.Parameter(torch.zeros(1)), two_layers(nn.GELU())

        def forward(self, x):
            return self.head(x + torch.ones(1) * 1e-9)

    for dtype in (torch.bfloat16, torch.float64):
        with default_dtype(dtype):
            model = Owner()
            small = ossum.prune(model, data, sparsity=0.5, layers="head")
        assert {p.dtype for p in small.parameters()} == {dtype}


def test_the_package_is_quick_to_import_and_keeps_what_it_promises():
    code = "import sys, ossum; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    assert all(callable(getattr(ossum, name)) for name in ossum.__all__)
    assert {*ossum.__all__} <= {*dir(ossum)}
    with pytest.raises(AttributeError, match="no attribute 'prun'"):
        _ = ossum.prun


class Elsewhere(nn.Module):
    """What comes before its layers depends on the size of one of them."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(15, 9), nn.Linear(9, 4)

    def forward(self, x):
        return self.last(torch.relu(self.first(x.flatten(1) * self.first.out_features)))


def test_layers_that_are_used_elsewhere_are_refused(data):
    with pytest.raises(ValueError, match="what layer 'first' gets has changed"):
        ossum.prune(Elsewhere(), data, sparsity=0.5)


def test_a_forward_of_an_instance_is_refused(data):
    model = two_layers()
    model[1].forward = lambda x: torch.nn.functional.linear(x, model[1].weight * 2)
    with pytest.raises(ValueError, match="a forward of its own"):
        ossum.prune(model, None, sparsity=0.5, method="norm")


def test_unpack_and_masks_of_another_kind_are_refused(data):
    model = nn.Sequential(nn.Flatten(), *two_layers())
    with pytest.raises(ValueError, match="unpack is for batches"):
        ossum.prune(model, data, sparsity=0.5, unpack=lambda batch: batch)
    with pytest.raises(ValueError, match="unpack must be a function"):
        ossum.prune(model, data, sparsity=0.5, unpack=5)
    with pytest.raises(ValueError, match="masks must be True or False, got 'no'"):
        ossum.prune(model, data, sparsity=0.5, masks="no")
