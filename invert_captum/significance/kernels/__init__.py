"""The kernels of the tests, compiled by numba.

`groups` describes a draw of positives from groups of equal ranks. `tilting` finds the exponential
tilt under which the observed draw is the expected one; all tails start from it: `exact_tail`, by
the rows of `untied_run` and `rows`; `enumeration`, for few groups; `saddlepoint_tail`.
`cluster_null` belongs to the test of samples that come in groups.
"""
