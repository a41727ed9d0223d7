"""What `ossum.prune` makes of the models and calls that people have: it works, or says why not.

Where it works, the small model computes what the model does when the weights that leave its pruned
neurons are zero, to the last digits of double precision.
"""

import copy
from collections import OrderedDict
from itertools import pairwise
from math import nan

import pytest
import torch
import torch.nn.functional as F
from helpers import options
from torch import nn
from torch.nn.utils import parametrizations, parametrize, spectral_norm, weight_norm
from torch.nn.utils import prune as torch_prune
from torch.utils.data import DataLoader, TensorDataset

import ossum

N, M, K = 40, 12, 4


def examples(n=N, shape=(M,), classes=K):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % classes
    return torch.randn(n, *shape, generator=generator), labels


IMAGES = examples(8, (3, 32, 32))


def mlp(*between, last=(), wide=9, outputs=K):
    """Linear(12, 9), what is given, Linear(9, 4), what is given."""
    return nn.Sequential(nn.Linear(M, wide), *between, nn.Linear(wide, outputs), *last)


def deep(first, second):
    return nn.Sequential(nn.Linear(M, 9), *first, nn.Linear(9, 7), *second, nn.Linear(7, K))


def normed(norm=None):
    """A batch norm that has seen data."""
    norm = norm or nn.BatchNorm1d(9)
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            if tensor is not None:
                tensor.uniform_(0.5, 2)
    return norm


class Functional(nn.Module):
    """The usual class of tutorials. forward: what comes between fc1 and fc2, and after fc2."""

    def __init__(self, between=torch.relu, after=lambda x: x):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(M, 9), nn.Linear(9, K)
        self.between, self.after = between, after

    def forward(self, x):
        return self.after(self.fc2(self.between(self.fc1(x))))


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class Tutorial(nn.Module):
    """Convolutions, flattening by view, dropout by function, log-softmax."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc1, self.fc2 = nn.Conv2d(3, 4, 5), nn.Linear(784, 9), nn.Linear(9, K)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.dropout(F.relu(self.fc1(x)), 0.5, self.training)
        return F.log_softmax(self.fc2(x), dim=1)


class Branching(nn.Module):
    """A trunk that torch.fx cannot trace, and a head that it can."""

    def __init__(self, head=None):
        super().__init__()
        self.body, self.head = nn.Linear(M, M), head or mlp(nn.GELU())

    def forward(self, x):
        return self.head(self.body(x) if x.sum() > 0 else x)


class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(M, 9), nn.Linear(9, 9), nn.Linear(9, K)

    def forward(self, x):
        a = torch.tanh(self.a(x))
        return self.out(a + torch.tanh(self.b(a)))


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = mlp(nn.ReLU())

    def forward(self, x):
        logits = self.head(x)
        return {"logits": logits, "features": x}


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = mlp(nn.ReLU())

    def forward(self, x, shift):
        return self.head(x + shift)


class Doubling(nn.Sequential):
    """A Sequential that is not one."""

    def forward(self, x):
        return self[2](2 * self[1](self[0](x)))


class Reused(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(M, M), nn.Linear(M, M), nn.Linear(M, K)

    def forward(self, x):
        return self.out(torch.relu(self.a(torch.relu(self.a(x)))))


class FixedSize(Functional):
    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)).view(-1, 9))


class Storing(Functional):
    """Keeps what it sees, and counts."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        self.last = x
        self.seen.add_(1)
        return super().forward(x)


class Dropping(Functional):
    def forward(self, x):
        return super().forward(F.dropout(x))


class Asserting(Functional):
    def forward(self, x):
        assert x.shape[1] == M
        return super().forward(x)


class Scaled(Functional):
    """Divides by the size of its layer, as it is then."""

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)) / self.fc1.out_features)


class Pixels(Functional):
    def forward(self, x):
        return super().forward(x.to(self.fc1.weight.dtype) / 255)


class MyLinear(nn.Linear):
    """A subclass that only adds something."""

    note = "mine"


class Lora(nn.Linear):
    def forward(self, x):
        return super().forward(x) + x[:, :1]


