"""How the documentation is built: Sphinx reads the Markdown of this folder, and every warning is an error.

make docs
"""

import faultlab

project = "faultlab"
author = "faultlab contributors"
copyright = "Apache-2.0"  # noqa: A001 - Sphinx reads this name
version = release = faultlab.__version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True

# Headings get the anchors that GitHub gives them, so that one link serves both.
myst_heading_anchors = 4
myst_links_external_new_tab = False

highlight_language = "text"
pygments_style = "sphinx"
smartquotes = False  # two hyphens are an option, and quotes are to be copied

html_theme = "furo"
html_title = f"faultlab {version}"
html_copy_source = False
html_show_sourcelink = False
html_static_path: list[str] = []
