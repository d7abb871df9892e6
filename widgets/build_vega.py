"""Put Vega, Vega-Lite and vega-embed into the one file that all charts of a page share.

It is run when the package is built or installed (hatchling's hook), and by hand after Altair has moved on:
``python widgets/build_vega.py``. The text comes from vl-convert, which carries it; nothing is fetched.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # by hand there is no hatchling
    BuildHookInterface = object  # type: ignore[assignment, misc]

BUNDLE = Path(__file__).with_name("mltrack_widgets") / "front" / "vega.js"
_EXPORTS = "export { vegaEmbed, vega };"


def newest_version() -> str:
    """Give the newest Vega-Lite that the installed vl-convert carries, such as ``6.4``."""
    import vl_convert  # a requirement of the build and of the package, not of reading this file

    return max(vl_convert.get_vegalite_versions(), key=lambda version: [int(part) for part in version.split(".")])


def build(path: Path = BUNDLE) -> str:
    """Write the bundle, unless it is there in the newest version; gives the version."""
    import vl_convert  # as above

    version = newest_version()
    heading = f"/* Vega-Lite {version} with Vega and vega-embed (BSD-3-Clause), bundled by vl-convert */\n"
    if not path.exists() or not path.read_text(encoding="utf-8").startswith(heading):
        script = vl_convert.javascript_bundle(_EXPORTS, vl_version=version)
        path.write_text(heading + re.sub(r"\n//# sourceMappingURL=.*", "", script), encoding="utf-8")
    return version


class VegaHook(BuildHookInterface):  # type: ignore[misc, unused-ignore]
    """What hatchling calls before it builds a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundle, so that it is there to be packed."""
        del version, build_data
        build()


if __name__ == "__main__":
    print(f"{BUNDLE.name}: Vega-Lite {build()}, {BUNDLE.stat().st_size:,} bytes")
