"""What the site draws around the pages: the block at the end of a chapter, status, cards, site map, page not found.

Times change with each build, so none stands in a page: all are in one file, `build-times.js`, and a script of the site
writes them into the pages (as a script and not as JSON, so that it also works from the disk).
"""

import json
import platform
import re
import textwrap
from collections.abc import Iterator
from html import escape
from importlib.metadata import requires, version
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
from docutils import nodes
from packaging.requirements import Requirement
from sphinx.application import Sphinx

from endomtor import files
from endomtor.building import code_cells, executed
from endomtor.building.workflow import build_date, build_folder, fingerprint, revision, shown_versions

TIMES = "build-times.js"
CARD = "card.png"
CARD_SIZE = (1200, 630)
LAUNCH_BRANCH = "launch"
"""The branch that deploying writes, with notebooks for Colab."""

_BINDER = "https://mybinder.org/v2/gh"
_COLAB = "https://colab.research.google.com/github"
_NO_DATE = "n.d."
_NOT_RECORDED = "not recorded"
_LONGEST_DESCRIPTION = 200


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
    app.connect("html-collect-pages", _not_found)
    app.connect("build-finished", _finish)


def command(chapter: str, dataset: dict | None) -> str:
    """Return the command that runs a chapter as it was run here.

    Parameters
    ----------
    dataset : dict or None
        The data set of the ledger. The folder of a laboratory's data is not named: it is private.
    """
    run = f"endomtor run {chapter.split('_')[0]}"
    if not dataset:
        return run
    if dataset["provenance"] == "simulated":
        return f"{run} --world {dataset['world']} --seed {dataset['seed']}"
    return f"{run} --data DIR"


def launch_links(repository: str, commit: str, page: str) -> dict[str, str]:
    """Return the addresses that open a notebook on others' machines, by their name; none outside GitHub.

    Parameters
    ----------
    repository : str
        Address of the repository.
    commit : str
        The commit of the build, a branch where there is none.
    page : str
        The notebook's path in the repository, without its ending.
    """
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


def times(build: Path) -> dict:
    """Return what changes with each build: its date, and how long each chapter took.

    Returns
    -------
    dict
        `date` (UTC), `year`, and `seconds`: a chapter's name to its run time, which its execution left beside the
        executed notebook; a chapter of which it is not known is left out.
    """
    seconds = {}
    for path in sorted((build / "executed" / "notebooks").glob("*.ipynb")):
        told = executed.run_time_file(path)
        if told.is_file():
            seconds[path.stem] = json.loads(told.read_text(encoding="utf-8"))["seconds"]
    date = build_date()
    return {"date": date.strftime("%Y-%m-%d"), "year": str(date.year), "seconds": seconds}


def description(doctree: nodes.document) -> str:
    """Return the first sentences of a page in plain words, for search engines; empty where it has no paragraph."""
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph.parent, nodes.section):
            continue
        plain = paragraph.deepcopy()
        for cited in list(
            plain.findall(lambda node: "bibtex-citation" in getattr(node, "get", dict().get)("classes", []))
        ):
            cited.parent.remove(cited)
        text = " ".join(re.sub(r"\s+([,.;:?])", r"\1", plain.astext()).split())
        if text:
            whole = [end.end() for end in re.finditer(r"[.?!](?= |$)", text) if end.end() <= _LONGEST_DESCRIPTION]
            return text[: whole[-1]] if whole else textwrap.shorten(text, _LONGEST_DESCRIPTION, placeholder=" …")
    return ""


