"""Where passes and trainings run: on the processor, or on a GPU.

Weights, kept neurons and data orders are always drawn and stored on the processor, so that a
network, its pruning and its batches are the same on both. A job puts its data set on the device,
and whatever passes through a network runs where the data are.
"""

import torch


class NoDeviceError(RuntimeError):
    """A GPU was asked for and there is none; the message says what to do."""


def find_device(name: str) -> torch.device:
    """The device called "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:<i>".

    NoDeviceError if torch does not see that GPU.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        build = "built for CUDA" if torch.version.cuda else "built without CUDA"
        raise NoDeviceError(
            f"device: {name!r} asks for a GPU, but torch {torch.__version__} ({build}) sees "
            f"{count or 'none'}: install a torch that is built for your GPU, or set device to "
            "auto or cpu"
        )
    return device


def memory_mb(device: torch.device, host_mb: int) -> int:
    """What a job's arrays may take: its share of the machine's memory, or what a GPU has free."""
    if device.type == "cpu":
        return host_mb
    free, _ = torch.cuda.mem_get_info(device)
    return free // 2**20


def describe(device: torch.device) -> str:
    """For the provenance of results: "cpu", or the name of the GPU."""
    return device.type if device.type == "cpu" else torch.cuda.get_device_name(device)
