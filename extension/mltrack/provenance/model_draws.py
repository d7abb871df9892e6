"""Which models draw random numbers while they are fitted, and whether what they give depends on those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.things import reach
from mltrack.provenance.word_lists import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mltrack.provenance.evaluation import Arguments
    from mltrack.provenance.things import Thing

NOTHING, IDLY, REALLY = "nothing", "idly", "really"
_MARKS = {NOTHING: " seeded", IDLY: " idle"}
_DRAW_NOTHING = frozenset(
    words(
        "StandardScaler MinMaxScaler RobustScaler MaxAbsScaler Normalizer Binarizer PowerTransformer "
        "OneHotEncoder OrdinalEncoder LabelEncoder LabelBinarizer PolynomialFeatures SimpleImputer KNNImputer "
        "LinearRegression GaussianNB BernoulliNB MultinomialNB KNeighborsClassifier KNeighborsRegressor "
        "VarianceThreshold SelectKBest CountVectorizer TfidfVectorizer TfidfTransformer FunctionTransformer "
        # these draw what the models in them draw
        "ColumnTransformer Pipeline FeatureUnion GridSearchCV VotingClassifier VotingRegressor StackingClassifier "
        "StackingRegressor OneVsRestClassifier MultiOutputClassifier MultiOutputRegressor RFE RFECV SelectFromModel "
        "TransformedTargetRegressor CalibratedClassifierCV GroupKFold TimeSeriesSplit LeaveOneOut LeaveOneGroupOut"
    )
)
# libsvm's are given a seed whatever they do, and use it for probabilities alone.
_DRAW_IDLY = frozenset(words("SVC NuSVC SVR NuSVR OneClassSVM"))
_DRAW_TO_SHUFFLE = frozenset(words("KFold StratifiedKFold StratifiedGroupKFold"))
CROSS_VALIDATION = frozenset(
    f"sklearn.model_selection.{name}"
    for name in words("cross_val_score cross_validate cross_val_predict learning_curve validation_curve")
)
"""Functions that draw what the models they are given draw."""


def named(path: str, given: Arguments) -> str:
    """Name a model after its class and what it draws, when it is made."""
    name, state = path.rpartition(".")[2], given.named.get("random_state")
    if state is not None and isinstance(state.detail, int):
        return path + _MARKS[NOTHING]
    shuffles, guesses = given.named.get("shuffle"), given.named.get("probability")
    is_still = name in _DRAW_TO_SHUFFLE and (shuffles is None or shuffles.detail is False)
    if name in _DRAW_NOTHING or is_still:
        return path + _MARKS[NOTHING]
    if name in _DRAW_IDLY and (guesses is None or guesses.detail is False):
        return path + _MARKS[IDLY]
    return path


def drawn_by(things: Iterable[Thing]) -> str:
    """Tell what fitting models, with those in them, draws."""
    found = NOTHING
    for thing in reach(things, through_modules=False):
        if thing.kind != kinds.ESTIMATOR or (thing.name or "").endswith(_MARKS[NOTHING]):
            continue
        if thing.name is None and any(part.kind == kinds.ESTIMATOR for part in thing.parts):
            continue  # as make_pipeline gives: it draws what those in it draw
        if not (thing.name or "").endswith(_MARKS[IDLY]):
            return REALLY
        found = IDLY
    return found
