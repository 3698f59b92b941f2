"""The command line that all benchmarks share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def report_parser(docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser that is described by a module's first line and takes ``--output``."""
    parser = argparse.ArgumentParser(description=docstring.splitlines()[0] if docstring else None)
    parser.add_argument("--output", type=Path, help="save the report, such as results/NAME.json")
    return parser


def read_words(parser: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments, with the words as they were ``given``; None for the process's own."""
    words = sys.argv[1:] if words is None else words
    return parser.parse_args(words, argparse.Namespace(given=words))
