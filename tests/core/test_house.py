"""The rules of the house: which way imports point, how large things may grow, where SQL, HTML and shells may be."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "mltrack": ROOT / "extension" / "mltrack",
    "mltrack_widgets": ROOT / "widgets" / "mltrack_widgets",
    "mltrack_magics": ROOT / "kernel_magics" / "mltrack_magics",
}
MAY_IMPORT = {
    "mltrack": {"mltrack"},
    "mltrack_widgets": {"mltrack", "mltrack_widgets"},
    "mltrack_magics": {"mltrack", "mltrack_widgets", "mltrack_magics"},
}
PICKLES = "mltrack.models.pickles"  # the one module that may load one
FACADE = "mltrack"  # the one module that may name the others, inside its functions and under TYPE_CHECKING
# Their arguments and order are MLflow's, so that its users' calls work.
MLFLOW_SIGNATURES = {
    *("start_run", "log_metric", "log_metrics", "log_param", "log_params", "set_tag", "set_tags", "search_runs"),
    *("log_image", "log_text", "log_dict", "log_table", "log_artifact", "log_artifacts", "log_batch", "create_run"),
    *("set_terminated", "create_experiment", "set_experiment"),
    "autolog",
    *("log_figure", "load_table", "download_artifacts", "list_artifacts", "from_pandas", "from_polars"),
    *("search_logged_models", "log_model", "save_model", "load_model", "evaluate", "create_logged_model"),
    *("initialize_logged_model", "create_external_model", "create_model_version", "transition_model_version_stage"),
    "make_metric",
    "run",
    *("_search_runs", "get_logged_model"),
}
MOST_FUNCTION_LINES, MOST_FILE_LINES, MOST_PARAMETERS, MOST_POSITIONAL = 50, 400, 5, 2
TOP_LEVEL = {
    *("extension", "kernel_magics", "widgets", "tests", "notebooks", ".ci", ".gitignore"),
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"),
}
SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\b")


def module_name(package: str, path: Path) -> str:
    parts = path.relative_to(PACKAGES[package]).with_suffix("").parts
    return ".".join([package, *(part for part in parts if part != "__init__")])


SOURCES = {
    module_name(package, path): path for package, folder in PACKAGES.items() for path in sorted(folder.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in SOURCES.items()}
TESTS = sorted((ROOT / "tests").rglob("*.py"))
IDS = list(SOURCES)


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def names_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(tree: ast.Module, *, for_types: bool) -> set[str]:
    """The modules named by the import statements of a module; those that only type checkers see on demand."""
    found: set[str] = set()
    skipped = {id(child) for node in ast.walk(tree) if names_only(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if not for_types and id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(
                f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in SOURCES else node.module
                for alias in node.names
            )
    return {name for name in found if name.partition(".")[0] in PACKAGES}


def at_import(tree: ast.Module) -> set[str]:
    """What is imported when the module is, leaving out what functions import later."""
    inside = {id(child) for function in functions(tree) for child in ast.walk(function)}
    kept = [node for node in ast.walk(tree) if id(node) not in inside]
    outer = ast.Module([node for node in tree.body if id(node) in {id(each) for each in kept}], [])
    return imports(outer, for_types=False) - {
        name for function in functions(tree) for name in imports(ast.Module(function.body, []), for_types=True)
    } | {name for node in tree.body if not names_only(node) for name in _direct(node)}


def _direct(node: ast.stmt) -> set[str]:
    return imports(ast.Module([node], []), for_types=False) if isinstance(node, (ast.Import, ast.ImportFrom)) else set()


@pytest.mark.parametrize("module", IDS)
def test_imports_point_one_way(module: str) -> None:
    package = module.partition(".")[0]
    named = {name.partition(".")[0] for name in imports(TREES[module], for_types=module != FACADE)}
    if module == FACADE:
        outside = {name.partition(".")[0] for name in at_import(TREES[module])}
        assert outside <= {"mltrack"}
        return
    assert named <= MAY_IMPORT[package]


def test_no_import_cycle() -> None:
    arrows = {name: at_import(tree) & SOURCES.keys() for name, tree in TREES.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"import cycle: {' -> '.join((*path, name))}"
        if name not in done:
            for other in arrows[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in arrows:
        visit(name, ())


@pytest.mark.parametrize("module", IDS)
def test_an_import_inside_a_function_says_why(module: str) -> None:
    lines = SOURCES[module].read_text().splitlines()
    silent = []
    for function in functions(TREES[module]):
        statements = [node for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom))]
        silent += [lines[node.lineno - 1].strip() for node in statements if not has_reason(lines, node.lineno)]
    assert silent == []


def has_reason(lines: list[str], number: int) -> bool:
    """A comment on the line, or on one of the block of imports and comments it belongs to."""
    here = number - 1
    while here >= 0 and re.match(r"\s*(#|from\s|import\s|$)", lines[here]):
        if "#" in lines[here]:
            return True
        here -= 1
    after = number
    while after < len(lines) and re.match(r"\s*(from|import)\s", lines[after]):
        if "#" in lines[after]:
            return True
        after += 1
    return False


@pytest.mark.parametrize("path", [*SOURCES.values(), *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST_FILE_LINES
    long = [
        f"{function.name}: {function.end_lineno - function.lineno + 1} lines"
        for function in functions(ast.parse(text))
        if function.end_lineno is not None and function.end_lineno - function.lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("module", IDS)
def test_parameters_are_few_and_named(module: str) -> None:
    found = []
    for function in functions(TREES[module]):
        positional = [
            each for each in (*function.args.posonlyargs, *function.args.args) if each.arg not in ("self", "cls")
        ]
        count = len(positional) + len(function.args.kwonlyargs)
        if function.name in MLFLOW_SIGNATURES or is_protocol_shaped(function):
            continue
        if count > MOST_PARAMETERS:
            found.append(f"{function.name} takes {count}")
        annotated = [
            each for each in positional if isinstance(each.annotation, ast.Name) and each.annotation.id == "bool"
        ]
        if annotated:
            found.append(f"{function.name} takes a bool by position")
    assert found == []


def is_protocol_shaped(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Python itself says what these take."""
    return function.name.startswith("__") and function.name.endswith("__")


