"""The kinds of objects whose methods are known, and which types are of which kind."""

from __future__ import annotations

from functools import lru_cache

SCALAR, CONTAINER, COUNTING, DATA, ESTIMATOR = "scalar", "container", "counting", "data", "estimator"
PLOT, GENERATOR, FILE, PATH, ITERATOR = "plot", "rng", "file", "path", "iterator"
MODULE, REF, FUNCTION, CLASS, INSTANCE = "module", "ref", "function", "class", "instance"
METHOD = "method"
"""What a value may be.

Nothing changes a scalar (numbers, texts, dates), a path or a ref, which is a name in a module: a function or a class.
A method is one that was asked for and not called yet: ``add = items.append``.
Reading an item of a counting dictionary may add it; to go over an iterator uses it up.
"""

IMMUTABLE = frozenset({SCALAR, PATH})

_BY_NAME = {
    **dict.fromkeys(
        ("int", "float", "str", "bool", "bytes", "complex", "NoneType", "range", "slice", "ellipsis", "type"), SCALAR
    ),
    **dict.fromkeys(("list", "dict", "set", "frozenset", "tuple", "bytearray"), CONTAINER),
    **dict.fromkeys(("dict_keys", "dict_values", "dict_items"), CONTAINER),
    **dict.fromkeys(("generator", "zip", "map", "filter", "enumerate", "reversed", "list_iterator"), ITERATOR),
    **dict.fromkeys(("collections.OrderedDict", "collections.Counter", "collections.deque"), CONTAINER),
    "collections.defaultdict": COUNTING,
    "random.Random": GENERATOR,
    "random.SystemRandom": GENERATOR,
    "numpy.ndarray": DATA,
    "sklearn.utils._bunch.Bunch": DATA,
    **dict.fromkeys(("decimal.Decimal", "fractions.Fraction", "uuid.UUID", "re.Pattern", "re.Match"), SCALAR),
    **dict.fromkeys(("datetime.datetime", "datetime.date", "datetime.timedelta", "datetime.time"), SCALAR),
    **dict.fromkeys(("datetime.timezone", "types.NoneType"), SCALAR),
}
_BY_START = (
    ("pandas.plotting.", PLOT),
    ("pandas._libs.tslibs.", SCALAR),
    ("pandas.", DATA),
    ("polars.", DATA),
    ("scipy.sparse.", DATA),
    ("pathlib.", PATH),
    ("_io.", FILE),
    ("io.", FILE),
    ("numpy.random.", GENERATOR),
    ("numpy.dtype", SCALAR),
    ("numpy.ma.", DATA),
    ("sklearn.", ESTIMATOR),
    ("statsmodels.", ESTIMATOR),
    ("xgboost.", ESTIMATOR),
    ("lightgbm.", ESTIMATOR),
    ("catboost.", ESTIMATOR),
    ("matplotlib.", PLOT),
    ("seaborn.", PLOT),
    ("plotly.", PLOT),
    ("altair.", PLOT),
    ("bokeh.", PLOT),
    ("zoneinfo.", SCALAR),
)
_NUMPY_SCALARS = ("int", "uint", "float", "complex", "bool", "str_", "bytes_", "datetime64", "timedelta64", "longlong")


@lru_cache(4096)
def kind_of_type(qualified: str) -> str | None:
    """Give the kind of objects of a type, by its qualified name as ``pandas.core.frame.DataFrame``; None: not known."""
    name = qualified.removeprefix("builtins.")
    found = _BY_NAME.get(name)
    if found is not None:
        return found
    if name.startswith("numpy.") and name.removeprefix("numpy.").startswith(_NUMPY_SCALARS):
        return SCALAR
    return next((kind for start, kind in _BY_START if name.startswith(start)), None)


_KEEPS_DATA = (
    *("neighbors", "gaussian_process", "kernel_ridge", "semi_supervised", "KernelPCA", "Isomap", "statsmodels."),
    *("KNeighbors", "KNN", "LocalOutlier", "RadiusNeighbors", "DBSCAN", "OPTICS", "pipeline", "FunctionTransformer"),
    *("xgboost.DMatrix", "lightgbm.Dataset", "Pool", "custom", "TransformedTarget", "SpectralEmbedding", "IterativeI"),
)


def keeps_data(name: str | None) -> bool:
    """Tell whether a fitted model may hold on to the very arrays it was given; so may one whose class is not known."""
    return name is None or any(part in name for part in _KEEPS_DATA)
