"""What the site draws around the pages: head, buttons, definitions of terms, the block at the end of a chapter."""

import json
import platform
import re
from collections.abc import Iterator
from html import escape
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx

from endomtor import files
from endomtor.building import code_cells, sharing
from endomtor.building.sharing import is_chapter
from endomtor.building.status_page import TIMES, run_time, span, times
from endomtor.building.workflow import build_folder, fingerprint, revision, shown_versions

LAUNCH_BRANCH = "launch"
"""The branch that deploying writes, with notebooks for Colab."""

_BINDER = "https://mybinder.org/v2/gh"
_COLAB = "https://colab.research.google.com/github"
_NO_DATE = "n.d."


def connect(app: Sphinx) -> None:
    """Connect the handlers of this module to Sphinx."""
    # What is drawn around a page is drawn again when this changes, and no page is read again for it.
    app.add_config_value("endomtor_build", "", "html")
    app.add_config_value("endomtor_commit", "", "")
    # After the addresses are known.
    app.connect("config-inited", _note_build, priority=900)
    app.connect("doctree-resolved", _define_terms)
    # After the theme, whose buttons are completed.
    app.connect("html-page-context", _furnish, priority=900)
    app.connect("html-collect-pages", sharing.not_found)
    app.connect("build-finished", _finish)


def command(chapter: str, dataset: dict | None) -> str:
    """Return the command that runs a chapter on the data set of the ledger; a laboratory's folder is not named."""
    run = f"endomtor run {chapter.split('_')[0]}"
    if not dataset:
        return run
    if dataset["provenance"] == "simulated":
        return f"{run} --world {dataset['world']} --seed {dataset['seed']}"
    return f"{run} --data DIR"


def launch_links(repository: str, commit: str, page: str) -> dict[str, str]:
    """Return the addresses that open a notebook at a commit or branch on others' machines; none outside GitHub."""
    parts = urlsplit(repository)
    if parts.netloc != "github.com":
        return {}
    name = parts.path.strip("/")
    file = f"{page}.ipynb"
    return {
        "Binder": f"{_BINDER}/{name}/{commit}?urlpath={quote(f'lab/tree/{file}', safe='')}",
        "Colab": f"{_COLAB}/{name}/blob/{LAUNCH_BRANCH}/{file}",
    }


def report_link(repository: str, commit: str, page: str) -> str:
    """Return the address of a new issue that names page and commit."""
    body = f"Page: {page}\nCommit: {commit}\n\nWhat is wrong, and what did you expect?\n"
    return f"{repository.rstrip('/')}/issues/new?title={quote(f'{page}: ')}&body={quote(body)}"


def citation_text(about: dict, title: str, details: str, address: str) -> str:
    """Return how to cite a page, in words; `{date}` stands for the date of the build."""
    authors = ", ".join(str(_person(author)) for author in about["authors"]).replace("{", "").replace("}", "")
    where = f" {address}" if address else ""
    return f"{authors}. {title}. In: {about['title']}. {details}, {{date}}.{where}"


def citation_bibtex(about: dict, key: str, title: str, details: str, address: str) -> str:
    """Return how to cite a page, as BibTeX; `{year}` and `{date}` stand for year and date of the build."""
    from pybtex.database import BibliographyData, Entry

    fields = {
        "title": f"{{{title}}}",
        "howpublished": f"In: {{{about['title']}}}",
        "year": "YEAROFBUILD",
        "note": f"{details}, built DATEOFBUILD",
    }
    if address:
        fields["url"] = "ADDRESSOFPAGE"
    entry = Entry("misc", fields, {"author": [_person(author) for author in about["authors"]]})
    text = BibliographyData({key: entry}).to_string("bibtex").strip()
    # The address is put in last: pybtex would escape its underscores, and a reader copies it as it stands.
    filled = {"YEAROFBUILD": "{year}", "DATEOFBUILD": "{date}", "ADDRESSOFPAGE": address}
    return re.sub("|".join(filled), lambda match: filled[match[0]], text)


def _note_build(app: Sphinx, config) -> None:
    root = Path(app.srcdir)
    ledger = _ledger(app)
    # The glossary, since pages show its definitions.
    places = [root / "CITATION.cff", root / "book" / "glossary.md"]
    # git is asked once, not for each page.
    config.endomtor_commit = revision(root)
    config.endomtor_build = fingerprint(places, config.endomtor_commit, ledger and ledger["dataset"])


