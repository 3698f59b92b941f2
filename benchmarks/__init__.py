"""Benchmarks: ``python -m benchmarks.NAME`` prints its figures, as ratios inside one run."""
