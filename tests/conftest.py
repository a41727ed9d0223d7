"""Settings of all tests."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Networks in tests are so small that threads only wait for each other."""
    torch.set_num_threads(1)
