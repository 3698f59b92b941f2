"""Explorer pages of any size with made-up contents, to test and measure the page itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw
from scipy.stats import norm

from invert_captum.report.explorer.embedding import PageFiles, render_page
from invert_captum.report.explorer.template import page_files

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_WORDS = """
airplane animal ape apple arrow baby bear bell bicycle bird boat book bottle box bread bridge
building button camera car castle cat chair church circle clock cloud coffee country-flag cow
cup dog dome door dress drum face fire fish flag flower fork fruit ghost gift glasses globe
guitar hand hat heart horse house key ladder lamp leaf letter lion lock mailbox mask medal
monkey moon mosque mountain mouse mushroom nose orange owl panda pen pencil person phone pig
pizza rabbit rain ribbon ring robot rose ship shirt shoe skull smile snake snow spoon square
star sun tooth tower train tree triangle truck umbrella violin watch wave whale wheel wolf
"""
WORDS = tuple(_WORDS.split())
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"double\" & 'single' quotes",
    "كلب كبير",
    "חתול & כלב",
    "🐕‍🦺 dog 🇩🇪",
    "line\u2028separator \u202eoverride",
    "a name that is so long that it can fit into no column of any table " * 3,
    "javascript:alert(3)",
    "__proto__",
    "50 % of #all/names?q=1",
]
KINDS = ("image", "text", "tokens", "numbers")
_DENSITY, _ROC, _MAP = 48, 33, 12
_COLOURS = ["#d62728", "#e69f00", "#2ca02c", "#1f77b4", "#9467bd", "#8c564b", "#e377c2", "#17becf"]


@dataclass(frozen=True)
class PageContent:
    """The data of the three blocks of a page."""

    report: dict[str, Any]
    samples: dict[str, Any]
    heat_maps: dict[str, Any]

    def write(self, path: Path) -> Path:
        """Render the page to a file, with the template, scripts and policy that users get."""
        files = PageFiles(*page_files())
        text = render_page(files, self.report["title"], self.report, self.samples, self.heat_maps)
        path.write_text(text, encoding="utf-8")
        return path


def synthetic_content(
    n_neurons: int = 1_280,
    *,
    n_samples: int = 400,
    n_concepts: int = len(WORDS),
    kind: str = "image",
    layers: tuple[str, ...] = ("_avg_pooling",),
    hostile: bool = False,
    mapped: int = 48,
    seed: int = 0,
) -> PageContent:
    """Make up a labelling: formulas, scores, curves, samples and heat maps.

    Args:
        n_neurons: Rows of the table.
        n_samples: Samples that top lists are drawn from; the last one is not embedded.
        n_concepts: Concepts; beyond the list of words they are numbered.
        kind: What samples are, one of `KINDS`.
        layers: Names; neurons are spread evenly.
        hostile: Use names that a careless page would run, break or misplace.
        mapped: How many neurons have heat maps and effects on classes.
        seed: Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    names = [*(HOSTILE if hostile else []), *WORDS]
    names += [f"concept {number}" for number in range(len(names), n_concepts)]
    names = names[: max(n_concepts, len(HOSTILE) if hostile else 0)]
    neurons = _neurons(n_neurons, n_samples, len(layers), names, rng)
    places = zip(neurons["layer"], neurons["neuron"], strict=True)
    neurons["key"] = [f"{layers[layer]}/{neuron}" for layer, neuron in places]
    best = np.argsort(-np.array([row or 0.0 for row in neurons["evidence"]]))[:mapped].tolist()
    neurons["classes"] = {str(row): _effects(names, rng) for row in best}
    report = {
        "version": 1,
        "title": f"{HOSTILE[0]} EfficientNet" if hostile else "EfficientNet-lite0, _avg_pooling",
        "facts": _facts(n_neurons, names, neurons),
        "credit": "Pictures: drawn at random for this page, free of rights.",
        "alpha": 0.05,
        "level": 0.95,
        "tested": "holdout",
        "layers": list(layers),
        "n_samples": 1_889,
        "pictures_left_out": 1,
        "notes": ["Everything on this page is made up."],
        "concepts": {
            "name": names,
            "description": None,
            "n_positive": rng.integers(20, 400, len(names)).tolist(),
        },
        "neurons": neurons,
        "class_effect_note": "Mean change of the logit on the samples above, with the neuron at 0.",
    }
    samples = {
        str(index): _sample(index, kind, names, hostile=hostile, rng=rng)
        for index in range(n_samples - 1)
    }
    heat_maps: dict[str, Any] = {
        str(row): {str(one): _heat_map(kind, samples.get(str(one)), rng) for one in tops}
        for row, tops in ((row, neurons["top"][row]) for row in best)
    }
    return PageContent(report, samples, {**heat_maps, "method": "LayerActivation"})


