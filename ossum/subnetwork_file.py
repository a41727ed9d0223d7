"""Subnetworks on disk: kept indices in safetensors; the weights are in the recipe."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ossum.files import atomic
from ossum.networks import Subnetwork


def save_subnetwork(subnetwork: Subnetwork, path: str | Path, fingerprint: str) -> None:
    """Write atomically; `fingerprint` says what the file was made from."""
    tensors = {f"kept.{i}": t.int() for i, t in enumerate(subnetwork.kept, start=1)}
    tensors |= {f"mask.{i}": t for i, t in enumerate(subnetwork.mask, start=1)}
    tensors |= {f"weight.{layer}": t.contiguous() for layer, t in subnetwork.weights.items()}
    # One metadata entry only: safetensors does not keep the order of several.
    metadata = {"ossum": json.dumps({"fingerprint": fingerprint})}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_subnetwork(path: str | Path, fingerprint: str) -> Subnetwork:
    """Read what `save_subnetwork` wrote under that fingerprint.

    ValueError naming the file if it is damaged or was made from something else.
    """
    found = saved_fingerprint(path)
    if found is not None and found != fingerprint:
        raise ValueError(f"{path} was made by other code or options: delete it and run again")
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a subnetwork ({error}): delete it and run again"
        ) from error

    def layers(prefix: str) -> dict[int, object]:
        found = {int(n.split(".")[1]): t for n, t in tensors.items() if n.startswith(prefix)}
        return dict(sorted(found.items()))

    return Subnetwork(
        kept=tuple(t.long() for t in layers("kept.").values()),
        weights=layers("weight."),
        mask=tuple(layers("mask.").values()),
    )


def saved_fingerprint(path: str | Path) -> str | None:
    """The fingerprint in a subnetwork's file; None if there is no such file or it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["ossum"])["fingerprint"]
    except (FileNotFoundError, SafetensorError, KeyError, TypeError):
        return None
