"""The model registry: names, versions, aliases, stages, tags, and what a version knows of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.logged import log_model
from tests.core.stores import ON_SQLITE, begin

from mltrack import MltrackClient
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, MltrackError, NotFoundError
from mltrack.store.model_protocol import NewModelVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.store.sqlite import SqliteStore


@pytest.fixture
def client(store: SqliteStore) -> MltrackClient:
    return MltrackClient(store.uri)


@pytest.fixture
def source(store: SqliteStore) -> str:
    return f"models:/{log_model(store)}"


TWINS = ("Model", "model", "caf\u00e9", "cafe\u0301", "prod", "prod ", "prod%20", "prod%2fx", "PROD", "..%2f")


def test_names_that_look_alike_are_different_models(client: MltrackClient, source: str) -> None:
    for number, name in enumerate(TWINS):
        client.create_registered_model(name, {"number": str(number)}, name)
        client.create_model_version(name, source, tags={"of": name})
        client.set_registered_model_alias(name, "champion", "1")
    for number, name in enumerate(TWINS):
        model = client.get_registered_model(name)
        assert (model.name, model.description, dict(model.tags)) == (name, name, {"number": str(number)})
        assert client.get_model_version_by_alias(name, "champion").tags == {"of": name}
        assert [each.name for each in client.search_model_versions(f'name = "{name}"')] == [name]
    client.delete_registered_model("Model")
    assert len(client.search_registered_models()) == len(TWINS) - 1


METHODS: dict[str, Callable[[MltrackClient, str], Any]] = {
    "get": lambda c, name: c.get_registered_model(name),
    "rename": lambda c, name: c.rename_registered_model(name, "other"),
    "update": lambda c, name: c.update_registered_model(name, "x"),
    "delete": lambda c, name: c.delete_registered_model(name),
    "set tag": lambda c, name: c.set_registered_model_tag(name, "k", "v"),
    "delete tag": lambda c, name: c.delete_registered_model_tag(name, "k"),
    "set alias": lambda c, name: c.set_registered_model_alias(name, "a", "1"),
    "delete alias": lambda c, name: c.delete_registered_model_alias(name, "a"),
    "by alias": lambda c, name: c.get_model_version_by_alias(name, "latest"),
    "latest": lambda c, name: c.get_latest_versions(name),
    "get version": lambda c, name: c.get_model_version(name, "1"),
    "update version": lambda c, name: c.update_model_version(name, "1", "x"),
    "move version": lambda c, name: c.transition_model_version_stage(name, "1", "Staging"),
    "delete version": lambda c, name: c.delete_model_version(name, "1"),
    "place": lambda c, name: c.get_model_version_download_uri(name, "1"),
    "stages": lambda c, name: c.get_model_version_stages(name, "1"),
    "tag version": lambda c, name: c.set_model_version_tag(name, "1", "k", "v"),
    "untag version": lambda c, name: c.delete_model_version_tag(name, "1", "k"),
}
NEED_A_VERSION = {"set alias", "by alias", *(name for name in METHODS if "version" in name), "place", "stages"}


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_there(client: MltrackClient, method: str) -> None:
    with pytest.raises(NotFoundError, match="no registered model 'none'"):
        METHODS[method](client, "none")
    with pytest.raises(InvalidParameterError, match="no name"):
        METHODS[method](client, "a/b")
    if method in NEED_A_VERSION:
        client.create_registered_model("empty")
        with pytest.raises(NotFoundError, match="no version"):
            METHODS[method](client, "empty")


def test_versions_are_numbered_and_no_number_is_given_twice(client: MltrackClient, source: str) -> None:
    client.create_registered_model("m")
    for number in "123":
        assert client.create_model_version("m", source).version == number
    client.delete_model_version("m", "3")
    assert client.create_model_version("m", source).version == "4"
    client.rename_registered_model("m", "n")
    assert client.create_model_version("n", source).version == "5"
    client.delete_registered_model("n")
    client.create_registered_model("n")
    assert client.create_model_version("n", source).version == "1"


def test_a_rename_takes_everything_along(client: MltrackClient, source: str) -> None:
    client.create_registered_model("m", {"k": "v"}, "words")
    client.create_registered_model("taken")
    client.create_model_version("m", source, tags={"t": "1"})
    client.set_registered_model_alias("m", "champion", "1")
    with pytest.raises(AlreadyExistsError, match="'taken' already"):
        client.rename_registered_model("m", "taken")
    renamed = client.rename_registered_model("m", "n")
    assert (renamed.name, renamed.description, dict(renamed.tags)) == ("n", "words", {"k": "v"})
    assert dict(renamed.aliases) == {"champion": "1"}
    version = client.get_model_version("n", "1")
    assert (version.aliases, dict(version.tags)) == (("champion",), {"t": "1"})
    with pytest.raises(NotFoundError):
        client.get_registered_model("m")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", None])), max_size=12))
def test_aliases_are_a_mapping(client: MltrackClient, source: str, steps: list[tuple[str, str | None]]) -> None:
    for name in [each.name for each in client.search_registered_models()]:
        client.delete_registered_model(name)
    client.create_registered_model("m")
    for _ in range(2):
        client.create_model_version("m", source)
    expected: dict[str, str] = {}
    for alias, version in steps:
        if version is None:
            client.delete_registered_model_alias("m", alias)
            expected.pop(alias, None)
        else:
            client.set_registered_model_alias("m", alias, version)
            expected[alias] = version
    assert dict(client.get_registered_model("m").aliases) == expected
    for version in "12":
        wanted = tuple(sorted(alias for alias, named in expected.items() if named == version))
        assert client.get_model_version("m", version).aliases == wanted
    for alias in "abc":
        if alias in expected:
            assert client.get_model_version_by_alias("m", alias).version == expected[alias]
        else:
            with pytest.raises(InvalidParameterError, match=f"no alias '{alias}'"):
                client.get_model_version_by_alias("m", alias)


def test_an_alias_goes_with_its_version(client: MltrackClient, source: str) -> None:
    client.create_registered_model("m")
    for _ in range(2):
        client.create_model_version("m", source)
    client.set_registered_model_alias("m", "champion", "2")
    client.delete_model_version("m", "2")
    assert dict(client.get_registered_model("m").aliases) == {}
    assert client.get_model_version_by_alias("m", "latest").version == "1"


def stages(client: MltrackClient) -> str:
    return " ".join(each.current_stage[0] for each in client.search_model_versions(order_by=["version_number"]))


@pytest.mark.parametrize(
    ("version", "stage", "archive", "expected"),
    [
        ("1", "staging", False, "S P P S"),
        ("1", "Production", False, "P P P S"),
        ("1", "PRODUCTION", True, "P A A S"),
        ("2", "Production", True, "N P A S"),
        ("4", "Production", True, "N A A P"),
        ("3", "None", False, "N P N S"),
        ("3", "Archived", False, "N P A S"),
    ],
)
def test_stages(client: MltrackClient, source: str, version: str, stage: str, *, archive: bool, expected: str) -> None:
    client.create_registered_model("m")
    for number, first in zip("1234", ("None", "Production", "Production", "Staging"), strict=True):
        client.create_model_version("m", source)
        client.transition_model_version_stage("m", number, first)
    assert stages(client) == "N P P S"
    moved = client.transition_model_version_stage("m", version, stage, archive_existing_versions=archive)
    assert (moved.version, moved.current_stage.lower()) == (version, stage.lower())
    assert stages(client) == expected
    newest = {each.current_stage: each.version for each in client.get_latest_versions("m")}
    assert {each[0]: number for each, number in newest.items()} == {
        letter: str(number) for number, letter in enumerate(expected.split(), start=1)
    }


@pytest.mark.parametrize("stage", ["None", "Archived", "archived"])
def test_only_active_stages_are_cleared(client: MltrackClient, source: str, stage: str) -> None:
    client.create_registered_model("m")
    client.create_model_version("m", source)
    with pytest.raises(InvalidParameterError, match="Staging and Production only"):
        client.transition_model_version_stage("m", "1", stage, archive_existing_versions=True)


def test_what_a_version_is_made_of_is_read_in_one_table(client: MltrackClient, store: SqliteStore) -> None:
    run_id = begin(store, "train")
    model_id = log_model(store, run_id)
    client.create_registered_model("m")
    made = client.create_model_version("m", f"models:/{model_id}", description="first", tags={"n": 1}, run_link="link")
    assert (made.name, made.version, made.current_stage, made.status) == ("m", "1", "None", "READY")
    assert (made.source, made.run_id, made.model_id) == (f"models:/{model_id}", run_id, model_id)
    assert (made.description, made.run_link, dict(made.tags)) == ("first", "link", {"n": "1"})
    assert client.get_model_version("m", "1") == made
    assert client.search_model_versions(f"run_id IN ('{run_id}', 'x')")[0] == made


@pytest.mark.parametrize("flag", [True, "true", "TRUE"])
def test_prompts_are_no_models(client: MltrackClient, source: str, flag: object) -> None:
    tags = {"mlflow.prompt.is_prompt": flag}
    client.create_registered_model("m")
    for make in (
        lambda: client.create_registered_model("p", tags),
        lambda: client.create_model_version("m", source, tags=tags),
    ):
        with pytest.raises(InvalidParameterError, match="prompt"):
            make()
    without = "tag.`mlflow.prompt.is_prompt` != 'true'"  # what MLflow's client asks for in every search
    assert [each.name for each in client.search_registered_models(without)] == ["m"]
    client.set_registered_model_tag("m", "mlflow.prompt.is_prompt", "true")
    assert client.search_registered_models(without) == []


@pytest.mark.parametrize(
    ("given_tags", "message"),
    [({"k": "x" * 100_001}, "100000"), ({"a//b": "x"}, "a//b"), ({"": "x"}, "empty"), ({"k" * 251: "x"}, "250")],
)
def test_tags_have_limits(client: MltrackClient, source: str, given_tags: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        client.create_registered_model("n", given_tags)
    client.create_registered_model("m")
    with pytest.raises(InvalidParameterError, match=message):
        client.create_model_version("m", source, tags=given_tags)
    for key, value in given_tags.items():
        with pytest.raises(InvalidParameterError, match=message):
            client.set_registered_model_tag("m", key, value)
    assert [each.name for each in client.search_registered_models()] == ["m"]
    assert client.search_model_versions() == []


def test_secrets_in_tags_are_masked(client: MltrackClient) -> None:
    made = client.create_registered_model("m", {"api_key": "hunter2hunter2", "k": "AKIAIOSFODNN7EXAMPLE"})
    assert "hunter2" not in str(made.tags)
    assert "AKIAIOSFODNN7EXAMPLE" not in str(made.tags)


@ON_SQLITE
def test_writes_survive_a_power_failure(
    client: MltrackClient, store: SqliteStore, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[int] = []
    database = client._store._database  # type: ignore[attr-defined]
    transact = database._transact

    def watched(connection: Any, work: Any, arguments: Any) -> Any:
        levels.append(connection.execute("PRAGMA synchronous").fetchone()[0])
        return transact(connection, work, arguments)

    monkeypatch.setattr(database, "_transact", watched)
    client.create_registered_model("m")
    for name, method in METHODS.items():
        if name.startswith(("get", "by", "latest", "place", "stages", "delete", "rename")):
            continue
        if not client.search_model_versions():
            client._registry.create_model_version(_new(source))
        levels.clear()
        method(client, "m")
        assert levels == [2], name  # FULL
    for name in ("delete alias", "delete tag", "untag version", "delete version", "rename"):
        levels.clear()
        METHODS[name](client, "m")
        assert levels == [2], name


def _new(source: str) -> NewModelVersion:
    return NewModelVersion("m", source, model_id=source.removeprefix("models:/"))


def test_errors_carry_mlflows_codes(client: MltrackClient) -> None:
    client.create_registered_model("m")
    for work, code in (
        (lambda: client.create_registered_model("m"), "RESOURCE_ALREADY_EXISTS"),
        (lambda: client.get_registered_model("n"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.get_model_version_by_alias("m", "x"), "INVALID_PARAMETER_VALUE"),
    ):
        with pytest.raises(MltrackError) as caught:
            work()
        assert caught.value.error_code == code
