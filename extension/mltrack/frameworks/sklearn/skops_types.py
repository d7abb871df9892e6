"""What a skops file may hold beside what skops itself trusts: classes that are data, and functions without effects.

Each was read before it was put here. A class is here when loading it sets attributes and nothing else, and using it
calls nothing but what the file holds and what is looked at as well. A function is here when it computes its result from
its arguments and does nothing else. What is not here, and why:

- ``scipy.stats`` distributions execute text of theirs when they are loaded;
- ``scipy.interpolate`` reads where its own numbers say, without looking whether that is in the array;
- distances of ``sklearn.metrics`` with weights do the same, and ``PyFuncDistance`` calls any function;
- methods call whatever has their name.

Trees are here although their numbers say which memory is read: ``soundness`` looks at those numbers.
"""

from __future__ import annotations

_BY_MODULE = {
    "collections": ("OrderedDict",),
    "functools": ("partial",),  # of a function that is looked at as well
    "numpy": ("clip", "dtype", "max", "mean", "median", "min", "nan_to_num", "round", "std", "sum"),
    "sklearn._loss.loss": ("HalfTweedieLoss", "HalfTweedieLossIdentity"),
    "sklearn.calibration": ("_CalibratedClassifier", "_SigmoidCalibration", "_TemperatureScaling"),
    "sklearn.cluster._bisect_k_means": ("_BisectingTree",),
    "sklearn.cluster._kmeans": ("_kmeans_single_elkan", "_kmeans_single_lloyd"),
    "sklearn.compose._column_transformer": ("_RemainderColsList", "make_column_selector"),
    "sklearn.ensemble._hist_gradient_boosting.predictor": ("TreePredictor",),
    "sklearn.feature_selection._mutual_info": ("mutual_info_classif", "mutual_info_regression"),
    "sklearn.feature_selection._univariate_selection": (
        "chi2",
        "f_classif",
        "f_oneway",
        "f_regression",
        "r_regression",
    ),
    "sklearn.gaussian_process._gpc": ("_BinaryGaussianProcessClassifierLaplace",),
    "sklearn.gaussian_process.kernels": (
        *("CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared", "Exponentiation", "Matern"),
        *("PairwiseKernel", "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
    ),
    "sklearn.metrics._classification": (
        *("accuracy_score", "balanced_accuracy_score", "brier_score_loss", "cohen_kappa_score", "d2_brier_score"),
        *("d2_log_loss_score", "f1_score", "fbeta_score", "jaccard_score", "log_loss", "matthews_corrcoef"),
        *("precision_score", "recall_score"),
    ),
    "sklearn.metrics._dist_metrics": tuple(
        f"{name}Distance{bits}" for name in ("Chebyshev", "Euclidean", "Manhattan") for bits in (32, 64)
    ),
    "sklearn.metrics._ranking": ("average_precision_score", "roc_auc_score", "top_k_accuracy_score"),
    "sklearn.metrics._regression": (
        *("d2_absolute_error_score", "explained_variance_score", "max_error", "mean_absolute_error"),
        *("mean_absolute_percentage_error", "mean_gamma_deviance", "mean_pinball_loss", "mean_poisson_deviance"),
        *("mean_squared_error", "mean_squared_log_error", "median_absolute_error", "r2_score"),
        *("root_mean_squared_error", "root_mean_squared_log_error"),
    ),
    "sklearn.metrics._scorer": (
        *("_CurveScorer", "_MultimetricScorer", "_PassthroughScorer", "_Scorer", "negative_likelihood_ratio"),
        "positive_likelihood_ratio",
    ),
    "sklearn.metrics.cluster._supervised": (
        *("adjusted_mutual_info_score", "adjusted_rand_score", "completeness_score", "fowlkes_mallows_score"),
        *("homogeneity_score", "mutual_info_score", "normalized_mutual_info_score", "rand_score", "v_measure_score"),
    ),
    "sklearn.model_selection._split": (
        *("GroupKFold", "GroupShuffleSplit", "KFold", "LeaveOneGroupOut", "LeaveOneOut", "LeavePGroupsOut"),
        *("LeavePOut", "PredefinedSplit", "RepeatedKFold", "RepeatedStratifiedKFold", "ShuffleSplit"),
        *("StratifiedGroupKFold", "StratifiedKFold", "StratifiedShuffleSplit", "TimeSeriesSplit"),
    ),
    "sklearn.multiclass": ("_ConstantPredictor",),
    "sklearn.neighbors._ball_tree": ("BallTree", "BallTree32", "BallTree64"),
    "sklearn.neighbors._kd_tree": ("KDTree", "KDTree32", "KDTree64"),
    "sklearn.neural_network._stochastic_optimizers": ("AdamOptimizer", "SGDOptimizer"),
    "sklearn.tree._tree": ("Tree",),
    "sklearn.utils._bunch": ("Bunch",),
    "sklearn.utils._metadata_requests": ("MetadataRequest", "MethodMetadataRequest"),
    "sklearn.utils.validation": ("check_array",),
    **{f"scipy.sparse._{kind}": (f"{kind}_array", f"{kind}_matrix") for kind in ("bsr", "coo", "csc", "csr", "dia")},
    # Their state is a model in the library's own format, which its own reader reads.
    "lightgbm.basic": ("Booster",),
    "lightgbm.sklearn": ("LGBMClassifier", "LGBMModel", "LGBMRanker", "LGBMRegressor"),
    "xgboost.core": ("Booster",),
    "xgboost.sklearn": (
        *("XGBClassifier", "XGBModel", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"),
    ),
}
REVIEWED = frozenset(f"{module}.{name}" for module, names in _BY_MODULE.items() for name in names)
"""The full names."""
