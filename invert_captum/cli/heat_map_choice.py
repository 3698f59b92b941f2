"""Whether and how ``report`` makes heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HeatMapChoice:
    """The options of ``report`` about heat maps.

    Attributes:
        top: How many neurons get them.
        inversion_layer: Dotted name of the layer whose features Guided Feature Inversion keeps;
            None for maps of the labelled layer.
        mask_layer: Dotted name of the layer that makes its masks; None for the inversion layer.
    """

    top: int
    inversion_layer: str | None = None
    mask_layer: str | None = None

    @classmethod
    def of(
        cls, *, heat_maps: bool, top: int, inversion_layer: str | None, mask_layer: str | None
    ) -> HeatMapChoice:
        """Check the options together.

        Raises:
            ValueError: there is a mask layer without an inversion layer, or an inversion layer
                without heat maps.

        Examples:
            >>> HeatMapChoice.of(heat_maps=False, top=48, inversion_layer=None, mask_layer=None)
            HeatMapChoice(top=0, inversion_layer=None, mask_layer=None)
        """
        if mask_layer is not None and inversion_layer is None:
            raise ValueError(
                f"--mask-layer is {mask_layer!r}, but there is no --inversion-layer; expected "
                "one, which makes the masks of these maps"
            )
        if inversion_layer is not None and not (heat_maps and top):
            without = "--top 0" if heat_maps else "--no-heat-maps"
            raise ValueError(
                f"--inversion-layer is {inversion_layer!r} with {without}; expected heat maps to "
                "make by it"
            )
        return cls(top if heat_maps else 0, inversion_layer, mask_layer)

    @property
    def arguments(self) -> dict[str, Any]:
        """What `write_explorer` gets for the method of the heat maps."""
        if self.inversion_layer is None:
            return {}
        from invert_captum.attr import NeuronGuidedFeatureInversion

        mask = {} if self.mask_layer is None else {"mask_layer": self.mask_layer}
        return {
            "method": NeuronGuidedFeatureInversion,
            "inversion_layer": self.inversion_layer,
            **mask,
        }
