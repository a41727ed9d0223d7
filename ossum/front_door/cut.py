"""A model without its pruned neurons, or with masks over them."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from ossum.front_door.chain import Chain, duplicate, is_parameter, size_of, states
from ossum.networks.network import Subnetwork


def cut(chain: Chain, subnetwork: Subnetwork) -> nn.Module:
    """A smaller copy of the model. All that pruning leaves alone is copied as it is."""
    smaller: dict[int, object] = {}  # what `deepcopy` takes instead of copying, by id

    def replace(old: Tensor, new: Tensor) -> None:
        new = new.detach().to(old).contiguous()
        # A tensor of its own: `old` itself would be shared by both models.
        new = new.clone() if new.data_ptr() == old.data_ptr() else new
        smaller[id(old)] = nn.Parameter(new, old.requires_grad) if is_parameter(old) else new

    linears, kept = chain.linears, _kept(chain, subnetwork)
    for layer, (linear, (below, here)) in enumerate(zip(linears, pairwise(kept), strict=True), 1):
        if layer in subnetwork.weights:
            replace(linear.weight, subnetwork.weights[layer][-linear.out_features :])
        elif below is not None or here is not None:
            replace(linear.weight, _part(_part(linear.weight, here), below, 1))
        if linear.bias is not None and here is not None:
            replace(linear.bias, _part(linear.bias, here))
    resized: dict[str, tuple[str, int]] = {}
    for linear, names, neurons in zip(linears, chain.normalizers, kept[1:], strict=False):
        for name in names if neurons is not None else ():
            module = chain.model.get_submodule(name)
            for tensor in states(module, linear.out_features):
                replace(tensor, _part(tensor, neurons))
            resized[name] = size_of(module), len(neurons)
    small = duplicate(chain.model, smaller)
    for name, (below, here) in zip(chain.names, pairwise(kept), strict=True):
        linear = small.get_submodule(name)
        linear.in_features = linear.in_features if below is None else len(below)
        linear.out_features = linear.out_features if here is None else len(here)
    for name, (attribute, size) in resized.items():
        setattr(small.get_submodule(name), attribute, size)
    return small


@torch.no_grad()
def mask(chain: Chain, subnetwork: Subnetwork) -> nn.Module:
    """A copy at full size, in which `torch.nn.utils.prune` masks the pruned neurons.

    Their incoming weights and biases are masked, and so are their outgoing weights, which silences
    them whatever their activation makes of zero.
    """
    model = duplicate(chain.model, {})
    kept = _kept(chain, subnetwork)
    for layer, (name, (below, here)) in enumerate(
        zip(chain.names, pairwise(kept), strict=True), start=1
    ):
        linear = model.get_submodule(name)
        mask = torch.zeros_like(linear.weight)
        rows = torch.arange(linear.out_features) if here is None else here
        columns = torch.arange(linear.in_features) if below is None else below
        inside = rows.to(mask.device)[:, None], columns.to(mask.device)
        mask[inside] = 1
        if layer in subnetwork.weights:
            linear.weight[inside] = subnetwork.weights[layer][-len(rows) :].to(linear.weight)
        torch_prune.custom_from_mask(linear, "weight", mask)
        if linear.bias is not None:
            torch_prune.custom_from_mask(linear, "bias", mask.amax(dim=1))
    return model


def n_parameters(model: nn.Module) -> int:
    """Of the whole model, without those under a mask."""
    masked = (m for name, m in model.named_buffers() if name.endswith(("weight_mask", "bias_mask")))
    return sum(p.numel() for p in model.parameters()) - sum(int((m == 0).sum()) for m in masked)


def _kept(chain: Chain, subnetwork: Subnetwork) -> list[Tensor | None]:
    """The kept inputs of the first layer, neurons of each layer, outputs of the last; None: all."""
    neurons = zip(subnetwork.kept, chain.linears, strict=False)
    return [None, *(None if len(k) == linear.out_features else k for k, linear in neurons), None]


def _part(tensor: Tensor, some: Tensor | None, dim: int = 0) -> Tensor:
    return tensor if some is None else tensor.index_select(dim, some.to(tensor.device))
