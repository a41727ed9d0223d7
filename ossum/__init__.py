"""OSSuM: gradient-free pruning of neural networks at initialization, a reproduction."""
