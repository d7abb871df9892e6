"""What an exported run needs: the distributions of the modules its cells import, in the versions the run had.

Source of the files: MLflow's ``python_env.yaml`` and conda's ``environment.yml``.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from mltrack.models.requirements import CHANNELS
from mltrack.plain_yaml import write_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

OURS = frozenset({"mltrack", "mltrack_magics", "mltrack_widgets"})
_OUR_DISTRIBUTION = "jupyter-mltrack"
# Distributions that are called otherwise than the module they bring.
_CALLED: dict[str, tuple[str, ...]] = {
    "attr": ("attrs",),
    "Bio": ("biopython",),
    "bs4": ("beautifulsoup4",),
    "Crypto": ("pycryptodome",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "dateutil": ("python-dateutil",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "fitz": ("pymupdf",),
    "git": ("gitpython",),
    "hydra": ("hydra-core",),
    "jwt": ("pyjwt",),
    "magic": ("python-magic",),
    "mlflow": ("mlflow", "mlflow-skinny"),
    "mpl_toolkits": ("matplotlib",),
    "OpenSSL": ("pyopenssl",),
    "PIL": ("pillow",),
    "pkg_resources": ("setuptools",),
    "pptx": ("python-pptx",),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "pylab": ("matplotlib",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos"),
    "umap": ("umap-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "yaml": ("pyyaml",),
}
# What a library loads by itself when a method of it is called.
_IMPLIED = (
    (re.compile(r"\b(?:read|to)_(?:parquet|feather|orc)\("), ("pyarrow",)),
    (re.compile(r"\b(?:read_excel|to_excel)\("), ("openpyxl",)),
    (re.compile(r"\.(?:plot|hist|boxplot)\b|style\.background_gradient"), ("matplotlib",)),
    (re.compile(r"\bread_html\("), ("lxml",)),
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """Lines of a ``requirements.txt``, and the modules that no distribution was known of."""

    lines: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def requirements_of(
    modules: Iterable[str], packages: Mapping[str, str], *, sources: Sequence[str] = (), tools: Sequence[str] = ()
) -> Requirements:
    """Give what brings these modules, pinned as in ``packages``; ``tools`` are distributions that are needed too.

    ``sources`` are the cells, in which methods are looked for that load a library of their own accord.
    """
    found: dict[str, str] = {}
    unknown = []
    for module in sorted(set(modules)):
        if module in sys.stdlib_module_names or module in OURS or module.startswith("_"):
            continue
        names = _distributions(module, packages)
        for name in names:
            found[name] = _pinned(name, packages)
        if not names:
            unknown.append(module)
    for pattern, implied in _IMPLIED:
        if any(pattern.search(source) for source in sources):
            found.update({name: _pinned(name, packages) for name in implied if name in packages})
    for name in tools:
        found.setdefault(name, _pinned(name, packages))
    return Requirements(tuple(found[name] for name in sorted(found)), tuple(unknown))


def _pinned(name: str, packages: Mapping[str, str]) -> str:
    version = packages.get(name, "").partition("+")[0]
    return f"{name}=={version}" if re.fullmatch(r"[0-9][0-9A-Za-z.!]*", version) else name


def _distributions(module: str, packages: Mapping[str, str]) -> tuple[str, ...]:
    """Give the names of what brings a module: as it was installed for the run, else as it is installed here."""
    usual = _CALLED.get(module, (module.lower().replace("_", "-"),))
    candidates = (*usual, f"python-{usual[0]}", f"py{usual[0]}", f"{usual[0]}-python")
    for name in candidates:
        if name in packages:
            return (name,)
    here = tuple(name for name in _by_module().get(module, ()) if name != _OUR_DISTRIBUTION)
    return here or (usual[:1] if module in _CALLED else ())


@cache
def _by_module() -> dict[str, list[str]]:
    """Ask every distribution for its modules, which takes tenths of a second: only for a module that is not known."""
    found = metadata.packages_distributions()
    return {
        module: sorted({name.lower().replace("_", "-").replace(".", "-") for name in names})
        for module, names in found.items()
    }


def write_environment(folder: Path, needed: Requirements, packages: Mapping[str, str], python: str | None) -> None:
    """Write ``requirements.txt``, ``requirements-all.txt``, ``python_env.yaml`` and ``conda.yaml``."""
    notes = [f"# What brings the module {name} was not found: add its distribution.\n" for name in needed.unknown]
    lines = "".join(f"{each}\n" for each in needed.lines)
    # What the lines need in turn comes in the run's versions, too.
    limits = "-c requirements-all.txt\n" if packages else ""
    (folder / "requirements.txt").write_text("".join(notes) + limits + lines, encoding="utf-8")
    version = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    everything = [_pinned(name, packages) for name in sorted(packages) if name != _OUR_DISTRIBUTION]
    told = "# Every package that was installed when the run was made; requirements.txt has what its cells import.\n"
    (folder / "requirements-all.txt").write_text(told + "".join(f"{each}\n" for each in everything), encoding="utf-8")
    build = [_pinned(name, packages) for name in ("pip", "setuptools", "wheel")]
    environment: dict[str, Any] = {"python": version, "build_dependencies": build}
    environment["dependencies"] = ["-r requirements.txt"]
    (folder / "python_env.yaml").write_text(write_yaml(environment), encoding="utf-8")
    conda: dict[str, Any] = {"name": "exported-run", "channels": list(CHANNELS)}
    conda["dependencies"] = [f"python={version}", "pip", {"pip": list(needed.lines)}]
    (folder / "conda.yaml").write_text(write_yaml(conda), encoding="utf-8")
