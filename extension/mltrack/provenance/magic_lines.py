"""What magics and shell lines do, as far as it is known; others may do anything to the names they mention."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from mltrack.provenance import kinds
from mltrack.provenance.resources import GENERATORS, UNKNOWN
from mltrack.provenance.statements import Statements
from mltrack.provenance.things import EMPTY, NOTHING, SCALAR, Thing, Value
from mltrack.provenance.transforms import parse_cell
from mltrack.provenance.word_lists import words

if TYPE_CHECKING:
    from collections.abc import Sequence

_IDLE_LINES = frozenset(
    words(
        "mltrack track_run pip conda mamba micromamba uv who whos lsmagic magic quickref history hist precision pwd ls "
        "ll lf lk ldir lx pinfo pinfo2 pycat pdoc psource pfile pdef page debug tb xmode colors doctest_mode logstart "
        "logstop logon logoff logstate load loadpy edit man more less cat clear cls qtconsole connect_info notebook "
        "pprint pdb prompt killbgscripts subplots gui unalias dhist dirs bookmark time_it watermark"
    )
)
_IDLE_CELLS = frozenset(words("html javascript js latex markdown svg mermaid mltrack debug"))
_SURROUNDINGS = frozenset(
    words(
        "config alias alias_magic autocall automagic macro autoreload aimport autoawait rehashx code_wrap load_ext "
        "reload_ext"
    )
)
_RUNS = frozenset(words("time prun mprun memit lprun pyinstrument scalene snakeviz"))
_PROCESSES = frozenset(words("bash sh script system sx ! cmd perl ruby pypy python python2 python3 pwsh"))
_IDLE_COMMANDS = re.compile(
    r"\s*(ls|pwd|cat|head|tail|wc|echo|which|whereis|nvidia-smi|date|df|du|free|uname|whoami|hostname|id|env|printenv|"
    r"lscpu|tree|stat|file|md5sum|sha256sum|grep|pip3?|conda|mamba|uv|(python3?|\{sys\.executable\}) -m pip|"
    r"python3? --version|git (status|log|diff|show|rev-parse|branch))\b[^>|&;`]*"
)
_READING_COMMANDS = re.compile(r"\s*(ls|cat|head|tail|wc|du|tree|stat|file|md5sum|sha256sum|grep)\b")
_NAMED = re.compile(r"\$\{?([A-Za-z_]\w*)|\{([^{}]+)\}")
_WORD = re.compile(r"[A-Za-z_]\w*")
_OPTIONS = re.compile(r"(\s*-{1,2}[A-Za-z]\S*(\s+\d+)?)*\s*")


class Magics(Statements):
    """Goes through magics and shell lines."""

    def parsed(self, source: str) -> Sequence[ast.stmt]:
        """Parse code as a cell is."""
        return parse_cell(source).statements

    def filled_in(self, text: str) -> None:
        """Read the names that ``$name`` and ``{expression}`` stand for."""
        for match in _NAMED.finditer(text):
            name, expression = match.groups()
            if name is not None:
                if name in self.memory.notebook.names:
                    self.read_name(name)
                continue
            for statement in self.parsed(expression):
                if isinstance(statement, ast.Expr):
                    self.evaluate(statement.value)

    def shell_line(self, command: str, node: object) -> Value:
        """``!command``: it may read and write any file, but for a few that only show something."""
        self.filled_in(command)
        resources = self.memory.resources
        if _IDLE_COMMANDS.fullmatch(command) is None:
            resources.read(None)
            resources.write(None, sure=False)
        elif _READING_COMMANDS.match(command):
            resources.read(None)
        self.memory.bind("_exit_code", SCALAR)
        return self.fresh(node, kinds.CONTAINER)

    # Line magics

    def line_magic(self, name: str, line: str, node: object) -> Value:
        """``%name line``."""
        if name in _IDLE_LINES or (name.endswith("load_ext") and line.strip().startswith("mltrack")):
            return self.fresh(node)
        if name not in _RUNS and name != "timeit":
            self.filled_in(line)
        if name in _SURROUNDINGS:
            self.memory.resources.change_surroundings(f"sets %{name}")
        elif name in ("cd", "pushd", "popd"):
            self.memory.resources.read(line.strip(" '\"") or None, says=False)
            self.memory.resources.move()
        elif name in ("env", "set_env"):
            if "=" in line or " " in line.strip():
                self.memory.resources.change_surroundings(f"sets {line.strip().partition('=')[0].split()[0]}")
        elif name in _RUNS:
            self.suite(self.parsed(line[_end_of_options(line) :]))
        elif name == "timeit":
            self._time(line)
        elif name in ("sx", "sc", "system", "!"):
            return self.shell_line(line, node)
        elif name in ("matplotlib", "pylab"):
            self.memory.change((self.memory.module("matplotlib"),))
            if name == "pylab":
                self.bind_any(Value(NOTHING, kinds.REF))
        else:
            return self._rare_magic(name, line, node)
        return self.fresh(node)

    def _time(self, code: str) -> None:
        """``%timeit``: it runs the code, and binds no name."""
        state = self.memory.state()
        self.memory.weak += 1
        self.suite(self.parsed(code[_end_of_options(code) :]))
        self.memory.weak -= 1
        self.memory.go_back(state)

    def _rare_magic(self, name: str, line: str, node: object) -> Value:
        if name == "run":
            self._run_file(line)
        elif name == "reset":
            for each in list(self.memory.notebook.names):
                self.memory.delete(each)
        elif name == "xdel":
            self.memory.delete(line.rsplit(maxsplit=1)[-1])
        elif name == "store":
            self.memory.resources.read("%store")
            self.memory.resources.write("%store", sure=False)
            if "-r" in line:
                self.bind_any(EMPTY)
        elif name in ("reset_selective", "recall", "rep", "rerun", "save"):
            self.asks_all = name != "reset_selective"
            self.bind_any(self.all_things())
        elif name == "who_ls":
            self.all_things()
        else:
            return self._unknown_magic(name, line, node)
        return self.fresh(node)

    def _run_file(self, line: str) -> None:
        given = line.split()
        options = [each for each in given if each.startswith("-")]
        file = next((each for each in given if not each.startswith("-")), None)
        self.memory.resources.read(file if file and "$" not in file and "{" not in file else None)
        for generator in GENERATORS:
            self.memory.resources.random(generator, UNKNOWN)
        if "-i" in options or str(file).endswith(".ipynb"):
            found = self.all_things()
            self.memory.change_deeply(found.things)
            self.bind_any(found)
        else:
            self.bind_any(EMPTY)
        self.does_unseen = True

    def _unknown_magic(self, name: str, text: str, node: object) -> Value:
        shell = self.memory.module("%magics")
        self.memory.use_things((shell,), f"%{name}")
        self.memory.change((shell,))
        self.run_callbacks([each for each in shell.parts if each.kind == kinds.FUNCTION], EMPTY, node)
        self.does_unseen = True
        things: set[Thing] = set()
        for word in dict.fromkeys(_WORD.findall(text)):
            if word in self.memory.notebook.names:
                value = self.read_name(word)
                things |= value.things
                self.memory.weak += 1
                self.memory.bind(word, self.fresh((node, word), None, value.things))
                self.memory.weak -= 1
        self.memory.change_deeply(things)
        self.bind_any(Value(frozenset(things)))
        return self.fresh(node, None, things)

    # Cell magics

    def cell_magic(self, name: str, line: str, body: str, node: object) -> Value:
        """``%%name line`` above a cell."""
        if name in _IDLE_CELLS:
            return SCALAR
        if name in _RUNS or name in ("capture", "track_run"):
            self.suite(self.parsed(body))
            output = next((each for each in line.split() if not each.startswith("-")), None)
            if name == "capture" and output is not None:
                self.memory.bind(output, self.fresh(node))
            return SCALAR
        if name == "timeit":
            self._time(line)
            self._time(body)
            return SCALAR
        if name in ("writefile", "file"):
            return self._write_file(line)
        if name in _PROCESSES:
            return self._run_process(line, node)
        return self._unknown_magic(name, f"{line}\n{body}", node)

    def _write_file(self, line: str) -> Value:
        self.filled_in(line)
        given = line.split()
        appends = "-a" in given or "--append" in given
        path = next((each for each in given if not each.startswith("-")), "")
        where = path.strip("'\"") if "$" not in path and "{" not in path else None
        if appends:
            self.memory.resources.read(where)
        self.memory.resources.write(where, sure=not appends)
        return SCALAR

    def _run_process(self, line: str, node: object) -> Value:
        self.filled_in(line)
        self.memory.resources.read(None)
        self.memory.resources.write(None, sure=False)
        given = line.split()
        for option, output in pairwise(given):
            if option in ("--out", "--err", "--proc"):
                self.memory.bind(output, self.fresh((node, output)))
        return SCALAR


def _end_of_options(line: str) -> int:
    match = _OPTIONS.match(line)
    return match.end() if match is not None else 0