def _ledger(app: Sphinx) -> dict | None:
    path = build_folder(Path(app.srcdir)) / "ledger.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _define_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give each link to a term its definition as title; links to cited works have theirs from bibtex."""
    objects = app.env.get_domain("std").objects
    places = {f"term-{place[1].removeprefix('term-')}": place for (kind, _), place in objects.items() if kind == "term"}
    for link in doctree.findall(nodes.reference):
        if not any("std-term" in child["classes"] for child in link.findall(nodes.inline)):
            continue
        name = link.get("refid") or link.get("refuri", "").partition("#")[2]
        if name in places:
            link["reftitle"] = _definition(app, *places[name])


def _definition(app: Sphinx, page: str, name: str) -> str:
    known = app.env.temp_data.setdefault("endomtor_definitions", {})
    if page not in known:
        known[page] = dict(_definitions(app.env.get_doctree(page)))
    return known[page].get(name, "")


def _definitions(glossary: nodes.document) -> Iterator[tuple[str, str]]:
    for item in glossary.findall(nodes.definition_list_item):
        [definition] = item.findall(nodes.definition, include_self=False)
        plain = definition.deepcopy()
        for formula in list(plain.findall(nodes.math)):
            formula.replace_self(nodes.Text(re.sub(r"\\(\w+)", r"\1", formula.astext())))
        # "see" what lies elsewhere: not a part of a definition, and not to be clicked where it is shown.
        text = re.sub(r"; see [^;.]*(?=\.$)", "", " ".join(plain.astext().split()))
        for term in item.findall(nodes.term):
            for name in term["ids"]:
                yield name, f"{term.astext()}: {text}"


