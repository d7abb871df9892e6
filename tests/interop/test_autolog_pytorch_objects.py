from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.autolog import check_identity, check_promise, history
from tests.interop.pytorch_loops import X, loss_of, net, torch, tracked, train

import mltrack
from mltrack.autologging import switch
from mltrack.frameworks.pytorch import modules as our_modules

if TYPE_CHECKING:
    from collections.abc import Callable


Module: Any = torch.nn.Module


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["pytorch"])


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("make", [net, lambda: copy.deepcopy(net()), lambda: torch.compile(net(), backend="eager")])
def test_the_module_is_found_however_it_was_made(make: Callable[[], Any]) -> None:
    def work() -> Any:
        model = make()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            loss_of(model).backward()
            optimizer.step()
        return model

    run, _ = tracked(work)
    assert run.data.params["model"] == "Sequential"
    assert len(history(run, "loss")) == 3


@pytest.mark.usefixtures("watched")
def test_of_a_part_that_is_trained_alone_the_whole_is_named() -> None:
    def work() -> Any:
        class Network(Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.body, self.head = net(), torch.nn.Linear(1, 1)

        model = Network()
        optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
        model.head(model.body(X)).mean().backward()
        optimizer.step()
        return model

    run, _ = tracked(work)
    assert run.data.params["model"] == "Network"
    assert (run.data.params["model_parameters"], run.data.params["trainable_parameters"]) == ("51", "2")


def test_what_was_made_before_is_found_among_all_objects() -> None:
    model = net()
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    assert our_modules.module_trained_by(optimizer) is model


def places() -> dict[str, Any]:
    optimizer, module = sys.modules["torch.optim.optimizer"], torch.nn.modules.module
    return {
        "backward": torch.autograd.backward,
        "scale": vars(torch.amp.GradScaler)["scale"],
        "update": vars(torch.amp.GradScaler)["update"],
        "step hooks": hooks(optimizer._global_optimizer_post_hooks),
        "parameter hooks": hooks(module._global_parameter_registration_hooks),
        "module hooks": hooks(module._global_module_registration_hooks),
    }


def hooks(registered: dict[int, Any]) -> Any:
    return next(iter(registered.values()), None)


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("pytorch", places)
    assert places()["step hooks"] is None


@pytest.mark.usefixtures("watched")
def test_models_and_optimizers_pickle_and_copy() -> None:
    with mltrack.start_run():
        model = train()[0]
        optimizer = torch.optim.Adam(model.parameters())
        loss_of(model).backward()
        optimizer.step()
    assert pickle.loads(pickle.dumps(torch.autograd.backward)) is torch.autograd.backward
    expected = model(X).detach().numpy().tobytes()
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), torch.load(file, weights_only=False)):
        assert twin(X).detach().numpy().tobytes() == expected
    for other in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        assert other.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]
    assert isinstance(optimizer, torch.optim.Optimizer)


def work_of_a_loop() -> bytes:
    with mltrack.start_run():
        model, losses = train(4)
        optimizer, scaler = torch.optim.Adam(model.parameters()), torch.amp.GradScaler("cpu")
        for _ in range(3):
            scaler.scale(loss_of(model)).backward()
            scaler.step(optimizer)
            scaler.update()
    weights: list[bytes] = [each.detach().numpy().tobytes() for each in model.parameters()]
    state: bytes = torch.get_rng_state().numpy().tobytes()
    return b"".join(weights) + repr(losses).encode() + state


def test_a_fault_in_any_hook_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(check_promise("pytorch", work_of_a_loop, monkeypatch)) >= 9


SCRIPT = """
import sys
import mltrack
mltrack.autolog(libraries=["pytorch"])
import torch
weight = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
loaded = set(sys.modules)
with mltrack.start_run() as run:
    (weight - 1).pow(2).sum().backward()
    optimizer.step()
foreign = {"matplotlib", "altair", "pandas", "IPython", "sklearn", "torch._dynamo"} & (set(sys.modules) - loaded)
print(sorted(foreign), mltrack.get_run(run.info.run_id).data.metrics)
"""


def test_it_may_be_switched_on_before_torch_is_imported_and_imports_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[] {'loss': 1.0}", done.stderr
