"""Sphinx extension: pages show executed notebooks, ledger, evidence, the data contract, public files and the build.

Each directive imports what it draws from, so that a page without it does not wait for pandas.
"""

import dataclasses
import inspect
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nbformat
import pybtex.plugin
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.search.en import SearchEnglish
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from endomtor import files
from endomtor.building import accessibility, code_cells, counts, furniture, interactive, searching
from endomtor.building.executed import KEY, own_cells, stale_cell
from endomtor.building.sharing import is_chapter
from endomtor.building.workflow import LEDGER_OF_PAGES, PACKAGE, build_folder, fingerprint, last

logger = logging.getLogger(__name__)

NOT_BUILT = "This book was not built yet: run `make book` to execute its notebooks."
_NO_LEDGER = f":::{{note}}\n{NOT_BUILT}\n:::"
NOT_FRESH = (
    "This page was executed before its code, data, parameters or packages were changed: "
    "run `make book` to execute it again."
)


def setup(app: Sphinx) -> dict:
    """Connect the extension."""
    app.add_config_value("endomtor_code", "", "env")
    app.connect("config-inited", _note_code)
    app.connect("config-inited", _name_addresses)
    app.connect("config-inited", _count)
    app.connect("config-inited", _look_up_once)
    app.connect("builder-inited", _read_side_by_side)
    app.connect("builder-inited", _draw_modules_again)
    app.connect("html-collect-pages", _forget_words_of_earlier_pages)
    app.connect("source-read", _show_executed)
    app.connect("html-page-context", _describe_to_machines)
    app.connect("build-finished", _copy_downloads)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", _leave_out_constants)
    app.connect("autodoc-process-signature", _leave_out_fields)
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_formula, None))
    for name, draw in {
        **{
            "ledger": _claims,
            "panels": _panels,
            "map": _map,
            "evidence": _evidence,
            "contract": _contract,
            "registry": _registry,
        },
        **{"worlds": _worlds, "power": _power, "signature": _signature, "status": _status, "changes": _changes},
    }.items():
        app.add_directive(f"endomtor-{name}", _directive(draw))
    app.add_directive("endomtor-performance", _directive(_performance, arguments=1))
    app.add_directive("endomtor-literature", _directive(_literature, arguments=1))
    app.add_role("endomtor-sample-size", SampleSizeRole())
    furniture.connect(app)
    interactive.connect(app)
    searching.connect(app)
    accessibility.setup(app)
    return {"version": version("endomtor"), "parallel_read_safe": True, "parallel_write_safe": True}


def _note_code(app: Sphinx, config) -> None:
    # Directives draw from the package and its tables: all pages are read again when these change. So they are for a
    # style sheet, which Sphinx copies only when some page is drawn, and which pages name with its checksum.
    root = Path(app.srcdir)
    # What was measured may have a file more.
    places = [PACKAGE, root / "data", root / "book" / "_static", root / "book" / "performance"]
    config.endomtor_code = fingerprint(places)


def _read_side_by_side(app: Sphinx) -> None:
    """Use as many processes as there are processors; Jupyter Book has no option for it."""
    app.parallel = os.cpu_count() or 1
    # Neither says so, and Sphinx would warn: one acts for LaTeX only, the other when all pages have been read.
    for name in app.extensions.keys() & {"sphinx_jupyterbook_latex", "sphinx_multitoc_numbering"}:
        app.extensions[name].parallel_read_safe = True


def _draw_modules_again(app: Sphinx) -> None:
    """Take away the pages of the package's modules where what stands around them may have changed.

    viewcode goes by the time of a module alone, and would leave sidebar and addresses of style sheets as they were.
    """
    root, kept = Path(app.srcdir), Path(app.doctreedir) / "modules.txt"
    now = fingerprint([root / "_toc.yml", root / "_config.yml"], app.config.endomtor_code, app.config.endomtor_build)
    if not kept.is_file() or kept.read_text(encoding="utf-8") != now:
        shutil.rmtree(Path(app.outdir) / "_modules", ignore_errors=True)
        files.write_text(kept, now)


def _count(app: Sphinx, config) -> None:
    """Let pages say counts by name, `{{ worlds }}`."""
    if "myst_substitutions" in config:
        config.myst_substitutions = {**config.myst_substitutions, **counts.in_words()}


def _look_up_once(app: Sphinx, config) -> None:
    """Let pybtex remember where its styles are, and the search the stem of a word.

    For each citation all installed packages would be searched again, and each page would stem its words anew.
    """
    pybtex.plugin._load_entry_point = cache(pybtex.plugin._load_entry_point)
    SearchEnglish.stem = cache(SearchEnglish.stem)


