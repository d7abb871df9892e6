"""What packages of conda's are called on PyPI, and which are not there: compilers, libraries, other languages.

Sources: the channels' own recipes, and the names that the projects give on PyPI.
"""

from __future__ import annotations

import re
from typing import Final

TWINS: Final = {
    **dict.fromkeys(("pytorch", "pytorch-cpu", "pytorch-gpu"), "torch"),
    **dict.fromkeys(("py-xgboost", "py-xgboost-cpu", "py-xgboost-gpu", "xgboost-cpu", "xgboost-gpu"), "xgboost"),
    **dict.fromkeys(("tensorflow-base", "tensorflow-gpu", "tensorflow-mkl", "tensorflow-eigen"), "tensorflow"),
    **dict.fromkeys(("keras-base", "keras-gpu"), "keras"),
    **dict.fromkeys(("opencv", "py-opencv"), "opencv-python"),
    **dict.fromkeys(("brotlipy", "brotli-python"), "brotli"),
    **dict.fromkeys(("faiss", "py-faiss"), "faiss-cpu"),
    "matplotlib-base": "matplotlib",
    **dict.fromkeys(("pil", "pillow-simd"), "pillow"),
    "dask-core": "dask",
    "docker-py": "docker",
    "geopandas-base": "geopandas",
    "lightgbm-cpu": "lightgbm",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "psycopg2": "psycopg2-binary",
    "pyqt": "pyqt5",
    "pyarrow-core": "pyarrow",
    "pyspark-base": "pyspark",
    "pytables": "tables",
    "python-blosc": "blosc",
    "python-duckdb": "duckdb",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "python-lmdb": "lmdb",
    "python-tblib": "tblib",
    "python-tzdata": "tzdata",
    "python-wget": "wget",
    "python-xxhash": "xxhash",
    "redis-py": "redis",
    "ruamel-yaml": "ruamel.yaml",
    "ray-default": "ray[default]",
    "ray-core": "ray",
    "ray-tune": "ray[tune]",
    "seaborn-base": "seaborn",
    "statsmodels-base": "statsmodels",
    "torchtext-cpu": "torchtext",
    "torchvision-cpu": "torchvision",
    "uvicorn-standard": "uvicorn[standard]",
}
"""Names that differ, by conda's; normalised (``_`` and ``.`` as ``-``)."""

CONDA_ONLY: Final = frozenset({
    # builds, compilers, and what they need
    *("autoconf", "automake", "binutils", "c-compiler", "clang", "compilers", "cxx-compiler", "fortran-compiler"),
    *("gcc", "gfortran", "gxx", "llvm", "llvm-openmp", "m4", "make", "pkg-config", "sysroot", "vc", "vs2015-runtime"),
    *("ucrt", "msys2-conda-epoch", "libtool", "ninja-base", "bazel", "rust", "go", "perl", "ruby", "lua"),
    # graphics cards and mathematics
    *("blas", "cpuonly", "cudatoolkit", "cudnn", "cutensor", "nccl", "magma", "pytorch-cuda", "pytorch-mutex"),
    *("intel-openmp", "mkl", "mkl-devel", "mkl-include", "mkl-service", "mkl-fft", "mkl-random", "openblas"),
    *("tensorflow-estimator-gpu", "tbb", "tbb4py", "eigen", "fftw", "gsl", "lapack", "suitesparse", "metis"),
    # libraries and programs
    *("abseil-cpp", "arrow-cpp", "aws-c-common", "boost", "boost-cpp", "bzip2", "c-ares", "ca-certificates", "cairo"),
    *("blosc", "c-blosc2", "curl", "dbus", "expat", "ffmpeg", "fontconfig", "freetype", "fribidi", "gdal", "geos"),
    *("gettext", "gflags", "giflib", "git", "git-lfs", "glib", "glog", "gmp", "gnutls", "graphite2", "graphviz"),
    *("gst-plugins-base", "gstreamer", "hadoop", "harfbuzz", "hdf4", "hdf5", "icu", "imagemagick", "jpeg", "jq"),
    *("keyutils", "krb5", "lame", "lcms2", "ld-impl-linux-64", "leptonica", "lerc", "lz4-c", "mpfr", "mpich", "mysql"),
    *("mysql-common", "mysql-libs", "ncurses", "netcdf4-c", "nettle", "nginx", "nodejs", "nspr", "nss", "openh264"),
    *("openjdk", "openjpeg", "openmpi", "openssl", "orc", "pandoc", "pango", "pcre", "pcre2", "pixman", "poppler"),
    *("postgresql", "proj", "proj4", "protobuf-c", "qt", "qt-main", "qt-webengine", "rapidjson", "re2", "readline"),
    *("redis-server", "snappy", "sox", "sqlite", "swig", "tesseract", "texlive-core", "tk", "tzdata", "unixodbc"),
    *("utf8proc", "wget", "x264", "x265", "xerces-c", "xz", "yaml", "yaml-cpp", "yarn", "zeromq", "zip", "unzip"),
    *("zlib", "zstd", "maven", "sbt", "scala", "spark", "cmdstan", "coincbc", "glpk", "ipopt", "scip"),
    # conda itself
    *("anaconda", "anaconda-client", "anaconda-navigator", "conda", "conda-build", "conda-env"),
    "conda-libmamba-solver",
    *("conda-package-handling", "mamba", "micromamba", "nb-conda", "nb-conda-kernels", "navigator-updater", "menuinst"),
    *("nomkl", "python-abi", "pypy", "toolchain", "toolchain3"),
    # other languages
    *("r", "julia", "octave"),
})  # fmt: skip
"""Names that conda alone has, or that are something else on PyPI; normalised."""

_ONLY_PREFIXES = (
    *("r-", "lib", "cuda-", "gcc-", "gxx-", "gfortran-", "binutils-", "clang-", "aws-c", "aws-crt-cpp", "xorg-"),
    *("font-ttf-", "fonts-", "qt6-", "gst-", "nvidia-", "perl-", "sysroot-", "kernel-headers", "rust-", "go-", "ruby-"),
    *("m2w64-", "msys2-", "bioconductor-", "spacy-model-", "tensorflow-gpu-"),
)
_NO_LIBRARIES = frozenset({
    *("librosa", "libcst", "libclang", "libsass", "libsvm-official", "liblinear-official", "librt", "libarchive-c"),
    *("libtmux", "libusb1", "libsvmdata", "libpysal", "libipld"),
})  # fmt: skip
"""Distributions for Python whose names begin as those of libraries do."""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
_HASH = re.compile(r"h[0-9a-f]{5,}")
_SEPARATORS = re.compile(r"[-_.]+")


def twin_of(name: str, build: str = "") -> str | None:
    """Give what a package of conda's is called on PyPI; None when it is not there, as far as its name tells.

    ``build`` is the package's build where the file has one (``py39h6e9494a_0``): one with a
    hash and without ``py`` is not Python's.
    """
    plain = _SEPARATORS.sub("-", name.lower())
    twin = TWINS.get(plain)
    if twin is not None:
        return twin
    is_library = plain.startswith(_ONLY_PREFIXES) and plain not in _NO_LIBRARIES
    if name.startswith("_") or is_library or plain in CONDA_ONLY or not _NAME.fullmatch(name):
        return None
    return None if _HASH.search(build) and "py" not in build else name.lower()
