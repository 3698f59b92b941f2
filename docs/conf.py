"""How Sphinx builds the documentation: ``sphinx-build -W docs build/docs``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "extensions")]  # the benchmarks' numbers; own directives

from invert_captum import __version__  # noqa: E402

project = "invert-captum"
author = "the invert-captum developers"
copyright = author  # noqa: A001
release = version = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "myst_nb",
    "command_options",
    "measurements",
    "native_math",
    "notebooks_ahead",
    "page_links",
    "public_names",
    "signature_types",
]
exclude_patterns = ["extensions"]
nitpicky = True
# Objects of others have no pages here.
nitpick_ignore_regex = [
    (r"py:.*", r"(captum|matplotlib|numpy|pandas|PIL|scipy|torch)\..+"),
    (r"py:.*", r"(collections\.abc|concurrent\.futures\._base|os|pathlib)\.\w+"),
    (r"py:class", r"'.*'"),  # a choice among words
]

# Sphinx reads its own folder only; the notebooks have one of theirs.
for _notebook in (ROOT / "tutorials").glob("*.ipynb"):
    _copy = HERE / "tutorials" / _notebook.name
    if not _copy.exists() or _copy.read_bytes() != _notebook.read_bytes():
        shutil.copyfile(_notebook, _copy)

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
# Kernels that are started from frozen modules would warn on the page otherwise.
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
# Threads of torch that wait for each other leave the core to others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_display_short_literal_types = True
default_role = "code-or-link"
autosummary_generate = True
toc_object_entries_show_parents = "hide"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
templates_path = ["_templates"]

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "plain"

html_math_renderer = "native"
html_theme = "pydata_sphinx_theme"
html_title = "invert-captum"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
