"""Sphinx's configuration of the site; `make docs` builds it from a folder that docs/site/build.py fills."""

import re

project = "goldenpath"
html_title = "goldenpath"
html_theme = "furo"
html_show_copyright = html_show_sphinx = html_copy_source = False
html_show_search_summary = False  # it fetches pages, which browsers refuse for file://
extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nb_execution_mode = "off"  # the run has executed them
nb_merge_streams = True
myst_heading_anchors = 4
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
autodoc_class_signature = "mixed"
maximum_signature_line_length = 90
toc_object_entries = False


def plain(app, what, name, thing, options, lines):
    "Make reStructuredText of a docstring, which is plain text with `code` in it."
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip())
    lines[:] = "\n\n".join(map(_paragraph, paragraphs)).splitlines() if lines else []


def _paragraph(text):
    if re.search(r"^[ \t]+\S", text, re.MULTILINE):  # drawn with spaces: as it is
        return "::\n\n" + "\n".join(f"    {line}" for line in text.splitlines())
    parts = re.split(r"`+([^`]+)`+", text.replace("\\", "\\\\"))
    words = [re.sub(r"([*_|<])", r"\\\1", part) if number % 2 == 0 else f"\\ ``{part.strip()}``\\ "
             for number, part in enumerate(parts)]  # fmt: skip
    return "".join(words).replace("\n", " ")


def setup(app):
    app.connect("autodoc-process-docstring", plain)
