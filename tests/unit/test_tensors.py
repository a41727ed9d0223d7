"""Tensors on disk are what was saved, or the file is named."""

import pytest
import torch
from safetensors.torch import save_file

from ossum.storage import tensors


@pytest.fixture
def saved():
    return {
        "a/weight.1": torch.rand(3, 4).T,  # not contiguous
        "kept.1": torch.tensor([0, 7], dtype=torch.int32),
        "empty": torch.zeros(0, 2),
    }


def test_tensors_and_facts_come_back_and_equal_ones_make_equal_files(saved, tmp_path):
    path, again = tmp_path / "deep/a.safetensors", tmp_path / "b.safetensors"
    tensors.save(saved, path, cuts=[["ossum", 0.5]], note="ü")
    found, facts = tensors.load(path)
    assert facts == {"cuts": [["ossum", 0.5]], "note": "ü"}
    assert found.keys() == saved.keys()
    for name, tensor in saved.items():
        assert torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype
    tensors.save(dict(reversed(saved.items())), again, cuts=[["ossum", 0.5]], note="ü")
    assert path.read_bytes() == again.read_bytes()


def test_damaged_and_foreign_files_are_named(saved, tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(FileNotFoundError):
        tensors.load(path)
    tensors.save(saved, path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    for content in (b"", b"text that is somewhat longer", whole[:-1], whole[:50], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.safetensors is damaged .*delete it"):
            tensors.load(path)
    save_file({"kept.1": saved["kept.1"]}, path)
    with pytest.raises(ValueError, match=r"a\.safetensors is damaged"):
        tensors.load(path)
    save_file({"kept.1": saved["kept.1"]}, path, {"ossum": "{}"})
    with pytest.raises(ValueError, match=r"a\.safetensors is damaged"):
        tensors.load(path)
