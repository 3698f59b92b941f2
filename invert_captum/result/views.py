"""What a result can be looked at as: figures and a page, drawn by `invert_captum.report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invert_captum.result.labeled_neurons import LabeledNeurons

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from captum.attr import NeuronAttribution
    from matplotlib.figure import Figure

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.result.labeled_neurons import Key


@dataclass(frozen=True, eq=False, repr=False)
class ResultViews(LabeledNeurons):
    """The part of `LabelingResult` that draws; see there."""

    def plot_significance(self) -> Figure:
        """Draw the evidence: effect against p-value, the p-values, and the permutation null.

        Returns:
            *matplotlib.figure.Figure*: see `report.plot_significance`.

        Raises:
            ValueError: If no neuron was tested.

        Examples:
            >>> import numpy as np
            >>> import invert_captum as ic
            >>> rng = np.random.default_rng(0)
            >>> labels = rng.random((400, 2)) < 0.3
            >>> activations = rng.normal(size=(400, 2)) + 2 * labels
            >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
            >>> result = ic.label_neurons(activations, concepts, max_length=1)
            >>> result.plot_significance().texts[0].get_text()
            '2 of 2 neurons have a significant label'
        """
        from invert_captum.report.significance import plot_significance

        return plot_significance(self)  # type: ignore[arg-type]

    def plot_overview(self, **options: Any) -> Figure:
        """Draw which concepts the layers hold, in how many neurons, and how well the labels fit.

        Args:
            **options: Arguments of `report.plot_overview`, such as ``top`` and ``theme``.

        Returns:
            *matplotlib.figure.Figure*: see `report.plot_overview`.

        Raises:
            TypeError: If an argument is unknown or has a wrong type.
            ValueError: If no neuron has a label, or an argument is out of its range.

        Examples:
            >>> import numpy as np
            >>> import invert_captum as ic
            >>> rng = np.random.default_rng(0)
            >>> labels = rng.random((400, 2)) < 0.3
            >>> activations = rng.normal(size=(400, 2)) + 2 * labels
            >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
            >>> result = ic.label_neurons(activations, concepts, max_length=1)
            >>> result.plot_overview(theme="dark").texts[0].get_text()
            '2 of 2 neurons have a significant label; 2 concepts'
        """
        from invert_captum.report.overview import plot_overview

        return plot_overview(self, **options)  # type: ignore[arg-type]

    def plot_neuron(
        self,
        neuron: Key,
        activations: Activations,
        concepts: ConceptSet,
        images: Any = None,
        attributions: Any = None,
        **options: Any,
    ) -> Figure:
        """Draw one neuron: densities, ROC curve with a band, and what excites it most and least.

        Args:
            neuron: Its key.
            activations: What was labelled.
            concepts: What it was labelled with.
            images: The n pictures, or a function from a sample's index to its picture.
            attributions: Heat maps by sample index, or a function from a sample's index to it.
            **options: Further arguments of `report.plot_neuron`, such as ``n_inputs``.

        Returns:
            *matplotlib.figure.Figure*: see `report.plot_neuron`.

        Raises:
            KeyError: If there is no such neuron.
            TypeError: If an argument is unknown or has a wrong type.
            ValueError: If the neuron was set aside, the data are not those of the call, or an
                argument is out of its range.

        Examples:
            >>> import numpy as np
            >>> import invert_captum as ic
            >>> rng = np.random.default_rng(0)
            >>> labels = rng.random((400, 2)) < 0.3
            >>> activations = rng.normal(size=(400, 2)) + 2 * labels
            >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
            >>> result = ic.label_neurons(activations, concepts, max_length=1)
            >>> figure = result.plot_neuron(0, activations, concepts, n_bootstrap=100)
            >>> figure.texts[1].get_text()
            'dog'
        """
        from invert_captum.report.neuron_figure import plot_neuron

        return plot_neuron(
            self,  # type: ignore[arg-type]
            neuron,
            activations,
            concepts,
            images,
            attributions,
            **options,
        )

    def plot_contributions(self, contributions: Any, sample: int = 0, **options: Any) -> Figure:
        """Draw how the labels add up to a prediction, as a waterfall.

        Args:
            contributions: `attr.Contributions`, which `attr.ConceptContribution` found with this
                result.
            sample: Which of its rows.
            **options: Further arguments of `report.plot_contributions`, such as ``top``.

        Returns:
            *matplotlib.figure.Figure*: see `report.plot_contributions`.

        Raises:
            TypeError: If an argument is unknown or has a wrong type.
            ValueError: If there is no such sample, its numbers are not finite, or an argument is
                out of its range.

        Examples:
            >>> import torch
            >>> import invert_captum as ic
            >>> model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(2, 1, bias=False))
            >>> model[1].weight.data[:] = torch.tensor([[2.0, -1.0]])
            >>> shown = torch.rand(400, 2, generator=torch.Generator().manual_seed(0)) < 0.3
            >>> labeler = ic.NeuronConceptLabeler(model, "0")
            >>> concepts = ic.ConceptSet(shown, ["dog", "cat"])
            >>> result = labeler.interpret(shown.float(), concepts, max_length=1)
            >>> contribution = ic.attr.ConceptContribution(model, "0", result)
            >>> split = contribution.attribute(torch.tensor([[3.0, 1.0]]), target=0)
            >>> result.plot_contributions(split, target_name="kennel").texts[0].get_text()
            'kennel: 5, 5 above the baseline'
        """
        from invert_captum.report.contributions import plot_contributions

        return plot_contributions(contributions, sample, **options)

    def to_html(
        self,
        path: str | os.PathLike[str],
        activations: Activations | None = None,
        concepts: ConceptSet | None = None,
        *,
        inputs: Any = None,
        shown: Any = None,
        labeler: Any = None,
        top: int = 48,
        method: type[NeuronAttribution] | None = None,
        class_names: Sequence[str] | None = None,
        **options: Any,
    ) -> Path:
        """Write the explorer: one HTML file to search, sort and look at, without any network.

        With nothing but a path the page has the table of neurons and the concepts. Everything else
        adds to it.

        Args:
            path: The file, over one of this name.
            activations: What was labelled: adds densities and the samples that excite a neuron
                most. None: those of the labeler's last extraction, if it has any.
            concepts: What it was labelled with: adds ROC curves and for which samples a label
                holds. None: those of the labeler's last `interpret`.
            inputs: The n inputs of the model, tensors or a data set; or n pictures or texts.
            shown: What a person sees of each sample, if not its input: n pictures (PIL, arrays),
                texts, lists of tokens, or mappings of numbers, or a function from an index to one.
            labeler: A `NeuronConceptLabeler` of the model: adds heat maps, and what switching a
                neuron off does to the classes.
            top: How many neurons get these: the best-supported.
            method: A neuron method of Captum for the heat maps, or a layer method whose map is
                up-sampled. None: the layer's own map where it has positions, else
                `NeuronIntegratedGradients`.
            class_names: Names of the model's outputs.
            **options: Further arguments of `report.write_explorer`, such as ``title``, ``credit``,
                ``max_megabytes`` and those of ``method``.

        Returns:
            *Path*: of the page.

        Raises:
            TypeError: If an argument is unknown or has a wrong type.
            ValueError: If the data are not those of the call, or ``path`` does not end in .html.
            FileNotFoundError: If the folder of ``path`` does not exist.

        Examples:
            >>> import tempfile
            >>> import numpy as np
            >>> import invert_captum as ic
            >>> rng = np.random.default_rng(0)
            >>> labels = rng.random((400, 2)) < 0.3
            >>> activations = rng.normal(size=(400, 2)) + 2 * labels
            >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
            >>> result = ic.label_neurons(activations, concepts, max_length=1)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     page = result.to_html(f"{folder}/report.html", activations, concepts)
            ...     page.name, "https://" in page.read_text(encoding="utf-8")
            ('report.html', False)
        """
        from invert_captum.report.explorer import write_explorer

        return write_explorer(
            self,  # type: ignore[arg-type]
            path,
            activations,
            concepts,
            inputs=inputs,
            shown=shown,
            labeler=labeler,
            top=top,
            method=method,
            class_names=class_names,
            **options,
        )