def _forget_words_of_earlier_pages(app: Sphinx) -> list:
    """Take words that stand on no page any more out of the search index: a clean build would not have them."""
    for words in (app.builder.indexer._mapping, app.builder.indexer._title_mapping):
        for word in [word for word, pages in words.items() if not pages]:
            del words[word]
    return []


def _name_addresses(app: Sphinx, config) -> None:
    """Put the real addresses of site and repository, which a workflow knows, in the place of the placeholders."""
    if site := os.environ.get("ENDOMTOR_SITE_URL"):
        config.html_baseurl = f"{site.rstrip('/')}/"
    if repository := os.environ.get("ENDOMTOR_REPOSITORY_URL"):
        config.html_theme_options = {**config.html_theme_options, "repository_url": repository}


def _show_executed(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the executed notebook's text in the place of the committed one's."""
    if not is_chapter(app.env, docname):
        return
    path = build_folder(Path(app.srcdir)) / "executed" / f"{docname}.ipynb"
    # Noted even where there is none yet: Sphinx then reads the page again when it has appeared.
    app.env.note_dependency(str(path))
    ledger = _ledger(app.env)
    if path.is_file() and ledger:
        executed = path.read_text(encoding="utf-8")
        notebook, committed = (nbformat.reads(text, as_version=4) for text in (executed, source[0]))
        if cell := stale_cell(notebook, committed):
            logger.warning(
                "%s was executed from another text than is committed (cell %d differs): build again", path, cell
            )
        script = Path(app.env.doc2path(docname)).with_suffix(".py")
        lines = {}
        # One that is not there would have Sphinx read the page each time.
        if script.is_file():
            app.env.note_dependency(str(script))
            lines = code_cells.lines(script.read_text(encoding="utf-8"))
        source[0] = page_of(executed, path.stem, ledger, lines)
        settings = last(build_folder(Path(app.srcdir)))
        if settings and settings.state_of(path.stem) != notebook.metadata.get(KEY, {}).get("state"):
            source[0] = with_note(source[0], NOT_FRESH, kind="warning")
    else:
        source[0] = with_note(source[0], NOT_BUILT)


def _ledger(env: BuildEnvironment) -> dict | None:
    """Return the ledger of the build, None where there is none; the page at hand is read again when it changes."""
    build = build_folder(Path(env.srcdir))
    path, copy = build / "ledger.json", build / LEDGER_OF_PAGES
    env.note_dependency(str(copy if copy.is_file() else path))
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def page_of(executed: str, chapter: str, ledger: dict, lines: Mapping[str, int] | None = None) -> str:
    """Return the text of an executed notebook as the site shows it.

    Below the title stands in short what the ledger says, and before each cell the ids of the records that it computed.
    Below a heading whose cell asks for it stands the result (`views.headings`).
    Below each figure stand its interactive part, if it has one, and its data.

    Caption and alt text move from the output's metadata to the cell's, where myst-nb looks for them. A figure's name
    gets the chapter before it, since names are one to a book. The cell that papermill put in is left out: it names
    folders of the machine that built the book.
    Code is folded or left out by the tags of its cell (`code_cells`).

    Parameters
    ----------
    lines : mapping, optional
        The line of the notebook's script on which the source of a cell begins: below the cell's figures stands a link.

    Raises
    ------
    BuildError
        Two figures of the chapter have one name.
    """
    from endomtor.building import figure_data
    from endomtor.views import headings, literature, pages

    notebook = nbformat.reads(executed, as_version=4)
    own = [record for record in ledger["evidence"] if record["notebook"] == chapter]
    notebook.cells = own_cells(notebook.cells)
    drawn = figure_data.of_notebook(notebook.cells, chapter)
    code_cells.fold(notebook.cells)
    cells = []
    for cell in notebook.cells:
        cell.source = headings.label(cell.source, cell.metadata.get("tags", []), ledger)
        computed = [
            record for record in own if record["cell"] is not None and record["cell"] == cell.get("execution_count")
        ]
        if computed:
            cells.append(nbformat.v4.new_markdown_cell(pages.anchors(computed), id=f"endomtor-{computed[0]['cell']}"))
        names = [shown["name"] for shown in figure_data.of_cell(cell)]
        if names:
            cells.append(nbformat.v4.new_markdown_cell(figure_data.anchors(names), id=f"cell-of-{names[0]}"))
        line = (lines or {}).get(cell.source.strip())
        code = code_cells.address(f"notebooks/{chapter}", line) if line else ""
        for part in code_cells.one_figure_each(cell):
            cells.append(part)
            for output in part.get("outputs", []):
                shown = output.get("metadata", {}).get("endomtor", {})
                if "alt" not in shown:
                    continue
                figure, name = {"caption": shown["caption"]}, shown.get("name")
                about = part.metadata.setdefault("mystnb", {})
                about |= {"figure": figure, "image": {"alt": shown["alt"]}}
                if name:
                    figure["name"] = f"{chapter}-{name}"
                    cells += [
                        nbformat.v4.new_markdown_cell(html, id=f"{what}-{name}")
                        for what, html in _below_figure(drawn[name], chapter, code)
                    ]
    known = literature.known_html([claim["id"] for claim in ledger["claims"] if claim["chapter"] == chapter])
    # What is known of real mice comes first.
    head = {"lead": _taken_lead(cells), "summary": pages.summary_html(chapter, ledger), "known": known}
    shown = [nbformat.v4.new_markdown_cell(html, id=f"endomtor-{name}") for name, html in head.items() if html]
    cells[1:1] = shown
    notebook.cells = cells
    return nbformat.writes(notebook)


def _taken_lead(cells: list[nbformat.NotebookNode]) -> str:
    """Take the sentence on real mice out of the cell that computed it, and return it; empty where there is none."""
    for cell in cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html", "")
            if html.startswith('<p class="endomtor-lead'):
                cell.outputs.remove(output)
                return html
    return ""


def _below_figure(shown: dict, chapter: str, code: str) -> Iterator[tuple[str, str]]:
    """Yield what stands below a figure as HTML, each with what it is, and take the data from the page's notebook."""
    from endomtor.building import figure_data

    if "interactive" in shown:
        yield "interactive", interactive.fold_html(shown, chapter)
        del shown["interactive"]
    yield "data", figure_data.fold_html(shown, chapter, code=code)
    del shown["data"]


def with_note(page: str, text: str, kind: str = "note") -> str:
    """Return the text of a notebook with a note after its title."""
    notebook = nbformat.reads(page, as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f":::{{{kind}}}\n{text}\n:::", id="endomtor-note"))
    return nbformat.writes(notebook)


