"""What a cell's file was made from, in one string that is stored inside of it.

A fingerprint follows from the cell's key, the code and the options alone, so every later stage can
tell, without looking at times, whether a file is the one that it wants.
"""

from dataclasses import dataclass

from ossum.cells import Cell
from ossum.files import digest
from ossum.options import PruningOptions


@dataclass(frozen=True)
class Fingerprints:
    """Expected fingerprints of the cells of one data set.

    prune: hash of the code behind each method. options: the pruning options as plain values.
    evaluate: hash of the code of the evaluation.
    """

    prune: dict[str, str]
    options: dict
    evaluate: str = ""

    def subnetwork(self, cell: Cell) -> str:
        options = PruningOptions.model_validate(self.options).of(cell.method)
        return digest(cell.columns(), self.prune[cell.method], options)

    def evaluation(self, cell: Cell) -> str:
        return digest(self.subnetwork(cell), self.evaluate)
