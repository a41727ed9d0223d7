"""Training of any networks: which of them train together."""

from collections.abc import Iterator, Sequence

from ossum.datasets import Split
from ossum.memory import ensemble_mb
from ossum.options import TrainingOptions
from ossum.training.ensemble import Member, Trained, train_ensemble
from ossum.training.restart import Restart


def train_networks(
    members: Sequence[Member],
    train: Split,
    test: Split,
    options: TrainingOptions,
    memory_mb: int,
    restart: Restart | None = None,
) -> Iterator[dict[int, Trained]]:
    """Train networks of any sizes. Yields, as soon as some are trained, their results by index.

    Members with the same seed and the same weights are trained once: at sparsity 0 every pruning
    method keeps everything. Members of equal sizes and activation train as one ensemble, or as
    several, one after the other, where one would take more than `memory_mb` (see `ensemble_mb`; a
    single member trains in any case). On the processor, how they are split changes no result, only
    the speed; a GPU may round otherwise. Members of one seed, which share their batches, stay
    together where they can. Errors and `restart` as for `train_ensemble`.
    """
    same: dict[str, list[int]] = {}
    for i, member in enumerate(members):
        same.setdefault(member.identity, []).append(i)
    unique = [members[copies[0]] for copies in same.values()]
    for ensemble in _ensembles(unique, memory_mb):
        results = train_ensemble(ensemble, train, test, options, restart)
        yield {
            i: result
            for member, result in zip(ensemble, results, strict=True)
            for i in same[member.identity]
        }


def _ensembles(members: Sequence[Member], memory_mb: int) -> Iterator[list[Member]]:
    """Which members train together."""
    kinds: dict[tuple, dict[int, list[Member]]] = {}
    for member in members:
        network = member.network
        by_seed = kinds.setdefault((network.layer_sizes, network.activation), {})
        by_seed.setdefault(member.seed, []).append(member)
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
