"""Pruning for people with a network of their own.

`prune.py` has what they call. `chain.py` finds the layers in their model, `examples.py` reads their
data, `cut.py` makes the smaller model, and `compare.py` runs both. `scores.py` has scores without
pruning, and `torch_pruning.py` brings them into another package.
"""
