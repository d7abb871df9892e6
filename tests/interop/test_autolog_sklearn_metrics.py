from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interop.autolog import needs

needs("sklearn")
from sklearn import metrics  # noqa: E402 - skipped without the library

from mltrack.frameworks.sklearn.classification import (  # noqa: E402 - as above
    binary_thresholds,
    class_metrics,
    classified,
    confusion,
    probability_metrics,
)
from mltrack.frameworks.sklearn.curves import MOST_POINTS, precision_recall_curve, roc_curve, thresholds  # noqa: E402
from mltrack.frameworks.sklearn.regression import regression_metrics  # noqa: E402


def labels_of(kind: str, codes: Any) -> Any:
    if kind == "text":
        return np.array(["ant", "bee", "cow", "dog", "elk"])[codes]
    if kind == "bool":
        return codes > 1
    return codes * 3 - 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 60),
    classes=st.integers(1, 5),
    kind=st.sampled_from(["int", "text", "bool"]),
    weighted=st.booleans(),
)
def test_class_metrics_equal_scikit_learns(seed: int, size: int, classes: int, kind: str, weighted: bool) -> None:
    random = np.random.default_rng(seed)
    true, predicted = (labels_of(kind, random.integers(0, classes, size)) for _ in range(2))
    weights = random.uniform(0.1, 2, size) if weighted else None
    found = class_metrics(classified(np.unique([true, predicted]), true, predicted, weights))
    average: dict[str, Any] = {"average": "weighted", "sample_weight": weights}
    expected = {
        "accuracy_score": metrics.accuracy_score(true, predicted, sample_weight=weights),
        "precision_score": metrics.precision_score(true, predicted, **average),
        "recall_score": metrics.recall_score(true, predicted, **average),
        "f1_score": metrics.f1_score(true, predicted, **average),
    }
    if weighted:  # sums in another order
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)
    else:
        assert found == expected


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000), classes=st.integers(2, 5), weighted=st.booleans(), digits=st.sampled_from([1, 2, 16])
)
def test_probability_metrics_equal_scikit_learns(seed: int, classes: int, weighted: bool, digits: int) -> None:
    random = np.random.default_rng(seed)
    true = np.concatenate([np.arange(classes), random.integers(0, classes, 50)])
    raw = random.dirichlet(np.ones(classes), len(true)).round(digits)
    probabilities = (
        raw / raw.sum(axis=1, keepdims=True) if (raw.sum(axis=1) > 0).all() else np.full_like(raw, 1 / classes)
    )
    weights = random.uniform(0.1, 2, len(true)) if weighted else None
    found = probability_metrics(classified(np.arange(classes), true, true, weights), probabilities)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(true, probabilities, sample_weight=weights), rel=1e-12)
    if classes == 2:
        area = metrics.roc_auc_score(true, probabilities[:, 1], sample_weight=weights)
    elif weighted:
        assert "roc_auc" not in found
        return
    else:
        area = metrics.roc_auc_score(true, probabilities, average="weighted", multi_class="ovo")
    assert found["roc_auc"] == pytest.approx(area, rel=1e-12)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 50),
    outputs=st.integers(0, 3),
    weighted=st.booleans(),
    constant=st.booleans(),
    kind=st.sampled_from(["f8", "f4", "i8"]),
)
def test_regression_metrics_equal_scikit_learns(
    seed: int, size: int, outputs: int, weighted: bool, constant: bool, kind: str
) -> None:
    random = np.random.default_rng(seed)
    shape = (size, outputs) if outputs else (size,)
    true = (np.full(shape, 3.0) if constant else random.normal(size=shape) * 5).astype(kind)
    predicted = true if seed % 5 == 0 else random.normal(size=shape)
    weights = random.uniform(0.1, 2, size) if weighted else None
    found = regression_metrics(true, predicted, weights)
    assert found["mean_squared_error"] == metrics.mean_squared_error(true, predicted, sample_weight=weights)
    assert found["root_mean_squared_error"] == math.sqrt(found["mean_squared_error"])
    assert found["mean_absolute_error"] == metrics.mean_absolute_error(true, predicted, sample_weight=weights)
    close = 1e-5 if kind == "f4" else 1e-12  # older versions take the mean of such a target in its own precision
    assert found["r2_score"] == pytest.approx(metrics.r2_score(true, predicted, sample_weight=weights), rel=close)


