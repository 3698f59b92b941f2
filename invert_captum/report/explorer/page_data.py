"""The data of a page: the report, what is shown of samples, and the heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invert_captum.report.explorer.class_effects import ClassEffects, class_effects
from invert_captum.report.explorer.facts import report_head
from invert_captum.report.explorer.heat_maps import HeatMapper
from invert_captum.report.explorer.input_check import check_same_inputs
from invert_captum.report.explorer.labeled_layers import LabeledLayers
from invert_captum.report.explorer.map_notes import map_notes
from invert_captum.report.explorer.neuron_activity import (
    activity_by_neuron,
    activity_columns,
    roc_columns,
)
from invert_captum.report.explorer.neuron_table import (
    concept_columns,
    neuron_columns,
)
from invert_captum.report.explorer.sample_entries import embed_samples
from invert_captum.report.explorer.top_neurons import neurons_by_evidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.report.explorer.model_inputs import ModelInputs
    from invert_captum.report.explorer.neuron_activity import NeuronActivity
    from invert_captum.report.explorer.page_options import PageOptions
    from invert_captum.report.explorer.sample_entries import SampleEntries
    from invert_captum.report.explorer.shown_samples import ShownSamples
    from invert_captum.report.explorer.sources import Sources
    from invert_captum.report.explorer.top_neurons import TopNeuron
    from invert_captum.result import Key, LabelingResult

_TOP_SAMPLES = (
    "The samples of a neuron are those of all {n:,} with its highest activation; where the label "
    "is about low activation, those with its lowest."
)
_HELDOUT_ROC = "ROC curves are of the samples that the search did not see, densities of all."


@dataclass(frozen=True)
class ModelView:
    """A model with its inputs, for what only it can tell of neurons.

    Attributes:
        labeler: Holds the model and gives attributions.
        inputs: What the model takes, in the order of the samples.
        method: A class of `captum.attr` for heat maps; None: chosen by layer.
        arguments: Further arguments of the method.
        class_names: Names of the model's outputs, or None.
    """

    labeler: NeuronConceptLabeler
    inputs: ModelInputs
    method: Any
    arguments: Mapping[str, Any]
    class_names: Sequence[str] | None


@dataclass(frozen=True)
class PageData:
    """Plain data for the three blocks of a page.

    Attributes:
        report: Facts, neurons and concepts.
        samples: What is shown of samples, by index.
        heat_maps: By the neuron's row in the table, then by the sample's index.
    """

    report: dict[str, Any]
    samples: dict[str, Any]
    heat_maps: dict[str, Any]


def gather(
    result: LabelingResult,
    sources: Sources,
    shown: ShownSamples | None,
    model: ModelView | None,
    options: PageOptions,
    *,
    title: str,
    credit: str | None,
) -> PageData:
    """Return the data of a page.

    Args:
        result: The labels.
        sources: Activations and concepts, as far as they are at hand.
        shown: What is seen of samples; None: nothing.
        model: The model with its inputs, or None.
        options: How large and how rich the page is.
        title: The headline.
        credit: A licence line for what is shown, or None.
    """
    activities = _activities(result, sources, options)
    ranked = neurons_by_evidence(result, activities) if activities else []
    samples = embed_samples(
        [sample for one in ranked for sample in one.samples],
        shown,
        sources.names,
        thumbnail=options.thumbnail,
        max_megabytes=options.max_megabytes,
        show_progress=options.show_progress,
    )
    heat_maps, told, effects = _of_model(result, model, ranked[: options.top], samples, options)
    notes = _notes(result, sources, activities) + told
    report = {
        **report_head(result, title, credit),
        "pictures_left_out": samples.n_left_out,
        "notes": notes,
        "concepts": concept_columns(result, sources.concepts),
        "neurons": _neurons(result, sources, activities, effects),
        "class_effect_note": effects.note,
    }
    entries = {str(index): entry for index, entry in samples.entries.items()}
    return PageData(report, entries, heat_maps)


def _activities(
    result: LabelingResult, sources: Sources, options: PageOptions
) -> dict[Key, NeuronActivity]:
    if sources.layers is None:
        return {}
    return activity_by_neuron(
        result,
        sources.layers,
        sources.concepts,
        n_shown=options.n_shown,
        show_progress=options.show_progress,
    )


def _neurons(
    result: LabelingResult,
    sources: Sources,
    activities: Mapping[Key, NeuronActivity],
    effects: ClassEffects,
) -> dict[str, Any]:
    columns = neuron_columns(result)
    columns.update(top=None, top_activation=None, top_member=None, density=None, roc=None)
    if activities:
        every = list(activities.values())
        columns.update(activity_columns(every, has_members=sources.concepts is not None))
        if sources.concepts is not None:
            columns["roc"] = roc_columns(every, heldout=result.heldout is not None)
    columns["classes"] = effects.by_row
    return columns


def _of_model(
    result: LabelingResult,
    model: ModelView | None,
    neurons: Sequence[TopNeuron],
    samples: SampleEntries,
    options: PageOptions,
) -> tuple[dict[str, Any], list[str], ClassEffects]:
    """Return heat maps, notes on them, and effects on classes."""
    if model is None or not neurons:
        return {}, [], ClassEffects({}, None)
    layers = LabeledLayers(model.labeler, result)
    check_same_inputs(model.labeler.model, layers, result, neurons, model.inputs)
    mapper = HeatMapper(model.labeler, layers, model.inputs, result, model.method, model.arguments)
    work: dict[str, Any] = {
        "batch_size": options.batch_size,
        "show_progress": options.show_progress,
    }
    maps: dict[str, Any] = dict(mapper.maps(neurons, samples.entries, **work))
    any_low = any(result.is_about_low_activation(one.explanation) for one in neurons)
    notes = map_notes(mapper, len(maps), any_low=any_low)
    if maps:
        maps["method"] = mapper.method_text
    effects = class_effects(
        model.labeler.model,
        layers,
        result,
        neurons,
        model.inputs,
        class_names=model.class_names,
        **work,
    )
    return maps, notes, effects


def _notes(
    result: LabelingResult, sources: Sources, activities: Mapping[Key, NeuronActivity]
) -> list[str]:
    if not activities:
        return []
    notes = [_TOP_SAMPLES.format(n=result.settings["n_samples"])]
    if sources.concepts is not None and result.heldout is not None:
        notes.append(_HELDOUT_ROC)
    return notes
