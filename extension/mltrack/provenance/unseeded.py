"""Steps that draw random numbers which no step has seeded."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from mltrack.provenance.cell_facts import facts_of
from mltrack.provenance.observed import Observed
from mltrack.provenance.slice import UNSEEDED, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.provenance.cell_facts import Call, CellFacts
    from mltrack.provenance.evidence import Evidence
    from mltrack.provenance.slice import Step

_SEEDS = {
    "random": "random.seed(0)",
    "numpy": "np.random.seed(0)",
    "torch": "torch.manual_seed(0)",
    "tensorflow": "tf.random.set_seed(0)",
}
_NAMES = {"random": "Python's random"}
_ADVICE = {"numpy": ", or pass random_state=0"}
_SEEDING = re.compile(r"(\w*_)?(manual_)?seed(_all|_everything|s)?|seed_\w+|\w+_seeds?", re.IGNORECASE)
_NOT_SEEDING = re.compile(r"(get|initial|print|show|log)_\w+", re.IGNORECASE)
# Where the kernel did not look, or cannot: calls that draw from a library's global generator.
_DRAWS = {
    "random": re.compile(r"random\.(random|rand\w+|choices?|shuffle|sample|gauss|uniform|\w+variate|triangular)"),
    "numpy": re.compile(
        r"(np|numpy)\.random\.(?!default_rng|RandomState|Generator|seed|SeedSequence|[A-Z])\w+|train_test_split"
    ),
    "torch": re.compile(r"torch\.(rand\w*|normal|bernoulli|multinomial)"),
    "tensorflow": re.compile(r"(tf|tensorflow)\.random\.(?!set_seed|Generator)\w+"),
}
_UNSEEN = ("tensorflow",)
# Some libraries draw from random while they are imported, for names of things. So where a cell imports, that something
# was drawn counts only when the cell calls what may do so.
_MAY_DRAW = re.compile(r"random\.|(keras|tf|tensorflow|layers|models|nn)\.")
_SAMPLERS = re.compile(r"(.*\.)?(TPE|CmaEs|NSGAII|NSGAIII|QMC|GP)Sampler|optuna\.samplers\.RandomSampler")
_MAKERS = re.compile(r"(.*\.)?(default_rng|RandomState)|random\.Random")


def find_unseeded(evidence: Evidence) -> Iterator[Finding]:
    """Find them, by what the kernel saw of the generators and by what the code says."""
    seeding = _seeding_functions([facts_of(step.source) for step in evidence.steps])
    seeded: set[str] = set()
    for step in evidence.steps:
        facts = facts_of(step.source)
        now = {name for call in facts.calls for name in _seeded_by(call, seeding)}
        drawn = [name for name in _drawn(evidence, step) if name not in {*seeded, *now, *step.drawn_idly}]
        if drawn:
            names = " and ".join(_NAMES.get(name, name) for name in drawn)
            advice = f"{_SEEDS[drawn[0]]} before it{_ADVICE.get(drawn[0], '')}"
            text = (
                f"{evidence.heading(step.seq)} takes random numbers of {names} that no cell has seeded: call {advice}."
            )
            yield Finding(UNSEEDED, text, step.seq, step.cell_id, tuple(drawn))
        for call in facts.calls:
            if _is_unseeded_study(call):
                cell = evidence.heading(step.seq)
                advice = "give it sampler=optuna.samplers.TPESampler(seed=0)"
                advice = advice if call.last == "create_study" else f"give it one, as in {call.last}(seed=0)"
                text = f"{cell} calls {call.name}() without a seed: {advice}."
                yield Finding(UNSEEDED, text, step.seq, step.cell_id, (call.last,))
            if _MAKERS.fullmatch(call.name) and not _has_seed(call):
                cell = evidence.heading(step.seq)
                text = f"{cell} calls {call.name}() without a seed: give it one, as in {call.last}(0)."
                yield Finding(UNSEEDED, text, step.seq, step.cell_id, (call.last,))
        seeded |= now


def _is_unseeded_study(call: Call) -> bool:
    """Tell whether a call makes a study of optuna or a sampler, which draw from a generator of their own."""
    names = {each.arg for each in call.node.keywords}
    if None in names:
        return False
    if call.name in ("optuna.create_study", "create_study"):
        return "sampler" not in names and len(call.node.args) < 2
    return _SAMPLERS.fullmatch(call.name) is not None and not call.node.args and "seed" not in names


def _drawn(evidence: Evidence, step: Step) -> list[str]:
    facts, seen = facts_of(step.source), evidence.seen(step)
    said = [name for name, draws in _DRAWS.items() if any(draws.fullmatch(call.name) for call in facts.calls)]
    if seen is None:
        return said
    if facts.only_defines:
        return []
    if facts.has_imports and not any(_MAY_DRAW.match(call.name) for call in facts.calls):
        seen = Observed(random=tuple(name for name in seen.random if name != "random"))
    return [name for name in _SEEDS if name in seen.random or (name in _UNSEEN and name in said)]


def _seeding_functions(cells: Sequence[CellFacts]) -> frozenset[str]:
    """Name the functions of the notebook that seed a generator."""
    found: set[str] = set()
    for facts in cells:
        for node in facts.functions:
            calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
            if any(_is_seeding(_last_name(call.func)) for call in calls):
                found.add(node.name)
    return frozenset(found)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_seeding(name: str) -> bool:
    return _SEEDING.fullmatch(name) is not None and _NOT_SEEDING.fullmatch(name) is None


def _seeded_by(call: Call, functions: frozenset[str]) -> frozenset[str]:
    """Name the generators that a call seeds; of a function that is not known, its name says so of all."""
    if call.name in functions:
        return frozenset(_SEEDS)
    if not _is_seeding(call.last) or not _has_seed(call):
        return frozenset()
    if call.last == "seed":
        return frozenset(
            {"numpy"} if re.match(r"(np|numpy)\.", call.name) else {"random"} if call.name == "random.seed" else _SEEDS
        )
    if call.name.startswith("torch."):
        return frozenset({"torch"})
    return frozenset({"tensorflow"} if re.match(r"(tf|tensorflow)\.", call.name) else _SEEDS)


def _has_seed(call: Call) -> bool:
    given = [*call.node.args, *(each.value for each in call.node.keywords)]
    return any(not (isinstance(each, ast.Constant) and each.value is None) for each in given)