def test_r2_of_one_sample_is_not_known() -> None:
    assert np.isnan(regression_metrics([1.0], [2.0])["r2_score"])


def test_confusion_equals_scikit_learns() -> None:
    random = np.random.default_rng(0)
    true, predicted = random.integers(0, 4, (2, 100))
    found = confusion(classified(np.arange(4), true, predicted, None))
    assert np.array_equal(found, metrics.confusion_matrix(true, predicted))


def test_labels_the_model_does_not_know_count_too() -> None:
    found = classified(np.array([0, 1]), [-1, 0, 1], [0, 0, 1], None)
    assert not found.follows_model
    assert found.labels.tolist() == [-1, 0, 1]
    assert binary_thresholds(found, np.zeros(3)) is None
    mixed = classified(np.array([0, 1]), np.array(["a", "b"], dtype=object), np.array(["b", "b"], dtype=object), None)
    assert mixed.labels.tolist() == ["a", "b"]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("digits", [1, 16])
def test_curves_equal_scikit_learns(digits: int, weighted: bool) -> None:
    random = np.random.default_rng(1)
    true, scores = random.integers(0, 2, 200), random.uniform(size=200).round(digits)
    weights = random.uniform(0.1, 2, 200) if weighted else None
    counted = thresholds(true == 1, scores, weights)
    fpr, tpr, _ = metrics.roc_curve(true, scores, sample_weight=weights, drop_intermediate=False)
    ours: dict[str, Any] = dict(roc_curve(counted))
    assert np.allclose(np.interp(ours["fpr"], fpr, fpr), ours["fpr"])
    points = set(zip(fpr.round(12), tpr.round(12), strict=True))
    assert set(zip(np.round(ours["fpr"], 12), np.round(ours["tpr"], 12), strict=True)) <= points
    precision, recall, _ = metrics.precision_recall_curve(true, scores, sample_weight=weights)
    points = set(zip(recall.round(12), precision.round(12), strict=True))
    ours = dict(precision_recall_curve(counted))
    assert set(zip(np.round(ours["recall"], 12), np.round(ours["precision"], 12), strict=True)) <= points


@pytest.mark.parametrize("curve", [roc_curve, precision_recall_curve])
def test_long_curves_are_thinned_and_keep_their_shape(curve: Any) -> None:
    random = np.random.default_rng(2)
    true = random.integers(0, 2, 100_000)
    scores = true + random.normal(size=100_000)
    found = curve(thresholds(true == 1, scores))
    x, y = list(found.values())[:2]
    assert len(x) <= MOST_POINTS
    assert (x[0], x[-1]) == (0.0, 1.0)
    full_y, full_x = metrics.precision_recall_curve(true, scores)[:2]
    if curve is roc_curve:
        full_x, full_y = metrics.roc_curve(true, scores)[:2]
        between = np.abs(np.interp(full_x, x, y) - full_y)
        assert between.max() < 0.005
        assert np.trapezoid(y, x) == pytest.approx(np.trapezoid(full_y, full_x), abs=1e-4)
    else:
        order = np.argsort(full_x, kind="stable")
        between = np.abs(np.interp(full_x[order], x, y) - full_y[order])[full_x[order] > 0.01]
        assert between.max() < 0.01


def test_probabilities_of_one_class() -> None:
    found = classified(np.array([0, 1]), [1, 1], [1, 1], None)
    assert np.isnan(probability_metrics(found, np.array([[0.1, 0.9], [0.2, 0.8]]))["roc_auc"])
    assert binary_thresholds(found, np.array([0.1, 0.2])) is None
