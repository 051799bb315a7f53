"""Pages of executed notebooks."""

import subprocess
import sys
from pathlib import Path

import nbformat

from tests.helpers.project import PROJECT

CODE = """
import sys
from pathlib import Path
from goldenpath.runs.executed import save_html

pages = [save_html(Path(file)).read_text("utf-8") for file in sys.argv[1:]]
print(*("<h1" in page and "<script" not in page for page in pages), "lark" in sys.modules)
"""


def test_pages_need_no_grammar_of_addresses_and_hold_no_script(tmp_path: Path) -> None:
    cell = nbformat.v4.new_markdown_cell("# A step\n\n<script>alert(1)</script>")
    files = [tmp_path / name for name in ("a.ipynb", "b.ipynb")]
    for file in files:
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)
    done = subprocess.check_output([sys.executable, "-c", CODE, *map(str, files)], cwd=PROJECT, text=True)
    assert done == "True True False\n"
