"""Where passes and trainings run, on the processor or on a GPU, and in what precision.

Weights, kept neurons and data orders are always drawn and stored on the processor, so that a
network, its pruning and its batches are the same on both. A job puts its data set on the device,
and whatever passes through a network runs where the data are.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch

from ossum.networks.pixel_weights import bytes_are_fast

# What torch calls the precisions of products of float32 matrices, and how many digits of a factor,
# binary and behind the point, each leaves. Sums are in float32 in any case.
_PRECISIONS = {"float32": ("highest", 23), "tf32": ("high", 10), "bfloat16": ("medium", 7)}


class DeviceError(RuntimeError):
    """The device or the precision that was asked for is not there; the message says what to do."""


def set_threads(count: int) -> None:
    """Tell torch of the threads of a job.

    Numbers below 1e-38 count as zero, in this thread and those that it starts: a trained network
    that is sure of itself has many in its gradients, and with them products take several times as
    long.
    """
    torch.set_num_threads(count)
    torch.set_flush_denormal(True)


def set_up(config: Mapping) -> torch.device:
    """Where a job is to compute, in the precision that is asked for.

    config: the checked configuration. DeviceError if torch has no such device or precision.
    """
    device = find_device(config["device"])
    set_precision(config["precision"], device)
    return device


def find_device(name: str) -> torch.device:
    """The device called "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:<i>".

    DeviceError if torch does not see that GPU.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        build = "built for CUDA" if torch.version.cuda else "built without CUDA"
        raise DeviceError(
            f"device: {name!r} asks for a GPU, but torch {torch.__version__} ({build}) sees "
            f"{count or 'none'}: install a torch that is built for your GPU, or set device to "
            "auto or cpu"
        )
    return device


def set_precision(name: str, device: torch.device) -> None:
    """Let torch round the factors of all but small matrix products to this: a key of _PRECISIONS.

    DeviceError if the device does not do so, and all stays as it was: torch itself says nothing,
    and multiplies in another precision.

    Where `_allowed_is_onednn`, float32 is by oneDNN, unless that rounds.
    """
    before = torch.get_float32_matmul_precision()
    settings = [_PRECISIONS[name][0]]
    if name == "float32" and device.type == "cpu" and _allowed_is_onednn():
        settings.insert(0, "medium")
    for setting in settings:
        torch.set_float32_matmul_precision(setting)
        found = _precision(device)
        if found == name:
            return
    torch.set_float32_matmul_precision(before)
    raise DeviceError(
        f"precision: {name!r} was asked for, but torch {torch.__version__} on {_name(device)!r} "
        f"multiplies in {found}: bfloat16 is for Intel processors with AMX, tf32 for NVIDIA GPUs "
        "from Ampere on, float32 for all"
    )


def _precision(device: torch.device) -> str:
    """What matrix products round their factors to, as torch is set now; found by trying."""
    return next((p for p, (_, digits) in _PRECISIONS.items() if _keeps(digits, device)), "less")


def _keeps(digits: int, device: torch.device) -> bool:
    """Whether a product tells 1 + 2^-digits from 1."""
    number = 1 + 2.0**-digits
    # Processors do not round small matrices.
    product = torch.full((256, 256), number, device=device) @ torch.eye(256, device=device)
    return bool((product == number).all())


def is_amd() -> bool:
    """Whether this is an AMD processor, on Linux; False where it cannot be told."""
    info = Path("/proc/cpuinfo")
    return info.exists() and "AuthenticAMD" in info.read_text(encoding="utf-8")


@cache
def _allowed_is_onednn() -> bool:
    """Whether this is an AMD processor on which "medium" makes torch multiply by oneDNN.

    torch leaves products to MKL, which makes little of the AVX-512 of AMD's processors, unless it
    may round to bfloat16. Then it turns to oneDNN where there is AVX-512; and oneDNN, though it
    may, does not round without AMX. (A torch that does not tell whether it turns stays with MKL.)
    """
    turns_to_onednn = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    return is_amd() and turns_to_onednn()


def memory_mb(device: torch.device, host_mb: int) -> int:
    """What a job's arrays may take: its share of the machine's memory, or of what a GPU has free.

    Of that a tenth is left to libraries and to a job beside this one.
    """
    if device.type == "cpu":
        return host_mb
    torch.cuda.empty_cache()  # what torch keeps for this job's next arrays would count as taken
    free, _ = torch.cuda.mem_get_info(device)
    return int(0.9 * free) // 2**20


def describe(device: torch.device) -> dict[str, str]:
    """For the provenance of results: "cpu" or the name of the GPU, and the precision; that of the
    first layer in passes over images may be another (`ossum.networks.pixel_weights`)."""
    precision = _precision(device)
    first = "integers" if device.type == "cpu" and bytes_are_fast() else precision
    return {"device": _name(device), "precision": precision, "first_layer": first}


def _name(device: torch.device) -> str:
    return device.type if device.type == "cpu" else torch.cuda.get_device_name(device)
