"""Named random streams.

Every random draw of the project comes from a stream that is named by an integer seed and a few
words ("weights", "mask", "data order" ...). Both are hashed into the seed of a CPU generator, so
streams are independent of each other, of the order in which they are used, and of the device.
"""

import hashlib

import torch


def stream_seed(seed: int, *names: str | int) -> int:
    """The 63-bit seed of the stream `names` under the experiment's `seed` (SHA-256 of both)."""
    text = "/".join(str(part) for part in (seed, *names))
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, *names: str | int) -> torch.Generator:
    """A fresh CPU generator at the start of the stream `names` under `seed`."""
    return torch.Generator().manual_seed(stream_seed(seed, *names))
