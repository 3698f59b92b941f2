"""The kernels of the search, compiled by numba: all that is done per neuron, pattern or candidate.

`block_search` is what Python calls; the other files are its parts, in the order of the work:
`keys`, `rank_sums`, `label_sums`, `candidates`, `selection`, `beam_search`, `shortening`.
"""
