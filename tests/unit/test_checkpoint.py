"""Training that was interrupted ends, to the last bit, like training that was not."""

import errno
import logging
from itertools import pairwise

import pytest
import torch
from helpers import random_network, random_split
from safetensors.torch import save_file

from ossum.config.options import TrainingOptions
from ossum.networks.network import Network
from ossum.storage import tensors as tensor_files
from ossum.training import checkpoint, ensemble
from ossum.training.checkpoint import Checkpoint, Snapshot
from ossum.training.curves import curve_rows
from ossum.training.ensemble import train_ensemble

TRAIN, TEST = random_split(50), random_split(30, seed=1)
EPOCHS = 5


class InterruptedTrainingError(Exception):
    pass


class Job:
    """A training job that can be interrupted in an epoch, as a kill would end it."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.begun, self._interrupted_in = folder / "job", 0, None
        batches = ensemble._Ensemble._batches

        def spy(ensemble):
            self.begun += 1
            for i, rows in enumerate(batches(ensemble)):
                if self.begun == self._interrupted_in and i == 2:
                    raise InterruptedTrainingError
                yield rows

        monkeypatch.setattr(ensemble._Ensemble, "_batches", spy)

    def run(self, networks, options=None, seed=0, most=None, code="a", keep=True):
        """Train, from the last snapshot on if `keep`; `begun` counts the epochs that begin."""
        self.begun = 0
        kept = Checkpoint(self.folder, code) if keep else None
        options = options or options_of()
        return train_ensemble(networks, seed, TRAIN, TEST, options, most=most, checkpoint=kept)

    def interrupt(self, epoch, *arguments, **more):
        self._interrupted_in = epoch
        with pytest.raises(InterruptedTrainingError):
            self.run(*arguments, **more)
        self._interrupted_in = None


@pytest.fixture
def job(tmp_path, monkeypatch):
    """With a snapshot after every epoch."""
    monkeypatch.setattr(checkpoint, "_LEAST_SECONDS", 0)
    monkeypatch.setattr(checkpoint, "_SHARE", float("inf"))
    return Job(tmp_path, monkeypatch)


def options_of(optimizer="adam", momentum=0.9) -> TrainingOptions:
    rate = {"sgd": 0.1, "adam": 0.01}[optimizer]
    schedule = [(rate, 2), (rate / 3, EPOCHS - 2)]
    return TrainingOptions(optimizer=optimizer, schedule=schedule, batch_size=16, momentum=momentum)


def networks_of(n=3, activation="tanh") -> list[Network]:
    return [random_network(6, 9, 5, 3, activation=activation, seed=10 + i) for i in range(n)]


def same(results, others) -> bool:
    return all(
        curve_rows(a) == curve_rows(b)
        and all(
            # As bytes, because those of a diverged network are not numbers.
            x.numpy().tobytes() == y.numpy().tobytes()
            for x, y in zip(a.network.weights, b.network.weights, strict=True)
        )
        for a, b in zip(results, others, strict=True)
    )


@pytest.mark.parametrize("epoch", [1, 2, 3, EPOCHS])
@pytest.mark.parametrize(("optimizer", "momentum"), [("adam", 0.9), ("sgd", 0.9), ("sgd", 0.0)])
def test_training_goes_on_where_it_was_interrupted(optimizer, momentum, epoch, job):
    networks, options = networks_of(), options_of(optimizer, momentum)
    undisturbed = job.run(networks, options, keep=False)
    job.interrupt(epoch, networks, options)
    assert same(job.run(networks, options), undisturbed)
    assert job.begun == EPOCHS - (epoch - 1)


def test_interrupted_many_times(job):
    networks = networks_of()
    undisturbed = job.run(networks, keep=False)
    for _ in range(EPOCHS - 1):
        job.interrupt(2, networks)
    assert same(job.run(networks), undisturbed)
    assert job.begun == 1


def test_networks_that_diverged_before_stay_so(job):
    networks = networks_of(activation="relu")
    networks[1] = Network(tuple(w * 1e12 for w in networks[1].weights), "relu")
    undisturbed = job.run(networks, options_of("sgd"), keep=False)
    assert [trained.diverged for trained in undisturbed] == [False, True, False]
    job.interrupt(4, networks, options_of("sgd"))
    assert same(job.run(networks, options_of("sgd")), undisturbed)
    assert job.begun == 2


def test_each_ensemble_of_a_job_goes_on_from_its_own_snapshot(job):
    """A job that is killed in the second ensemble has the end of the first one in a snapshot."""
    networks = networks_of(n=4)
    undisturbed = job.run(networks, most=2, keep=False)
    job.interrupt(EPOCHS + 3, networks, most=2)
    assert same(job.run(networks, most=2), undisturbed)
    assert job.begun == 3


@pytest.mark.parametrize("change", ["networks", "options", "seed", "most", "code", "torch"])
def test_snapshots_of_something_else_are_ignored(change, job, monkeypatch, caplog):
    networks = networks_of()
    job.interrupt(4, networks)
    if change == "torch":
        monkeypatch.setattr(torch, "__version__", "2.0.0")
    changed = {"options": options_of("sgd"), "seed": 1, "most": 1, "code": "b"}
    arguments = {change: changed[change]} if change in changed else {}
    with caplog.at_level(logging.WARNING):
        job.run(networks[:2] if change == "networks" else networks, **arguments)
    assert job.begun == (3 * EPOCHS if change == "most" else EPOCHS)
    assert "is of other networks, options, code or torch" in caplog.text


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-len(content) // 3] ^= 1 << 6
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b"nonsense" * 1000),
        lambda path: path.write_bytes(b""),
        lambda path: save_file({"a": torch.zeros(3)}, path),
        lambda path: tensor_files.save({"a": torch.zeros(3)}, path),
    ],
)
def test_damaged_snapshots_are_ignored(damage, job, caplog):
    networks = networks_of()
    undisturbed = job.run(networks, keep=False)
    job.interrupt(4, networks)
    (path,) = job.folder.iterdir()
    damage(path)
    with caplog.at_level(logging.WARNING):
        assert same(job.run(networks), undisturbed)
    assert job.begun == EPOCHS
    assert "ignoring a snapshot" in caplog.text


def test_a_disk_without_space_costs_only_the_snapshot(job, monkeypatch, caplog):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    networks = networks_of()
    undisturbed = job.run(networks, keep=False)
    monkeypatch.setattr(tensor_files, "save_file", full)
    with caplog.at_level(logging.WARNING):
        assert same(job.run(networks), undisturbed)
    assert "no snapshot" in caplog.text and "no space left" in caplog.text
    assert not list(job.folder.iterdir())


def test_remove_deletes_all_snapshots_of_the_job(job):
    job.run(networks_of(), most=2)
    assert len(list(job.folder.iterdir())) == 2
    Checkpoint(job.folder, "a").remove()
    assert not job.folder.exists()
    Checkpoint(job.folder, "a").remove()  # there are none


def test_snapshots_take_one_percent_of_the_time(tmp_path, monkeypatch):
    """An epoch takes 3 s and a snapshot 0.4 s; a slow disk is assumed before the first one."""
    clock, saved = [0.0], []

    def save(*arguments, **facts):
        clock[0] += 0.4
        saved.append(clock[0])

    monkeypatch.setattr(checkpoint, "monotonic", lambda: clock[0])
    monkeypatch.setattr(checkpoint.tensor_files, "save", save)
    snapshot = Snapshot(tmp_path / "a", "")
    tensors = {"parameters": torch.empty(3 * 10**7)}  # 1.2 s at 100 MB/s
    for _ in range(700):
        clock[0] += 3
        snapshot.save_if_due(tensors)
    assert 0.008 < 0.4 * len(saved) / clock[0] <= 0.01
    assert 120 <= saved[0] < 124 and all(40 <= b - a < 44 for a, b in pairwise(saved))
