"""``MltrackClient``: what the fluent API does, with explicit ids and MLflow's method names."""

from __future__ import annotations

from mltrack.client.artifacts import ArtifactMethods
from mltrack.client.experiments import ExperimentMethods
from mltrack.client.logged import LoggedMethods
from mltrack.client.logged_models import LoggedModelMethods
from mltrack.client.models import ModelMethods
from mltrack.client.registry import RegistryMethods
from mltrack.client.runs import RunMethods
from mltrack.client.versions import VersionMethods

__all__ = ["MlflowClient", "MltrackClient"]


class MltrackClient(
    ExperimentMethods,
    RunMethods,
    LoggedMethods,
    ArtifactMethods,
    ModelMethods,
    LoggedModelMethods,
    RegistryMethods,
    VersionMethods,
):
    """Reads and writes a store by ids, without an active run.

    Parameters
    ----------
    tracking_uri
        The store of runs; default: the one of ``mltrack.get_tracking_uri``.
    registry_uri
        The store of registered models; default: the same.

    Notes
    -----
    A refused write is an error here, also one that will pass, such as a full disk.
    """


MlflowClient = MltrackClient
"""The name that MLflow's users import."""
