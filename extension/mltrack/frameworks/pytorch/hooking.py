"""Where torch tells of a loop: at the end of an optimizer's step, by a hook of torch's own, and in ``backward``."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from mltrack import active
from mltrack.autologging import switch
from mltrack.autologging.calls import is_inside
from mltrack.autologging.safety import safely
from mltrack.frameworks.pytorch import NAME
from mltrack.frameworks.pytorch.loops import loop_of
from mltrack.frameworks.pytorch.loss_names import callers_place
from mltrack.frameworks.pytorch.modules import note_module

if TYPE_CHECKING:
    from types import ModuleType

    from mltrack.active import ActiveRun
    from mltrack.autologging.patches import Patches

_unscaled: Any = None
"""The values of losses before ``GradScaler.scale``, by the scaled losses."""


def hook_into(torch: ModuleType, patches: Patches) -> None:
    """Put everything in place; ``torch.Tensor.backward`` and most libraries call ``torch.autograd.backward``."""
    patches.hook(sys.modules["torch.optim.optimizer"], "register_optimizer_step_post_hook", _step_ended)
    modules = torch.nn.modules.module
    patches.hook(modules, "register_module_parameter_registration_hook", _parameter_registered)
    patches.hook(modules, "register_module_module_registration_hook", _module_registered)
    patches.wrap(torch.autograd, "backward", _telling_losses)
    scaler = getattr(torch.amp, "GradScaler", None) or torch.cuda.amp.GradScaler  # before 2.3
    patches.wrap(scaler, "scale", _remembering_unscaled)
    patches.wrap(scaler, "update", _telling_skipped)


def _is_compiling() -> bool:
    """Tell whether torch.compile is tracing, which is to see nothing of ours."""
    ask = getattr(sys.modules["torch"].compiler, "is_compiling", None)  # since 2.3
    return ask is not None and ask()


def _logged_run() -> ActiveRun | None:
    """Give the run that a plain loop is logged to, here and now."""
    return active.current_run() if switch.is_on(NAME) and not is_inside() else None


def _telling_losses(original: Any) -> Any:
    @functools.wraps(original)
    def backward(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        result = original(*args, **kwargs)
        if not _is_compiling():
            run = _logged_run()
            if run is not None:
                safely(NAME, "a loss", _take_losses, run, args, kwargs)
        return result

    return backward


def _take_losses(run: ActiveRun, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Note the values that ``backward`` was called on, where they are scalars without a gradient of their own."""
    if (len(args) > 1 and args[1] is not None) or kwargs.get("grad_tensors") is not None:
        return
    losses = _scalars(args[0] if args else kwargs["tensors"])
    if losses:
        place = callers_place(sys._getframe(3))  # behind `safely` and our `backward`
        loop_of(run).take(place, [_value(loss) for loss in losses])


def _scalars(given: Any) -> list[Any]:
    tensor = sys.modules["torch"].Tensor
    several = (given,) if isinstance(given, tensor) else tuple(given)
    return [each for each in several if isinstance(each, tensor) and each.numel() == 1]


def _value(loss: Any) -> Any:
    """Give a loss as it was before it was scaled; see ``read``."""
    known = _unscaled.get(loss) if _unscaled else None
    return read(loss) if known is None else known


def read(loss: Any) -> Any:
    """Give the number; of a tensor that is not in the machine's own memory a copy, which is waited for later."""
    if loss.is_cpu:
        return loss.item()
    return loss.detach().clone()


def _remembering_unscaled(original: Any) -> Any:
    @functools.wraps(original)
    def scale(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        result = original(*args, **kwargs)
        if not _is_compiling() and _logged_run() is not None:
            safely(NAME, "a loss before it was scaled", _remember_unscaled, result, args, kwargs)
        return result

    return scale


def _remember_unscaled(scaled: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    global _unscaled  # noqa: PLW0603 - the module is the one holder of this state
    torch = sys.modules["torch"]
    loss = args[1] if len(args) > 1 else kwargs.get("outputs")
    if scaled is loss or not isinstance(scaled, torch.Tensor) or scaled.numel() != 1:
        return
    if _unscaled is None:
        _unscaled = torch.utils.weak.WeakIdKeyDictionary()
    _unscaled[scaled] = read(loss)


def _telling_skipped(original: Any) -> Any:
    @functools.wraps(original)
    def update(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        result = original(*args, **kwargs)
        run = None if _is_compiling() else _logged_run()
        if run is not None:
            safely(NAME, "a skipped step", loop_of(run).drop)
        return result

    return update


def _step_ended(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if _is_compiling():
        return
    run = _logged_run()
    if run is not None:
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        safely(NAME, "a step", loop_of(run).step, optimizer, with_closure=closure is not None)


def _parameter_registered(module: Any, name: str, parameter: Any) -> None:  # noqa: ARG001 - torch's signature
    if not _is_compiling():
        safely(NAME, "a module", note_module, module)


def _module_registered(module: Any, name: str, submodule: Any) -> None:  # noqa: ARG001 - torch's signature
    if not _is_compiling():
        safely(NAME, "a module", note_module, module)
