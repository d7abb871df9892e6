from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.autolog import history, logged_runs, the_run
from tests.interop.pytorch_loops import X, Y, loss_of, net, torch, tracked, train

import mltrack
from mltrack.autologging import switch
from mltrack.autologging.calls import Call, inside
from mltrack.frameworks.pytorch import loops

if TYPE_CHECKING:
    from mltrack.entities import Run


Optimizer: Any = torch.optim.Optimizer


def values(run: Run, key: str) -> list[float]:
    return [value for _, value in history(run, key)]


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["pytorch"])


@pytest.mark.usefixtures("watched")
def test_a_plain_loop_is_logged_to_the_active_run() -> None:
    run, (_, losses) = tracked(train)
    expected = {"optimizer": "SGD", "lr": "0.1", "momentum": "0.9", "weight_decay": "0", "model": "Sequential"}
    assert run.data.params.items() >= {**expected, "model_parameters": "49", "trainable_parameters": "49"}.items()
    assert history(run, "loss") == list(enumerate(losses))
    summary = mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    assert "Linear" in summary
    assert "Parameters: 49" in summary
    assert run.data.tags["mltrack.autolog"] == "pytorch"


@pytest.mark.usefixtures("watched")
def test_without_an_active_run_nothing_is_logged() -> None:
    train()
    assert logged_runs() == []


@pytest.mark.usefixtures("watched")
def test_each_optimizer_of_a_run_has_keys_of_its_own() -> None:
    def two_rates() -> list[list[float]]:
        return [train(3, lr)[1] for lr in (0.1, 0.2)]

    run, losses = tracked(two_rates)
    assert (run.data.params["lr"], run.data.params["lr_2"]) == ("0.1", "0.2")
    assert [values(run, "loss"), values(run, "loss_2")] == losses


@pytest.mark.usefixtures("watched")
def test_two_that_train_against_each_other_have_their_own_losses_under_their_own_names() -> None:
    def train_both() -> None:
        first, second = net(), net()
        adam, sgd = torch.optim.Adam(first.parameters()), torch.optim.SGD(second.parameters(), lr=0.1)
        for _ in range(4):
            d_loss, g_loss, extra = loss_of(first), loss_of(second), loss_of(first).abs()
            d_loss.backward()
            extra.backward()
            adam.step()
            g_loss.backward()
            sgd.step()

    run, _ = tracked(train_both)
    assert {name: len(history(run, name)) for name in run.data.metrics} == {"d_loss": 4, "extra": 4, "g_loss_2": 4}
    assert (run.data.params["optimizer"], run.data.params["optimizer_2"]) == ("Adam", "SGD")


@pytest.mark.usefixtures("watched")
def test_one_loss_for_two_optimizers_logs_the_settings_of_both() -> None:
    def train_both() -> None:
        first, second = net(), net()
        one, other = (torch.optim.SGD(each.parameters(), lr=0.1) for each in (first, second))
        for _ in range(3):
            (loss_of(first) + loss_of(second)).backward()
            one.step()
            other.step()

    run, _ = tracked(train_both)
    assert set(run.data.metrics) == {"loss"}
    assert run.data.params["optimizer_2"] == "SGD"


@pytest.mark.usefixtures("watched")
def test_an_optimizer_around_another_is_not_logged_twice() -> None:
    class Lookahead(Optimizer):  # type: ignore[misc]
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            super().__init__(inner.param_groups, {})

        def step(self, closure: Any = None) -> Any:
            return self.inner.step(closure)

    def work() -> None:
        model = net()
        optimizer = Lookahead(torch.optim.SGD(model.parameters(), lr=0.1))
        for _ in range(3):
            loss_of(model).backward()
            optimizer.step()

    run, _ = tracked(work)
    assert run.data.params["optimizer"] == "SGD"
    assert "optimizer_2" not in run.data.params
    assert len(history(run, "loss")) == 3


@pytest.mark.usefixtures("watched")
def test_accumulated_gradients_are_one_step_with_the_sum_of_their_losses() -> None:
    def work() -> list[float]:
        model, sums = net(), []
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            parts = []
            for _ in range(4):
                loss = loss_of(model) / 4
                loss.backward()
                parts.append(loss.item())
            optimizer.step()
            optimizer.zero_grad()
            sums.append(sum(parts))
        return sums

    run, sums = tracked(work)
    assert values(run, "loss") == sums


@pytest.mark.usefixtures("watched")
def test_a_closure_that_is_called_again_and_again_gives_the_loss_that_step_returns() -> None:
    def work() -> list[float]:
        model = net()
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            return loss

        return [optimizer.step(closure).item() for _ in range(3)]

    run, returned = tracked(work)
    assert run.data.params["optimizer"] == "LBFGS"
    assert values(run, "loss") == returned


