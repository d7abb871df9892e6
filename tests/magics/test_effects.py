"""What the kernel sees a cell do, in a plain shell: no code of the user's runs for it."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from mltrack import settings
from mltrack_magics import opened_files
from mltrack_magics.effects import Effects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mltrack.provenance.observed import Observed


class Cells:
    """A shell whose cells are looked at."""

    def __init__(self) -> None:
        self.shell = InteractiveShell()
        self.own = frozenset(self.shell.user_ns)
        self.effects = Effects(self.shell.user_ns)

    def see(self, code: str | Callable[[], object]) -> Observed:
        before = self.effects.begin()
        if callable(code):
            code()
        else:
            result = self.shell.run_cell(code)
            result.raise_error()
        seen = self.effects.end(before)
        assert json.loads(json.dumps(seen.observed.as_json())) == seen.observed.as_json()
        return self.effects.with_digests(seen) or seen.observed


@pytest.fixture(scope="module")
def shared() -> Iterator[Cells]:
    yield Cells()
    InteractiveShell.clear_instance()


@pytest.fixture
def cells(shared: Cells) -> Cells:
    names = shared.shell.user_ns
    for name in [name for name in names if type(name) is not str or name not in shared.own]:
        del names[name]
    return shared


TRAPS = """
class Meta(type):
    def __getattribute__(cls, name): raise RuntimeError("asked")
    def __hash__(cls): raise RuntimeError("asked")
    def __eq__(cls, other): raise RuntimeError("asked")
    def __instancecheck__(cls, other): raise RuntimeError("asked")
class Trap(metaclass=Meta):
    __slots__ = ()
    __module__ = property(lambda self: 1 / 0)
    def __getattribute__(self, name): raise RuntimeError("asked")
    def __eq__(self, other): raise RuntimeError("asked")
    def __hash__(self): raise RuntimeError("asked")
    def __bool__(self): raise RuntimeError("asked")
    def __len__(self): raise RuntimeError("asked")
    def __repr__(self): raise RuntimeError("asked")
class Folder(str):
    def __fspath__(self): raise RuntimeError("asked")
