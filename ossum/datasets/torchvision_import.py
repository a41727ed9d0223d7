"""Importing torchvision's data sets with any build of torch."""

from importlib import import_module
from types import ModuleType

from torch import library


def torchvision_datasets() -> ModuleType:
    """`torchvision.datasets`, which needs none of torchvision's C++ operators.

    With a CPU-only torch, the usual torchvision cannot load its operators, and its import fails
    because it describes two of them. It succeeds once their schemas are declared. Where the
    operators exist, the first import succeeds and nothing is declared.
    """
    try:
        return import_module("torchvision.datasets")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    for operator in ("nms", "qnms"):
        schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(f"torchvision::{operator}", schema)
    return import_module("torchvision.datasets")
