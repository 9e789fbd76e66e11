"""How the documentation site is built: `make docs`.

What can be read from the code is read from it at build time, into git-ignored folders: the messages of the wire, the
limits, the layers of the import contract, the command line, one API page a package, and the tutorials of notebooks/.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "_ext")]

from hftlab import __version__  # noqa: E402 - of these sources, whatever is installed

project = "hftlab"
release = version = __version__
copyright = ""  # noqa: A001 - the name that Sphinx reads
html_show_copyright = False

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "docstrings",
    "generated",
]
exclude_patterns = ["_build", "_generated"]
root_doc = "index"

# The tutorials are shown as they are stored; nbval runs and compares them in `make test`.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "attrs_inline"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
default_role = "code"
highlight_language = "none"  # commands and layouts of folders are not Python

# There is no network in the build, so what belongs to other libraries is not linked. What lies deeper than a public
# package is internal: signatures may name it, and no page has it. tests/test_docs.py checks the names in the pages.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!hftlab\.).*"),
    ("py:.*", r"hftlab\.\w+\.\w+\..+"),
    ("py:.*", r"hftlab\..*\.(_\w+|[A-Za-z]*T(_co)?)"),
]

html_theme = "pydata_sphinx_theme"
html_title = "hftlab"
html_static_path = ["_static", "_generated/static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
# Pages that stand alone have no section to navigate in.
html_sidebars = {
    page: [] for page in ("getting_started", "command_line", "benchmarks", "design", "changelog", "security")
}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "hftlab"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 8,
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
}
