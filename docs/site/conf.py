"""How Sphinx builds the site, from the folder that ``vireid.site`` lays out; nothing is fetched."""

project = "vireid"
author = "the vireid authors"
html_title = "vireid"
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "vireid.site.docstrings",
]
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # outputs are shown as committed
nb_ipywidgets_js = {}  # widgets are shown as their pictures
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False

html_theme = "furo"
html_css_files = ["site.css"]
html_js_files = ["panel.js"]
html_show_sourcelink = False
html_show_sphinx = False
templates_path = []
# a link to an HTML anchor (the glossary's) is no cross-reference; tests/test_site.py follows it
suppress_warnings = ["myst.xref_missing", "mystnb.unknown_mime_type"]
