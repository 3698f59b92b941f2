"""Whether p-values mean what they say: noise, grouped noise, planted formulas, the demo's network.

``python -m benchmarks.calibration [noise|groups|signal|demo|all]`` runs the studies on the concepts
of the emoji demo, each with fixed seeds, and writes a report and, for two of them, a figure.
"""
