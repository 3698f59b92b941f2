"""Where the normal approximation of the Mann-Whitney test ends: neurons that are mostly zero.

``python -m benchmarks.ties`` takes a neuron that is zero but for m of 945 held-out samples, and a
label of 20 positives that all m of them have. If activations and label had nothing to do with each
other, the m samples would fall into the label with probability C(20, m) / C(945, m), which is the
exact p-value. It prints that beside the p-value of the normal approximation with tie correction.
"""

from __future__ import annotations

import math

import numpy as np

from invert_captum.search.reference import rank_neurons
from invert_captum.significance import mann_whitney_log10_p

N_SAMPLES, N_POSITIVES = 945, 20


def main() -> None:
    """Print one row for each number of samples that are not zero."""
    print("non-zero  held-out AUC  log10 p, exact  log10 p, normal approximation")
    label = np.arange(N_SAMPLES) < N_POSITIVES
    for n_active in (2, 4, 6, 8, 10):
        activations = np.zeros(N_SAMPLES)
        activations[:n_active] = np.arange(1, n_active + 1)
        ranks = rank_neurons(activations[np.newaxis])
        approximate = mann_whitney_log10_p(
            int(ranks.doubled[0][label].sum()),
            N_POSITIVES,
            N_SAMPLES,
            tie_sum=ranks.tie_sums[0],
            alternative="greater",
        )
        exact = math.log10(math.comb(N_POSITIVES, n_active) / math.comb(N_SAMPLES, n_active))
        auc = 0.5 + n_active / N_POSITIVES / 2
        print(f"{n_active:8}  {auc:12.3f}  {exact:14.1f}  {approximate:29.1f}")


if __name__ == "__main__":
    main()
