"""What `test_checkpoint` kills: a labelling of 120 units, each of which takes some milliseconds.

The data are made and the kernels loaded when this is imported, so that a process which is forked
afterwards begins with its first unit.
"""

import numpy as np

import invert_captum as ic

N_UNITS = 120

_rng = np.random.default_rng(1)
_labels = _rng.random((10_000, 100)) < 0.05
_activations = _rng.normal(size=(10_000, 4 * N_UNITS)).astype(np.float32)
_activations[:, :100] += _labels
_concepts = ic.ConceptSet(_labels, [f"c{number}" for number in range(100)])


def label(folder, neurons=None):
    """Label all neurons, four a unit."""
    return ic.label_neurons(
        _activations,
        _concepts,
        neurons=neurons,
        max_length=4,
        beam_width=20,
        block_size=4,
        checkpoint=folder,
    )


label(None, range(4))
