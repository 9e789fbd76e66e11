"""Compilation by numba, and the data structures that the kernels of several packages share."""

__all__: list[str] = []
