"""A labelling as one self-contained HTML page: the table of neurons, each with what excites it."""

from invert_captum.report.explorer.write import write_explorer

__all__ = ["write_explorer"]
