"""Parts of `benchmarks.harmonization`."""