class FeedForward(nn.Module):
    """A block of a transformer, on tokens [n, T, m]."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(M)
        self.ffn = nn.Sequential(nn.Linear(M, 9), nn.GELU(), nn.Dropout(), nn.Linear(9, M))
        self.out = nn.Linear(M, K)

    def forward(self, x):
        return self.out((x + self.ffn(self.norm(x))).mean(dim=1))


def changed(function, model=None):
    """A model on which a function of torch has been called."""
    model = model or mlp(nn.ReLU())
    function(model)
    return model


def shared():
    model = nn.Sequential(nn.Linear(M, M), nn.Tanh(), nn.Linear(M, M), nn.Tanh(), nn.Linear(M, K))
    model[2].weight = model[0].weight
    return model


def with_nan(index):
    model = mlp(nn.BatchNorm1d(9), nn.ReLU())
    with torch.no_grad():
        model[index].weight.view(-1)[3] = float("nan")
    return model


def vision():
    """torchvision, unless it is missing or made for another build of torch."""
    try:
        import torchvision
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision cannot be imported: {error}")
    return torchvision


def vit():
    return vision().models.VisionTransformer(
        32, 16, 1, 2, hidden_dim=16, mlp_dim=32, num_classes=K, representation_size=24
    )


class Vgg(nn.Module):
    """torchvision's VGG, small."""

    def __init__(self):
        super().__init__()
        self.features = TRUNK()
        self.avgpool = nn.AdaptiveAvgPool2d((3, 3))
        layers = [nn.Linear(72, 20), nn.ReLU(True), nn.Dropout(), nn.Linear(20, 16), nn.ReLU(True)]
        self.classifier = nn.Sequential(*layers, nn.Dropout(), nn.Linear(16, K))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


HALF = {"sparsity": 0.5}
PAB = {"sparsity": 0.5, "method": "ossum-pab"}
NORM = {"sparsity": 0.5, "method": "norm"}
BINARY = examples(classes=2)
TOKENS = examples(N, (5, M))


def TRUNK():  # noqa: N802
    return nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.BatchNorm2d(8), nn.ReLU())