def card(title: str, lines: list[str], logo: Path) -> bytes:
    """Return the picture that others show beside a link to the book: a PNG of `CARD_SIZE`.

    Parameters
    ----------
    lines : list[str]
        Stand below the title; the last says whose data are shown.
    logo : Path
        A square PNG.
    """
    import io

    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"

    def font(size: int, weight: str = "") -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(folder / f"DejaVuSans{weight}.ttf", size)

    picture = Image.new("RGB", CARD_SIZE, "#fbf3ea")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, CARD_SIZE[0], 16), fill="#b5443c")
    with Image.open(logo) as image:
        mark = image.convert("RGBA").resize((150, 150), Image.Resampling.LANCZOS)
    picture.paste(mark, (70, 66), mark)
    draw.text((250, 108), "endomtor", font=font(52, "-Bold"), fill="#7a2e2e")
    y = 262
    for line in textwrap.wrap(title, 28):
        draw.text((70, y), line, font=font(58, "-Bold"), fill="#222222")
        y += 76
    *plain, last = lines
    for line in plain:
        draw.text((70, y + 14), line, font=font(30), fill="#444444")
        y += 44
    note = font(30, "-Bold")
    draw.rounded_rectangle((70, 528, 70 + draw.textlength(last, font=note) + 48, 592), 10, "#fff3d6", "#b07a12", 3)
    draw.text((94, 541), last, font=note, fill="#4a3203")
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def status_markdown(root: Path, build: Path, chapters: list[str], ledger: dict | None) -> str:
    """Return the tables of the page of run times and environment.

    Parameters
    ----------
    chapters : list[str]
        The pages that are notebooks, in the order of the book.
    """
    from endomtor.markup import plain_in_markdown
    from endomtor.views import boxes

    lines = ["| chapter | state | code cells | pieces of evidence | run time |", "| --- | --- | --- | --- | --- |"]
    pythons = set()
    for page in chapters:
        chapter = page.rpartition("/")[2]
        path = build / "executed" / f"{page}.ipynb"
        cells, state = "", "not executed"
        if path.is_file():
            notebook = nbformat.read(path, as_version=4)
            pythons.add(notebook.metadata.get("language_info", {}).get("version"))
            cells = str(sum(cell.cell_type == "code" for cell in executed.own_cells(notebook.cells)))
            state = "executed"
        records = sum(record["notebook"] == chapter for record in ledger["evidence"]) if ledger else 0
        lines.append(f"| {{doc}}`/{page}` | {state} | {cells} | {records} | {_run_time(chapter)} |")
    lines.append(f"| all chapters together | | | | {_run_time('')} |")
    rows = {
        "date": _span("date"),
        "commit": f"`{revision(root) or 'not under version control'}`",
        # A title is the user's text, and must not end up as HTML or as a cell of its own.
        "data": plain_in_markdown(boxes.dataset_sentence(ledger["dataset"])) if ledger else "none: not built yet",
        "endomtor": version("endomtor"),
        "Python": ", ".join(sorted(pythons - {None})) or platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in _dependencies()),
    }
    lines += [
        "",
        "| of this build | value |",
        "| --- | --- |",
        *(f"| {key} | {value} |" for key, value in rows.items()),
    ]
    return "\n".join(lines)


