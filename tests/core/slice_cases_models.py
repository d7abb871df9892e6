"""Notebooks of data science: models, pipelines, plots and what surrounds them."""

from __future__ import annotations

from tests.core.slice_cases import case
from tests.core.slice_cases_data import FRAME, SAMPLES

MODELS = [
    case(
        "split, fit, predict",
        [
            SAMPLES,
            "Xa, Xb, ya, yb = train_test_split(X, y, random_state=0)",
            "print(Xa.shape)",
            "model = LogisticRegression(C=0.5)",
            "model.fit(Xa, ya)",
            "model.predict(Xb)[:3]",
            "print(model.score(Xa, ya))",
        ],
        "round(model.score(Xb, yb), 6)",
        "1 2 4 5",
    ),
    case(
        "fitted again",
        [SAMPLES, "model = LogisticRegression()", "model.fit(X, y)", "model.set_params(C=0.01)", "model.fit(X, y)"],
        "model.coef_.tolist()",
        "1 2 3 4 5",
    ),
    case(
        "other model",
        [
            SAMPLES,
            "a = LogisticRegression(C=1).fit(X, y)",
            "b = LogisticRegression(C=2).fit(X, y)",
            "print(b.score(X, y))",
        ],
        "a.coef_.tolist()",
        "1 2",
    ),
    case(
        "data changed before the fit",
        [SAMPLES, "X[:, 0] *= 2", "m = LogisticRegression().fit(X, y)", "Z = X - X.mean()"],
        "m.coef_.tolist()",
        "1 2 3",
    ),
    case(
        "scaled",
        [
            SAMPLES,
            "from sklearn.preprocessing import StandardScaler",
            "scaler = StandardScaler()",
            "Xs = scaler.fit_transform(X)",
            "Xs.mean(axis=0)",
            "m = LogisticRegression().fit(Xs, y)",
        ],
        "m.coef_.tolist()",
        "1 2 3 4 6",
    ),
    case(
        "scaler that changes its input",
        [
            SAMPLES,
            "from sklearn.preprocessing import StandardScaler",
            "StandardScaler(copy=False).fit_transform(X)",
            "a = 1",
        ],
        "X[0].tolist()",
        "1 2 3",
    ),
    case(
        "pipeline",
        [
            SAMPLES,
            "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler",
            "m = LogisticRegression()",
            "pipe = make_pipeline(StandardScaler(), m)",
            "pipe.fit(X, y)",
            "pipe.predict(X)[:2]",
        ],
        "m.coef_.tolist()",
        "1 2 3 4 5",
    ),
    case(
        "search",
        [
            SAMPLES,
            "from sklearn.model_selection import GridSearchCV",
            "search = GridSearchCV(LogisticRegression(), {'C': [0.1, 1]}, cv=2)",
            "search.fit(X, y)",
            "search.best_params_",
            "print(search.best_score_)",
        ],
        "search.best_estimator_.coef_.tolist()",
        "1 2 3 4",
    ),
    case(
        "cross validation",
        [
            SAMPLES,
            "from sklearn.model_selection import cross_val_score",
            "m = LogisticRegression()",
            "scores = cross_val_score(m, X, y, cv=3)",
            "print(scores.mean())",
            "m.fit(X, y)",
        ],
        "scores.tolist()",
        "1 2 3 4",
    ),
    case(
        "list of models",
        [
            SAMPLES,
            "models = [LogisticRegression(C=c) for c in (0.1, 1)]",
            "for m in models: m.fit(X, y)",
            "for m in models: print(m.score(X, y))",
        ],
        "[m.coef_.tolist() for m in models]",
        "1 2 3",
    ),
    case(
        "dict of models",
        [
            SAMPLES,
            "models = {'a': LogisticRegression()}",
            "for name, m in models.items():\n    m.fit(X, y)\n    print(name, m.score(X, y))",
            "best = max(models, key=lambda name: models[name].score(X, y))",
            "print(best)",
        ],
        "models['a'].coef_.tolist()",
        "1 2 3",
    ),
    case(
        "neighbours keep their data",
        [
            SAMPLES,
            "from sklearn.neighbors import KNeighborsClassifier",
            "X = np.ascontiguousarray(X)",
            "m = KNeighborsClassifier(1, algorithm='brute').fit(X, y)",
            "X[:] = 0",
            "print(y)",
        ],
        "m.predict(X[:3]).tolist()",
        "1 2 3 4 5",
    ),
    case(
        "metrics",
        [
            SAMPLES,
            "from sklearn.metrics import accuracy_score, confusion_matrix",
            "m = LogisticRegression().fit(X, y)",
            "p = m.predict(X)",
            "print(confusion_matrix(y, p))",
            "acc = accuracy_score(y, p)",
            "p[:3]",
        ],
        "acc",
        "1 2 3 4 6",
    ),
    case(
        "evaluated by a function",
        [
            SAMPLES,
            "def evaluate(model, X, y):\n    print(model.score(X, y))\n    return model.score(X, y)",
            "m = LogisticRegression().fit(X, y)",
            "evaluate(m, X, y)",
            "r = evaluate(m, X[:9], y[:9])",
        ],
        "m.coef_.tolist()",
        "1 3",
    ),
    case(
        "trained by a function",
        [
            SAMPLES,
            "def train(model):\n    model.fit(X, y)\n    return model",
            "m = LogisticRegression()",
            "n = train(m)",
            "print(n)",
        ],
        "m.coef_.tolist()",
        "1 2 3 4",
    ),
    case(
        "transformer of the notebook",
        [
            SAMPLES,
            "from sklearn.base import BaseEstimator, TransformerMixin",
            (
                "class Half(TransformerMixin, BaseEstimator):\n"
                "    def fit(self, X, y=None):\n"
                "        self.m_ = X.mean()\n"
                "        return self\n"
                "    def transform(self, X):\n"
                "        return X / 2 - self.m_"
            ),
            "h = Half()",
            "Z = h.fit_transform(X)",
            "print(Z.shape)",
        ],
        "h.m_, Z[0].tolist()",
        "1 2 3 4 5",
    ),
    case(
        "saved and loaded",
        [
            SAMPLES,
            "import joblib",
            "m = LogisticRegression().fit(X, y)",
            "joblib.dump(m, 'm.joblib')",
            "m = None",
            "n = joblib.load('m.joblib')",
        ],
        "n.coef_.tolist()",
        "1 2 3 4 6",
    ),
    case(
        "arrays saved",
        [
            "import numpy as np",
            "np.save('a.npy', np.arange(3))",
            "np.save('b.npy', np.arange(4))",
            "b = np.load('a.npy')",
        ],
        "b.tolist()",
        "1 2 4",
    ),
    case(
        "plots",
        [
            "import matplotlib.pyplot as plt",
            FRAME,
            "plt.plot(df.a)\nplt.title('x')\nplt.show()",
            "fig, ax = plt.subplots()\nax.plot(df.a)",
            "df.plot()",
            "df.hist(column='a', ax=ax)",
            "y = df.a.sum()",
        ],
        "y",
        "2 7",
    ),
    case(
        "figure that is the result",
        [
            "import matplotlib.pyplot as plt",
            "fig, ax = plt.subplots()",
            "x = 1",
            "ax.plot([1, 2])",
            "plt.close()",
            "ax.set_title('t')",
        ],
        "ax.get_title(), len(ax.lines)",
        "1 2 4 6",
    ),
    case(
        "figure asked for",
        ["import matplotlib.pyplot as plt", "plt.plot([1, 2])", "x = 1", "y = len(plt.gca().lines)"],
        "y",
        "1 2 4",
    ),
    case(
        "style of plots",
        ["import matplotlib.pyplot as plt", "plt.rcParams['figure.dpi'] = 55", "x = 1", "fig = plt.figure()"],
        "fig.dpi",
        "1 2 4",
    ),
    case(
        "scipy",
        [
            "from scipy import stats, optimize",
            "r = stats.norm.cdf(0)",
            "hits = []",
            "def f(x):\n    hits.append(1)\n    return (x - 1) ** 2",
            "s = optimize.minimize_scalar(f)",
            "print(s.x)",
        ],
        "len(hits) > 0",
        "1 3 4 5",
    ),
    case(
        "warnings and noise",
        [
            "import warnings\nwarnings.filterwarnings('ignore')",
            FRAME,
            "from IPython.display import display\ndisplay(df)",
            "df['z'] = 1",
            "df.corr()",
        ],
        "df.z.tolist()",
        "1 2 4",
    ),
    case(
        "progress bar",
        [
            "from tqdm.auto import tqdm",
            "got = []",
            "for i in tqdm(range(3), disable=True): got.append(i)",
            "print(got)",
        ],
        "got",
        "1 2 3",
    ),
    case(
        "texts",
        ["words = 'a b c'.split()", "text = ' '.join(words)", "text.upper()", "words.append('d')"],
        "text",
        "1 2",
    ),
    case(
        "dates",
        [
            "from datetime import datetime, timedelta",
            "d = datetime(2020, 1, 1)",
            "e = d + timedelta(days=1)",
            "print(e)",
        ],
        "str(e)",
        "1 2 3",
    ),
    case(
        "regular expressions",
        ["import re", "p = re.compile('a+')", "p.findall('aa')", "m = p.match('aab')"],
        "m.group()",
        "1 2 4",
    ),
    case("mltrack itself", ["%load_ext mltrack", "x = 1", "%mltrack", "%%track_run fit\ny = x + 1"], "y", "2 4"),
    case(
        "tracked and timed",
        ["x = [1]", "%%track_run\n%%time\nx.append(2)", "%%time\n%%track_run\nx.append(3)"],
        "x",
        "1 2 3",
    ),
]
