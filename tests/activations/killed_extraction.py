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


class Slow(nn.Module):
    """Takes its time, and notes the rows it sees in a file that outlasts it."""

    def __init__(self, notes: int) -> None:
        super().__init__()
        self.notes = notes
        self.linear = nn.Linear(4, 12)

    def forward(self, x):
        os.write(self.notes, b"".join(b"%d\n" % int(row) for row in x[:, 0]))
        time.sleep(0.001)
        return self.linear(x)


def extract(path: Path, notes: Path) -> None:
    opened = os.open(notes, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    torch.manual_seed(0)
    model = Slow(opened)
    extract_to_store(model, {"linear": model.linear}, X, path, batch_size=BATCH)


def finished_blocks(path: Path) -> set[int]:
    return {int(one.stem) for one in (path / "records").glob("[0-9]*.json")}


def kill_once(path: Path, notes: Path, generator: random.Random) -> list[int]:
    """Extract in another process, kill it at a random moment; return what was computed in vain."""
    before = finished_blocks(path)
    noted = notes.read_text().split() if notes.exists() else []
    child = os.fork()
    if not child:
        extract(path, notes)
        os._exit(0)
    enough = len(before) + generator.randrange(5)
    while len(finished_blocks(path)) < enough:
        time.sleep(0.001)
    time.sleep(generator.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("the extraction was over before it was killed")
    seen = {int(row) // BLOCK for row in notes.read_text().split()[len(noted) :]}
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
