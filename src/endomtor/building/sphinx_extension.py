"""Sphinx extension: pages show executed notebooks, the ledger, the data contract, the public files and the build.

Each directive imports what it draws from, so that a page without it does not wait for pandas.
"""

import dataclasses
import inspect
import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from endomtor.building.workflow import PACKAGE, fingerprint, revision

NOT_BUILT = "This book was not built yet: run `make book` to execute its notebooks."
SHOWN_VERSIONS = ("scanpy", "pandas", "pydeseq2", "statsmodels", "scipy", "numpy", "seaborn", "papermill", "snakemake")


def setup(app: Sphinx) -> dict:
    """Connect the extension."""
    app.add_config_value("endomtor_code", "", "env")
    app.connect("config-inited", _note_code)
    app.connect("config-inited", _name_addresses)
    app.connect("source-read", _show_executed)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", _leave_out_constants)
    app.connect("autodoc-process-signature", _leave_out_fields)
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_formula, None))
    for name, directive in {
        "ledger": LedgerDirective,
        "contract": ContractDirective,
        "registry": RegistryDirective,
        "build": BuildDirective,
    }.items():
        app.add_directive(f"endomtor-{name}", directive)
    return {"version": version("endomtor"), "parallel_read_safe": True, "parallel_write_safe": True}


def build_folder(root: Path) -> Path:
    """Return the build folder that the pages show: `ENDOMTOR_BUILD` when set, else `_build` beside `_toc.yml`."""
    return Path(os.environ.get("ENDOMTOR_BUILD") or Path(root) / "_build")


def _note_code(app: Sphinx, config) -> None:
    # Directives draw from the package and its tables: all pages are read again when these change. So they are for a
    # style sheet, which Sphinx copies only when some page is drawn, and which pages name with its checksum.
    root = Path(app.srcdir)
    config.endomtor_code = fingerprint([PACKAGE, root / "data", root / "book" / "_static"])


def _name_addresses(app: Sphinx, config) -> None:
    """Put the real addresses of site and repository, which a workflow knows, in the place of the placeholders."""
    if site := os.environ.get("ENDOMTOR_SITE_URL"):
        config.html_baseurl = f"{site.rstrip('/')}/"
    if repository := os.environ.get("ENDOMTOR_REPOSITORY_URL"):
        config.html_theme_options = {**config.html_theme_options, "repository_url": repository}


def _show_executed(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the executed twin's text in the place of a notebook's."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    twin = build_folder(Path(app.srcdir)) / "executed" / f"{docname}.ipynb"
    # Noted even where there is none yet: Sphinx then reads the page again when it has appeared.
    app.env.note_dependency(str(twin))
    source[0] = page_of(twin.read_text(encoding="utf-8"), twin.stem) if twin.is_file() else unbuilt_page_of(source[0])


def page_of(executed: str, chapter: str) -> str:
    """Return the text of an executed notebook as the site shows it.

    Caption and alt text move from the output's metadata to the cell's, where myst-nb looks for them. A figure's name
    gets the chapter before it, since names are one to a book. The cell that papermill put in is left out: it names
    folders of the machine that built the book.
    """
    notebook = nbformat.reads(executed, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown = output.get("metadata", {}).get("endomtor", {})
            if "alt" in shown:
                figure = {"caption": shown["caption"]}
                if shown.get("name"):
                    figure["name"] = f"{chapter}-{shown['name']}"
                cell.metadata["mystnb"] = {"figure": figure, "image": {"alt": shown["alt"]}}
    return nbformat.writes(notebook)


def unbuilt_page_of(committed: str) -> str:
    """Return the text of a committed notebook with a note, after its title, that it was not executed."""
    notebook = nbformat.reads(committed, as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f":::{{note}}\n{NOT_BUILT}\n:::", id="endomtor-not-built"))
    return nbformat.writes(notebook)


def _leave_out_constants(app: Sphinx, what: str, name: str, member: object, skip: bool, options) -> bool | None:
    """Keep the reference of a module to functions and classes: defaults are in the signatures that use them."""
    constant = what == "module" and not (inspect.isroutine(member) or inspect.isclass(member))
    return True if constant else None


def _leave_out_fields(app: Sphinx, what: str, name: str, member: object, *_) -> tuple[str, None] | None:
    """Write a dataclass without its fields: the list of its attributes has them, each with a sentence."""
    return ("", None) if what == "class" and dataclasses.is_dataclass(member) else None


def _inline_formula(writer, node: nodes.math) -> None:
    """Write a formula as MathML: browsers and screen readers know it, and no script has to be fetched for it."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _formula(writer, node: nodes.math_block) -> None:
    """Write a displayed formula; see `_inline_formula`."""
    writer.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


class LedgerDirective(SphinxDirective):
    """`{endomtor-ledger}`: the ledger of the build as a table."""

    def run(self) -> list[nodes.Node]:
        """Return the table, or a note when there is no ledger yet."""
        from endomtor.claims import boxes

        path = build_folder(Path(self.env.srcdir)) / "ledger.json"
        self.env.note_dependency(str(path))
        if not path.is_file():
            return self.parse_text_to_nodes(f":::{{note}}\n{NOT_BUILT}\n:::")
        return [nodes.raw("", boxes.ledger_html(json.loads(path.read_text(encoding="utf-8"))), format="html")]


class ContractDirective(SphinxDirective):
    """`{endomtor-contract}`: the data contract, from the rules that check it."""

    def run(self) -> list[nodes.Node]:
        """Return the contract's sections."""
        from endomtor.contract import contract_markdown

        return self.parse_text_to_nodes(contract_markdown(), allow_section_headings=True)


class RegistryDirective(SphinxDirective):
    """`{endomtor-registry}`: others' published data, with licence and whether this build had them."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        from endomtor import public

        lines = ["| name | what it is | licence | source | in this build |", "| --- | --- | --- | --- | --- |"]
        for entry in public.load().values():
            if entry.bundled:
                state = "bundled with the book"
            else:
                state = "downloaded" if public.available(entry.name) else "frozen table"
            source = "{cite:p}`" + ",".join(entry.citations) + "`" if entry.citations else "–"
            cells = (f"[`{entry.name}`](<{entry.address}>)", entry.description, entry.licence, source, state)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        return self.parse_text_to_nodes("\n".join(lines))


class BuildDirective(SphinxDirective):
    """`{endomtor-build}`: when, from which commit, on which data, with which packages the book was built."""

    def run(self) -> list[nodes.Node]:
        """Return a table of two columns."""
        from endomtor.claims import boxes

        root = Path(self.env.srcdir)
        path = build_folder(root) / "ledger.json"
        self.env.note_dependency(str(path))
        dataset = (
            boxes.dataset_sentence(json.loads(path.read_text("utf-8"))["dataset"]) if path.is_file() else NOT_BUILT
        )
        rows = {
            "date": build_date().strftime("%Y-%m-%d"),
            "commit": f"`{revision(root) or 'not under version control'}`",
            "data": dataset,
            "endomtor": version("endomtor"),
            "packages": ", ".join(f"{name} {version(name)}" for name in SHOWN_VERSIONS),
        }
        lines = ["| of this build | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows.items())]
        return self.parse_text_to_nodes("\n".join(lines))


def build_date() -> datetime:
    """Return the time of the build in UTC, or `SOURCE_DATE_EPOCH` when set, so that a rebuild gives the same bytes."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