trap = other = Trap()
"""


def test_each_name_that_holds_another_object_is_told_with_its_type(cells: Cells) -> None:
    seen = cells.see(
        "import numpy as np, os.path as p\nfrom collections import OrderedDict\n"
        "x = 5\ny = np.zeros(2)\ndef f(): ...\nclass C: ...\nc = C()\ng = len\nd = OrderedDict()\nh = np.sin"
    )
    assert seen.types == {
        "np": "module:numpy",
        "p": "module:posixpath",
        "OrderedDict": "class:collections.OrderedDict",
        "x": "builtins.int",
        "y": "numpy.ndarray",
        "f": "function:__main__.f",
        "C": "class:__main__.C",
        "c": "__main__.C",
        "g": "function:builtins.len",
        "d": "collections.OrderedDict",
        "h": "numpy.ufunc",
    }
    assert seen.deleted == ()


@pytest.mark.parametrize(
    ("first", "then", "types"),
    [
        ("x = 0.1", "x = 0.2", {"x": "builtins.float"}),
        ("x = 0.1", "pass", {}),
        ("x = [1]", "x.append(2)", {}),
        ("x = [1]", "x = [1]", {"x": "builtins.list"}),
        ("class A: pass\nx = A()", "del x\nx = A()", {"x": "__main__.A"}),
        ("x = 'a' * 5000", "x = 'b' * 5000", {"x": "builtins.str"}),
        ("x = 1", "globals()['x'] = 2", {"x": "builtins.int"}),
        ("x = 1", "_ = 5\n_x = 1", {"_x": "builtins.int"}),
        ("x = 1", "exec('y = 2')", {"y": "builtins.int"}),
        ("x = 1", "from string import *", None),
        ("x = 1", "5", {}),
    ],
)
def test_what_counts_is_whether_it_is_another_object(
    cells: Cells, first: str, then: str, types: dict[str, str] | None
) -> None:
    cells.see(first)
    seen = cells.see(then)
    assert seen.types == types if types is not None else "ascii_letters" in seen.types


def test_deleted_names_are_told(cells: Cells) -> None:
    cells.see("x, y = 1, 2")
    assert cells.see("del x").deleted == ("x",)
    assert cells.see("pass").deleted == ()


@pytest.mark.parametrize(
    ("code", "groups"),
    [
        ("a = b = [1]", (("a", "b"),)),
        ("import numpy as np\na = np.arange(9)\nb = a[2:]\nc = b[1:]\nd = a.copy()", (("a", "b", "c"),)),
        ("a = b = 'text'\nc = d = 1.5\ne = f = ()\ng = h = None", ()),
        ("import os\nfrom os import path as p, path as q\ndef f(): ...\nk = f\nclass C: ...\nD = C", ()),
        ("a = b = ([],)", (("a", "b"),)),
        ("a = b = {}\nc = d = set()", (("a", "b"), ("c", "d"))),
    ],
)
def test_names_of_one_object_are_told(cells: Cells, code: str, groups: tuple[tuple[str, ...], ...]) -> None:
    assert cells.see(code).same == groups


def test_no_code_of_the_users_runs(cells: Cells) -> None:
    seen = cells.see(TRAPS)
    assert seen.types["trap"] == "?.Trap"
    assert seen.types["Trap"] == "class:?.Trap"
    assert seen.same == (("trap", "other"),)
    assert cells.see("del trap").deleted == ("trap",)


def test_objects_are_not_kept_alive_while_the_cell_runs(cells: Cells) -> None:
    cells.see("import weakref\nclass A: pass\na = A()\nw = weakref.ref(a)")
    cells.see("del a\nassert w() is None")


def test_names_and_types_of_any_text_can_be_stored(cells: Cells) -> None:
    seen = cells.see("globals()['\\udc80'] = 1\nglobals()['n' * 999] = type('T' * 999, (), {})()\nglobals()[5] = 1")
    json.dumps(seen.as_json(), ensure_ascii=False).encode()
    assert max(map(len, seen.types)) <= 200


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("pass", ()),
        ("random.random()", ("random",)),
        ("random.seed(3)", ("random",)),
        ("random.Random(1).random()", ()),
        ("np.random.rand()", ("numpy",)),
        ("np.random.seed(3)", ("numpy",)),
        ("np.random.default_rng().random()", ()),
        ("np.random.RandomState(0).rand()", ()),
        ("random.gauss(0, 1); np.random.randn()", ("random", "numpy")),
    ],
)
def test_generators_of_the_process_are_watched(cells: Cells, code: str, names: tuple[str, ...]) -> None:
    cells.see("import random\nimport numpy as np")
    assert cells.see(code).random == names


def test_the_second_number_of_a_pair_counts_too(cells: Cells) -> None:
    """``gauss`` makes two numbers at once and keeps one: taking it changes no block of the twister."""
    cells.see("import random, numpy as np\nrandom.seed(1); np.random.seed(1)")
    for _ in range(2):
        assert cells.see("random.gauss(0, 1); np.random.randn()").random == ("random", "numpy")


def test_a_generator_that_was_put_in_place_of_anothers_is_left_alone(
    cells: Cells, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Own(random.Random):
        def getstate(self) -> Any:
            raise AssertionError("asked")

    monkeypatch.setattr(random, "_inst", Own())
    assert cells.see("pass").random == ()


def test_what_any_cell_may_depend_on_is_named_without_values(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAVES", "1")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "sub").mkdir()
    seen = cells.see(
        "import os, sys\nos.chdir('sub')\nsys.path.insert(0, 'there')\n"
        "os.environ['COMES'] = 'hunter2'\ndel os.environ['LEAVES']\nos.environ['MLTRACK_EXPERIMENT_NAME'] = 'e'"
    )
    monkeypatch.setenv("COMES", "")  # so that it is undone
    assert seen.ambient == ("cwd", "path", "environ:COMES", "environ:LEAVES")
    assert "hunter2" not in json.dumps(seen.as_json())


def test_files_are_told_with_how_they_were_opened(cells: Cells, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    (tmp_path / "old.txt").write_text("old")
    seen = cells.see(
        "import os, shutil, tempfile\nfrom pathlib import Path\n"
        "open('data.csv').read()\nopen(Path('data.csv')).read()\nopen(b'old.txt', 'a').write('1')\n"
        "Path('new.txt').write_text('12')\nos.close(os.open('low.bin', os.O_CREAT | os.O_WRONLY))\n"
        "open(os.path.abspath('old.txt')).read()\n"
        "shutil.move('new.txt', 'moved.txt')\n"
        "with tempfile.NamedTemporaryFile() as f: pass\n"
        "try: open('missing.csv')\nexcept OSError: pass\n"
        "os.listdir('.')\nopen(os.devnull).read()\nopen(os.__file__).read()"
    )
    here = str(tmp_path)
    digest = "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470"
    assert [dict(each) for each in seen.files] == [
        {"path": "data.csv", "whole": f"{here}/data.csv", "mode": "r", "size": 8, "sha256": digest},
        {"path": "old.txt", "whole": f"{here}/old.txt", "mode": "w", "size": 4},
        {"path": "low.bin", "whole": f"{here}/low.bin", "mode": "w", "size": 0},
        {"path": f"{here}/old.txt", "whole": f"{here}/old.txt", "mode": "r", "size": 4},
        {"path": "moved.txt", "whole": f"{here}/moved.txt", "mode": "w", "size": 2},
    ]


def test_imports_are_no_files_and_scripts_are(cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_module.py").write_text("x = 1\n")
    (tmp_path / "script.py").write_text("y = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = cells.see("import own_module\n%run script.py")
    assert [each["path"] for each in seen.files] == [str(tmp_path / "script.py")]
    assert seen.types == {"own_module": "module:own_module", "y": "builtins.int"}


def test_secrets_in_paths_are_masked(cells: Cells, tmp_path: Path) -> None:
    name = "ghp_" + "a1B2" * 9
    (tmp_path / name).write_text("x")
    assert name not in json.dumps(cells.see(f"open({name!r}).read()").as_json())


def test_what_is_mltracks_own_is_no_file_of_the_cell(cells: Cells, tmp_path: Path) -> None:
    (tmp_path / "plot.txt").write_text("x")
    settings.set_tracking_uri(tmp_path / "mltrack.db")
    seen = cells.see("import mltrack\nwith mltrack.start_run():\n    mltrack.log_artifact('plot.txt')")
    assert [(each["path"], each["mode"]) for each in seen.files] == [("plot.txt", "r")]


def test_no_more_files_are_kept_than_a_snapshot_should_have(cells: Cells, tmp_path: Path) -> None:
    for number in range(opened_files.MOST_FILES + 5):
        (tmp_path / f"{number}.txt").touch()
    seen = cells.see(f"for n in range({opened_files.MOST_FILES + 5}): open(f'{{n}}.txt').close()")
    assert len(seen.files) == opened_files.MOST_FILES


def test_a_file_that_has_changed_since_has_no_digest(cells: Cells, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("1")
    before = cells.effects.begin()
    (tmp_path / "data.txt").read_text()
    seen = cells.effects.end(before)
    (tmp_path / "data.txt").write_text("22")
    assert cells.effects.with_digests(seen) is None


def test_threads_of_the_cell_count_and_those_of_mltrack_do_not(cells: Cells, tmp_path: Path) -> None:
    for name in ("theirs.txt", "ours.txt"):
        (tmp_path / name).touch()

    def ours() -> None:
        opened_files.leave_out_this_thread()
        (tmp_path / "ours.txt").read_text()

    def both() -> None:
        for work in ((tmp_path / "theirs.txt").read_text, ours):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

    assert [os.path.basename(each["path"]) for each in cells.see(both).files] == ["theirs.txt"]


def test_a_fork_notes_nothing(cells: Cells) -> None:
    def child() -> None:
        os._exit(len(opened_files._watches))

    def fork() -> None:
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(120)
        assert process.exitcode == 0

    cells.see(fork)


def test_a_cell_in_a_cell_sees_its_own_part(cells: Cells, tmp_path: Path) -> None:
    for name in ("1.txt", "2.txt"):
        (tmp_path / name).touch()
    watched = opened_files._watches
    outer = cells.effects.begin()
    (tmp_path / "1.txt").read_text()
    inner = cells.see("open('2.txt').read()\nx = 1")
    seen = cells.effects.end(outer).observed
    assert [os.path.basename(each["path"]) for each in inner.files] == ["2.txt"]
    assert [os.path.basename(each["path"]) for each in seen.files] == ["1.txt", "2.txt"]
    assert dict(seen.types) == dict(inner.types) == {"x": "builtins.int"}
    assert opened_files._watches == watched


def test_the_hook_never_fails_an_open(cells: Cells, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(path: str, *, written: bool) -> None:
        raise RuntimeError(path, written)

    (tmp_path / "data.txt").write_text("1")
    monkeypatch.setattr(opened_files, "_note", fail)
    assert cells.see("assert open('data.txt').read() == '1'").files == ()


def test_arrays_of_a_subclass_are_not_looked_into(cells: Cells) -> None:
    class Odd(np.ndarray):
        @property
        def base(self) -> Any:
            raise AssertionError("asked")

    cells.shell.user_ns["odd"] = np.zeros(3).view(Odd)
    assert cells.see("x = odd").same == (("odd", "x"),)
