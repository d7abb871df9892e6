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
# What the licences of the bundled works ask to go with copies; minifying takes their own notices away.
_NOTICE = """/*
Vega, Vega-Lite and vega-embed: Copyright (c) 2013-2025, University of Washington Interactive Data Lab
and the authors of Vega. All rights reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
   disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
   disclaimer in the documentation and/or other materials provided with the distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products
   derived from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF
THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.

It holds parts of D3: Copyright 2010-2023 Mike Bostock. Permission to use, copy, modify, and/or distribute this software
for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission
notice appear in all copies. The software is provided "as is", without warranty of any kind.
*/
"""


def newest_version() -> str:
    """Give the newest Vega-Lite that the installed vl-convert carries, such as ``6.4``."""
    import vl_convert  # a requirement of the build and of the package, not of reading this file

    return max(vl_convert.get_vegalite_versions(), key=lambda version: [int(part) for part in version.split(".")])


def build(path: Path = BUNDLE) -> str:
    """Write the bundle, unless it is there in the newest version; gives the version."""
    import vl_convert  # as above

    version = newest_version()
    heading = f"/* Vega-Lite {version} with Vega and vega-embed (BSD-3-Clause), bundled by vl-convert */\n{_NOTICE}"
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