def _neurons(
    n_neurons: int, n_samples: int, n_layers: int, names: list[str], rng: np.random.Generator
) -> dict[str, Any]:
    effects = np.abs(rng.normal(0, 1.1, n_neurons))
    aucs = norm.cdf(effects / np.sqrt(2))
    heldout = np.clip(aucs - np.abs(rng.normal(0.02, 0.03, n_neurons)), 0.4, 0.999)
    half = 0.02 + 0.08 * rng.random(n_neurons)
    low, high = np.clip(heldout - half, 0, 1), np.clip(heldout + half, 0, 1)
    log10_p = -(np.maximum(heldout - 0.45, 0) ** 2) * 260 - rng.random(n_neurons)
    adjusted = np.minimum(1.0, 10 ** np.maximum(log10_p + np.log10(n_neurons), -320))
    formulas = [_formula(len(names), rng) for _ in range(n_neurons)]
    positives = rng.integers(20, 500, n_neurons)
    per_layer = -(-n_neurons // n_layers)
    columns: dict[str, Any] = {
        "layer": [row // per_layer for row in range(n_neurons)],
        "neuron": [row % per_layer for row in range(n_neurons)],
        "formula": formulas,
        "text": [_text(tokens, names) for tokens in formulas],
        "length": [sum(isinstance(token, dict) for token in tokens) for tokens in formulas],
        "auc": aucs.round(6).tolist(),
        "heldout_auc": heldout.round(6).tolist(),
        "low": low.round(6).tolist(),
        "high": high.round(6).tolist(),
        "log10_p": log10_p.round(4).tolist(),
        "p_adjusted": [float(f"{p:.6g}") for p in adjusted],
        "significant": (adjusted < 0.05).astype(int).tolist(),
        "fraction": (positives / 1_889).round(6).tolist(),
        "n_positive": positives.tolist(),
        "evidence": (-log10_p).round(4).tolist(),
        "low_label": [0] * n_neurons,
        "runners_up": [
            [
                {
                    "text": _text(_formula(len(names), rng), names),
                    "auc": round(float(auc) - 0.005 * rank, 6),
                    "heldout_auc": round(float(held) - 0.006 * rank, 6),
                    "n_positive": int(rng.integers(20, 400)),
                }
                for rank in (1, 2)
            ]
            for auc, held in zip(aucs, heldout, strict=True)
        ],
        "top": rng.integers(0, n_samples, (n_neurons, 8)).tolist(),
        "top_activation": (-np.sort(-rng.gamma(3, 0.5, (n_neurons, 8)))).round(4).tolist(),
        "top_member": (rng.random((n_neurons, 8)) < aucs[:, None]).astype(int).tolist(),
        "density": _densities(effects, rng),
        "roc": _rocs(norm.ppf(heldout) * np.sqrt(2)),
    }
    _set_aside(columns, n_neurons - 1)
    return columns


def _set_aside(columns: dict[str, Any], row: int) -> None:
    """Make the last neuron one without a label, and the one before it about low activation."""
    scores = "auc heldout_auc low high log10_p p_adjusted significant evidence fraction"
    for name in ("formula", "text", *scores.split()):
        columns[name][row] = None
    columns["length"][row] = columns["n_positive"][row] = 0
    columns["runners_up"][row] = []
    columns["low_label"][row - 1] = 1
    for name in ("auc", "heldout_auc"):
        columns[name][row - 1] = round(1 - columns[name][row - 1], 6)
    low, high = columns["low"][row - 1], columns["high"][row - 1]
    columns["low"][row - 1], columns["high"][row - 1] = round(1 - high, 6), round(1 - low, 6)


def _formula(n_concepts: int, rng: np.random.Generator) -> list[Any]:
    length = int(rng.choice([1, 2, 3], p=[0.3, 0.4, 0.3]))
    # Some concepts are far more frequent than others, as in real labellings.
    chosen = np.minimum((rng.random(8) ** 2 * n_concepts).astype(int), n_concepts - 1)
    concepts = list(dict.fromkeys(chosen.tolist()))[:length]
    tokens: list[Any] = [{"c": concepts[0]}]
    for concept in concepts[1:]:
        tokens += [" & ", "~", {"c": concept}] if rng.random() < 0.5 else [" | ", {"c": concept}]
    if len(concepts) == 3 and " & " in tokens and " | " in tokens:
        tokens = [*tokens[:1], " & ", "(", {"c": concepts[1]}, " | ", "~", {"c": concepts[2]}, ")"]
    return tokens


def _text(tokens: list[Any], names: list[str]) -> str:
    return "".join(token if isinstance(token, str) else names[token["c"]] for token in tokens)


def _base64(shares: NDArray[np.float64]) -> str:
    return base64.b64encode(np.rint(shares * 255).astype(np.uint8).tobytes()).decode("ascii")


def _densities(effects: NDArray[np.float64], rng: np.random.Generator) -> dict[str, Any]:
    grid = np.linspace(-2.5, 4.5, _DENSITY)
    inside = np.exp(-((grid - effects[:, None]) ** 2) / 2.4)
    outside = np.exp(-(grid**2) / 2) + 0.3 * np.exp(-((grid - 1.5) ** 2))
    outside = np.broadcast_to(outside, inside.shape)
    curves = np.stack([inside, outside], axis=1)
    zeros = rng.random(len(effects)) < 0.6
    return {
        "low": [0.0] * len(effects),
        "high": rng.gamma(3, 0.6, len(effects)).round(4).tolist(),
        "atom": [0.0 if zero else None for zero in zeros],
        "atom_inside": [0.08 if zero else None for zero in zeros],
        "atom_outside": [0.71 if zero else None for zero in zeros],
        "points": _DENSITY,
        "curves": _base64(curves / curves.max(axis=2, keepdims=True)),
    }


def _rocs(effects: NDArray[np.float64]) -> dict[str, Any]:
    false_rates = np.linspace(0, 1, _ROC)
    true_rates = norm.cdf(norm.ppf(false_rates) + effects[:, None])
    return {"points": _ROC, "curves": _base64(true_rates), "heldout": True}


def _effects(names: list[str], rng: np.random.Generator) -> list[list[Any]]:
    chosen = rng.choice(len(names), size=min(6, len(names)), replace=False)
    changes = np.append(-rng.gamma(2, 0.8, 4), rng.gamma(1.5, 0.25, 2))
    return [[names[one], round(float(by), 4)] for one, by in zip(chosen, changes, strict=False)]


def _facts(n_neurons: int, names: list[str], neurons: dict[str, Any]) -> list[list[str]]:
    return [
        ["samples", "1,889"],
        ["concepts", f"{len(names):,}"],
        ["neurons", f"{n_neurons:,}"],
        ["significant", f"{neurons['significant'].count(1):,}"],
        ["test", "hold-out, Holm, alpha 0.05"],
        ["search", "length ≤ 3, beam 5"],
    ]


def _sample(
    index: int, kind: str, names: list[str], *, hostile: bool, rng: np.random.Generator
) -> dict[str, Any]:
    name = HOSTILE[index % len(HOSTILE)] if hostile else f"picture {index}.png"
    if kind == "image":
        return {"name": name, "image": _picture(rng)}
    words = [str(word) for word in rng.choice(names, 18)]
    if kind == "text":
        return {"name": name, "text": " ".join(words)}
    if kind == "tokens":
        return {"name": name, "tokens": [words[0], *(f" {word}" for word in words[1:])]}
    columns = names[:12]
    values = rng.normal(size=len(columns)).round(4).tolist()
    return {"name": name, "numbers": [list(pair) for pair in zip(columns, values, strict=True)]}


def _picture(rng: np.random.Generator, side: int = 72) -> str:
    """Return a drawing of a few shapes as a data URI."""
    image = Image.new("RGB", (side, side), "#ffffff")
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 5))):
        left, top = (int(place) for place in rng.integers(4, side // 2, 2))
        size = int(rng.integers(14, side // 2))
        box = (left, top, left + size, top + size)
        shape = (draw.ellipse, draw.rectangle, draw.rounded_rectangle)[int(rng.integers(3))]
        shape(box, fill=_COLOURS[int(rng.integers(len(_COLOURS)))])
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _heat_map(kind: str, sample: dict[str, Any] | None, rng: np.random.Generator) -> dict[str, Any]:
    if kind == "image":
        y, x = np.mgrid[:_MAP, :_MAP]
        centre, width = rng.uniform(2, 9, 2), rng.uniform(3, 12)
        bump = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / width)
        return {"size": [_MAP, _MAP], "values": _base64(bump)}
    length = len((sample or {}).get("tokens") or (sample or {}).get("numbers") or [0])
    values = np.rint(np.clip(rng.normal(0, 0.4, length), -1, 1) * 127).astype(np.int8)
    return {
        "size": [1, length],
        "values": base64.b64encode(values.tobytes()).decode("ascii"),
        "signed": True,
    }
