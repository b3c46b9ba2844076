"""Which modules of the package a notebook uses: it runs again when one of them changes, and not when another does.

Found by reading the sources, so that it is known before the notebook has run. A name that a package's `__init__` only
hands on counts for the module that defines it: chapter 02 draws no volcano, although `endomtor.figures` has one.
"""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
_NAME = PACKAGE.name


def of_notebook(notebook: Path) -> list[Path]:
    """Return the files of the package that a notebook uses, sorted; all of them where it is not plain Python."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    try:
        return used_by("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    except SyntaxError:
        return sorted(PACKAGE.rglob("*.py"))


def used_by(source: str) -> list[Path]:
    """Return the files of the package that code uses, directly or through one another, sorted.

    Parameters
    ----------
    source : str
        Python code without lines for IPython, for example the joined code cells of a notebook.

    Raises
    ------
    SyntaxError
        It is not Python.
    """
    found: set[str] = set()
    todo = list(_needed(ast.parse(source)))
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo.extend(_imports(module))
    return sorted(_file(module) for module in found)


@cache
def _file(module: str) -> Path | None:
    """Return the file of a module, None where there is none of that name."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)


@cache
def _imports(module: str) -> frozenset[str]:
    # What a package hands on is looked up where somebody takes it; its own imports count where it has code that runs.
    if _handed_on(module) is not None:
        return frozenset()
    return frozenset(_needed(ast.parse(_file(module).read_text(encoding="utf-8"))))


@cache
def _handed_on(module: str) -> dict[str, str] | None:
    """Return, for a package that does nothing but hand on names, each name with where it comes from; else None."""
    file = _file(module)
    if file.name != "__init__.py":
        return None
    names: dict[str, str] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.ImportFrom(module=origin, names=taken, level=level) if level or _is_own(origin):
                whole = f"{module}.{origin}" if level else origin
                for alias in taken:
                    inner = f"{whole}.{alias.name}"
                    names[alias.asname or alias.name] = inner if _file(inner) else f"{whole}:{alias.name}"
            case ast.Assign(targets=[ast.Name(id="__all__" | "__version__")]) | ast.Expr(value=ast.Constant()):
                pass
            case _:
                return None
    return names


def _is_own(name: str | None) -> bool:
    return name is not None and (name == _NAME or name.startswith(f"{_NAME}."))


def _needed(tree: ast.AST) -> Iterator[str]:
    """Yield the modules of the package that code imports; a name that a package hands on counts where it is defined."""
    packages: dict[str, str] = {}
    for node in _that_run(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if _is_own(alias.name):
                        yield from _and_parents(alias.name)
            case ast.ImportFrom(module=origin, names=names, level=0) if _is_own(origin):
                for alias in names:
                    inner = f"{origin}.{alias.name}"
                    if _file(inner) and _handed_on(inner) is not None:
                        packages[alias.asname or alias.name] = inner
                        yield from _and_parents(inner)
                    else:
                        yield from _origin(origin, alias.name)
    alone = {name: 0 for name in packages}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in packages:
                alone[name] -= 1
                yield from _origin(packages[name], attribute)
            case ast.Name(id=name) if name in packages:
                alone[name] += 1
    for name, times in alone.items():
        # Handed on as a whole, anything of it may be used.
        if times:
            for attribute in _handed_on(packages[name]):
                yield from _origin(packages[name], attribute)


def _that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk through code, but not through what only type checkers read."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=other):
                todo.extend(other)
            case _:
                todo.extend(ast.iter_child_nodes(node))


def _origin(module: str, name: str) -> Iterator[str]:
    """Yield the module that a name comes from when it is taken from a module or package, and the packages above."""
    yield from _and_parents(module)
    if _file(f"{module}.{name}"):
        yield f"{module}.{name}"
    elif name in (handed := _handed_on(module) or {}):
        whole, _, taken = handed[name].partition(":")
        if taken:
            yield from _origin(whole, taken)
        else:
            yield whole


def _and_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])
