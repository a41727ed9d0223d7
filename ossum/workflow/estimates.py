"""How long jobs may take, and what is left of a run. No torch here.

The first guess counts passes over the data. It need not be right: as soon as a job like it has
ended, the time that it took counts instead.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from ossum.config.architectures import Architecture, count_weights
from ossum.config.registry import DATASETS

# On two cores, found by hand from the benchmark files of the quick tier.
_START = 4.0  # seconds: Python, torch, reading the data
_STEP = 2e-11  # seconds for a weight and an example in a pass
_OVERHEAD = 3e5  # an example of the smallest network takes as long as that many weights
_MASK_EPOCH = 160  # weights of each neuron that take as long in a pass as an epoch of a mask
# Passes over the training set, where they do not follow from the options.
_PASSES = {"search": 12, "cost": 12, "readout": 30, "statistics": 5}


def guess(rule: str, wildcards: Mapping[str, str], params: Mapping[str, Any]) -> float:
    """Seconds that a job may take on two cores."""
    if "architecture" not in wildcards or rule == "init":
        return _START
    data = DATASETS[wildcards["dataset"]]
    hidden = Architecture.parse(wildcards["architecture"]).kept_widths(wildcards.get("sparsity", 0))
    weights = count_weights((data.input_size, *hidden, data.n_classes)) + _OVERHEAD
    examples, options = data.n_train, params.get("options")
    if rule.startswith("evaluate"):
        examples, passes = data.n_test, 2
    elif rule == "prune" and len(hidden) > 1:
        passes = 1 + _epochs(options) / 4 + len(params["cuts"]) / 2
    elif rule == "prune":  # activations below a gradient mask are computed once
        weights += _MASK_EPOCH * hidden[0] * _epochs(options)
        passes = 1
    else:
        passes = _PASSES.get(rule) or 1.5 * _epochs(options)
    if rule in ("train", "train_unscaled", "finetune") and wildcards["sparsity"] != "0":
        passes *= 4  # networks: the methods of a grid
    return _START + _STEP * passes * examples * weights


def _epochs(options: Any) -> int:
    """All epochs of the schedules that options hold at any depth."""
    if not isinstance(options, Mapping):
        return 0
    own = sum(epochs for _, epochs in options.get("schedule") or ())
    return own + sum(map(_epochs, options.values()))


def kind(rule: str, wildcards: Mapping[str, str]) -> Hashable:
    """What jobs have in common that take equally long: all but the seed."""
    return rule, *(value for key, value in sorted(wildcards.items()) if key != "seed")


@dataclass
class Work:
    """The jobs of a run, by number.

    jobs: the kind of each, and the seconds that it may take.
    """

    jobs: dict[int, tuple[Hashable, float]] = field(default_factory=dict)
    _took: dict[Hashable, list[float]] = field(default_factory=lambda: defaultdict(list))
    _done: dict[int, float] = field(default_factory=dict)

    def finish(self, job: int, seconds: float) -> None:
        """A job has ended well, after so many seconds."""
        self._done[job] = seconds
        self._took[self.jobs.get(job, (job,))[0]].append(seconds)

    def share(self, running: Mapping[int, tuple[float, float | None]]) -> float:
        """How much of the work is done, from 0 to 1.

        running: of each running job the seconds so far, and its own progress if it tells, 0 to 1.
        """
        done, left = self._done_and_left(running)
        return done / (done + left) if done + left else 1.0

    def seconds_left(
        self, running: Mapping[int, tuple[float, float | None]], elapsed: float
    ) -> float:
        """How long the rest takes, if as much is done in a second as on average so far."""
        done, left = self._done_and_left(running)
        # Half a minute at one job a time is added, so that the first seconds do not say it all.
        return left * (elapsed + 30) / (done + 30)

    def _done_and_left(self, running: Mapping[int, tuple[float, float | None]]) -> tuple:
        """Seconds of work."""
        measured = sum(list(self._done.values()))  # copied, because jobs end meanwhile
        guessed = sum(self.jobs[job][1] for job in list(self._done) if job in self.jobs)
        factor = (measured + 30) / (guessed + 30)  # of this machine against the guesses
        done, left = measured, 0.0
        for job, (of_kind, first_guess) in self.jobs.items():
            if job in self._done:
                continue
            took = self._took.get(of_kind)
            whole = mean(took) if took else factor * first_guess
            if job in running:
                so_far, progress = running[job]
                if progress is not None:
                    whole = max(so_far / progress if progress > 0.05 else whole, so_far)
                # Of a job that takes longer than thought, no more than was thought is done.
                behind = min(so_far, 0.9 * whole) if progress is None else so_far
                done += behind
                whole -= behind
            left += whole
        return done, left
