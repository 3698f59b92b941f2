"""The kernels of the tests, compiled by numba.

`tilting` finds the exponential tilt under which an observed rank sum is the expected one; both
the exact tail (`exact_tail`, from the rows of `singleton_run`) and the saddlepoint tail
(`saddlepoint_tail`) start from it. `buckets` keeps the saddlepoint's cost apart from the samples.
"""
