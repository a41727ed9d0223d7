"""Training that was interrupted = training that was not, to the last bit."""

import errno
import logging
from itertools import pairwise

import pytest
import torch
from helpers import random_network, random_split
from safetensors.torch import save_file

from ossum.networks import Network
from ossum.options import TrainingOptions
from ossum.training import ensemble, restart
from ossum.training.ensemble import Member, train_ensemble
from ossum.training.groups import train_networks
from ossum.training.restart import Restart

TRAIN, TEST = random_split(50), random_split(30, seed=1)
RATES = {"sgd": 0.1, "adam": 0.01}
EPOCHS = 5


class InterruptedTrainingError(Exception):
    pass


@pytest.fixture(autouse=True)
def in_a_folder_with_snapshots_of_every_epoch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(restart, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(restart, "_TIMES_ITS_COST", 0)


@pytest.fixture
def epochs(monkeypatch):
    """The epochs that begin, counted; `interrupt` makes the training fail in one of them."""

    class Epochs:
        begun, interrupt = 0, None

    batches = ensemble._batches

    def spy(*arguments):
        Epochs.begun += 1
        for i, rows in enumerate(batches(*arguments)):
            if Epochs.begun == Epochs.interrupt and i == 2:
                raise InterruptedTrainingError
            yield rows

    monkeypatch.setattr(ensemble, "_batches", spy)
    return Epochs


def options(optimizer="adam", momentum=0.9) -> TrainingOptions:
    schedule = [(RATES[optimizer], 2), (RATES[optimizer] / 3, EPOCHS - 2)]
    return TrainingOptions(optimizer=optimizer, schedule=schedule, batch_size=16, momentum=momentum)


def members_of(seeds=(0, 1, 0, 2), activation="tanh", hidden=(9, 5)) -> list[Member]:
    return [
        Member(random_network(6, *hidden, 3, activation=activation, seed=10 + i), seed)
        for i, seed in enumerate(seeds)
    ]


def interrupt(members, chosen, epochs, in_epoch, kept) -> None:
    """Train until an exception in the middle of an epoch, as a kill would end it."""
    epochs.begun, epochs.interrupt = 0, in_epoch
    with pytest.raises(InterruptedTrainingError):
        train_ensemble(members, TRAIN, TEST, chosen, kept)
    epochs.begun, epochs.interrupt = 0, None


def identical(trained, others) -> bool:
    return all(
        a.curve == b.curve and all(map(torch.equal, a.network.weights, b.network.weights))
        for a, b in zip(trained, others, strict=True)
    )


@pytest.mark.parametrize("in_epoch", [1, 2, 3, EPOCHS])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize(("optimizer", "momentum"), [("adam", 0.9), ("sgd", 0.9), ("sgd", 0.0)])
def test_what_was_interrupted_ends_the_same(optimizer, momentum, activation, in_epoch, epochs):
    """Epochs that were done are not done again. The first layer of (9, 5) is filled up to 18 rows
    for seeds that have one network."""
    members, chosen = members_of(activation=activation), options(optimizer, momentum)
    undisturbed = train_ensemble(members, TRAIN, TEST, chosen)
    interrupt(members, chosen, epochs, in_epoch, Restart("trained", "a"))
    assert identical(
        train_ensemble(members, TRAIN, TEST, chosen, Restart("trained", "a")), undisturbed
    )
    assert epochs.begun == EPOCHS - (in_epoch - 1)


def test_interrupted_many_times(epochs):
    members = members_of()
    undisturbed = train_ensemble(members, TRAIN, TEST, options())
    for _ in range(EPOCHS - 1):
        interrupt(members, options(), epochs, 2, Restart("trained", "a"))
    assert identical(
        train_ensemble(members, TRAIN, TEST, options(), Restart("trained", "a")), undisturbed
    )
    assert epochs.begun == 1


@pytest.mark.usefixtures("one_order")
@pytest.mark.parametrize("chosen", [[2], [3, 0], [2, 1, 0], [3, 1, 2, 0]])
def test_members_go_on_in_other_company(chosen, epochs):
    """As when the results of some were written before the job was killed."""
    members = members_of()
    undisturbed = train_ensemble(members, TRAIN, TEST, options())
    interrupt(members, options(), epochs, 4, Restart("trained", "a"))
    some = train_ensemble(
        [members[i] for i in chosen], TRAIN, TEST, options(), Restart("trained", "a")
    )
    assert identical(some, [undisturbed[i] for i in chosen])
    assert epochs.begun == 2


def test_members_that_were_not_there_start_from_the_start(epochs):
    members = members_of()
    undisturbed = train_ensemble(members, TRAIN, TEST, options())
    interrupt(members[:3], options(), epochs, 4, Restart("trained", "a"))
    assert identical(
        train_ensemble(members, TRAIN, TEST, options(), Restart("trained", "a")), undisturbed
    )
    assert epochs.begun == EPOCHS


def test_members_that_diverged_before_keep_their_end(epochs):
    good = members_of((0, 0, 1), "relu")
    huge = Member(Network(tuple(w * 1e18 for w in good[1].network.weights), "relu"), 0)
    members = [good[0], huge, good[2]]
    undisturbed = train_ensemble(members, TRAIN, TEST, options())
    assert [t.diverged for t in undisturbed] == [False, True, False]
    interrupt(members, options(), epochs, 4, Restart("trained", "a"))
    resumed = train_ensemble(members, TRAIN, TEST, options(), Restart("trained", "a"))
    # As text, because the loss of the huge network before training is not a number.
    assert str([t.curve for t in resumed]) == str([t.curve for t in undisturbed])
    for one, other in zip(resumed, undisturbed, strict=True):
        for a, b in zip(one.network.weights, other.network.weights, strict=True):
            torch.testing.assert_close(a, b, equal_nan=True, rtol=0, atol=0)
    assert epochs.begun == 2


def test_each_ensemble_of_a_job_goes_on_from_its_own(epochs):
    """Killed in the second: the first, whose results may be lost, goes on from its last epoch."""
    members = [*members_of(hidden=(7,)), *members_of(hidden=(9, 5))]

    def results():
        kept = Restart("networks", "a")
        parts = train_networks(members, TRAIN, TEST, options(), 1000, kept)
        return [t for _, t in sorted((i, t) for part in parts for i, t in part.items())]

    undisturbed = [*train_ensemble(members[:4], TRAIN, TEST, options())]
    undisturbed += train_ensemble(members[4:], TRAIN, TEST, options())
    epochs.begun, epochs.interrupt = 0, EPOCHS + 3
    with pytest.raises(InterruptedTrainingError):
        results()
    epochs.begun, epochs.interrupt = 0, None
    assert identical(results(), undisturbed)
    assert epochs.begun == 3


def test_results_come_as_soon_as_their_ensemble_is_done(epochs):
    members = [*members_of(hidden=(7,)), *members_of(hidden=(9, 5))]
    parts = train_networks([members[i] for i in (0, 4, 1, 5)], TRAIN, TEST, options(), 1000)
    assert set(next(parts)) == {0, 2} and epochs.begun == EPOCHS
    assert set(next(parts)) == {1, 3} and epochs.begun == 2 * EPOCHS


@pytest.mark.parametrize("change", ["options", "stage", "torch", "form"])
def test_snapshots_of_something_else_are_never_used(change, epochs, monkeypatch):
    members = members_of()
    interrupt(members, options(), epochs, 4, Restart("trained", "a"))
    if change == "torch":
        monkeypatch.setattr(torch, "__version__", "0.0")
    elif change == "form":
        monkeypatch.setattr(restart, "code_hash", lambda path: "other")
    kept = Restart(
        "finetuned" if change == "stage" else "trained", "b" if change == "options" else "a"
    )
    train_ensemble(members, TRAIN, TEST, options(), kept)
    assert epochs.begun == EPOCHS


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-len(content) // 3] ^= 1 << 6
    path.write_bytes(content)


def garbage(path):
    path.write_bytes(b"nonsense" * 1000)


def foreign(path):
    save_file({"a": torch.zeros(3)}, path)


@pytest.mark.parametrize(
    "damage", [truncated, flipped, garbage, foreign, lambda path: path.write_bytes(b"")]
)
def test_damaged_snapshots_are_ignored(damage, epochs, caplog):
    members = members_of()
    undisturbed = train_ensemble(members, TRAIN, TEST, options())
    interrupt(members, options(), epochs, 4, Restart("trained", "a"))
    (path,) = restart.FOLDER.rglob("*.safetensors")
    damage(path)
    with caplog.at_level(logging.WARNING):
        resumed = train_ensemble(members, TRAIN, TEST, options(), Restart("trained", "a"))
    assert identical(resumed, undisturbed)
    assert epochs.begun == EPOCHS
    assert f"ignoring {path}, which is damaged" in caplog.text


def test_a_disk_without_space_costs_the_snapshot_only(monkeypatch, caplog):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(restart, "save_file", full)
    members = members_of()
    undisturbed = train_ensemble(members, TRAIN, TEST, options())
    with caplog.at_level(logging.WARNING):
        trained = train_ensemble(members, TRAIN, TEST, options(), Restart("trained", "a"))
    assert identical(trained, undisturbed)
    assert "no snapshot after epoch 1" in caplog.text and "no space left" in caplog.text
    assert not [path for path in restart.FOLDER.rglob("*") if path.is_file()]


def test_snapshots_are_removed_with_their_folder_and_no_others(epochs):
    interrupt(members_of(), options(), epochs, 3, Restart("trained", "a"))
    interrupt(members_of(), options(), epochs, 3, Restart("trained", "b"))
    Restart("trained", "a").remove()
    assert len(list(restart.FOLDER.rglob("*.safetensors"))) == 1
    Restart("trained", "c").remove()  # there are none


def test_snapshots_take_one_percent_of_the_time(monkeypatch):
    """An epoch takes 3 s, a snapshot 0.4 s; the first is guessed to take longer than it does."""
    monkeypatch.setattr(restart, "_TIMES_ITS_COST", 100)
    clock, saved = [0.0], []
    monkeypatch.setattr(restart, "monotonic", lambda: clock[0])
    monkeypatch.setattr(restart, "_BYTES_PER_SECOND", 2000.0)

    def slow(*arguments):
        clock[0] += 0.4
        saved.append(clock[0])

    scores = ensemble._scores

    def after_three_seconds(*arguments):
        clock[0] += 3.0
        return scores(*arguments)

    monkeypatch.setattr(restart, "save_file", slow)
    monkeypatch.setattr(ensemble, "_scores", after_three_seconds)
    long = TrainingOptions(optimizer="sgd", schedule=[(0.01, 700)], batch_size=50)
    (member,) = members_of([0], hidden=(1,))
    train_ensemble([member], TRAIN, TEST, long, Restart("trained", "a"))
    assert 0.008 < 0.4 * len(saved) / clock[0] <= 0.01
    assert all(later - earlier < 44 for earlier, later in pairwise(saved))
