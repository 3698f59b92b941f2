"""The parts of `benchmarks.attribution_localization`: canvases, neurons, methods, measures."""
