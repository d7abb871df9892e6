"""What is known of functions by their dotted names: what they change, what they give, what they draw."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache

from mltrack.provenance import kinds
from mltrack.provenance.known_methods import ALIAS, COPY, FRESH, NUMBER, SELF
from mltrack.provenance.word_lists import words

ITEM, ITERATOR, MAKES, NESTED, DEEP, MODULE = "item", "iterator", "makes", "nested", "deep", "module"
"""What a function may give besides: an item of its argument, one that is gone over later, an object of its class,
containers in containers, a copy of all that is in it, a module."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what it gives, and what it does.

    ``changes`` says which arguments it changes: none, the first, or all; ``state`` that it changes its module;
    ``uses_up`` that it goes over its arguments; ``draws`` from which generator, ``seeds`` which it seeds,
    ``tells`` which it gives the state of.
    """

    gives: str = FRESH
    kind: str | None = None
    changes: str = "none"
    state: bool = False
    uses_up: bool = False
    draws: str | None = None
    seeds: str | None = None
    ambient: bool = False
    tells: str | None = None


_NUMBER = Function(NUMBER)
_OVER = Function(NUMBER, uses_up=True)
_COPY = Function(COPY, kinds.CONTAINER, uses_up=True)
_FRESH = Function(FRESH, kinds.DATA)
_ALIAS = Function(ALIAS, kinds.DATA)
_STATE = Function(NUMBER, state=True)
_AMBIENT = Function(NUMBER, ambient=True)
_FIRST = Function(ALIAS, changes="first")
_PLOT = Function(ALIAS, kinds.PLOT)

_BUILTINS = {
    **dict.fromkeys(words("abs ascii bin bool bytes chr complex float format hash hex id int len oct ord"), _NUMBER),
    **dict.fromkeys(words("print pow repr round str callable isinstance issubclass hasattr dir range"), _NUMBER),
    **dict.fromkeys(words("slice help breakpoint input divmod object property"), _NUMBER),
    "memoryview": _ALIAS,
    **dict.fromkeys(words("BaseException Exception"), Function(ALIAS)),
    **dict.fromkeys(words("all any"), _OVER),
    **dict.fromkeys(words("list tuple set frozenset sorted dict bytearray"), _COPY),
    **dict.fromkeys(words("zip map filter enumerate reversed iter aiter"), Function(ITERATOR, kinds.ITERATOR)),
    **dict.fromkeys(words("max min sum next anext"), Function(ITEM, uses_up=True)),
    "getattr": Function(SELF),
    "vars": Function(SELF),
    "super": Function(ALIAS),
    **dict.fromkeys(words("setattr delattr"), Function(NUMBER, changes="first")),
}
_RANDOM_TAKES = words("random.choice random.choices random.sample numpy.random.choice numpy.random.permutation")
_BY_NAME = {
    **{f"builtins.{name}": rule for name, rule in _BUILTINS.items()},
    **dict.fromkeys(words("copy.copy copy.replace"), Function(COPY)),
    "copy.deepcopy": Function(DEEP),
    "functools.reduce": Function(ALIAS, uses_up=True),
    "functools.partial": Function(ALIAS),
    "importlib.import_module": Function(MODULE),
    "importlib.reload": Function(SELF, changes="first"),
    "collections.defaultdict": Function(ALIAS, kinds.COUNTING),
    **dict.fromkeys(words("collections.deque collections.Counter collections.OrderedDict"), _COPY),
    "collections.namedtuple": Function(NUMBER),
    "contextlib.suppress": Function(NUMBER),
    **dict.fromkeys(words("heapq.heappush heapq.heappop heapq.heapify heapq.heappushpop"), _FIRST),
    **dict.fromkeys(words("bisect.insort bisect.insort_left bisect.insort_right"), _FIRST),
    "random.seed": Function(NUMBER, seeds="random"),
    "random.setstate": Function(NUMBER, seeds="random"),
    "random.getstate": Function(NUMBER, tells="random"),
    "random.shuffle": Function(NUMBER, changes="first", draws="random"),
    **dict.fromkeys(words("random.Random random.SystemRandom"), Function(FRESH, kinds.GENERATOR)),
    "numpy.random.seed": Function(NUMBER, seeds="numpy"),
    "numpy.random.set_state": Function(NUMBER, seeds="numpy"),
    "numpy.random.get_state": Function(FRESH, kinds.DATA, tells="numpy"),
    "numpy.random.shuffle": Function(NUMBER, changes="first", draws="numpy"),
    **dict.fromkeys(words("numpy.random.RandomState numpy.random.default_rng"), Function(ALIAS, kinds.GENERATOR)),
    **dict.fromkeys(words("numpy.random.Generator numpy.random.PCG64"), Function(ALIAS, kinds.GENERATOR)),
    "numpy.random.SeedSequence": Function(ALIAS, kinds.GENERATOR),
    "torch.manual_seed": Function(NUMBER, seeds="torch"),
    "torch.random.manual_seed": Function(NUMBER, seeds="torch"),
    **dict.fromkeys(words("torch.set_rng_state torch.random.set_rng_state"), Function(NUMBER, seeds="torch")),
    **dict.fromkeys(
        words("torch.get_rng_state torch.random.get_rng_state torch.initial_seed torch.random.initial_seed"),
        Function(FRESH, None, tells="torch"),
    ),
    "torch.Generator": Function(FRESH, kinds.GENERATOR),
    **dict.fromkeys(words("numpy.put numpy.place numpy.copyto numpy.fill_diagonal numpy.putmask"), _FIRST),
    **dict.fromkeys(words("numpy.put_along_axis"), _FIRST),
    **dict.fromkeys(words("numpy.seterr numpy.set_printoptions numpy.seterrcall numpy.setbufsize"), _STATE),
    **dict.fromkeys(words("pandas.set_option pandas.reset_option pandas.set_eng_float_format"), _STATE),
    "pandas.option_context": _NUMBER,
    "pandas.plotting.register_matplotlib_converters": _STATE,
    "sklearn.set_config": _STATE,
    "sklearn.base.clone": Function(FRESH, kinds.ESTIMATOR),
    "sklearn.model_selection.train_test_split": Function(FRESH, kinds.DATA, draws="numpy"),
    **dict.fromkeys(
        words("sklearn.utils.check_array sklearn.utils.check_X_y sklearn.utils.check_random_state"), Function(ALIAS)
    ),
    **dict.fromkeys(words("sklearn.utils.shuffle sklearn.utils.resample"), Function(FRESH, kinds.DATA, draws="numpy")),
    **dict.fromkeys(
        words(
            "sklearn.pipeline.make_pipeline sklearn.pipeline.make_union sklearn.compose.make_column_transformer "
            "sklearn.feature_selection.make_pipeline"
        ),
        Function(ALIAS, kinds.ESTIMATOR),
    ),
    **dict.fromkeys(words("xgboost.train lightgbm.train"), Function(ALIAS, kinds.ESTIMATOR, draws="numpy")),
    **dict.fromkeys(words("xgboost.cv lightgbm.cv"), Function(FRESH, kinds.DATA, draws="numpy")),
    "sklearn.utils.Bunch": Function(ALIAS, kinds.DATA),
    **dict.fromkeys(words("gc.collect gc.disable gc.enable"), _NUMBER),
    **dict.fromkeys(words("time.sleep time.time time.perf_counter"), _NUMBER),
    **dict.fromkeys(words("os.chdir os.fchdir"), _AMBIENT),
    **dict.fromkeys(words("os.putenv os.unsetenv os.umask os.nice"), _AMBIENT),
    **dict.fromkeys(words("decimal.getcontext decimal.setcontext"), Function(SELF, state=True)),
    "locale.setlocale": _AMBIENT,
    **dict.fromkeys(words("IPython.display.clear_output IPython.display.display"), _NUMBER),
    "pickle.load": Function(FRESH, None, changes="first"),
    "pickle.loads": Function(FRESH, None),
    "json.load": Function(NESTED, kinds.CONTAINER, changes="first"),
    "json.loads": Function(NESTED, kinds.CONTAINER),
    **dict.fromkeys(words("json.dump pickle.dump"), Function(NUMBER, changes="last")),
    **dict.fromkeys(words("json.dumps pickle.dumps"), _OVER),
    **dict.fromkeys(words("os.listdir os.walk os.scandir glob.glob glob.iglob"), Function(FRESH, kinds.CONTAINER)),
}
for _name in _RANDOM_TAKES:
    _BY_NAME[_name] = Function(ALIAS, None, draws=_name.rpartition(".")[0].partition(".")[0])

# The first that fits counts.
_BY_START = (
    ("numpy.random.", Function(FRESH, kinds.DATA, draws="numpy")),
    ("numpy.linalg.", _FRESH),
    ("numpy.fft.", _FRESH),
    ("random.", Function(NUMBER, draws="random")),
    ("torch.rand", Function(FRESH, None, draws="torch")),
    ("torch.normal", Function(FRESH, None, draws="torch")),
    ("torch.bernoulli", Function(FRESH, None, draws="torch")),
    ("torch.nn.init.", Function(ALIAS, None, changes="first", draws="torch")),
    ("torch.nn.functional.", Function(ALIAS, None, draws="torch")),
    ("torch.nn.utils.", Function(ALIAS, None, changes="all")),
    ("torch.nn.", Function(ALIAS, None, draws="torch")),
    ("torch.set_", _STATE),
    ("torch.use_", _STATE),
    ("torch.", Function(ALIAS, None)),
    ("sys.path.", _AMBIENT),
    ("sys.modules.", _AMBIENT),
    ("sys.set", _AMBIENT),
    ("os.environ.get", _NUMBER),
    ("os.environ.", _AMBIENT),
    ("os.path.", _NUMBER),
    ("warnings.filterwarnings", _AMBIENT),
    ("warnings.simplefilter", _AMBIENT),
    ("warnings.resetwarnings", _AMBIENT),
    ("warnings.catch_warnings", _NUMBER),
    ("signal.", _AMBIENT),
    ("atexit.", _AMBIENT),
    ("pandas.options.", _STATE),
    ("pandas.api.extensions.register", _STATE),
    ("matplotlib.rcParams.", _STATE),
    ("matplotlib.rc", _STATE),
    ("matplotlib.use", _STATE),
    ("matplotlib.style.use", _STATE),
    ("matplotlib.pyplot.rcParams.", _STATE),
    ("matplotlib.pyplot.rc", _STATE),
    ("matplotlib.pyplot.style.use", _STATE),
    ("matplotlib.pyplot.set_cmap", _STATE),
    ("seaborn.set", _STATE),
    ("plotly.io.", _STATE),
    ("altair.data_transformers", _STATE),
    ("tqdm.", Function(SELF)),
    ("sklearn.metrics.", Function(FRESH, kinds.DATA)),
    ("sklearn.datasets.", Function(FRESH, kinds.DATA, draws="numpy")),
    ("sklearn.model_selection.", Function(FRESH, kinds.DATA, draws="numpy")),
    ("sklearn.inspection.", Function(FRESH, kinds.DATA, draws="numpy")),
    ("scipy.stats.", Function(FRESH, kinds.DATA, draws="numpy")),
    ("scipy.sparse.", _ALIAS),
    ("functools.", Function(ALIAS)),
    ("itertools.", Function(ITERATOR, kinds.ITERATOR)),
    ("contextlib.", Function(ALIAS)),
    ("types.", Function(ALIAS)),
    ("weakref.", Function(ALIAS)),
    ("operator.i", _FIRST),
    ("operator.setitem", _FIRST),
    ("operator.delitem", _FIRST),
    ("operator.", Function(ALIAS)),
)

# Modules whose other functions change nothing they are given; what they give.
_BY_MODULE = {
    **dict.fromkeys(
        words("math cmath statistics time calendar string textwrap hashlib hmac base64 html keyword"), _OVER
    ),
    **dict.fromkeys(words("datetime decimal fractions uuid re zlib struct platform getpass secrets pprint"), _OVER),
    **dict.fromkeys(words("typing enum abc numbers dataclasses difflib unicodedata locale zoneinfo"), Function(ALIAS)),
    **dict.fromkeys(words("os shutil warnings traceback inspect tempfile"), _NUMBER),
    "IPython": Function(ALIAS, kinds.PLOT),
    "numpy": _ALIAS,
    "pandas": _ALIAS,
    "scipy": _FRESH,
    "polars": _ALIAS,
    "sklearn": _ALIAS,
    "statsmodels": Function(ALIAS, kinds.ESTIMATOR),
    "matplotlib": _PLOT,
    "seaborn": _PLOT,
    "plotly": _PLOT,
    "altair": _PLOT,
    "bokeh": _PLOT,
    "missingno": _PLOT,
    "mltrack": Function(ALIAS, None, state=True),
    "mlflow": Function(ALIAS, None, state=True),
    "nltk": Function(FRESH, None),
}
_LOGS = ("log_", "set_tag", "get_", "search_", "list_", "last_active", "active_")
_NUMPY_FRESH = frozenset(
    words(
        "mean sum std var min max median percentile quantile argmax argmin argsort sort unique concatenate "
        "vstack hstack stack column_stack dstack zeros ones full empty zeros_like ones_like full_like "
        "empty_like arange linspace logspace geomspace eye identity dot matmul exp log log2 log10 log1p expm1 "
        "sqrt sin cos tan arcsin arccos arctan tanh sinh cosh abs absolute where clip round around floor ceil "
        "cumsum cumprod diff histogram histogram2d corrcoef cov polyfit polyval isnan isfinite isinf isclose "
        "allclose array_equal add subtract multiply divide power maximum minimum outer inner cross tile "
        "repeat copy nanmean nansum nanstd nanmin nanmax nanmedian nonzero argwhere flatnonzero searchsorted "
        "digitize bincount interp convolve correlate trapezoid gradient prod any all count_nonzero sign "
        "square mod logical_and logical_or logical_not logical_xor in1d isin intersect1d union1d setdiff1d "
        "append delete insert loadtxt genfromtxt load fromfile fromstring tri tril triu kron einsum average "
        "ptp amax amin float64 float32 int64 int32 uint8 bool_ str_ datetime64 timedelta64 dtype"
    )
)
_PANDAS_FRESH = frozenset(
    words(
        "concat merge get_dummies cut qcut date_range timedelta_range period_range pivot_table pivot crosstab "
        "melt isna isnull notna notnull unique factorize json_normalize Timestamp Timedelta value_counts "
        "merge_asof merge_ordered wide_to_long to_timedelta eval"
    )
)
_FROM_MODULE = {"numpy": _NUMPY_FRESH, "pandas": _PANDAS_FRESH, "polars": frozenset({"concat", "DataFrame"})}
_ESTIMATORS = ("sklearn", "xgboost", "lightgbm", "catboost", "statsmodels")
_KNOWN_ROOTS = sys.stdlib_module_names | {
    *words(
    "numpy pandas scipy sklearn matplotlib seaborn plotly altair bokeh statsmodels xgboost lightgbm "
    "catboost torch torchvision tensorflow keras tqdm joblib PIL requests IPython ipywidgets mltrack "
    "mlflow cv2 nltk bs4 yaml polars pyarrow networkx sympy numba optuna transformers datasets spacy "
    "gensim imblearn skimage missingno tabulate dateutil pytz psutil httpx lxml openpyxl shap wandb spacy "
    "boto3 sqlalchemy duckdb rich click"
),
}  # fmt: skip
_REGISTERS = ("sklearn.experimental", "hvplot", "mpl_toolkits", "antigravity", "site", "sitecustomize", "usercustomize")


def registers_itself(module: str) -> bool:
    """Tell whether to import a module may change others: one that is not known may."""
    return module.startswith(_REGISTERS) or module.partition(".")[0] not in _KNOWN_ROOTS


@lru_cache(4096)
def function_of(path: str) -> Function | None:
    """Give what is known of a function or class by its dotted name; None when it may change what it is given."""
    found = _BY_NAME.get(path)
    if found is not None:
        return found
    root, _, rest = path.partition(".")
    name = rest.rpartition(".")[2]
    if root in _ESTIMATORS and _is_class(path):
        return _PLOT if "Display" in path else Function(MAKES, kinds.ESTIMATOR)
    for start, rule in _BY_START:
        if path.startswith(start):
            return rule
    if rest in _FROM_MODULE.get(root, ()) or (root == "pandas" and name.startswith("read_")):
        return _FRESH
    if root == "numpy" and name == "at":  # np.add.at
        return _FIRST
    if root in ("mltrack", "mlflow") and name.startswith(_LOGS):
        return Function(ALIAS, None)
    return _BY_MODULE.get(root)


def _is_class(path: str) -> bool:
    return any(part[:1].isupper() for part in path.split("."))
