"""What the site tells those who do not read it yet: search engines, previews of links, and who comes to no page.

Extensions of Sphinx were tried for it. sphinx-sitemap lists only the pages that one run draws, in the order in which
they are ready, and starts a process that outlives a forked job, which then never ends. sphinxext-opengraph cuts a
description within a sentence, does not say whose data are shown, and imports matplotlib. sphinx-notfound-page does what
`_from_any_depth` does, for as many lines of settings.
"""

import io
import re
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from endomtor import files

CARD = "card.png"
CARD_SIZE = (1200, 630)

_LONGEST_DESCRIPTION = 200


def is_chapter(env: BuildEnvironment, page: str) -> bool:
    """Return whether a page is a notebook."""
    return Path(env.doc2path(page)).suffix == ".ipynb"


def logo(app: Sphinx) -> Path:
    """Return where the logo is as pixels; a book without one has no card and no icons but its favicon."""
    return Path(app.srcdir) / "book" / "_extra" / "apple-touch-icon.png"


def tags(app: Sphinx, page: str, doctree: nodes.document, ledger: dict | None) -> list[str]:
    """Return tags that say, to search engines and where a link is shared, what a page is about."""
    title = app.env.titles[page].astext()
    said = description(doctree) or app.config.html_title
    if ledger and is_chapter(app.env, page):
        from endomtor.views import boxes

        said = f"{said} Answered on {boxes.dataset_kind(ledger['dataset'])} data."
    found = [f'<meta name="description" content="{escape(said)}">']
    if not app.config.html_baseurl:
        return found
    base = f"{app.config.html_baseurl.rstrip('/')}/"
    properties = {
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:description": said,
        "og:url": f"{base}{app.builder.get_target_uri(page)}",
    }
    names = {"twitter:card": "summary_large_image", "twitter:title": title, "twitter:description": said}
    if logo(app).is_file():
        picture, words = f"{base}{CARD}", _card_words(app, ledger)[1]
        width, height = CARD_SIZE
        properties |= {"og:image": picture, "og:image:width": width, "og:image:height": height, "og:image:alt": words}
        names |= {"twitter:image": picture, "twitter:image:alt": words}
    found += [f'<meta property="{key}" content="{escape(str(value))}">' for key, value in properties.items()]
    return found + [f'<meta name="{key}" content="{escape(value)}">' for key, value in names.items()]


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

    The lines stand below the title, and the last says whose data are shown; the logo is a square PNG.
    """
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


def not_found(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
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


def write(app: Sphinx, ledger: dict | None) -> None:
    """Write what needs the site's address beside the pages: site map, robots, card; and the links of the page 404."""
    out, base = Path(app.outdir), f"{app.config.html_baseurl.rstrip('/')}/"
    files.write_text(out / "sitemap.xml", _sitemap(base, app))
    files.write_text(out / "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n")
    if (mark := logo(app)).is_file():
        title = app.env.titles[app.config.root_doc].astext()
        files.write_bytes(out / CARD, card(title, _card_words(app, ledger)[0], mark))
    page = out / "404.html"
    files.write_text(page, _from_any_depth(page.read_text(encoding="utf-8"), urlsplit(base).path))


_ELSEWHERE = """<script>
if (!location.pathname.startsWith("%(base)s")) {
  for (const name of ["href", "src", "action"]) {
    for (const one of document.querySelectorAll(`[${name}^="%(base)s"]`)) {
      one.setAttribute(name, one.getAttribute(name).slice("%(base)s".length - 1));
    }
  }
}
</script>
"""


def _sitemap(base: str, app: Sphinx) -> str:
    pages = sorted(app.builder.get_target_uri(page) for page in app.env.found_docs)
    lines = "".join(f"<url><loc>{escape(base + quote(page))}</loc></url>\n" for page in pages)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{lines}</urlset>\n'
    )


def _from_any_depth(html: str, base: str) -> str:
    """Return a page of the site's first folder with links that lead to the same places from any address.

    A copy that is served from elsewhere than the site's own path (`make serve`) finds style and pages from its root.
    """
    relative = re.compile(r'\b(href|src|action|data-content_root)="(?![a-z][a-z0-9+.-]*:|/|#)(?:\./)?([^"]*)"')
    html = relative.sub(lambda match: f'{match[1]}="{base}{match[2]}"', html)
    return html.replace("</body>", f"{_ELSEWHERE % {'base': base}}</body>") if base != "/" else html
