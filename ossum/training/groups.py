"""Training of any networks: which of them train together."""

import hashlib
from collections.abc import Iterator, Sequence

from ossum.datasets import Split
from ossum.memory import ensemble_mb
from ossum.options import TrainingOptions
from ossum.training.ensemble import Member, Trained, train_ensemble


def train_networks(
    members: Sequence[Member], train: Split, test: Split, options: TrainingOptions, memory_mb: int
) -> list[Trained]:
    """Train networks of any sizes; results in the order given, errors as for `train_ensemble`.

    Members with the same seed and the same weights are trained once: at sparsity 0 every pruning
    method keeps everything. Members of equal sizes and activation train as one ensemble, or as
    several, one after the other, where one would take more than `memory_mb` (see `ensemble_mb`; a
    single member trains in any case). How they are split changes no result, only the speed: members
    of one seed, which share their batches, stay together where they can.
    """
    identities = [_identity(member) for member in members]
    unique = dict(zip(identities, members, strict=True))
    trained: dict[tuple, Trained] = {}
    for keys in _ensembles(unique, memory_mb):
        results = train_ensemble([unique[key] for key in keys], train, test, options)
        trained |= zip(keys, results, strict=True)
    return [trained[identity] for identity in identities]


def _ensembles(members: dict[tuple, Member], memory_mb: int) -> Iterator[list[tuple]]:
    """The keys of the members of each ensemble."""
    kinds: dict[tuple, dict[int, list[tuple]]] = {}
    for key, member in members.items():
        network = member.network
        by_seed = kinds.setdefault((network.layer_sizes, network.activation), {})
        by_seed.setdefault(member.seed, []).append(key)
    for (sizes, _), by_seed in kinds.items():
        count = sum(map(len, by_seed.values()))
        fitting = (n for n in range(count, 1, -1) if ensemble_mb(sizes, n) <= memory_mb)
        yield from _packed(list(by_seed.values()), next(fitting, 1))


def _packed(groups: Sequence[list], most: int) -> Iterator[list]:
    """Join groups, in order, into lists of at most `most`; only larger groups are cut."""
    together: list = []
    for group in groups:
        for start in range(0, len(group), most):
            piece = group[start : start + most]
            if len(together) + len(piece) > most:
                yield together
                together = []
            together = together + piece
    yield together


def _identity(member: Member) -> tuple:
    """Equal for members whose training is the same."""
    network = member.network
    digests = (
        hashlib.sha256(weights.contiguous().numpy()).digest()
        for weights in (*network.weights, *network.biases)
    )
    return (member.seed, network.activation, network.layer_sizes, *digests)
