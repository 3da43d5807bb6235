"""How Sphinx builds the slides, from the folder that ``vireid.site`` lays out."""

project = "vireid"
html_title = "Modality bias and four answers"
language = "en"

extensions = ["myst_parser", "sphinx_revealjs", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
myst_enable_extensions = ["dollarmath"]

revealjs_style_theme = "white"
revealjs_css_files = ["site.css", "slides.css"]
revealjs_script_conf = {
    "hash": True,
    "slideNumber": "c/t",
    "transition": "none",
    "width": 1280,
    "height": 720,
    "margin": 0.04,
    "center": False,
}
revealjs_script_plugins = [{"name": "RevealNotes", "src": "revealjs/plugin/notes/notes.js"}]
revealjs_script_files = ["panel.js"]
html_show_sourcelink = False
