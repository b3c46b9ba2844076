"""The reference on the methods page: drawn without a warning, complete, and its examples give what they show."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from types import FunctionType, ModuleType

import pytest
import yaml

from conftest import ROOT
from endomtor import stats

# Cores of other modules; readers meet them through these.
PRIVATE = {"linear", "negative_binomial"}
MODULES = [
    "endomtor.estimate",
    *sorted(
        f"{stats.__name__}.{module.name}"
        for module in pkgutil.iter_modules(stats.__path__)
        if module.name not in PRIVATE
    ),
]
SPHINX = """
import sys; sys.modules["rfc3987_syntax"] = None  # takes seconds to import
from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))
"""


def imported(name: str) -> ModuleType:
    return importlib.import_module(name)


def public(module: ModuleType) -> dict[str, FunctionType | type]:
    """The functions and classes that the module defines for others."""
    members = inspect.getmembers(module, lambda it: inspect.isfunction(it) or inspect.isclass(it))
    return {name: it for name, it in members if it.__module__ == module.__name__ and not name.startswith("_")}


@pytest.fixture(scope="module")
def blocks() -> dict[str, str]:
    """The blocks of the page that are drawn from docstrings, by module."""
    page = (ROOT / "book" / "methods.md").read_text(encoding="utf-8")
    found = re.findall(r"^```\{eval-rst\}\n(\.\. automodule:: (\S+)\n.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return {module: block for block, module in found}


@pytest.fixture(scope="module")
def reference(blocks, tmp_path_factory) -> str:
    """The HTML of these blocks, from Sphinx with the settings of the book."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    options = {
        name: value
        for name, value in settings["config"].items()
        if name.startswith(("add_", "autodoc_", "default_", "napoleon_", "nitpick", "python_", "toc_"))
    }
    folder = tmp_path_factory.mktemp("reference")
    conf = {"extensions": settings["extra_extensions"], "html_theme": "basic", **options}
    (folder / "conf.py").write_text("".join(f"{name} = {value!r}\n" for name, value in conf.items()), "utf-8")
    (folder / "index.rst").write_text("Reference\n=========\n\n" + "\n".join(blocks.values()), "utf-8")
    command = [sys.executable, "-P", "-c", SPHINX, "-W", "-n", "--keep-going", "-q", "-b", "html", ".", "html"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return (folder / "html" / "index.html").read_text(encoding="utf-8")


def test_each_module_has_one_block_on_the_page(blocks):
    assert set(blocks) == {*MODULES, "endomtor.errors"}


def test_the_reference_is_drawn_without_a_warning_and_without_noise(reference):
    text = re.sub(r"<[^>]+>", "", reference)
    assert "replace_zeros(parts, *, delta=DELTA)" in text
    assert not re.search(r"0x[0-9a-f]{6}|&lt;factory&gt;|&lt;object object", text)


@pytest.mark.parametrize("name", MODULES)
def test_each_public_name_is_on_the_page_and_each_function_has_an_example(name, blocks, reference):
    module = imported(name)
    excluded = re.search(r":exclude-members: (.+)", blocks[module.__name__])
    shown = {key: it for key, it in public(module).items() if not excluded or key not in excluded[1].split(", ")}
    assert {key for key, it in public(module).items() if getattr(stats, key, None) is it} <= set(shown)
    assert [key for key in shown if f'id="{module.__name__}.{key}"' not in reference] == []
    examples = {key: doctest.DocTestParser().get_examples(inspect.getdoc(it) or "") for key, it in shown.items()}
    assert [key for key, it in shown.items() if inspect.isfunction(it) and not examples[key]] == []
    assert any(examples.values())


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name):
    # pandas fills lines with blanks, which editors remove.
    ran = doctest.testmod(imported(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert not ran.failed, "see the captured output"
