"""OSSuM's scores inside Torch-Pruning (written for version 1.6), where it is installed."""

import copy

import pytest
import torch
from torch import nn

import ossum
from ossum.pruning.scoring import top_neurons

tp = pytest.importorskip("torch_pruning")


def pruned(model, inputs, scores, **how):
    small = copy.deepcopy(model)
    names = {module: name for name, module in small.named_modules()}
    importance = ossum.torch_pruning_importance(small, scores)
    tp.pruner.BasePruner(small, inputs, importance, ignored_layers=[small[-1]], **how).step()
    return small, names


@pytest.mark.parametrize("trunk", [False, True])
def test_it_prunes_by_our_scores(trunk):
    torch.manual_seed(0)
    inputs, labels = torch.randn(60, 3, 8, 8), torch.arange(60) % 4
    below = [nn.Conv2d(3, 5, 3, 2), nn.ReLU()] if trunk else []
    width = 5 * 3 * 3 if trunk else 3 * 8 * 8
    layers = [nn.Flatten(), nn.Linear(width, 24), nn.BatchNorm1d(24), nn.GELU(), nn.Linear(24, 16)]
    model = nn.Sequential(*below, *layers, nn.ReLU(), nn.Linear(16, 4)).eval()
    scores = ossum.scores(model, (inputs, labels), method="ossum-pab")
    small, names = pruned(model, inputs[:1], scores, pruning_ratio=0.5)
    kept = {name: top_neurons(score, len(score) // 2) for name, score in scores.items()}
    for module, name in names.items():
        if name in kept:
            assert torch.equal(module.bias, model.get_submodule(name).bias[kept[name]])
    assert [m.out_features for m in small if isinstance(m, nn.Linear)] == [12, 8, 4]
    assert [m.out_channels for m in small if isinstance(m, nn.Conv2d)] == [5] * trunk
    silenced = copy.deepcopy(model)
    _, second, last = (m for m in silenced if isinstance(m, nn.Linear))
    for (name, neurons), above in zip(kept.items(), (second, last), strict=True):
        gone = torch.ones(len(scores[name]), dtype=torch.bool)
        gone[neurons] = False
        above.weight.data[:, gone] = 0
    torch.testing.assert_close(small(inputs), silenced(inputs), rtol=1e-4, atol=1e-5)
