"""Recipes: everything that determines a randomly initialised network, kept instead of weights."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ossum.config.architectures import Architecture
from ossum.config.registry import DATASETS, lookup


@dataclass(frozen=True)
class Recipe:
    """What to draw and from which seed. `ossum.networks.network.draw` draws it."""

    dataset: str
    architecture: str
    activation: str
    distribution: str
    seed: int
    layer_sizes: tuple[int, ...]  # input size, hidden widths, number of classes

    @classmethod
    def of(
        cls, dataset: str, architecture: str, activation: str, distribution: str, seed: int
    ) -> "Recipe":
        """The recipe of a network from its key; ValueError for an unknown data set."""
        data = lookup(DATASETS, dataset, "data set")
        sizes = (data.input_size, *Architecture.parse(architecture).hidden, data.n_classes)
        return cls(dataset, architecture, activation, distribution, seed, sizes)


@dataclass(frozen=True)
class Drawn:
    """What came out when a recipe was first drawn. Later draws are checked against it.

    torch: the version of torch that drew. sha256: see `ossum.networks.network.digests`.
    """

    recipe: Recipe
    torch: str
    sha256: tuple[str, ...]

    def to_json(self) -> str:
        """The text of a network's file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path, recipe: Recipe) -> "Drawn":
        """Read a file with the text of `to_json`, which must be about `recipe`.

        ValueError naming the file if it is damaged or about another network.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            known = values["recipe"]
            found = Recipe(**known | {"layer_sizes": tuple(known["layer_sizes"])})
            drawn = cls(found, values["torch"], tuple(values["sha256"]))
        except (KeyError, TypeError, ValueError) as error:
            message = f"{path} does not describe a network ({error}): delete it and run again"
            raise ValueError(message) from error
        if drawn.recipe != recipe:
            raise ValueError(f"{path} holds {found}, not {recipe}: delete it and run again")
        return drawn
