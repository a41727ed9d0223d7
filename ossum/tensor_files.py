"""Tensors on disk, in safetensors: what subnetworks keep, and the weights of trained networks.

Networks as drawn are not stored: their weights are in the recipe.
"""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ossum.files import atomic
from ossum.networks import Network, Subnetwork
from ossum.recipes import Recipe


def save_subnetwork(subnetwork: Subnetwork, path: str | Path, fingerprint: str) -> None:
    """Write atomically; `fingerprint` says what the file was made from."""
    tensors = {f"kept.{i}": t.int() for i, t in enumerate(subnetwork.kept, start=1)}
    tensors |= {f"mask.{i}": t for i, t in enumerate(subnetwork.mask, start=1)}
    tensors |= {f"weight.{layer}": t for layer, t in subnetwork.weights.items()}
    _save(tensors, path, fingerprint)


def load_subnetwork(path: str | Path, fingerprint: str) -> Subnetwork:
    """Read what `save_subnetwork` wrote under that fingerprint.

    ValueError naming the file if it is damaged or was made from something else.
    """
    tensors = _load(path, fingerprint)
    return Subnetwork(
        kept=tuple(t.long() for t in _layers(tensors, "kept").values()),
        weights=_layers(tensors, "weight"),
        mask=tuple(_layers(tensors, "mask").values()),
    )


def save_network(network: Network, path: str | Path, fingerprint: str) -> None:
    """Write the weights of a trained network atomically."""
    _save({f"weight.{i}": w for i, w in enumerate(network.weights, start=1)}, path, fingerprint)


def load_network(recipe: Recipe, path: str | Path, fingerprint: str) -> Network:
    """Read what `save_network` wrote under that fingerprint; errors as for `load_subnetwork`."""
    weights = _layers(_load(path, fingerprint), "weight")
    return Network(tuple(weights.values()), recipe.activation)


def saved_fingerprint(path: str | Path) -> str | None:
    """The fingerprint in a file; None if there is no such file or it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            return _metadata(file)["fingerprint"]
    except (FileNotFoundError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def _save(tensors: dict[str, Tensor], path: str | Path, fingerprint: str) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    # One metadata entry only: safetensors does not keep the order of several.
    facts = {"fingerprint": fingerprint, "sha256": checksum(tensors)}
    metadata = {"ossum": json.dumps(facts)}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata)


def _load(path: str | Path, fingerprint: str) -> dict[str, Tensor]:
    found = saved_fingerprint(path)
    if found is not None and found != fingerprint:
        raise ValueError(f"{path} was made by other code or options: delete it and run again")
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
            if _metadata(file)["sha256"] != checksum(tensors):
                raise ValueError("its content does not have the checksum that it carries")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and run again") from error
    return tensors


def _metadata(file: safe_open) -> dict[str, str]:
    return json.loads(file.metadata()["ossum"])


def checksum(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and numbers."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.contiguous().numpy())
    return total.hexdigest()


def _layers(tensors: dict[str, Tensor], prefix: str) -> dict[int, Tensor]:
    """The tensors named "prefix.layer", by layer, in order."""
    found = {int(n.split(".")[1]): t for n, t in tensors.items() if n.startswith(f"{prefix}.")}
    return dict(sorted(found.items()))
