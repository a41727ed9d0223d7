"""What jobs hand to each other in files: subnetworks, weights, rows with their network's key."""

from types import SimpleNamespace

import pytest
import torch
from helpers import random_network

from ossum.networks.network import Subnetwork
from ossum.storage import results
from ossum.workflow.device import DeviceError
from ossum.workflow.job import Job, with_cuts

KEY = {
    "grid": "mine",
    "dataset": "digits",
    "architecture": "FC-9",
    "activation": "tanh",
    "distribution": "uniform",
    "seed": "3",
}
OF_GRID = {"origin": "initial", "options": '{"a": 1}'}


@pytest.fixture
def job(tmp_path):
    """A job that reads the file it has written."""

    class Named(dict):
        __getattr__ = dict.get

        def __getitem__(self, place):
            return [*self.values()][place]

    path = str(tmp_path / "file")
    return Job(
        SimpleNamespace(
            wildcards=Named(KEY),
            input=Named(subnetworks=path, weights=path),
            output=Named(weights=path),
            params=Named(stage="pruned", experiment=OF_GRID, options={"draws": 7}, code="abc"),
            rule="prune",
            config={"device": "cpu", "precision": "float32"},
        )
    )


def test_a_job_that_needs_no_gpu_asks_for_none():
    there = SimpleNamespace(params={}, rule="statistics", config={"device": "cuda:9"})
    assert Job(there, on_processor=True).device == torch.device("cpu")
    with pytest.raises(DeviceError):
        _ = Job(there).device


def test_subnetworks_come_back_in_their_order_and_a_mask_is_stored_once(job, tmp_path):
    mask, other = torch.rand(40_000), torch.rand(40_000)
    subnetworks = {
        ("gradient", sparsity): Subnetwork((torch.arange(n),), {2: torch.rand(3, n)}, (mask,))
        for sparsity, n in ((0.5, 20), (0.0, 40), (0.75, 10))
    } | {("random", 0.5): Subnetwork((torch.tensor([1, 3]),)),
         ("best-random", 0.5): Subnetwork((torch.tensor([1, 4]),), {}, (other,))}  # fmt: skip
    job.save_subnetworks(subnetworks)
    found = job.subnetworks()
    assert list(found) == list(subnetworks)
    for cut, subnetwork in found.items():
        assert torch.equal(subnetwork.kept[0], subnetworks[cut].kept[0])
        assert list(subnetwork.weights) == list(subnetworks[cut].weights)
        for ours, theirs in zip(subnetwork.mask, subnetworks[cut].mask, strict=True):
            assert torch.equal(ours, theirs)
    assert (tmp_path / "file").stat().st_size < 2.1 * mask.nbytes


def test_networks_that_methods_share_are_stored_once(job, tmp_path):
    one, other = (random_network(6, 90, 3, seed=seed) for seed in (0, 1))
    job.save_networks({"ossum": one, "random": other, "norm": one})
    found = job.networks()
    assert list(found) == ["ossum", "random", "norm"] and found["ossum"] is found["norm"]
    for network, expected in ((found["ossum"], one), (found["random"], other)):
        assert all(map(torch.equal, network.weights, expected.weights))
    assert (tmp_path / "file").stat().st_size < 2.5 * sum(w.nbytes for w in one.weights)


def test_rows_get_the_key_of_the_network_and_where_they_come_from(job, tmp_path):
    columns = {"widths": [4], "weight_sparsity": 0.5, "compression": 2.0, "macs": 9}
    columns |= {"correct": 1, "total": 4, "accuracy": 0.25, "loss": 2.0, "diverged": False}
    rows = with_cuts([("ossum", 0.5), ("norm", 0.5)], [columns, columns | {"seconds": 7.0}])
    job.write(rows)
    norm, ossum = results.read(tmp_path / "file").to_dict("records")
    key = KEY | OF_GRID | {"seed": 3, "stage": "pruned", "method": "ossum", "sparsity": 0.5}
    assert ossum | key == ossum and key.keys() == {field.name for field in results.KEYS}
    assert norm["method"] == "norm" and norm["seconds"] == 7 and 0 < ossum["seconds"] < 60
    facts = results.read_metadata(tmp_path / "file")
    assert facts["code"] == "abc" and facts["device"] == "cpu"
    assert facts["options"] == '{"prune": {"draws": 7}}'


def test_a_file_of_another_network_is_refused(job):
    """Even in the place of the right one."""
    job.save_networks({"ossum": random_network(6, 9, 3)})
    job._snakemake.wildcards["seed"] = "4"
    with pytest.raises(ValueError, match=r"file is of .*'seed': 3.*: delete it and run again"):
        job.networks()
