"""Readers of concept annotations, one file a format; each returns a `ConceptSet`."""

from __future__ import annotations

from invert_captum.concepts.readers.captum import from_captum
from invert_captum.concepts.readers.csv import from_csv
from invert_captum.concepts.readers.dataframe import from_dataframe
from invert_captum.concepts.readers.image_folder import from_image_folder

__all__ = ["from_captum", "from_csv", "from_dataframe", "from_image_folder"]
