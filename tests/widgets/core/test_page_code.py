from __future__ import annotations

import json
import subprocess

from hftlab.widgets import Ladder
from hftlab.widgets.core.page_code import page_source, standalone_page
from tests.needs import program


def test_modules_are_put_together_once_each_in_scopes_of_their_own(tmp_path):
    (tmp_path / "one.js").write_text('const NAME = "one";\nexport function one() {\n  return NAME;\n}\n')
    (tmp_path / "two.js").write_text(
        'import { one } from "./one.js";\nconst NAME = "two";\nexport const two = () => one() + NAME;\n'
        "export default two;\n"
    )
    (tmp_path / "top.js").write_text(
        'import { one as first } from "./one.js";\nimport { two } from "./two.js";\n'
        'const NAME = "top";\nexport default first() + two() + NAME;\n'
    )
    source = page_source(tmp_path / "top.js")
    assert source.count('"one"') == 1
    code = f"const all = await import({json.dumps('data:text/javascript,' + source)}); console.log(all.default);"
    node = [program("node", "nodejs"), "--input-type=module", "--eval", code]
    assert subprocess.run(node, capture_output=True, text=True, check=True).stdout == "oneonetwotop\n"


def test_a_standalone_page_cannot_be_left_by_what_it_shows():
    page = standalone_page("</title><b>", "source</script>", {"frame": b"\x00\xff", "symbol": "</script>"}, "<svg/>")
    assert page.count("</script>") == 1
    assert page.count("</title>") == 1
    assert '"AP8="' in page


def test_every_view_is_one_module():
    assert "\nimport " not in Ladder._esm
    assert Ladder._esm.count("export default") == 1
