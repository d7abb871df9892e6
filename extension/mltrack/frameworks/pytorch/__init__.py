"""What is logged of PyTorch's plain loops: each optimizer's settings, the module it trains, the losses of its steps.

A loop has no end of its own, so it is logged where a run is active, in a tracked cell or after ``start_run``, and ends
with that run. Loops of Lightning, Keras and the Hugging Face Trainer are those libraries' own, and not logged twice.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.autologging import switch
from mltrack.frameworks.lightning import autolog as autolog_lightning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from mltrack.autologging.patches import Patches
    from mltrack.frameworks.pytorch.state_dicts import load_state_dict as load_state_dict
    from mltrack.frameworks.pytorch.state_dicts import log_state_dict as log_state_dict
    from mltrack.frameworks.pytorch.state_dicts import save_state_dict as save_state_dict
    from mltrack.frameworks.pytorch.verbs import load_model as load_model
    from mltrack.frameworks.pytorch.verbs import log_model as log_model
    from mltrack.frameworks.pytorch.verbs import save_model as save_model

Options = switch.Options

NAME = "pytorch"
_HOMES = {
    "verbs": ("load_model", "log_model", "save_model"),
    "state_dicts": ("load_state_dict", "log_state_dict", "save_state_dict"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'mltrack.pytorch' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    log_every_n_epoch: int = 1,
    log_every_n_step: int | None = None,
    log_models: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_datasets: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, str] | None = None,
    checkpoint: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    checkpoint_monitor: str = "val_loss",
    checkpoint_mode: str = "min",
    checkpoint_save_best_only: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    checkpoint_save_weights_only: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    checkpoint_save_freq: str | int = "epoch",
    log_model_signatures: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
) -> None:
    """Log PyTorch's plain loops and Lightning's trainings automatically, or with ``disable`` no longer.

    The options are those of ``mltrack.lightning.autolog``, which leaves plain loops alone; those of checkpoints and of
    epochs are Lightning's only. A plain loop is logged to the active run whatever ``exclusive`` says.
    """
    given = dict(locals())
    switch.choose(NAME, on=not disable, options=Options.of(given))
    autolog_lightning(**given)


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Hook into torch once it is imported: the end of optimizers' steps, and ``backward``."""
    from mltrack.frameworks.pytorch.hooking import hook_into  # what only who has torch needs

    hook_into(module, patches)