def _describe_to_machines(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Put schema.org's description of the ledger into the head of the first page."""
    path = build_folder(Path(app.srcdir)) / "ledger.json"
    if page != app.config.root_doc or not path.is_file():
        return
    from endomtor.building import exports

    ledger = json.loads(path.read_text(encoding="utf-8"))
    about = exports.schema_org(ledger, exports.citation(Path(app.srcdir)), app.config.html_baseurl)
    # A title of the user's data must not end the script.
    text = json.dumps(about, ensure_ascii=False).replace("<", "\\u003c")
    context["metatags"] = f'{context.get("metatags", "")}<script type="application/ld+json">{text}</script>\n'


def _copy_downloads(app: Sphinx, error: Exception | None) -> None:
    """Lay the tables of the ledger and the data of the figures beside the pages that link to them."""
    from endomtor.building import exports, figure_data

    if error is not None:
        return
    build = build_folder(Path(app.srcdir))
    for name in exports.DOWNLOADS:
        if (build / name).is_file():
            shutil.copyfile(build / name, Path(app.outdir) / name)
    # All of them, also in a run that draws no page: a file that is gone would not be missed by Sphinx.
    executed = [build / "executed" / f"{docname}.ipynb" for docname in sorted(app.env.found_docs)]
    figure_data.write([path for path in executed if path.is_file()], Path(app.outdir) / figure_data.FOLDER)


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


def _directive(draw: Callable[[SphinxDirective], str | list[nodes.Node]], arguments: int = 0) -> type[SphinxDirective]:
    """Return a directive that shows what a function draws for it: nodes, or text to be read as Markdown."""

    def run(self: SphinxDirective) -> list[nodes.Node]:
        drawn = draw(self)
        return self.parse_text_to_nodes(drawn, allow_section_headings=True) if isinstance(drawn, str) else drawn

    return type(draw.__name__, (SphinxDirective,), {"run": run, "optional_arguments": arguments})


def _raw(html: str) -> list[nodes.Node]:
    return [nodes.raw("", html, format="html")]


def _claims(directive: SphinxDirective) -> str | list[nodes.Node]:
    """The ledger of the build as a table."""
    from endomtor.views import boxes

    ledger = _ledger(directive.env)
    return _raw(boxes.ledger_html(ledger)) if ledger else _NO_LEDGER


def _panels(directive: SphinxDirective) -> str | list[nodes.Node]:
    """Real mice, simulated mice and what is unknown, for the first screen."""
    from endomtor.views import first_page

    ledger = _ledger(directive.env)
    return _raw(first_page.panels_html(ledger)) if ledger else _NO_LEDGER


def _map(directive: SphinxDirective) -> list[nodes.Node]:
    """Niche, mTOR, HSPC and the chapters as a drawing; where there is no ledger yet its boxes say so."""
    from endomtor.building import readers_map

    return _raw(readers_map.html(_ledger(directive.env)))


def _evidence(directive: SphinxDirective) -> str:
    """Every record of the ledger, a section for each claim."""
    from endomtor.claims import catalogue
    from endomtor.views import pages

    ledger = _ledger(directive.env)
    if not ledger:
        return _NO_LEDGER
    rules = catalogue.load()
    sections = [
        f"## {claim['id']} {claim['title']}\n\n{pages.claim_markdown(rules.claim(claim['id']))}\n"
        f"{pages.evidence_html(claim, ledger)}\n"
        for claim in ledger["claims"]
    ]
    return "\n".join(sections)


class SampleSizeRole(SphinxRole):
    """`{endomtor-sample-size}`: the n that a prediction or claim needs, for a sentence, from the frozen counts.

    It comes from simulated mice, so a book on a laboratory's data leaves it out.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the n with its unit and limits."""
        from endomtor.calibration import sample_size

        ledger = _ledger(self.env)
        left_out = ledger is not None and ledger["dataset"]["provenance"] != "simulated"
        return [nodes.strong("", "left out here" if left_out else sample_size.text(self.text))], []


def _literature(directive: SphinxDirective) -> str:
    """What others found on a claim, and what would change the verdict on it."""
    from endomtor.views import literature

    (claim,) = directive.arguments
    rows = f"<details><summary>Each study, with where it was read</summary>{literature.table_html(claim)}</details>"
    return f"{literature.picture_html(claim)}{rows}{literature.settles_html(claim)}"


def _contract(directive: SphinxDirective) -> str:
    """The data contract, from the rules that check it."""
    from endomtor.contract import contract_markdown

    return contract_markdown()


def _registry(directive: SphinxDirective) -> str:
    """Others' published data as a table, with licence and whether this build had them."""
    from endomtor import public

    lines = ["| name | what it is | licence | source | in this build |", "| --- | --- | --- | --- | --- |"]
    states = {"bundled": "bundled with the book", "downloaded": "downloaded", "not here": "frozen table"}
    for entry in public.downloads():
        source = "{cite:p}`" + ",".join(work["key"] for work in entry["citations"]) + "`"
        name, state = f"[`{entry['name']}`](<{entry['address']}>)", states[entry["state"]]
        cells = (name, entry["description"], entry["licence"], source, state)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def _worlds(directive: SphinxDirective) -> list[nodes.Node]:
    """How often each verdict on a claim fell in each world, from the frozen calibration."""
    from endomtor import calibration
    from endomtor.views import grid

    found = calibration.frozen()
    said = directive.parse_text_to_nodes("\n".join(f"- {sentence}" for sentence in grid.sentences(found)))
    return [*_raw(grid.table_html(found)), *said]


def _power(directive: SphinxDirective) -> str:
    """How often claims are supported over n and phi; left out in a book on a laboratory's data."""
    from endomtor.building import power_page

    return power_page.text(_ledger(directive.env))


def _performance(directive: SphinxDirective) -> str:
    """All that was measured of speed, memory and sameness, or one file of `book/performance/`, or missed `targets`."""
    from endomtor.building import performance_page

    [name] = directive.arguments or [""]
    drawn = {"": performance_page.text, "targets": performance_page.targets}.get(name)
    return drawn() if drawn else performance_page.alone(name)


def _signature(directive: SphinxDirective) -> list[nodes.Node]:
    """The genes of the aging signature, so that a search for one finds where it counts."""
    from endomtor.building import signature_page

    return _raw(signature_page.html())


def _status(directive: SphinxDirective) -> str:
    """Run times, state and environment of the build."""
    from endomtor.building import status_page

    env = directive.env
    # The commit and the state of each chapter change without a change of this page.
    env.note_reread()
    root = Path(env.srcdir)
    chapters = sorted(page for page in env.found_docs if is_chapter(env, page))
    return status_page.text(root, build_folder(root), chapters, _ledger(env))


def _changes(directive: SphinxDirective) -> str:
    """What moved since the last release, whose ledger is in `data/derived/`."""
    from endomtor.building import changes_page

    ledger = _ledger(directive.env)
    return changes_page.text(ledger) if ledger else _NO_LEDGER