WORKS = {
    # What comes between Linear layers
    "tanh": (lambda: mlp(nn.Tanh()), HALF),
    "gelu": (lambda: mlp(nn.GELU()), HALF),
    "silu": (lambda: mlp(nn.SiLU()), HALF),
    "leaky": (lambda: mlp(nn.LeakyReLU(0.1, inplace=True)), HALF),
    "elu": (lambda: mlp(nn.ELU()), HALF),
    "hardswish": (lambda: mlp(nn.Hardswish()), HALF),
    "softplus": (lambda: mlp(nn.Softplus()), HALF),
    "relu6 and dropout": (lambda: mlp(nn.ReLU6(), nn.Dropout(0.3)), HALF),
    "prelu, one slope": (lambda: mlp(nn.PReLU()), HALF),
    "prelu, a slope per neuron": (
        lambda: mlp(changed(lambda p: nn.init.uniform_(p.weight), nn.PReLU(9))),
        HALF,
    ),
    "batch norm before": (lambda: mlp(normed(), nn.ReLU()), HALF),
    "batch norm after, dropout": (lambda: mlp(nn.ReLU(), normed(), nn.Dropout()), HALF),
    "batch norm without affine": (lambda: mlp(nn.BatchNorm1d(9, affine=False), nn.Tanh()), HALF),
    "sync batch norm": (lambda: mlp(normed(nn.SyncBatchNorm(9)), nn.ReLU()), HALF),
    "alpha dropout": (lambda: mlp(nn.SELU(), nn.AlphaDropout()), HALF),
    "identity": (lambda: mlp(nn.Identity()), HALF),
    "nothing": (mlp, HALF),
    "an activation of one's own": (lambda: mlp(Swish()), HALF),
    "mixed activations": (lambda: deep([nn.Tanh()], [nn.ReLU()]), PAB),
    "mixed with batch norm": (lambda: deep([normed(), nn.GELU()], [nn.Sigmoid()]), PAB),
    # What comes before and after them
    "log-softmax": (lambda: mlp(nn.ReLU(), last=[nn.LogSoftmax(dim=1)]), HALF),
    "softmax and identity": (lambda: mlp(nn.ReLU(), last=[nn.Softmax(1), nn.Identity()]), HALF),
    "flatten": (lambda: nn.Sequential(nn.Flatten(), *mlp(nn.ReLU())), HALF, examples(N, (3, 4))),
    "a layer norm below": (lambda: nn.Sequential(nn.LayerNorm(M), *mlp(nn.ReLU())), HALF),
    "nested": (
        lambda: nn.Sequential(
            nn.Sequential(nn.Linear(M, 9), nn.Sequential(nn.ReLU(), nn.Dropout())),
            nn.ModuleDict({"out": nn.Linear(9, K)})["out"],
        ),
        HALF,
    ),
    "named": (
        lambda: nn.Sequential(OrderedDict(a=nn.Linear(M, 9), f=nn.ReLU(), b=nn.Linear(9, K))),
        HALF,
    ),
    "torchvision's MLP": (
        lambda: vision().ops.MLP(M, [9, 7, K], norm_layer=nn.BatchNorm1d, dropout=0.1),
        PAB,
    ),
    "torchvision's MobileNet": (lambda: vision().models.mobilenet_v3_small(num_classes=K), HALF),
    "VGG": (Vgg, PAB),
    "VGG's classifier": (Vgg, PAB | {"layers": "classifier"}),
    "the head of a ViT": (vit, HALF | {"layers": "heads"}),
    "a head of one's own": (Branching, HALF | {"layers": "head"}),
    "one layer of it by name": (Vgg, PAB | {"sparsity": {"classifier.3": 0.5}}),
    # A forward of one's own
    "functional": (Functional, HALF),
    "functional gelu": (lambda: Functional(F.gelu), HALF),
    "functional swish": (lambda: Functional(lambda x: x * torch.sigmoid(x)), HALF),
    "functional scale": (lambda: Functional(lambda x: 0.5 * x.clamp(min=0).sqrt()), HALF),
    "functional log-softmax": (
        lambda: Functional(after=lambda x: F.log_softmax(x, dim=-1)),
        HALF,
    ),
    "a tutorial's network": (Tutorial, HALF),
    "a Sequential of its own": (lambda: Doubling(nn.Linear(M, 9), Swish(), nn.Linear(9, K)), HALF),
    "two outputs, one head": (TwoOutputs, HALF | {"layers": "head"}),
    "two inputs": (
        TwoInputs,
        HALF | {"unpack": lambda batch: ((batch[0], batch[1]), batch[2])},
        DataLoader(TensorDataset(examples()[0], torch.ones(N, M), examples()[1]), 16),
    ),
    "a subclass of Linear": (lambda: nn.Sequential(MyLinear(M, 9), *mlp(nn.ReLU())[1:]), HALF),
    "a hook on the trunk": (
        lambda: changed(lambda m: m.features[0].register_forward_hook(lambda *_: None), Vgg()),
        PAB | {"layers": "classifier"},
    ),
    "a forward that stores tensors": (Storing, HALF),
    "the same, without data": (Storing, NORM, None),
    # Other methods
    "norm without data": (lambda: mlp(nn.GELU()), NORM, None),
    "synflow without data": (lambda: mlp(nn.GELU()), NORM | {"method": "synflow"}, None),
    "a feed-forward block by norm": (FeedForward, NORM | {"layers": "ffn"}, None),
    "the same with data": (FeedForward, NORM | {"layers": "ffn"}, TOKENS),
    "gradient with gelu": (
        lambda: mlp(nn.GELU()),
        HALF | {"method": "gradient", "options": options()},
    ),
    "gradient with batch norm, deep": (
        lambda: deep([normed(), nn.GELU()], [nn.Tanh()]),
        HALF | {"method": "gradient", "options": options()},
    ),
    "coreset with mixed activations": (
        lambda: deep([nn.Tanh(), nn.Dropout()], [nn.ReLU()]),
        HALF | {"method": "coreset", "options": {"coreset": {"reweight": False}}},
    ),
    "best of random": (lambda: mlp(nn.SiLU()), HALF | {"method": "best-random"}),
    # Requests and data
    "a width for each layer": (
        lambda: deep([nn.ReLU()], [nn.ReLU()]),
        {"widths": [4, 3], "method": "ossum-pab"},
    ),
    "widths by name": (
        lambda: deep([nn.ReLU()], [nn.ReLU()]),
        {"widths": {"2": 3}, "method": "ossum-pab"},
    ),
    "widths as an array": (
        lambda: deep([nn.ReLU()], [nn.ReLU()]),
        {"widths": torch.tensor([4, 3]), "method": "ossum-pab"},
    ),
    "multiples of 8": (lambda: mlp(nn.ReLU(), wide=20), HALF | {"round_to": 8}),
    "options as a dict": (lambda: mlp(nn.ReLU()), HALF | {"options": {}}),
    "options by a method's id": (
        lambda: mlp(nn.ReLU()),
        HALF | {"method": "best-random", "options": {"best-random": {"draws": 3}}},
    ),
    "one option of gradient": (
        lambda: mlp(nn.ReLU()),
        HALF | {"method": "gradient", "options": {"gradient": {"momentum": 0.5}}},
    ),
    "one logit": (lambda: mlp(nn.ReLU(), outputs=1), HALF, BINARY),
    "one probability": (lambda: mlp(nn.ReLU(), last=[nn.Sigmoid()], outputs=1), HALF, BINARY),
    "one logit, labels of BCE": (
        lambda: mlp(nn.ReLU(), outputs=1),
        HALF,
        (BINARY[0], BINARY[1].float()[:, None]),
    ),
    "labels uint16": (
        lambda: mlp(nn.ReLU()),
        HALF,
        (examples()[0], examples()[1].to(torch.uint16)),
    ),
    "arrays": (lambda: mlp(nn.ReLU()), HALF, tuple(part.numpy() for part in examples())),
    "batches": (lambda: mlp(nn.ReLU()), HALF, [examples(), examples(7)]),
    "two batches with unpack": (
        lambda: mlp(nn.ReLU()),
        HALF | {"unpack": lambda batch: (batch[:, :-1], batch[:, -1].long())},
        [torch.cat([x, y[:, None]], dim=1) for x, y in (examples(), examples(7))],
    ),
    "a loader of single examples": (
        lambda: mlp(nn.ReLU()),
        HALF,
        DataLoader([(x, int(y)) for x, y in zip(*examples(), strict=True)], 16),
    ),
    "pixels that the model scales": (
        Pixels,
        HALF,
        (torch.arange(N * M, dtype=torch.uint8).view(N, M), examples()[1]),
    ),
    "dict batches": (
        lambda: mlp(nn.ReLU()),
        HALF | {"unpack": lambda batch: (batch["x"], batch["y"])},
        [{"x": examples()[0], "y": examples()[1]}],
    ),
    "arguments by name": (
        TwoInputs,
        HALF | {"unpack": lambda batch: (batch, batch.pop("y"))},
        DataLoader([{"x": x, "shift": x, "y": y} for x, y in zip(*examples(), strict=True)], 16),
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_works(name):
    torch.manual_seed(1)
    make, request, *data = WORKS[name]
    model = make().double()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    given = data[0] if data else images_for(model)
    carried, random = carried_by(model), torch.get_rng_state()
    small = ossum.prune(model, given, **request)
    assert carried_by(model) == carried and torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    kept = ossum.report(small).kept
    silenced, pruned = copy.deepcopy(model), 0
    layers = [*kept, ossum.report(small).output]
    for here, above in pairwise(layers):
        gone = torch.ones(model.get_submodule(here).out_features, dtype=torch.bool)
        gone[kept[here]] = False
        pruned += int(gone.sum())
        silenced.get_submodule(above).weight.data[:, gone] = 0
        assert small.get_submodule(here).weight.shape[0] == len(kept[here])
        assert small.get_submodule(above).in_features == len(kept[here])
    assert pruned > 0
    inputs = inputs_for(model)
    for each in (small, silenced):
        each.eval()
    torch.testing.assert_close(small(*inputs), silenced(*inputs), rtol=0, atol=1e-12)


def carried_by(model):
    """What tracing and running could leave on a model."""
    return {
        name: (
            {key: id(value) for key, value in vars(module).items()},
            len(module._forward_hooks),
            len(module._forward_pre_hooks),
        )
        for name, module in model.named_modules()
    }


def images_for(model):
    return IMAGES if has_images(model) else examples()


def has_images(model):
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


def inputs_for(model):
    if has_images(model):
        return [IMAGES[0].double()]
    if isinstance(model, FeedForward):
        return [TOKENS[0].double()]
    x = examples()[0].double()
    flattens = isinstance(model, nn.Sequential) and isinstance(model[0], nn.Flatten)
    return [x, x] if isinstance(model, TwoInputs) else [x.view(N, 3, 4) if flattens else x]


REFUSED = {
    # Models
    "no module": (lambda: [nn.Linear(M, K)], HALF, "nn.Module, not scripted, got list"),
    "one layer": (lambda: nn.Linear(M, K), HALF, "at least one hidden layer"),
    "one layer in a Sequential": (lambda: nn.Sequential(nn.Linear(M, K)), HALF, "only.*'0'"),
    "empty": (nn.Sequential, HALF, "ends in nothing"),
    "no logits": (lambda: mlp(nn.ReLU(), last=[nn.Tanh()]), HALF, "ends in Tanh '3'"),
    "many labels": (lambda: mlp(nn.ReLU(), last=[nn.Sigmoid()]), HALF, "ends in Sigmoid"),
    "convolutions": (TRUNK, HALF, "ends in ReLU '2'. For convolution channels OSSuM has no score"),
    "a feed-forward block": (
        FeedForward,
        HALF | {"layers": "ffn"},
        "'ffn.3' does not give the logits, because 'out' comes after it.*method='norm'",
        TOKENS,
    ),
    "one layer on a trunk": (
        lambda: vision().models.resnet18(num_classes=K),
        HALF,
        "only the Linear layer 'fc'",
    ),
    "layer norm": (lambda: mlp(nn.LayerNorm(9), nn.ReLU()), HALF, "'1'.*normalizes over all"),
    "layer norm further down": (
        lambda: deep([nn.LayerNorm(9), nn.ReLU()], [nn.ReLU()]),
        HALF,
        "0 cannot be pruned: LayerNorm.*Name the layers to prune: sparsity={'3'",
    ),
    "softmax between": (lambda: mlp(nn.Softmax(1)), HALF, "Softmax '1' between '0' and '2'"),
    "batch statistics": (
        lambda: mlp(nn.BatchNorm1d(9, track_running_stats=False)),
        HALF,
        "each neuron and example by itself",
    ),
    "always dropout": (lambda: Functional(F.dropout), HALF, "dropout between 'fc1' and 'fc2'"),
    "always dropout below": (
        Dropping,
        HALF,
        "draws random numbers.*training=self.training",
    ),
    "assert": (Asserting, HALF, "torch.fx cannot trace.*if, assert"),
    "a layer's size": (Scaled, HALF, "smaller model computes something else.*use their sizes"),
    "a layer's size, no data": (Scaled, NORM, "smaller model computes something else", None),
    "a mean over neurons": (
        lambda: Functional(lambda x: x - x.mean(dim=1, keepdim=True)),
        HALF,
        "between 'fc1' and 'fc2'",
    ),
    "a fixed size": (FixedSize, HALF, "view between|cannot take these inputs"),
    "a skip connection": (Skip, HALF, "skip connection"),
    "a layer called twice": (Reused, HALF, "used more than once"),
    "shared weights": (shared, PAB, "shares its weights"),
    "a subclass that adds": (
        lambda: nn.Sequential(Lora(M, 9), nn.ReLU(), nn.Linear(9, K)),
        HALF,
        "at least one hidden layer|between",
    ),
    "two outputs": (TwoOutputs, HALF, "several in a dict: name the submodule"),
    "control flow": (Branching, HALF, "torch.fx cannot trace.*layers='classifier'"),
    "a ViT as a whole": (vit, HALF, "cannot be pruned|cannot trace"),
    "no such submodule": (Vgg, HALF | {"layers": "head"}, "no submodule 'head'"),
    "forward hook": (
        lambda: changed(lambda m: m[0].register_forward_hook(lambda *_: None)),
        HALF,
        "'0' has forward hooks",
    ),
    "hook on the activation": (
        lambda: changed(lambda m: m[1].register_forward_pre_hook(lambda *_: None)),
        HALF,
        "'1' has forward hooks",
    ),
    "hook on the model": (
        lambda: changed(lambda m: m.register_forward_hook(lambda *_: None)),
        HALF,
        "the model has forward hooks",
    ),
    "old weight norm": (lambda: changed(lambda m: weight_norm(m[0])), HALF, "remove_weight_norm"),
    "old spectral norm": (lambda: changed(lambda m: spectral_norm(m[2])), HALF, "remove_spectral"),
    "weight norm": (
        lambda: changed(lambda m: parametrizations.weight_norm(m[0])),
        HALF,
        "remove_parametrizations",
    ),
    "parametrization": (
        lambda: changed(lambda m: parametrize.register_parametrization(m[2], "weight", Swish())),
        HALF,
        "'2' is parametrized",
    ),
    "masks of torch": (
        lambda: changed(lambda m: torch_prune.random_unstructured(m[0], "weight", 0.5)),
        HALF,
        "prune.remove",
    ),
    "wrapped": (lambda: nn.DataParallel(mlp(nn.ReLU())), HALF, "give model.module"),
    "scripted": (lambda: torch.jit.script(mlp(nn.ReLU())), HALF, "not scripted"),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(9), nn.ReLU(), nn.Linear(9, K)), HALF, "lazy"),
    "meta": (lambda: mlp(nn.ReLU()).to("meta"), HALF, "no values yet"),
    "complex": (lambda: mlp(nn.Tanh()).to(torch.complex64), HALF, "floating-point.*complex64"),
    "nan in a weight": (lambda: with_nan(0), NORM, "0.weight must be finite"),
    "nan in a batch norm": (lambda: with_nan(1), HALF | {"method": "random"}, "1.weight.*finite"),
    "several layers, ossum": (lambda: deep([nn.ReLU()], [nn.ReLU()]), HALF, "ossum-pab prunes"),
    "coreset with gelu": (lambda: mlp(nn.GELU()), HALF | {"method": "coreset"}, "coreset is def"),
    # Requests
    "nothing asked": (None, {}, "either sparsity or widths"),
    "both asked": (None, HALF | {"widths": [3]}, "either sparsity or widths"),
    "sparsity 1": (None, {"sparsity": 1}, "below 1"),
    "sparsity -0.1": (None, {"sparsity": -0.1}, "at least 0"),
    "sparsity nan": (None, {"sparsity": float("nan")}, "at least 0"),
    "sparsity as text": (None, {"sparsity": "0.5"}, "must be a number, got '0.5'"),
    "sparsity True": (None, {"sparsity": True}, "must be a number, got True"),
    "sparsity of no layer": (None, {"sparsity": {"1": 0.5}}, "no layer '1' can be pruned"),
    "no sparsities": (None, {"sparsity": []}, "at least one"),
    "widths 5": (None, {"widths": 5}, "a number for each hidden layer, got 5"),
    "widths 0.5": (None, {"widths": [0.5]}, "whole number, got 0.5"),
    "widths of two layers": (None, {"widths": [3, 3]}, r"each hidden layer.*'0' has 9; got \[3, 3"),
    "too wide": (None, {"widths": [10]}, "from 1 to its size: '0' has 9"),
    "widths in multiples": (None, {"widths": [5], "round_to": 2}, "round_to is for sparsity"),
    "round_to 0": (None, HALF | {"round_to": 0}, "at least 1"),
    "method None": (None, HALF | {"method": None}, "must be a string, got None"),
    "a misspelt method": (None, HALF | {"method": "osum"}, "did you mean 'ossum'"),
    "misspelt options": (
        None,
        HALF | {"options": {"gradiant": {}}},
        "options: gradiant: unknown key; did you mean 'gradient'",
    ),
    "a misspelt option": (
        None,
        HALF | {"options": {"gradient": {"schedul": []}}},
        "gradient.schedul: unknown key; did you mean 'schedule'.*known here: schedule, momentum",
    ),
    "an option out of range": (
        None,
        HALF | {"options": {"best_random": {"draws": 0}}},
        r"options: best_random.draws: .*greater than or equal to 1 \(got 0\)",
    ),
    "options of another kind": (None, HALF | {"options": 3}, "options must be"),
    "seed as text": (None, HALF | {"seed": "1"}, "seed must be a whole number"),
    "layers None": (None, HALF | {"layers": None}, "layers must be the name"),
    # Data
    "no data": (None, HALF, "needs data", None),
    "other inputs": (None, HALF, r"\[N, 12\].*\[40, 11\]", (examples(N, (11,)))),
    "whole numbers": (None, HALF, "Give inputs.float", (examples()[0].int(), examples()[1])),
    "pixels": (Vgg, PAB, r"uint8 \[8, 3.*Give inputs.float", (IMAGES[0].byte(), IMAGES[1])),
    "single examples": (None, HALF, r"DataLoader\(data", list(zip(*examples(), strict=True))),
    "labels in a list": (None, HALF, "a list of 40", (examples()[0], examples()[1].tolist())),
    "three tensors": (None, HALF, "two tensors", (*examples(), examples()[1])),
    "nan that nobody reads": (None, NORM, "finite", [(torch.full((N, M), nan), examples()[1])]),
    "nan": (None, NORM, "finite", (torch.full((N, M), float("nan")), examples()[1])),
    "nan, ranks": (
        None,
        HALF | {"method": "linear-ossum"},
        "finite",
        [(torch.full((N, M), float("inf")), examples()[1])],
    ),
    "sparse": (None, HALF, "to_dense", (examples()[0].to_sparse(), examples()[1])),
    "complex inputs": (None, HALF, "real", (examples()[0] + 0j, examples()[1])),
    "one-hot": (None, HALF, "argmax", (examples()[0], F.one_hot(examples()[1]))),
    "labels as numbers": (None, HALF, "integers", (examples()[0], examples()[1] / 3)),
    "labels too few": (None, HALF, "one for each of the 40", (examples()[0], examples()[1][:9])),
    "labels too large": (None, HALF, r"0\.\.3.*1\.\.4", (examples()[0], examples()[1] + 1)),
    "labels negative": (None, HALF, r"0\.\.3", (examples()[0], examples()[1] - 1)),
    "empty data": (None, HALF, "at least one", (torch.empty(0, M), torch.empty(0).long())),
    "no batches": (None, HALF, "at least one example", []),
    "inputs alone": (None, HALF, "two tensors", examples()[0]),
    "a Dataset of inputs": (None, HALF, "pairs", TensorDataset(examples()[0])),
    "an iterator": (None, HALF, "not an iterator", iter([examples()])),
    "dict batches": (None, HALF, "keys.*'x'.*unpack=", [{"x": 1, "y": 2}]),
    "regression": (lambda: mlp(nn.ReLU(), outputs=1), HALF, r"integers \[N\]", examples()[:1] * 2),
    "three labels, one logit": (
        lambda: mlp(nn.ReLU(), outputs=1), HALF, r"0\.\.1", examples(classes=3)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_refused(name):
    make, request, message, *data = REFUSED[name]
    model = mlp(nn.ReLU()) if make is None else make()
    images = isinstance(model, nn.Module) and has_images(model)
    given = data[0] if data else (IMAGES if images else examples())
    carried = carried_by(model) if isinstance(model, nn.Module) else None
    with pytest.raises(ValueError, match=message):
        ossum.prune(model, given, **request)
    assert carried is None or carried_by(model) == carried


def test_the_table_is_large():
    assert len(WORKS) + len(REFUSED) > 100
