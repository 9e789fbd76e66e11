"""How numba code is compiled and kept, and the structures that kernels of several packages share."""

__all__: list[str] = []
