"""The benchmark: one pruning method, anybody's, against OSSuM, random pruning and the readout.

docs/bench.md says how to bring a method.
"""
