"""OSSuM's scores as an importance for Torch-Pruning, which is not needed here."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn


def torch_pruning_importance(
    model: nn.Module, scores: Mapping[str, Tensor]
) -> Callable[[Any], Tensor | None]:
    """What a pruner of Torch-Pruning takes as `importance`, from the scores of `ossum.scores`.

    A group of neurons that leave together has the scores of the layer that gives them. Groups
    without scores, such as convolutions, keep all. Scores are of the model as it was: to prune in
    several steps, make a new importance before each. They are shifted to at least zero within a
    layer, which changes no order; do not rank layers against each other (global_pruning).
    """
    by_layer = {model.get_submodule(name): score for name, score in scores.items()}

    def importance(group: Any) -> Tensor | None:
        for dependency, neurons in group:
            layer = dependency.target.module
            if layer in by_layer and dependency.handler.__name__ == "prune_out_channels":
                score = by_layer[layer]
                return (score - score.min())[neurons].float()
        return None

    return importance
