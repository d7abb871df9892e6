"""The client's methods for registered models: names, descriptions, tags and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.client.base import ClientPart
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_key
from mltrack.values import make_model_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.entities import ModelVersion, RegisteredModel

PROMPT_TAG = "mlflow.prompt.is_prompt"


class RegistryMethods(ClientPart):
    """Make, read, rename, describe, tag and delete registered models, and let aliases name their versions.

    A write survives a power failure once it returns. A name that is not there is a NotFoundError, one that cannot be
    one an InvalidParameterError.
    """

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,  # noqa: ARG002 - MLflow's signature; it is for one cloud
    ) -> RegisteredModel:
        """Make a registered model without versions; AlreadyExistsError when the name is taken."""
        refuse_prompts(tags)
        kept = make_model_tags(tags)
        return self._registry.create_registered_model(name, tags=kept, description=description or "")

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Give a registered model with its newest version of each stage, its tags and its aliases."""
        return self._registry.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name; versions, tags and aliases follow.

        Raises
        ------
        AlreadyExistsError
            When the new name is taken.
        """
        return self._registry.rename_registered_model(name, new_name)

    def update_registered_model(
        self,
        name: str,
        description: str | None = None,
        deployment_job_id: str | None = None,  # noqa: ARG002 - MLflow's signature; it is for one cloud
    ) -> RegisteredModel:
        """Describe a registered model anew; without a description it has none."""
        return self._registry.update_registered_model(name, description or "")

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with its versions, tags and aliases; the files stay where they are."""
        self._registry.delete_registered_model(name)

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag, as text of at most 100,000 characters; an earlier value is overwritten."""
        self._registry.set_registered_model_tags(name, make_model_tags({key: value}))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag off; one that is not there is no error."""
        self._registry.delete_registered_model_tag(name, check_key(key, "tag"))

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias name a version, so that ``models:/NAME@ALIAS`` loads it; it may have named another before.

        Raises
        ------
        InvalidParameterError
            When the alias has other than letters, digits, ``_`` and ``-``, is over 255 characters, or is ``latest`` or
            ``v`` and a number.
        """
        self._registry.set_registered_model_alias(name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away; one that is not there is no error."""
        self._registry.delete_registered_model_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Give the version that an alias names; ``latest`` is the one of the highest number.

        Raises
        ------
        InvalidParameterError
            When the model has no such alias, as in MLflow.
        """
        return self._registry.get_model_version_by_alias(name, alias)


def refuse_prompts(tags: Mapping[str, Any] | None) -> None:
    """Refuse what MLflow takes for a prompt, not a model."""
    if str((tags or {}).get(PROMPT_TAG, "")).lower() == "true":
        raise InvalidParameterError(f"The tag {PROMPT_TAG} says that this is a prompt; only models can be registered.")