def _furnish(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Complete what the theme draws: head of each page, buttons, and the block at the end of a chapter."""
    pathto = context["pathto"]
    ledger = _ledger(app)
    head = []
    if sharing.logo(app).is_file():
        head += [
            f'<link rel="icon" href="{pathto("favicon.ico", 1)}" sizes="32x32">',
            f'<link rel="apple-touch-icon" href="{pathto("apple-touch-icon.png", 1)}">',
        ]
    if doctree is None:
        head.append('<meta name="robots" content="noindex">')
    else:
        head += sharing.tags(app, page, doctree, ledger)
    context["metatags"] = f"{context.get('metatags', '')}{chr(10).join(head)}\n"
    if doctree is None:
        return
    repository = app.config.html_theme_options.get("repository_url", "")
    commit = app.config.endomtor_commit
    context["body"] = code_cells.linked(context["body"], repository, _reachable(app, commit))
    if repository:
        _point_issues(context, report_link(repository, commit, page))
    if is_chapter(app.env, page):
        launch = launch_links(repository, _reachable(app, commit), page)
        _add_launch_buttons(context, launch)
        context["body"] += _about(app, page, commit, launch, pathto, ledger)
    if "data-endomtor-" in context["body"]:
        # Not deferred, so that it is there when the deferred script of the site wants it.
        context["body"] += f'<script src="{pathto(TIMES, 1)}"></script>\n'


def _reachable(app: Sphinx, commit: str) -> str:
    return commit.removesuffix("-dirty") or app.config.html_theme_options.get("repository_branch") or "main"


def _point_issues(context: dict, address: str) -> None:
    for group in context.get("header_buttons", []):
        for button in (group, *group.get("buttons", [])):
            if button.get("label") == "source-issues-button":
                button["url"] = address


def _add_launch_buttons(context: dict, launch: dict[str, str]) -> None:
    icons = {"Binder": "_static/images/logo_binder.svg", "Colab": "_static/images/logo_colab.png"}
    buttons = [
        {
            "type": "link",
            "text": name,
            "tooltip": f"Open on {name}",
            "icon": icons[name],
            "url": url,
        }
        for name, url in launch.items()
    ]
    if buttons and "header_buttons" in context:
        group = {"type": "group", "tooltip": "Run this chapter elsewhere", "icon": "fas fa-rocket"}
        context["header_buttons"].insert(0, group | {"buttons": buttons, "label": "launch-buttons"})


def _about(app: Sphinx, page: str, commit: str, launch: dict[str, str], pathto, ledger: dict | None) -> str:
    """Return the block at the end of a chapter."""
    from endomtor.building import exports
    from endomtor.views import boxes

    chapter = page.rpartition("/")[2]
    dataset = ledger and ledger["dataset"]
    about = exports.citation(Path(app.srcdir))
    repository = app.config.html_theme_options.get("repository_url", "")
    own = dataset is not None and dataset["provenance"] != "simulated"
    # The page on the site shows other data than a laboratory's.
    address = ""
    if app.config.html_baseurl and not own:
        address = f"{app.config.html_baseurl.rstrip('/')}/{app.builder.get_target_uri(page)}"
    details = f"Version {about['version']}"
    if commit:
        clean = commit.removesuffix("-dirty")
        details += f", commit {clean}{'' if clean == commit else ' with later changes'}"
    if dataset:
        details += f", on {boxes.dataset_kind(dataset)} data"
    title = app.env.titles[page].astext()
    text = citation_text(about, title, details, address)
    bibtex = citation_bibtex(about, f"endomtor-{chapter}", title, details, address)

    where = "In a clone of the repository whose environment is set up"
    if "book/reproduce" in app.env.found_docs:
        where = f'In a <a href="{pathto("book/reproduce")}#rerun">clone with its environment</a>'
    if own:
        where += ", where <code>DIR</code> stands for the folder of your data"
    parts = [
        '<section class="endomtor-about" aria-labelledby="about-this-page">',
        '<h2 id="about-this-page">About this page</h2>',
        f"<h3>Rerun this chapter on your machine</h3><p>{where}:</p>",
        _copyable(command(chapter, dataset)),
    ]
    if launch:
        links = " · ".join(f'<a href="{escape(url)}">{name}</a>' for name, url in launch.items())
        parts.append(
            f"<h3>Launch it elsewhere</h3><p>{links}</p><p>Binder opens the commit of this build. "
            f"Colab opens the branch <code>{LAUNCH_BRANCH}</code>, which is written when the site is deployed; "
            "its notebooks begin with a cell that installs this book. "
            f"{'There it runs on simulated mice. ' if own else ''}"
            "Neither could be tried where the book was developed.</p>"
        )
    parts.append(
        f"<h3>Cite this page</h3>{_copyable(text)}<details><summary>BibTeX</summary>{_copyable(bibtex)}</details>"
    )
    rows = {
        "Built": span("date"),
        "Run time": run_time(chapter),
        "Commit": _commit_html(commit, repository),
        "Versions": f"Python {platform.python_version()}, endomtor {version('endomtor')}, {shown_versions()}",
    }
    if "book/status" in app.env.found_docs:
        rows["All chapters"] = f'<a href="{pathto("book/status")}">run times and environment</a>'
    if repository:
        link = escape(report_link(repository, commit, page))
        rows["Problems"] = f'<a href="{link}">Report a problem with this page</a>'
    listed = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in rows.items())
    parts.append(f"<h3>This build</h3><dl>{listed}</dl></section>\n")
    return "\n".join(parts)


def _commit_html(commit: str, repository: str) -> str:
    if not commit:
        return "not under version control"
    clean = commit.removesuffix("-dirty")
    name = f"<code>{clean}</code>"
    if repository:
        name = f'<a href="{escape(repository.rstrip("/"))}/tree/{clean}">{name}</a>'
    return name if clean == commit else f"{name}, with changes that the repository does not have"


def _copyable(text: str) -> str:
    """Return a block that gets a button to copy it; dates are put in by the script of the site."""
    filled = escape(text, quote=False)
    for key in ("date", "year"):
        filled = filled.replace(f"{{{key}}}", span(key, _NO_DATE))
    return f'<div class="highlight-none notranslate"><div class="highlight"><pre>{filled}</pre></div></div>'


def _person(author: dict):
    from pybtex.database import Person

    if "name" in author:
        # Braces keep the name of a group in one piece.
        return Person(last=f"{{{author['name']}}}")
    return Person(first=author["given-names"], last=author["family-names"])


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write what lies beside the pages: times, and with the site's address what others than readers ask for."""
    if error is not None or app.builder.format != "html":
        return
    told = times(build_folder(Path(app.srcdir)))
    files.write_text(Path(app.outdir) / TIMES, f"window.endomtorBuild = {json.dumps(told, sort_keys=True)};\n")
    if app.config.html_baseurl:
        sharing.write(app, _ledger(app))
