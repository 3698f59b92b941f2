"""The script of docs/how_to/run_on_a_cluster.md for one machine runs as it is written."""

import re
import subprocess
import sys

import numpy as np
import torch
from page_code import DOCS, code_blocks

import invert_captum as ic

PAGE = (DOCS / "how_to" / "run_on_a_cluster.md").read_text(encoding="utf-8")
SCRIPTS = [
    code
    for kind in ("python", "{code-block} python")
    for code in code_blocks(PAGE, kind)
    if "main()" in code
]


def test_the_script_for_one_machine(concepts, activations, tmp_path):
    layer = torch.nn.Identity()
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(layer), layer)
    labeler.extract(torch.from_numpy(activations), store=tmp_path / "activations")
    concepts.save(tmp_path / "concepts.npz")
    (tmp_path / "label.py").write_text(SCRIPTS[0])
    run = subprocess.run(
        [sys.executable, "label.py"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    result = ic.LabelingResult.load(tmp_path / "labels.json")
    assert result == ic.label_neurons(activations, concepts)
    assert list((tmp_path / "labels.checkpoint").glob("unit-*.json"))
    assert "neurons: 100%" in run.stderr


def test_the_other_scripts_differ_in_their_cluster_only():
    """They cannot be run here; what they share with the first one was run above."""
    assert len(SCRIPTS) == 3
    for script in SCRIPTS:
        compile(script, "label.py", "exec")
    calls = [
        re.sub(r"/shared/|s3://bucket/", "", re.search(r" result = .*", script, re.DOTALL)[0])
        for script in SCRIPTS
    ]
    assert np.unique([" ".join(call.split()) for call in calls]).size == 1
