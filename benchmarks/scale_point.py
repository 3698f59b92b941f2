"""One measurement of `benchmarks.scale`, in a process of its own: seconds and peak memory.

``python -m benchmarks.scale_point FOLDER`` labels the problem that `Point.write` left in FOLDER
and prints a line of JSON. Peak memory is what `label_neurons` needs on top of the interpreter, the
imported libraries and its inputs. Another process builds the inputs. This one warms up on a tiny
problem, so that compiling is not counted, reads the inputs, resets the kernel's high-water mark of
the resident set (5 into ``/proc/self/clear_refs``, see proc(5)), notes the resident set, labels
once, and reads the mark. Without the reset the mark, which is ``ru_maxrss``, could still be that of
compiling.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from benchmarks.neurons import synthetic_activations

if TYPE_CHECKING:
    import invert_captum as ic


@dataclass(frozen=True)
class Point:
    """A problem and how it is searched.

    Attributes:
        n: Samples.
        d: Neurons.
        k: Concepts.
        max_length: Of a formula, L.
        beam_width: B.
        density: The share of (sample, concept) pairs that are labelled.
    """

    n: int
    d: int
    k: int
    max_length: int
    beam_width: int
    density: float

    def labels(self, rng: np.random.Generator) -> scipy.sparse.csr_array:
        """Return scattered labels; concepts hold for between 0.5 and 1.5 times the density."""
        shares = self.density * np.linspace(0.5, 1.5, self.k)
        holding = [
            rng.choice(self.n, max(round(self.n * share), 1), replace=False, shuffle=False)
            for share in shares
        ]
        starts = np.cumsum([0, *map(len, holding)])
        rows = np.concatenate(holding)
        values = np.ones(len(rows), dtype=np.bool_)
        return scipy.sparse.csc_array((values, rows, starts), shape=(self.n, self.k)).tocsr()

    def write(self, folder: Path, *, threads: int, repeats: int) -> None:
        """Write the inputs of the measurement into a folder."""
        rng = np.random.default_rng(0)
        labels = self.labels(rng)
        scipy.sparse.save_npz(folder / "labels.npz", labels, compressed=False)
        np.save(folder / "activations.npy", synthetic_activations(labels, self.d, rng))
        settings = {**asdict(self), "threads": threads, "repeats": repeats}
        (folder / "settings.json").write_text(json.dumps(settings))


TINY = Point(n=400, d=4, k=12, max_length=3, beam_width=3, density=0.2)


def memory(what: str) -> int:
    """Return the bytes of ``VmRSS`` (resident now) or ``VmHWM`` (its high-water mark)."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"/proc/self/status has no {what}: memory can only be measured on Linux")
    return 1024 * int(found[1])


def concept_set(labels: scipy.sparse.csr_array) -> ic.ConceptSet:
    """Return labels as concepts with numbers for names."""
    from invert_captum import ConceptSet

    return ConceptSet(labels, [f"concept_{number}" for number in range(labels.shape[1])])


def measure(folder: Path) -> dict[str, float]:
    """Return the least seconds of some calls, and the bytes of the first one at its peak."""
    import torch

    from invert_captum import label_neurons

    settings = json.loads((folder / "settings.json").read_text())
    torch.set_num_threads(settings["threads"])
    options = {name: settings[name] for name in ("max_length", "beam_width")}
    rng = np.random.default_rng(1)
    tiny = TINY.labels(rng)
    label_neurons(synthetic_activations(tiny, TINY.d, rng), concept_set(tiny), **options)
    concepts = concept_set(scipy.sparse.csr_array(scipy.sparse.load_npz(folder / "labels.npz")))
    activations = np.load(folder / "activations.npy")

    Path("/proc/self/clear_refs").write_text("5")
    before, seconds, peaks = memory("VmRSS"), [], []
    for _ in range(settings["repeats"]):
        started = time.perf_counter()
        label_neurons(activations, concepts, **options)
        seconds.append(time.perf_counter() - started)
        peaks.append(memory("VmHWM") - before)
    return {"seconds": min(seconds), "peak_bytes": peaks[0]}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
