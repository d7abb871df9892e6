"""What is known of methods: which change what they are called on, and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mltrack.provenance import kinds
from mltrack.provenance.word_lists import words

SELF, FRESH, PARTS, COPY, NUMBER, ALIAS = "self", "fresh", "parts", "copy", "number", "alias"
"""What a method gives: itself or a view, something of its own, one of its parts, a container of its parts, a scalar,
something made of its arguments or of itself."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method: whether it changes its object, whether it puts its arguments there, whether it changes them."""

    gives: str
    kind: str | None = None
    changes: bool = False
    stores: bool = False
    changes_arguments: bool = False
    draws: bool = False
    uses_up: bool = False  # goes over its arguments


_STORES = Method(NUMBER, changes=True, stores=True, uses_up=True)
_TAKES = Method(PARTS, changes=True)
_CONTAINER = {
    **dict.fromkeys(words("append appendleft add insert extend extendleft update"), _STORES),
    **dict.fromkeys(words("symmetric_difference_update intersection_update __setitem__"), _STORES),
    "setdefault": Method(PARTS, changes=True, stores=True),
    **dict.fromkeys(words("pop popitem popleft"), _TAKES),
    **dict.fromkeys(words("remove clear sort reverse discard rotate move_to_end"), Method(NUMBER, changes=True)),
    **dict.fromkeys(words("difference_update subtract __delitem__"), Method(NUMBER, changes=True)),
    **dict.fromkeys(words("get __getitem__"), Method(ALIAS)),
    **dict.fromkeys(words("index count isdisjoint issubset issuperset __len__ __contains__"), Method(NUMBER)),
    **dict.fromkeys(words("keys values items elements most_common"), Method(COPY, kinds.CONTAINER)),
    **dict.fromkeys(words("copy union intersection"), Method(COPY, kinds.CONTAINER)),
    **dict.fromkeys(words("difference symmetric_difference total"), Method(COPY, kinds.CONTAINER)),
}
_DATA_VIEWS = frozenset(
    words(
        "T array asof at axes between_time cat columns diagonal dt first flat get get_group groupby head iat "
        "iloc index items iterrows itertuples last levels loc pipe ravel real imag reshape rolling expanding "
        "ewm resample select set_flags slice sparse squeeze str style swapaxes tail take to_frame to_numpy "
        "to_series transpose truncate values view xs rename_axis set_axis infer_objects reindex_like align "
        "keys apply map agg aggregate transform conj conjugate mT newbyteorder getfield to_records to_xarray "
        "asformat tocsr tocsc tocoo todense sorted_indices rename swaplevel reorder_levels droplevel "
        "to_flat_index tz_localize tz_convert add_prefix add_suffix nonzero with_columns filter lazy collect "
        "get_column get_columns to_dict to_list tolist item explode unstack stack"
    )
)
_DATA_COPIES = frozenset(
    words(
        "abs add add_categories all any arcsin arcsinh arctan arctanh argmax argmin argpartition argsort "
        "as_ordered as_unordered asfreq assign astype autocorr bfill between capitalize case_when casefold "
        "ceil center clip combine combine_first compare contains convert_dtypes copy corr corrwith count "
        "count_nonzero cov cumcount cummax cummin cumprod cumsum date day day_name decode describe diff "
        "difference div divide divmod dot drop drop_duplicates dropna dtype dtypes duplicated encode endswith "
        "eq equals eval expm1 extract extractall factorize ffill fillna find findall first_valid_index "
        "flatten floor floordiv format fullmatch ge get_dummies get_indexer get_level_values get_loc gt "
        "hasnans idxmax idxmin info interpolate intersection is_unique isalnum isalpha isdecimal isdigit isin "
        "islower isna isnull isnumeric isocalendar isoformat isspace istitle isupper join kurt kurtosis "
        "last_valid_index le len ljust log1p lower lstrip lt mask match max maximum mean median melt "
        "memory_usage merge min minimum mod mode month_name mul multiply ne ngroup ngroups nlargest normalize "
        "notna notnull nsmallest nth nunique ohlc pad pct_change pivot pivot_table pow power prod product ptp "
        "quantile query radd rank rdiv reindex remove_categories remove_unused_categories removeprefix "
        "removesuffix rename_categories reorder_categories repeat replace reset_index rfind rfloordiv rindex "
        "rjust rmod rmul round rpartition rpow rsplit rstrip rsub rtruediv sample searchsorted select_dtypes "
        "sem set_categories set_index shift sign size skew sort_index sort_values split sqrt startswith std "
        "strftime strip sub subtract sum swapcase symmetric_difference title to_datetime64 to_html to_json "
        "to_julian_date to_latex to_markdown to_period to_pydatetime to_pytimedelta to_string to_timestamp "
        "toarray tobytes today tofile tolil toordinal total_seconds trace translate truediv trunc union "
        "unique upper value_counts var where wrap zfill zscore to_csv to_excel to_parquet to_pickle to_hdf "
        "to_feather to_sql to_stata to_xml to_orc to_clipboard dump write_csv write_parquet write_json "
        "write_ipc isoweekday timestamp date time timetuple as_unit is_ identical get_indexer_for slice_locs "
        "min_rank getnnz getrow getcol power dumps ctime utcoffset weekday with_row_index is_null is_not_null "
        "null_count n_unique group_by cast alias over implode estimated_size glimpse slice_replace hasobject "
        "asof_locs month_name transpose_copy"
    )
)
_DRAWING = frozenset(words("plot hist boxplot bar barh line scatter area pie box kde density hexbin"))
_DATA = {
    **dict.fromkeys(_DATA_VIEWS, Method(SELF, kinds.DATA)),
    **dict.fromkeys(_DATA_COPIES, Method(FRESH, kinds.DATA)),
    **dict.fromkeys(_DRAWING, Method(FRESH, kinds.PLOT)),
    "sample": Method(FRESH, kinds.DATA, draws=True),
    **dict.fromkeys(
        words("insert update isetitem sort fill put resize partition itemset setflags sort_indices sum_duplicates"),
        Method(NUMBER, changes=True, stores=True),
    ),
    **dict.fromkeys(words("eliminate_zeros setdiag setfield prune"), Method(NUMBER, changes=True)),
    "pop": Method(SELF, kinds.DATA, changes=True),
    **dict.fromkeys(["applymap"], Method(FRESH, kinds.DATA)),
}
_ESTIMATOR_READS = frozenset(
    words(
        "predict predict_proba predict_log_proba decision_function score get_params get_feature_names_out "
        "kneighbors kneighbors_graph radius_neighbors apply decision_path score_samples staged_predict "
        "staged_predict_proba staged_decision_function get_support cost_complexity_pruning_path get_n_splits "
        "path summary summary2 conf_int get_score get_fscore feature_importance num_trees num_boosted_rounds "
        "get_booster aic bic cov_params get_prediction forecast f_test t_test wald_test save_model get_depth "
        "get_n_leaves get_metadata_routing get_params_ bic_ get_feature_importance get_dump "
        "trees_to_dataframe get_label num_row num_col mahalanobis get_covariance get_precision error_norm "
        "reconstruction_error get_all_params save dump"
    )
)
_CHANGING = Method(ALIAS, kinds.ESTIMATOR, changes=True, draws=True)
_ESTIMATOR = {
    **dict.fromkeys(_ESTIMATOR_READS, Method(FRESH, kinds.DATA)),
    **dict.fromkeys(words("transform inverse_transform"), Method(ALIAS, kinds.DATA)),
    **dict.fromkeys(["fit_transform"], Method(ALIAS, kinds.DATA, changes=True, draws=True)),
    "fit_predict": Method(FRESH, kinds.DATA, changes=True, draws=True),
    **dict.fromkeys(
        words("fit partial_fit set_params set_output"), Method(SELF, kinds.ESTIMATOR, changes=True, draws=True)
    ),
    "split": Method(COPY, kinds.CONTAINER, draws=True),
    "sample": Method(FRESH, kinds.DATA, draws=True),
}
_FILE = Method(FRESH, kinds.CONTAINER, changes=True)
_RNG_SHUFFLES = Method(NUMBER, changes=True, changes_arguments=True)


@lru_cache(4096)
def method_of(kind: str | None, name: str) -> Method | None:
    """Give what is known of a method of a kind of objects; None when nothing is: it may change anything it is given."""
    if kind in (kinds.CONTAINER, kinds.COUNTING):
        return _CONTAINER.get(name)
    if kind == kinds.DATA:
        return _DATA.get(name)
    if kind == kinds.ESTIMATOR:
        return _ESTIMATOR.get(name, _CHANGING)
    if kind == kinds.PLOT:
        return Method(SELF, kinds.PLOT, changes=True)
    if kind == kinds.GENERATOR:
        return _RNG_SHUFFLES if name == "shuffle" else Method(ALIAS, kinds.DATA, changes=True)
    if kind == kinds.FILE:
        return _FILE
    if kind == kinds.ITERATOR:
        return Method(PARTS, changes=True)
    return None


def writes_file(name: str) -> bool:
    """Tell whether a method of data writes the file it is given."""
    return (name.startswith(("to_", "write_")) and name in _DATA_COPIES) or name in ("tofile", "dump")
