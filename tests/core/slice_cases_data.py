"""Notebooks of data science: frames and arrays."""

from __future__ import annotations

from tests.core.slice_cases import case

FRAME = "import pandas as pd\nimport numpy as np\ndf = pd.DataFrame({'a': [3, 1, 2], 'b': [1.0, None, 3.0]})"
SAMPLES = """
    import numpy as np
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    X, y = make_classification(80, 4, random_state=0)
"""

DATA = [
    case(
        "looked at",
        [FRAME, "df.head()", "df.describe()", "df.info()", "print(df.shape)", "df['c'] = 1"],
        "df.sum().to_dict()",
        "1 6",
    ),
    case("column assigned", [FRAME, "df['c'] = df.a * 2", "df.b.mean()"], "df.to_dict()", "1 2"),
    case("in place", [FRAME, "df.sort_values('a', inplace=True)", "df.sort_values('b')"], "list(df.a)", "1 2"),
    case("not in place", [FRAME, "df.fillna(0)", "df.dropna(inplace=False)"], "df.to_dict()", "1"),
    case("rebound to its own", [FRAME, "df = df.dropna()", "df2 = df.copy()", "df2['c'] = 1"], "df.to_dict()", "1 2"),
    case(
        "chained",
        [FRAME, "out = df.assign(c=1).query('a > 1').groupby('a').sum()", "df.tail()"],
        "out.to_dict()",
        "1 2",
    ),
    case("loc", [FRAME, "df.loc[df.a > 1, 'b'] = 0", "df.loc[0]", "df.iloc[:, 0].max()"], "df.to_dict()", "1 2"),
    case(
        "condition makes a copy",
        [FRAME, "big = df[df.a > 1].copy()", "big['b'] = 0", "print(big)"],
        "df.to_dict()",
        "1",
    ),
    case("columns renamed", [FRAME, "df.columns = ['p', 'q']", "df.columns"], "list(df.columns)", "1 2"),
    case("insert and pop", [FRAME, "df.insert(0, 'z', 1)", "s = df.pop('a')", "s.sum()"], "df.to_dict()", "1 2 3"),
    case(
        "apply",
        [FRAME, "k = 2", "f = lambda v: v * k", "k = 3", "df['c'] = df.a.apply(f)", "df.apply(lambda r: r.a, axis=1)"],
        "df.to_dict()",
        "1 3 4 5",
    ),
    case(
        "loop over columns",
        [
            FRAME,
            "for name in df.columns:\n    print(name, df[name].mean())",
            "for name in df.columns:\n    df[name] = df[name].fillna(0)",
        ],
        "df.to_dict()",
        "1 3",
    ),
    case(
        "groups in a loop",
        [
            FRAME,
            "parts = {}",
            "for key, group in df.groupby('a'):\n    parts[key] = group.b.sum()",
            "for key, group in df.groupby('b'): print(group)",
        ],
        "parts",
        "1 2 3",
    ),
    case(
        "merge and concat",
        [
            FRAME,
            "other = pd.DataFrame({'a': [1, 2], 'd': [5, 6]})",
            "m = df.merge(other, on='a')",
            "c = pd.concat([m, m])",
            "c['x'] = 1",
            "print(c)",
        ],
        "m.to_dict()",
        "1 2 3",
    ),
    case(
        "written and read",
        [FRAME, "df.to_csv('a.csv', index=False)", "df['a'] = 0", "back = pd.read_csv('a.csv')"],
        "back.to_dict()",
        "1 2 4",
    ),
    case(
        "two files",
        [FRAME, "df.to_csv('a.csv')", "df.to_csv('b.csv')", "back = pd.read_csv('b.csv')"],
        "back.a.sum()",
        "1 3 4",
    ),
    case("option of pandas", [FRAME, "pd.set_option('display.max_rows', 2)", "x = 1"], "repr(df)", "1 2"),
    case(
        "array view",
        ["import numpy as np", "a = np.zeros(4)", "b = a[:2]", "b[0] = 1", "c = a.copy()", "c[1] = 9"],
        "a.tolist()",
        "1 2 3 4",
    ),
    case(
        "array reshaped",
        ["import numpy as np", "a = np.zeros(4)", "b = a.reshape(2, 2).T", "b[0, 0] = 1", "a.mean()"],
        "a.tolist()",
        "1 2 3 4",
    ),
    case(
        "array by condition",
        ["import numpy as np", "a = np.arange(4)", "b = a[a > 1]", "b[0] = 9", "a[a > 2] = 0"],
        "a.tolist()",
        "1 2 5",
    ),
    case(
        "array in place",
        ["import numpy as np", "a = np.ones(3)", "b = a", "a += 1", "a = a + 1"],
        "b.tolist()",
        "1 2 3 4",
    ),
    case(
        "out=", ["import numpy as np", "a = np.ones(3)", "np.add(a, 1, out=a)", "np.add(a, 1)"], "a.tolist()", "1 2 3"
    ),
    case(
        "functions of numpy that change",
        ["import numpy as np", "a = np.zeros((2, 2))", "np.fill_diagonal(a, 1)", "np.sort(a)", "a.sort()"],
        "a.tolist()",
        "1 2 3 5",
    ),
    case(
        "dict of arrays",
        ["import numpy as np", "d = {'x': np.zeros(2)}", "d['x'][0] = 1", "print(d['x'].mean())"],
        "d['x'].tolist()",
        "1 2 3",
    ),
    case("ufunc at", ["import numpy as np", "a = np.zeros(2)", "np.add.at(a, [0], 1)", "x = 1"], "a.tolist()", "1 2 3"),
    case(
        "frame of an array",
        ["import numpy as np, pandas as pd", "a = np.zeros((2, 2))", "df = pd.DataFrame(a, copy=False)", "a[0, 0] = 1"],
        "df.to_dict()",
        "1 2 3 4",
    ),
    case(
        "numpy seeded",
        ["import numpy as np", "np.random.seed(0)", "a = np.random.rand(2)", "print(a)", "b = np.random.rand(2)"],
        "b.tolist()",
        "1 2 3 5",
    ),
    case(
        "numpy seeded in the same cell",
        [
            "import numpy as np",
            "np.random.seed(0)\na = np.random.rand(2)",
            "np.random.rand(5)",
            "np.random.seed(0)\nb = np.random.rand(2)",
        ],
        "b.tolist()",
        "1 4",
    ),
    case(
        "generator of numpy",
        [
            "import numpy as np",
            "rng = np.random.default_rng(0)",
            "rng.normal(size=2)",
            "other = np.random.default_rng(1)",
            "b = rng.normal(size=2)",
        ],
        "b.tolist()",
        "1 2 3 5",
    ),
    case(
        "generator handed over",
        [SAMPLES, "rng = np.random.RandomState(0)", "train_test_split(X, y, random_state=rng)", "b = rng.rand()"],
        "b",
        "1 2 3 4",
    ),
    case(
        "sample drawn while looking",
        [FRAME, "np.random.seed(1)", "df.sample(2)", "s = df.sample(2)"],
        "s.to_dict()",
        "1 2 3 4",
    ),
]
