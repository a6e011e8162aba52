"""Benchmarks: the same work done as a user would write it, through PEFT, and by the kernels; run by `make bench`."""
