"""Named tensors on disk, in safetensors, with a checksum of their content."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ossum.storage.files import atomic


def save(tensors: Mapping[str, Tensor], path: str | Path, **facts: object) -> None:
    """Write tensors, with facts that JSON can hold, atomically."""
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    # There is only one metadata entry, because safetensors does not keep the order of several.
    metadata = {"ossum": json.dumps(facts | {"sha256": checksum(tensors)})}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata)


def load(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and facts that were given to `save`.

    FileNotFoundError if there is no such file; ValueError naming the file if it is damaged or was
    not written by `save`.
    """
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
            facts = json.loads(file.metadata()["ossum"])
        if facts.pop("sha256") != checksum(tensors):
            raise ValueError("its content does not have the checksum that it carries")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and run again") from error
    return tensors, facts


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and numbers."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.contiguous().numpy())
    return total.hexdigest()
