"""Build hook of the wheel: the tutorials, and the recordings that they read, go into it as hftlab/_tutorials/."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Tutorials(BuildHookInterface):
    """Names the files one by one: what has been recorded or executed in a checkout does not belong into a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # which finds them where they are
            return
        root = Path(self.root)
        paths = list(root.glob("notebooks/*.ipynb"))
        for manifest in root.glob("data/*/manifest.json"):
            paths += [path for path in manifest.parent.rglob("*") if path.is_file()]
        names = [path.relative_to(root).as_posix() for path in paths]
        build_data["force_include"].update({name: f"hftlab/_tutorials/{name}" for name in names})
