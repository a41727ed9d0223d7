"""Other devices than the processor, and other precisions than float32.

Without a GPU: torch's "meta" device knows the shape and place of tensors and no values. Computing
on it fails where something is on the wrong device, or where a step waits for a value. With one:
its results are compared with those of the processor.
"""

import os
import subprocess
import sys

import pytest
import torch
import yaml
from helpers import ROOT, has_bfloat16, options, random_network, random_split
from torch import Tensor
from workflows import merged

from ossum.config.options import TrainingOptions
from ossum.config.registry import METHODS
from ossum.config.schema import parse_config
from ossum.networks.evaluation import evaluate_networks, evaluation_rows, masked
from ossum.networks.network import Subnetwork
from ossum.networks.pixel_weights import bytes_are_fast
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.training.ensemble import train_ensemble
from ossum.training.masks import train_mask, train_masks
from ossum.workflow import device as device_module
from ossum.workflow.device import DeviceError, describe, find_device, set_precision

HAS_GPU = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not HAS_GPU, reason="torch sees no GPU")
needs_no_gpu = pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
CPU = torch.device("cpu")
DEEP, WIDE = (6, 9, 8, 7, 3), (6, 20, 3)


@pytest.fixture
def torch_as_before():
    """Takes back what a test sets torch's precision of products to."""
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


@pytest.fixture
def shapes_only(monkeypatch) -> str:
    """A device without values. What explicitly comes back from it (`Tensor.cpu`) is ones."""
    back = Tensor.cpu

    def cpu(tensor: Tensor) -> Tensor:
        return torch.ones(tensor.shape, dtype=tensor.dtype) if tensor.is_meta else back(tensor)

    monkeypatch.setattr(Tensor, "cpu", cpu)
    return "meta"


def view(sizes: tuple[int, ...], device: str, cache: bool = False) -> TrainingView:
    return TrainingView(random_network(*sizes), random_split().to(device), options(), 0, cache)


def pruned(method: str, device: str) -> list[Subnetwork]:
    sizes = WIDE if METHODS[method].max_hidden_layers == 1 else DEEP
    wanted = [tuple(width - n for width in sizes[1:-1]) for n in (0, 2, 5)]
    seen = view(sizes, device, METHODS[method].reads_activations)
    return prune_network(method, seen.network, wanted, seen)


def trained(optimizer: str, device: str):
    networks, data = [random_network(*DEEP, seed=s) for s in range(3)], random_split().to(device)
    chosen = TrainingOptions(optimizer=optimizer, schedule=[(0.01, 2)], batch_size=16)
    return train_ensemble(networks, 0, data, data, chosen)


@pytest.mark.parametrize("method", METHODS)
def test_pruning_stays_on_the_device(method, shapes_only):
    for subnetwork in pruned(method, shapes_only):
        assert all(kept.device.type == "cpu" for kept in subnetwork.kept)


@pytest.mark.parametrize("cache", [True, False])
def test_mask_training_stays_on_the_device(cache, shapes_only):
    seen = view(WIDE, shapes_only, cache)
    chosen, order = options().gradient, torch.Generator()
    reader = seen.activation_reader(chosen.batch_size)
    labels, output = seen.split.labels, seen.network.weights[-1]
    assert train_mask(reader, labels, output, torch.ones(20), chosen, order).device.type == "cpu"
    ones = [torch.ones(width) for width in DEEP[1:-1]]
    masks = train_masks(random_network(*DEEP), seen.split, ones, chosen, order)
    assert [mask.device.type for mask in masks] == ["cpu"] * 3


def test_evaluation_stays_on_the_device(shapes_only):
    network, split = random_network(*DEEP), random_split().to(shapes_only)
    some = Subnetwork(tuple(torch.tensor([0, 2, 3]) for _ in range(3)))
    everything = masked(network, [torch.ones(n) for n in DEEP[1:-1]])
    rows = evaluation_rows(network, [some, everything], split)
    rows += evaluate_networks([some.of(network)], DEEP, split)
    assert [row["correct"] for row in rows] == [1, 1, 1]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_stays_on_the_device(optimizer, shapes_only, monkeypatch):
    name = {"sgd": "SGD", "adam": "Adam"}[optimizer]
    plain = getattr(torch.optim, name)
    # torch has fused steps for real devices only; the plain one touches the same tensors.
    monkeypatch.setattr(torch.optim, name, lambda p, fused, **more: plain(p, **more))
    for one in trained(optimizer, shapes_only):
        assert len(one.curve) == 3 and not one.diverged
        assert all(weights.device.type == "cpu" for weights in one.network.weights)


@needs_no_gpu
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_missing_gpu_is_said(name):
    with pytest.raises(DeviceError, match=f"'{name}' asks for a GPU.*set device to auto or cpu"):
        find_device(name)
    assert find_device("auto") == find_device("cpu") == CPU


