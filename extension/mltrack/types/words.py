"""MLflow's words for types of values, and which of numpy's and Python's they stand for. Imports no library."""

from __future__ import annotations

from typing import Any

# As the interpreter knows them: a metaclass of the user's may answer otherwise.
_MODULE_OF = vars(type)["__module__"].__get__
_NAME_OF = vars(type)["__qualname__"].__get__

ANY = "any"  # for what none of MLflow's types says
LIBRARIES = ("numpy", "pandas", "datetime")

# Of single values, by their exact type. Source: mlflow.types.utils.SCALAR_TO_DATATYPE_MAPPING.
PYTHON_WORDS = {str: "string", bytes: "binary", bytearray: "binary", bool: "boolean", int: "long", float: "double"}
LIBRARY_WORDS = {
    **dict.fromkeys(("bool", "bool_"), "boolean"),
    "int32": "integer",
    "int64": "long",
    "float32": "float",
    "float64": "double",
    "str_": "string",
    "bytes_": "binary",
    **dict.fromkeys(("datetime", "date", "datetime64", "Timestamp"), "datetime"),
}

# Of polars' columns, by the names of their types. Source: mlflow.data.polars_dataset's TYPE_MAP and CLOSE_MAP.
POLARS_WORDS = {
    "Binary": "binary",
    "Boolean": "boolean",
    "Float32": "float",
    "Float64": "double",
    **dict.fromkeys(("String", "Categorical", "Enum"), "string"),
    **dict.fromkeys(("Int8", "Int16", "Int32", "UInt8", "UInt16"), "integer"),
    **dict.fromkeys(("Int64", "UInt32"), "long"),
    **dict.fromkeys(("Datetime", "Date"), "datetime"),
}


def module_of(kind: type) -> str:
    """Give the name of the module that a type says it is of; nothing of the type's own is called."""
    found = _MODULE_OF(kind)
    return found if type(found) is str else ""


def type_name(kind: type) -> str:
    """Give the name of a type without its module; nothing of the type's own is called."""
    return str(_NAME_OF(kind))


def word_of(kind: type) -> str | None:
    """Give MLflow's word for a single value's type (``numpy.float32`` is ``float``), or None."""
    word = PYTHON_WORDS.get(kind)
    if word is None and module_of(kind).partition(".")[0] in LIBRARIES:
        word = LIBRARY_WORDS.get(type_name(kind))
    return word


def plain_name(name: Any) -> str | int | float | list[Any]:
    """Give a column's name as JSON has it: numbers stay, tuples become lists, foreign objects their type's name.

    Nothing of a foreign object is called.
    """
    if type(name) in (str, int, float, bool):
        return name  # type: ignore[no-any-return]
    if type(name) is tuple:
        return [plain_name(each) for each in name]
    library = module_of(type(name)).partition(".")[0]
    return str(name) if library in ("builtins", *LIBRARIES) else type_name(type(name))


def kind_of(kind: str, size: int) -> str | None:
    """Give MLflow's type of numbers by numpy's letter and bytes (``f``, 8 is ``double``), or None.

    Source: ``mlflow.types.utils._infer_numpy_dtype``.
    """
    if kind == "u":
        size += 1  # unsigned numbers need the next larger signed type
    if kind in "iu":
        return "integer" if size <= 4 else "long" if size <= 8 else None
    if kind == "f":
        return "float" if size <= 4 else "double" if size <= 8 else None
    return {"b": "boolean", "M": "datetime", "U": "string", "S": "binary"}.get(kind)


_SIZES = {"boolean": ("b", 1), "integer": ("i", 4), "long": ("i", 8), "float": ("f", 4), "double": ("f", 8)}
_SIZELESS = {"datetime": "M", "string": "U", "binary": "S"}


def widens(kind: str, size: int, word: str) -> bool:
    """Tell whether numpy's type of that letter and bytes holds nothing that MLflow's type of that word could not.

    Whole numbers of 64 bits are not all doubles; a double is no float, a bool no number, and 1.0 no integer.
    Source: ``mlflow.models.utils._enforce_mlflow_datatype``.
    """
    if word in _SIZELESS:
        return kind == _SIZELESS[word]
    wanted, most = _SIZES[word]
    if kind == wanted:
        return size <= most
    if kind in "iu" and word == "double":
        return size <= 4
    return kind == "u" and wanted == "i" and size < most