@pytest.mark.usefixtures("watched")
def test_a_loss_that_is_scaled_for_half_precision_is_logged_unscaled_and_a_skipped_step_not() -> None:
    def work() -> list[float]:
        model, losses = net(), []
        optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu")
        for step in range(4):
            optimizer.zero_grad()
            loss = loss_of(model) * (float("inf") if step == 1 else 1)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            if step != 1:
                losses.append(loss.item())
        return losses

    run, losses = tracked(work)
    assert history(run, "loss") == list(enumerate(losses))


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("steps", [3, loops.MOST_PARTS + 20])
def test_a_loop_that_updates_its_parameters_itself_has_its_losses_logged(steps: int) -> None:
    def work() -> list[float]:
        weight, losses = torch.zeros(4, 1, requires_grad=True), []
        for _ in range(steps):
            loss = ((X @ weight - Y) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                weight -= 0.1 * weight.grad
                weight.grad.zero_()
            losses.append(loss.item())
        return losses

    run, losses = tracked(work)
    assert history(run, "loss") == list(enumerate(losses))


@pytest.mark.usefixtures("watched")
def test_of_a_long_loop_some_steps_are_points_and_the_last_always_is() -> None:
    def work() -> Any:
        weight = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([weight], lr=0.001)
        for step in range(4002):
            optimizer.zero_grad()
            loss = (weight - 1).pow(2).sum() + step
            loss.backward()
            optimizer.step()
        return loss.item()

    run, last = tracked(work)
    steps = [step for step, _ in history(run, "loss")]
    assert steps == [*range(1000), *range(1000, 2000, 2), *range(2000, 4000, 4), 4000, 4001]
    assert run.data.metrics["loss"] == last


@pytest.mark.usefixtures("watched")
def test_a_curve_can_be_watched_while_it_grows() -> None:
    with mltrack.start_run():
        train(1)
        assert len(history(the_run(), "loss")) == 1


@pytest.mark.usefixtures("watched")
def test_further_groups_and_a_scheduled_rate_are_given_by_what_they_began_with() -> None:
    def work() -> None:
        model = net()
        groups = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.5}]
        optimizer = torch.optim.AdamW(groups, lr=torch.tensor(0.25))
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 0.1)
        loss_of(model).backward()
        optimizer.step()

    run, _ = tracked(work)
    found = {name: value for name, value in run.data.params.items() if name.endswith("lr")}
    assert found == {"lr": "0.25", "group_2_lr": "0.5"}
    assert run.data.params["betas"] == "(0.9, 0.999)"


@pytest.mark.usefixtures("watched")
def test_a_gradient_that_is_given_and_what_another_library_trains_are_no_losses() -> None:
    def work() -> None:
        model = net()
        model(X).backward(torch.ones(16, 1))
        with inside(Call("lightning", "fit", (), {})):
            train()

    run, _ = tracked(work)
    assert run.data.metrics == {}
    assert run.data.params == {}


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("error", "status"), [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_stops_a_loop_passes_and_all_steps_until_then_are_there(error: BaseException, status: str) -> None:
    def stop(gradient: Any) -> None:
        raise error

    def work() -> None:
        train(7)
        weight = torch.zeros(1, requires_grad=True)
        weight.register_hook(stop)
        weight.sum().backward()

    with pytest.raises(type(error)) as caught:
        tracked(work)
    assert caught.value is error
    assert the_run().info.status == status
    assert len(history(the_run(), "loss")) == 7


@pytest.mark.usefixtures("watched")
def test_threads_keep_their_points_in_their_own_runs() -> None:
    def work(steps: int) -> None:
        with mltrack.start_run(run_name=str(steps)):
            weight = torch.zeros(1, requires_grad=True)
            optimizer = torch.optim.SGD([weight], lr=0.1 * steps)
            for _ in range(steps):
                (weight - 1).pow(2).sum().backward()
                optimizer.step()

    threads = [threading.Thread(target=work, args=(steps,)) for steps in (10, 20, 30, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(history(run, "loss")) for run in logged_runs()) == [10, 20, 30, 40]
    for run in logged_runs():
        assert str(len(history(run, "loss"))) == run.info.run_name
        assert float(run.data.params["lr"]) == 0.1 * int(str(run.info.run_name))


def test_mlflows_switch_is_for_lightning_too() -> None:
    mltrack.pytorch.autolog(log_every_n_epoch=2)
    assert (switch.status()["pytorch"], switch.status()["lightning"]) == ("on", "on")
    assert getattr(switch.options_of("lightning"), "log_every_n_epoch", None) == 2
    mltrack.pytorch.autolog(disable=True)
    assert (switch.status()["pytorch"], switch.status()["lightning"]) == ("off", "off")
    mltrack.lightning.autolog()
    assert (switch.status()["pytorch"], switch.status()["lightning"]) == ("off", "on")
