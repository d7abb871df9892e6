"""Tests of the registry and of logged models, over a store behind mltrack's server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.rest_stores import served_store
from tests.core.test_registry import (  # noqa: F401 - they are collected here, with this module's store
    client,
    source,
    test_a_rename_takes_everything_along,
    test_an_alias_goes_with_its_version,
    test_errors_carry_mlflows_codes,
    test_names_that_look_alike_are_different_models,
    test_only_active_stages_are_cleared,
    test_prompts_are_no_models,
    test_secrets_in_tags_are_masked,
    test_stages,
    test_versions_are_numbered_and_no_number_is_given_twice,
    test_what_is_not_there,
)

import mltrack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.core.rest_stores import ServedStore

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ServedStore]:
    with served_store(tmp_path / "server") as served:
        mltrack.set_tracking_uri(served.uri)
        yield served
