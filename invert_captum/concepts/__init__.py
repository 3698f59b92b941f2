"""Human concepts: which samples show which concept, and readers for the usual ways to say so."""

from __future__ import annotations

from invert_captum.concepts.concept_set import ConceptSet
from invert_captum.concepts.names import UnknownConceptError
from invert_captum.concepts.readers import (
    from_captum,
    from_csv,
    from_dataframe,
    from_image_folder,
)
from invert_captum.concepts.shuffled import shuffled

__all__ = [
    "ConceptSet",
    "UnknownConceptError",
    "from_captum",
    "from_csv",
    "from_dataframe",
    "from_image_folder",
    "shuffled",
]