def signature_html() -> str:
    """Return the genes of the aging signature that chapter 04 uses, in a block to be opened."""
    from endomtor.public import hsc_aging
    from endomtor.public.originals import STUDIES

    genes, _ = hsc_aging.signature()
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="endomtor-number">{row["average"]:.2f}</td>'
        f'<td class="endomtor-number">{row[list(STUDIES)].notna().sum()}</td></tr>'
        for name, row in genes.iterrows()
    )
    return (
        f"<details><summary>The {len(genes)} genes of the signature</summary>"
        '<div class="endomtor-table" tabindex="0" role="region" aria-label="Genes of the signature"><table>'
        '<thead><tr><th scope="col">gene</th><th scope="col">mean log2 fold change, old against young</th>'
        f'<th scope="col">studies, of {len(STUDIES)}</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _dependencies() -> list[str]:
    """Return the packages that this one asks for itself, without those of its extras."""
    asked = [Requirement(line) for line in requires("endomtor") or ()]
    return sorted(one.name for one in asked if one.marker is None or one.marker.evaluate({"extra": ""}))


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
    if _logo(app).is_file():
        head += [
            f'<link rel="icon" href="{pathto("favicon.ico", 1)}" sizes="32x32">',
            f'<link rel="apple-touch-icon" href="{pathto("apple-touch-icon.png", 1)}">',
        ]
    if doctree is None:
        head.append('<meta name="robots" content="noindex">')
    else:
        head += _cards(app, page, doctree, ledger)
    context["metatags"] = f"{context.get('metatags', '')}{chr(10).join(head)}\n"
    if doctree is None:
        return
    repository = app.config.html_theme_options.get("repository_url", "")
    commit = app.config.endomtor_commit
    context["body"] = code_cells.linked(context["body"], repository, _reachable(app, commit))
    if repository:
        _point_issues(context, report_link(repository, commit, page))
    if _is_chapter(app, page):
        launch = launch_links(repository, _reachable(app, commit), page)
        _add_launch_buttons(context, launch)
        context["body"] += _about(app, page, commit, launch, pathto, ledger)
    if "data-endomtor-" in context["body"]:
        # Not deferred, so that it is there when the deferred script of the site wants it.
        context["body"] += f'<script src="{pathto(TIMES, 1)}"></script>\n'


def _is_chapter(app: Sphinx, page: str) -> bool:
    return Path(app.env.doc2path(page)).suffix == ".ipynb"


def _reachable(app: Sphinx, commit: str) -> str:
    return commit.removesuffix("-dirty") or app.config.html_theme_options.get("repository_branch") or "main"


def _cards(app: Sphinx, page: str, doctree: nodes.document, ledger: dict | None) -> list[str]:
    """Return tags that say, to search engines and where a link is shared, what a page is about."""
    title = app.env.titles[page].astext()
    said = description(doctree) or app.config.html_title
    if ledger and _is_chapter(app, page):
        from endomtor.views import boxes

        said = f"{said} Answered on {boxes.dataset_kind(ledger['dataset'])} data."
    tags = [f'<meta name="description" content="{escape(said)}">']
    if not app.config.html_baseurl:
        return tags
    base = f"{app.config.html_baseurl.rstrip('/')}/"
    properties = {
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:description": said,
        "og:url": f"{base}{app.builder.get_target_uri(page)}",
    }
    names = {
        "twitter:card": "summary_large_image",
        "twitter:title": title,
        "twitter:description": said,
    }
    if _logo(app).is_file():
        picture, words = f"{base}{CARD}", _card_words(app, ledger)[1]
        width, height = CARD_SIZE
        properties |= {"og:image": picture, "og:image:width": width, "og:image:height": height, "og:image:alt": words}
        names |= {"twitter:image": picture, "twitter:image:alt": words}
    tags += [f'<meta property="{key}" content="{escape(str(value))}">' for key, value in properties.items()]
    return tags + [f'<meta name="{key}" content="{escape(value)}">' for key, value in names.items()]


def _logo(app: Sphinx) -> Path:
    """Return where the logo is as pixels; a book without one has no card and no icons but its favicon."""
    return Path(app.srcdir) / "book" / "_extra" / "apple-touch-icon.png"


def _card_words(app: Sphinx, ledger: dict | None) -> tuple[list[str], str]:
    """Return the lines of the card, and its words for who does not see it."""
    from endomtor.views import boxes

    kind = ledger and boxes.dataset_kind(ledger["dataset"])
    note = {
        None: "Not built yet",
        "simulated": "The mice of this copy are SIMULATED",
        "example": "The mice of this copy are INVENTED examples",
        "measured": "This copy shows a laboratory's own mice",
        "public": "This copy shows public measurements",
    }[kind]
    lines = ["An executable book about the claims of one paper", note]
    title = app.env.titles[app.config.root_doc].astext()
    return lines, f"{title}. {'. '.join(lines)}."


def _point_issues(context: dict, address: str) -> None:
    for group in context.get("header_buttons", []):
        for button in (group, *group.get("buttons", [])):
            if button.get("label") == "source-issues-button":
                button["url"] = address


def _add_launch_buttons(context: dict, launch: dict[str, str]) -> None:
    icons = {"Binder": "logo_binder.svg", "Colab": "logo_colab.png"}
    buttons = [
        {
            "type": "link",
            "text": name,
            "tooltip": f"Open on {name}",
            "icon": f"_static/images/{icons[name]}",
            "url": url,
        }
        for name, url in launch.items()
    ]
    if buttons and "header_buttons" in context:
        group = {
            "type": "group",
            "tooltip": "Run this chapter elsewhere",
            "icon": "fas fa-rocket",
            "buttons": buttons,
            "label": "launch-buttons",
        }
        context["header_buttons"].insert(0, group)


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
        "Built": _span("date"),
        "Run time": _run_time(chapter),
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
        filled = filled.replace(f"{{{key}}}", _span(key, _NO_DATE))
    return f'<div class="highlight-none notranslate"><div class="highlight"><pre>{filled}</pre></div></div>'


def _span(key: str, without: str = _NOT_RECORDED) -> str:
    return f'<span data-endomtor-build="{key}">{without}</span>'


def _run_time(chapter: str) -> str:
    """Return the place of a chapter's run time, of all together where it is empty."""
    return f'<span data-endomtor-seconds="{chapter}">{_NOT_RECORDED}</span>'


def _person(author: dict):
    from pybtex.database import Person

    if "name" in author:
        # Braces keep the name of a group in one piece.
        return Person(last=f"{{{author['name']}}}")
    return Person(first=author["given-names"], last=author["family-names"])


def _not_found(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """Yield the page that a host shows in the place of one that is not there."""
    first = app.builder.get_target_uri(app.config.root_doc)
    body = (
        '<section id="page-not-found"><h1>Page not found</h1>'
        "<p>There is no page at this address; it may have moved.</p>"
        f'<p><a href="{first}">To the first page of the book</a></p>'
        '<form action="search.html" method="get" role="search">'
        '<label for="endomtor-not-found">Or search the book:</label> '
        '<input type="search" id="endomtor-not-found" name="q"> <button type="submit">Search</button></form></section>'
    )
    yield "404", {"title": "Page not found", "body": body}, "page.html"


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write what lies beside the pages: times, and with the site's address: site map, robots, card, links of 404."""
    if error is not None or app.builder.format != "html":
        return
    out, told = Path(app.outdir), times(build_folder(Path(app.srcdir)))
    files.write_text(out / TIMES, f"window.endomtorBuild = {json.dumps(told, sort_keys=True)};\n")
    if not app.config.html_baseurl:
        return
    base = f"{app.config.html_baseurl.rstrip('/')}/"
    files.write_text(out / "sitemap.xml", _sitemap(base, app))
    files.write_text(out / "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n")
    if (logo := _logo(app)).is_file():
        title = app.env.titles[app.config.root_doc].astext()
        files.write_bytes(out / CARD, card(title, _card_words(app, _ledger(app))[0], logo))
    page = out / "404.html"
    files.write_text(page, _from_any_depth(page.read_text(encoding="utf-8"), urlsplit(base).path))


def _sitemap(base: str, app: Sphinx) -> str:
    pages = sorted(app.builder.get_target_uri(page) for page in app.env.found_docs)
    lines = "".join(f"<url><loc>{escape(base + quote(page))}</loc></url>\n" for page in pages)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{lines}</urlset>\n'
    )


def _from_any_depth(html: str, base: str) -> str:
    """Return a page of the site's first folder with links that lead to the same places from any address."""
    relative = re.compile(r'\b(href|src|action|data-content_root)="(?![a-z][a-z0-9+.-]*:|/|#)(?:\./)?([^"]*)"')
    return relative.sub(lambda match: f'{match[1]}="{base}{match[2]}"', html)
