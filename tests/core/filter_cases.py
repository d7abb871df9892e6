"""Filters over runs and the trees that they read as: MLflow's language, and what goes beyond it."""

from __future__ import annotations

import math

from mltrack.store.filter_tree import And, CodeMatch, Comparison, Entity, Key, Not, NullTest, Or


def metric(name: str) -> Key:
    return Key(Entity.METRIC, name)


def param(name: str) -> Key:
    return Key(Entity.PARAM, name)


def tag(name: str) -> Key:
    return Key(Entity.TAG, name)


def attribute(name: str) -> Key:
    return Key(Entity.ATTRIBUTE, name)


A, B, C = (Comparison(param(name), "=", "1") for name in "abc")
BEYOND_MLFLOW: list[tuple[str, object]] = [
    ("params.a='1' OR params.b='1'", Or((A, B))),
    ("params.a='1' or params.b='1' And params.c='1'", Or((A, And((B, C))))),
    ("(params.a='1' OR params.b='1') AND params.c='1'", And((Or((A, B)), C))),
    ("not params.a='1' AND params.b='1'", And((Not(A), B))),
    ("NOT (params.a='1' AND (((params.b='1'))))", Not(And((A, B)))),
    ("NOT NOT params.a='1'", A),
    ("NOT not NOT params.a='1'", Not(A)),
    ("(params.a='1')", A),
    ("params.x IN ('a')", Comparison(param("x"), "IN", ("a",))),
    ("tags.x NOT IN ('a', \"b\",)", Comparison(tag("x"), "NOT IN", ("a", "b"))),
    ("status in ('FAILED')", Comparison(attribute("status"), "IN", ("FAILED",))),
    ("tags.x NOT LIKE 'a%'", Comparison(tag("x"), "NOT LIKE", "a%")),
    ("user_id not ilike 'a%'", Comparison(attribute("user_id"), "NOT ILIKE", "a%")),
    ("metrics.x BETWEEN -1 AND 2.5 AND params.a='1'", And((Comparison(metric("x"), "BETWEEN", (-1, 2.5)), A))),
    ("start_time not between 1 and 2", Comparison(attribute("start_time"), "NOT BETWEEN", (1, 2))),
    ("params.x > 0.5", Comparison(param("x"), ">", 0.5)),
    ("params.x = 10", Comparison(param("x"), "=", 10)),
    ("params.x != 1e3", Comparison(param("x"), "!=", 1000.0)),
    ("params.x between 1 and 2", Comparison(param("x"), "BETWEEN", (1, 2))),
    ("dataset.name = 'a'", Comparison(Key(Entity.DATASET, "name"), "=", "a")),
    ("datasets.digest IN ('a')", Comparison(Key(Entity.DATASET, "digest"), "IN", ("a",))),
    ("dataset.`context` LIKE 'tr%'", Comparison(Key(Entity.DATASET, "context"), "LIKE", "tr%")),
    ("code MATCH 'StandardScaler'", CodeMatch(("StandardScaler",))),
    ("code not match \" sk.linear  fit* 'q' \"", CodeMatch(("sk.linear", "fit*", "'q'"), negated=True)),
]
ACCEPTED: list[tuple[str, object]] = [
    ("metrics.x > 1", Comparison(metric("x"), ">", 1)),
    ("metric.x>=-0.5", Comparison(metric("x"), ">=", -0.5)),
    ("metrics.x = 1e-1", Comparison(metric("x"), "=", 0.1)),
    ("metrics.x != .5", Comparison(metric("x"), "!=", 0.5)),
    ("metrics.x < +5.", Comparison(metric("x"), "<", 5.0)),
    ("metrics.x <= 1E+3", Comparison(metric("x"), "<=", 1000.0)),
    ("metrics.x < 1e999", Comparison(metric("x"), "<", math.inf)),
    ("metrics.x < 123456789012345678", Comparison(metric("x"), "<", 123456789012345678)),
    ("metrics.x < 99999999999999999999", Comparison(metric("x"), "<", 1e20)),
    (f"metrics.x < {'9' * 5000}", Comparison(metric("x"), "<", math.inf)),
    ("metrics.1st > 0", Comparison(metric("1st"), ">", 0)),
    ("metrics.`val loss` > 0", Comparison(metric("val loss"), ">", 0)),
    ('metrics."a/b-c: d" > 0', Comparison(metric("a/b-c: d"), ">", 0)),
    ('metrics."a`b" > 0', Comparison(metric("a`b"), ">", 0)),
    ("metrics.größe > 0", Comparison(metric("größe"), ">", 0)),
    ("params.p = 'a'", Comparison(param("p"), "=", "a")),
    ('param.p != "a"', Comparison(param("p"), "!=", "a")),
    ("parameters.p like '%a_'", Comparison(param("p"), "LIKE", "%a_")),
    ("parameter.p iLike 'a'", Comparison(param("p"), "ILIKE", "a")),
    ("params.p = ''", Comparison(param("p"), "=", "")),
    ('params.p = "it\'s"', Comparison(param("p"), "=", "it's")),
    ("params.p = 'say \"a\"'", Comparison(param("p"), "=", 'say "a"')),
    (r"params.p = 'C:\'", Comparison(param("p"), "=", "C:\\")),
    ("params.p = 'two\nlines -- ; /* */'", Comparison(param("p"), "=", "two\nlines -- ; /* */")),
    ("tags.dot.ted = 'a'", Comparison(tag("dot.ted"), "=", "a")),
    ("tag.mlflow.parentRunId='a'", Comparison(tag("mlflow.parentRunId"), "=", "a")),
    ("tags.and = 'and'", Comparison(tag("and"), "=", "and")),
    ("tags.`mlflow.user` IS NULL", NullTest(tag("mlflow.user"), negated=False)),
    ("params.p is  not\tnull", NullTest(param("p"), negated=True)),
    ("status = 'FINISHED'", Comparison(attribute("status"), "=", "FINISHED")),
    ("attributes.status LIKE 'F%'", Comparison(attribute("status"), "LIKE", "F%")),
    ("attribute.user_id = 'a'", Comparison(attribute("user_id"), "=", "a")),
    ("attr.artifact_uri ILIKE 'a%'", Comparison(attribute("artifact_uri"), "ILIKE", "a%")),
    ("run.run_name = 'a'", Comparison(attribute("run_name"), "=", "a")),
    ("\"run name\" = 'a'", Comparison(attribute("run_name"), "=", "a")),
    ("attributes.`Run name` = 'a'", Comparison(attribute("run_name"), "=", "a")),
    ("`Run Name` = 'a'", Comparison(attribute("run_name"), "=", "a")),
    ("created > 5", Comparison(attribute("start_time"), ">", 5)),
    ("attributes.Created > 5.5", Comparison(attribute("start_time"), ">", 5.5)),
    ("start_time <= 1664067852747", Comparison(attribute("start_time"), "<=", 1664067852747)),
    ("end_time != 0", Comparison(attribute("end_time"), "!=", 0)),
    ("run_id IN ('a')", Comparison(attribute("run_id"), "IN", ("a",))),
    ("run_id IN ('a',)", Comparison(attribute("run_id"), "IN", ("a",))),
    ("attributes.run_id not in ('a' , \"b\")", Comparison(attribute("run_id"), "NOT IN", ("a", "b"))),
    (
        "\n metrics.x>1\r\n\tand\u00a0tags.t='a'And params.p is null\n",
        And(
            (Comparison(metric("x"), ">", 1), Comparison(tag("t"), "=", "a"), NullTest(param("p"), negated=False)),
        ),
    ),
    ("metrics.x > 1 AND", Comparison(metric("x"), ">", 1)),
    ("metrics.x > 1 AND tags.t = 'a' and \n", And((Comparison(metric("x"), ">", 1), Comparison(tag("t"), "=", "a")))),
    ("", None),
    (" \n\t ", None),
    *BEYOND_MLFLOW,
]
