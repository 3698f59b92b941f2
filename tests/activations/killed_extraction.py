"""Extraction that is killed again and again; run as a script, it writes a report as JSON."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

from invert_captum.activations import extract_to_store
from invert_captum.activations.store import layout

N, BLOCK, BATCH, KILLS = 480, 8, 4, 10
X = torch.arange(N * 4.0).reshape(N, 4).sin()
X[:, 0] = torch.arange(N)


class Noting(nn.Module):
    """Notes the rows it sees in a file that outlasts it."""

    def __init__(self, notes: int) -> None:
        super().__init__()
        self.notes = notes
        self.linear = nn.Linear(4, 12)

    def forward(self, x):
        os.write(self.notes, b"".join(b"%d\n" % int(row) for row in x[:, 0]))
        return self.linear(x)


def extract(path: Path, notes: Path) -> None:
    opened = os.open(notes, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    torch.manual_seed(0)
    model = Noting(opened)
    extract_to_store(model, {"linear": model.linear}, X, path, batch_size=BATCH)


def finished_blocks(path: Path) -> set[int]:
    return {int(one.stem) for one in (path / "records").glob("[0-9]*.json")}


def die_at(writes: int, *, renamed: bool) -> None:
    """Kill this process at one of its next files, before or after that has its own name."""
    original, left = Path.replace, [writes]

    def replace(self: Path, target: Path) -> Path:
        left[0] -= 1
        if not left[0] and not renamed:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(self, target)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Path.replace = replace


def kill_once(path: Path, notes: Path, generator: random.Random) -> list[int]:
    """Extract in another process that dies at a random file; return what was computed in vain."""
    before = finished_blocks(path)
    noted = notes.read_text().split() if notes.exists() else []
    writes, renamed = generator.randrange(1, 15), generator.random() < 0.5
    child = os.fork()
    if not child:
        try:
            die_at(writes, renamed=renamed)
            extract(path, notes)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 60
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            raise RuntimeError("the extraction hangs")
        time.sleep(0.002)
    if not os.WIFSIGNALED(ended[1]):
        raise RuntimeError("the extraction was over before it was killed")
    seen = (
        {int(row) // BLOCK for row in notes.read_text().split()[len(noted) :]}
        if (notes.exists())
        else set()
    )
    return sorted(seen & before)


def main(folder: Path, seed: int) -> None:
    # A process that has used several threads cannot be forked.
    torch.set_num_threads(1)
    layout._CHUNK_BYTES, layout._CHUNK_NEURONS = 128, 4
    extract(folder / "undisturbed", folder / "undisturbed.txt")
    generator = random.Random(seed)  # noqa: S311
    path, notes = folder / "killed", folder / "killed.txt"
    again = [kill_once(path, notes, generator) for _ in range(KILLS)]
    finished = sorted(finished_blocks(path))
    length = len(notes.read_text().split())
    extract(path, notes)
    last = sorted({int(row) // BLOCK for row in notes.read_text().split()[length:]})
    report = {"again": again, "finished": finished, "last": last}
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
