"""Each layer of a build names the part of the package that it rests on: nothing in it may import what is outside."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from endomtor.building import workflow

PACKAGE = workflow.PACKAGE
LAYERS = {"data": [PACKAGE / name for name in workflow._OF_DATA], "chapters": workflow.code_of_chapters()}


def files_of(places: Iterable[Path]) -> set[Path]:
    found = {path for place in places for path in (place.rglob("*.py") if place.is_dir() else [place])}
    assert all(path.is_file() for path in found)
    return found


def file_of(module: str) -> Path | None:
    place = PACKAGE.joinpath(*module.split(".")[1:])
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def imported(path: Path) -> Iterator[Path]:
    """Yield the files of the package that a file imports anywhere, but for what only type checkers read."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checkers = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        match node:
            case _ if node in checkers:
                continue
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=origin, names=names, level=0):
                modules = [f"{origin}.{alias.name}" if file_of(f"{origin}.{alias.name}") else origin for alias in names]
            case ast.ImportFrom():
                assert path.name == "__init__.py", f"{path}: import by the whole name, as the other modules do"
                continue
            case _:
                continue
        yield from (file_of(name) for name in modules if name.partition(".")[0] == PACKAGE.name)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_nothing_from_outside(layer):
    own = files_of(LAYERS[layer])
    outside = {
        f"{path.relative_to(PACKAGE)} imports {one.relative_to(PACKAGE)}"
        for path in own
        for one in set(imported(path)) - own - {PACKAGE / "__init__.py"}
    }
    assert not outside


def test_what_a_chapter_needs_besides_the_package_is_what_executes_it():
    own = files_of(LAYERS["chapters"])
    assert {path.stem for path in own if path.parent.name == "building"} == {
        "execute",
        "forks",
        "provisioner",
        "executed",
    }
    assert PACKAGE / "cli.py" not in own
    assert files_of(LAYERS["data"]) < own
