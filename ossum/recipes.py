"""Recipes: everything that determines a randomly initialised network, in place of its weights."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ossum.architectures import Architecture
from ossum.registry import DATASETS, lookup


@dataclass(frozen=True)
class Recipe:
    """What to draw, and from which seed; `ossum.networks.build` draws it."""

    dataset: str
    architecture: str
    activation: str
    init: str
    seed: int
    input_size: int
    n_classes: int

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Input size, hidden widths, number of classes."""
        return (self.input_size, *Architecture.parse(self.architecture).hidden, self.n_classes)

    @classmethod
    def of(cls, dataset: str, architecture: str, activation: str, init: str, seed: int) -> "Recipe":
        """The recipe of a network from its key; ValueError for an unknown data set."""
        data = lookup(DATASETS, dataset, "data set")
        return cls(dataset, architecture, activation, init, seed, data.input_size, data.n_classes)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path, expected: "Recipe") -> "Recipe":
        """The recipe in a file that holds `to_json`, which must be the expected one.

        ValueError naming the file if it is damaged, another network's or of other code.
        """
        try:
            recipe = cls(**json.loads(path.read_text()))
        except (TypeError, ValueError) as error:
            message = f"{path} is not the recipe of a network ({error}): delete it and run again"
            raise ValueError(message) from error
        if recipe != expected:
            raise ValueError(f"{path} holds {recipe}, not {expected}: delete it and run again")
        return recipe