def texts(tree: ast.AST) -> list[tuple[int, str]]:
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]


@pytest.mark.parametrize("module", [name for name in IDS if not name.startswith("mltrack.store")])
def test_sql_is_written_in_the_store_only(module: str) -> None:
    assert [(line, text) for line, text in texts(TREES[module]) if SQL.search(text)] == []


@pytest.mark.parametrize("module", [name for name in IDS if name != PICKLES])
def test_no_shell_no_pickle_no_unsafe_yaml(module: str) -> None:
    tree = TREES[module]
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in (a.name for a in node.names)}
    assert names.isdisjoint({"pickle", "_pickle", "joblib", "dill", "marshal", "shelve"})
    forbidden = ("os.system(", "os.popen(", "yaml.load(", "pickle.", "eval(", "exec(", "shell=True", "extractall(")
    assert [
        call for call in calls if call.startswith(forbidden[:-2]) or any(bad in call for bad in forbidden[-2:])
    ] == []


def test_no_module_is_called_utils() -> None:
    assert [name for name in IDS if re.search(r"(^|\.)(utils?|helpers?|common|misc)$", name)] == []


def test_the_top_level_is_as_designed() -> None:
    import subprocess  # git knows what belongs to the project and what is lying about

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {path.split("/")[0] for path in listed} <= TOP_LEVEL
    assert not any((ROOT / folder / "__init__.py").exists() for folder in ("extension", "kernel_magics", "widgets"))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_that_it_is_typed(package: str) -> None:
    assert (PACKAGES[package] / "py.typed").is_file()


@pytest.mark.parametrize("module", IDS)
def test_public_names_have_docstrings(module: str) -> None:
    tree = TREES[module]
    assert ast.get_docstring(tree)
    public = [
        node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    ]
    assert [node.name for node in public if not (ast.get_docstring(node) or "").partition("\n")[0].strip()] == []