def run(program: str, **environment: str) -> str:
    """What a program says in an interpreter of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_jobs_have_no_denormal_numbers():
    """In other threads, too, which do parts of large arrays."""
    said = run(
        "import torch; from ossum.workflow.device import set_threads; set_threads(2);"
        "print(int(torch.full((2000, 2000), 1e-38).mul_(0.01).count_nonzero()))"
    )
    assert said.strip() == "0"


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_precision_is_what_factors_are_rounded_to(name, dtype, torch_as_before):
    if name == "bfloat16" and not has_bfloat16():
        pytest.skip("this processor does not multiply in bfloat16")
    set_precision(name, CPU)
    a, b = (torch.randn(shape, generator=torch.Generator()) for shape in [(96, 200), (200, 128)])
    expected = a.to(dtype).double() @ b.to(dtype).double()
    torch.testing.assert_close((a @ b).double(), expected, rtol=1e-5, atol=1e-4)
    exact = name == "float32" and bytes_are_fast()
    first_layer = "integers" if exact else name
    assert describe(CPU) == {"device": "cpu", "precision": name, "first_layer": first_layer}


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("stack", "rows", "terms", "columns"),
    [
        (1, 2000, 3072, 128),
        (1, 2000, 128, 784),
        (24, 62, 62, 128),
        (3, 10, 2000, 80),
        (1, 16, 64, 9),
    ],
)
def test_float32_is_float32_in_every_shape(stack, rows, terms, columns, transposed):
    """Whichever library multiplies: rounded factors make errors a hundred times as large."""
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(stack, rows, terms, generator=generator)
    b = torch.randn(stack, columns, terms, generator=generator).transpose(1, 2)
    b = b if transposed else b.contiguous()
    error = (a @ b - a.double() @ b.double()).abs().max()
    assert error < 1e-5 * terms**0.5


@pytest.mark.parametrize(
    ("asked", "device", "amd", "setting"),
    [
        ("float32", "cpu", True, "medium"),  # oneDNN multiplies
        ("float32", "cpu", False, "highest"),
        ("float32", "cuda", True, "highest"),
        ("bfloat16", "cpu", False, "medium"),
        ("tf32", "cuda", True, "high"),
    ],
)
def test_the_setting_of_torch(asked, device, amd, setting, torch_as_before, monkeypatch):
    monkeypatch.setattr(device_module, "_allowed_is_onednn", lambda: amd)
    monkeypatch.setattr(device_module, "_precision", lambda _: asked)
    set_precision(asked, torch.device(device))
    assert torch.get_float32_matmul_precision() == setting


def test_an_amd_processor_that_rounds_stays_with_mkl(torch_as_before, monkeypatch):
    """Should one come with AMX."""
    rounded = {"medium": "bfloat16"}
    monkeypatch.setattr(device_module, "_allowed_is_onednn", lambda: True)
    monkeypatch.setattr(
        device_module,
        "_precision",
        lambda _: rounded.get(torch.get_float32_matmul_precision(), "float32"),
    )
    set_precision("float32", CPU)
    assert torch.get_float32_matmul_precision() == "highest"


def test_without_avx512_mkl_multiplies():
    """torch does not heed its own setting there."""
    said = run(
        "import torch; from ossum.workflow.device import set_precision;"
        "set_precision('float32', torch.device('cpu'));"
        "print(torch.get_float32_matmul_precision())",
        ONEDNN_MAX_CPU_ISA="AVX2",
    )
    assert said.strip() == "highest"


def test_a_precision_that_the_device_lacks_is_said(torch_as_before):
    torch.set_float32_matmul_precision("high")
    message = "precision: 'tf32' was asked for, but torch .* on 'cpu' multiplies in float32"
    with pytest.raises(DeviceError, match=message):
        set_precision("tf32", CPU)
    assert torch.get_float32_matmul_precision() == "high"


def test_the_gpu_profile_is_valid():
    profile = yaml.safe_load((ROOT / "profiles/gpu/config.yaml").read_text())
    paper = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    assert parse_config(merged(paper, profile["config"])).device == "cuda"


@needs_gpu
@pytest.mark.parametrize("method", METHODS)
def test_a_gpu_keeps_the_same_neurons(method):
    for ours, theirs in zip(pruned(method, "cuda"), pruned(method, "cpu"), strict=True):
        assert all(map(torch.equal, ours.kept, theirs.kept))


@needs_gpu
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_gpu_trains_the_same_networks(optimizer):
    for ours, theirs in zip(trained(optimizer, "cuda"), trained(optimizer, "cpu"), strict=True):
        for epoch, other in zip(ours.curve, theirs.curve, strict=True):
            assert epoch.evaluation.loss == pytest.approx(other.evaluation.loss, rel=1e-4)
        for weights, others in zip(ours.network.weights, theirs.network.weights, strict=True):
            torch.testing.assert_close(weights, others, rtol=1e-3, atol=1e-4)
