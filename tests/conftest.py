"""Settings of all tests."""

import pytest
import torch

from ossum.device import is_amd, multiplies_by_onednn, set_precision

# Files that take minutes, longest first: tests are spread over processes by file. Those on Slurm
# mostly wait, so that three processes keep two cores busy.
LONG = ["slurm", "workflow", "rerun", "faults", "bad_input", "verify"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, or it would be waited for at the end."""
    order = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


@pytest.fixture(autouse=True, scope="session")
def as_in_jobs():
    """Products as jobs make them. On one thread: networks in tests are so small that several only
    wait for each other."""
    torch.set_num_threads(1)
    set_precision("float32", torch.device("cpu"))


@pytest.fixture
def one_order():
    """For tests of equality to the last bit: what MKL adds up on an AMD processor depends on where
    in memory an array begins. With AVX-512 oneDNN does it (`ossum.device`)."""
    if is_amd() and not multiplies_by_onednn(torch.device("cpu")):
        pytest.skip("MKL's sums depend on addresses on this processor")


@pytest.fixture
def torch_as_before():
    """Takes back what a test sets torch's precision of products to."""
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)
