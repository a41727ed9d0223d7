"""What a cell's file was made from, in one string that is stored inside of it.

A fingerprint follows from the cell's key, the code and the options alone, so every later stage can
tell, without looking at times, whether a file is the one that it wants.
"""

from dataclasses import dataclass, field, replace

from ossum.cells import Cell
from ossum.files import digest


@dataclass(frozen=True)
class Fingerprints:
    """Expected fingerprints of the cells of one data set and architecture.

    prune: hash of the code behind each method. options: those of each method, as plain values.
    network: code and options of the training of the whole network, if that is pruned.
    stages: code, and options if any, of each result stage (see `ossum.cells.RESULTS`).
    precision: that of matrix products.
    """

    prune: dict[str, str] = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    network: dict = field(default_factory=dict)
    stages: dict[str, dict] = field(default_factory=dict)
    precision: str = "float32"

    def trained_network(self, cell: Cell) -> str:
        """Of the trained network that `cell` is, or is pruned from."""
        key = replace(cell, origin="init", method=None, sparsity=None)
        return digest(key.columns(), self.network, self.precision)

    def subnetwork(self, cell: Cell) -> str:
        made_from = self.prune[cell.method], self.options[cell.method]
        origin = [self.trained_network(cell)] if cell.origin == "trained" else []
        return digest(cell.columns(), self.precision, *made_from, *origin)

    def result(self, cell: Cell, stage: str) -> str:
        return digest(self.subnetwork(cell), stage, self.stages[stage])
