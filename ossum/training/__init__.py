"""Training: ensembles of networks, and the masks of the gradient supermask."""
