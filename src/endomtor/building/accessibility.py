"""Sphinx hooks that make the theme's pages pass WCAG 2.2 AA, load nothing from elsewhere and stay light.

What templates can change stands in `book/_templates`; here is what they cannot: what Sphinx writes into the text of a
page, the policy in its head, files that a page does without, and icons.
"""

import base64
import io
import logging
import re
import shutil
from html import escape
from itertools import pairwise
from pathlib import Path

import pydata_sphinx_theme
import tinycss2
from PIL import Image
from sphinx.application import Sphinx

from endomtor import files
from endomtor.building.workflow import fingerprint

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; object-src 'none'"
)
"""What a page may load. The theme needs inline scripts and styles; the point is that nothing foreign loads."""

ICONS = "icons.css"
THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"

_LAST = 950
"""After the theme and the other hooks, whose files and tags are looked through."""

# What a page must have in its text for a file to be of use; None is for files that no page needs. The theme's settings
# set what is so without them, before the script that they are for.
_NEEDED = {
    "thebe": None,
    "DOCUMENTATION_OPTIONS.": None,
    "toggle": r'class="[^"]*(\btoggle\b|admonition[^"]*\bdropdown\b)',
    "sphinx-design": r'class="[^"]*\bsd-',
    "design-tabs": r'class="sd-tab-set',
    "mystnb": r'<div class="cell ',
    "clipboard": r'<div class="highlight',
    "copybutton": r'<div class="highlight',
}

_IN_TEXT = (
    # ARIA has withdrawn the role that docutils gives to the entries of a bibliography.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # What is read aloud is what is seen: "Show code".
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    # A cell without words is no heading.
    (r'<th\b(?: scope="\w+")?([^>]*)>(?:<p></p>)?\s*</th>', r"<td\1></td>"),
    # Names, punctuation and spaces of code have the colour of all of it: a third of a chapter's elements, for nothing.
    (r'<span class="[npw]">([^<]*)</span>', r"\1"),
    # A page has many tables that scroll; as landmarks they would hide the page's own.
    (r'(<div class="endomtor-table[^>]*?) role="region"', r'\1 role="group"'),
)

_FONTS = {
    ("Font Awesome 6 Free", 900): "fa-solid-900.ttf",
    ("Font Awesome 6 Free", 400): "fa-regular-400.ttf",
    ("Font Awesome 6 Brands", 400): "fa-brands-400.ttf",
}


def setup(app: Sphinx) -> None:
    """Connect the hooks; called by `sphinx_extension.setup`."""
    app.connect("config-inited", _prepare)
    app.connect("html-page-context", _open_to_everyone, priority=_LAST)
    app.connect("build-finished", _lighten, priority=_LAST)
    # Live cells need a server elsewhere. Jupyter Book always loads the extension, and has no option against it.
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)


def _prepare(app: Sphinx, config) -> None:
    config.templates_path.insert(0, str(Path(app.srcdir) / "book" / "_templates"))
    # Without JavaScript a page is light; with it the reader's system or choice decides.
    config.html_context["default_mode"] = "light"
    # The search finds the functions of the methods page; lists of their names serve nobody.
    config.html_use_index = config.html_domain_indices = False


def _open_to_everyone(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    policy = f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY, quote=False)}">\n'
    context["metatags"] = policy + context.get("metatags", "")
    body = context.get("body", "")
    for kind in ("css_files", "script_files"):
        context[kind] = [asset for asset in context[kind] if _is_needed(asset, body)]
    if body:
        for pattern, better in _IN_TEXT:
            body = re.sub(pattern, better, body)
        context["body"] = _sized_images(app, body)


def _is_needed(asset, body: str) -> bool:
    """Return whether a style sheet or script, a file or a line in the head, is of use on a page with this text."""
    name = str(getattr(asset, "filename", asset) or getattr(asset, "attributes", {}).get("body", ""))
    sought = [pattern for part, pattern in _NEEDED.items() if part in name]
    return all(pattern is not None and re.search(pattern, body) for pattern in sought)


def _sized_images(app: Sphinx, body: str) -> str:
    """Give each picture its width and height, so that text does not jump, and load it when the reader comes near."""
    sources = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}

    def sized(tag: re.Match) -> str:
        found = re.search(r'src="[^"]*_images/([^"]+\.png)"', tag[0])
        if not found or found[1] not in sources:
            return tag[0]
        with Image.open(sources[found[1]]) as image:
            return f'<img width="{image.width}" height="{image.height}" loading="lazy"{tag[0].removeprefix("<img")}'

    return re.sub(r"<img\b[^>]*>", sized, body)


def _lighten(app: Sphinx, error: Exception | None) -> None:
    """Write the theme's style sheet without rules for what no page has, and its icons without those that none shows."""
    static = Path(app.outdir) / "_static"
    if error is not None or not static.is_dir():
        return
    sheet = Path("styles") / "pydata-sphinx-theme.css"
    rules = (THEME / sheet).read_text(encoding="utf-8")
    # A class may be set by a script, so each word of a script counts as one.
    scripts = [path for path in static.rglob("*.js") if path.name != "fontawesome.js"]
    texts = [path.read_text(encoding="utf-8") for path in (*Path(app.outdir).rglob("*.html"), *scripts)]
    words = {word for text in texts for word in re.findall(r"[\w-]+", text)}
    # Parsing takes longer than drawing a page, and most changes of one ask for no other rule.
    asked = sorted(words.intersection(re.findall(r"[\w-]+", rules)))
    light = Path(app.doctreedir) / "light" / fingerprint([], rules, asked)
    if not light.is_dir():
        shutil.rmtree(light.parent, ignore_errors=True)
        with files.replacing(light) as beside:
            files.write_text(beside / sheet, trimmed(tinycss2.parse_stylesheet(rules), words))
            files.write_text(beside / ICONS, _icons(rules, words))
    shutil.copytree(light, static, dirs_exist_ok=True)


def trimmed(nodes: list, words: set[str]) -> str:
    """Return a style sheet, parsed by `tinycss2`, without selectors that ask for a class outside `words`."""
    kept = []
    for node in nodes:
        if node.type == "qualified-rule":
            selectors = [one for one in _selectors(node.prelude) if _classes(one) <= words]
            if selectors:
                chosen = ",".join(tinycss2.serialize(one) for one in selectors)
                kept.append(f"{chosen}{{{tinycss2.serialize(node.content)}}}")
        elif node.type == "at-rule" and node.lower_at_keyword in {"media", "supports"}:
            inner = trimmed(tinycss2.parse_rule_list(node.content), words)
            kept.append(f"@{node.at_keyword}{tinycss2.serialize(node.prelude)}{{{inner}}}" if inner else "")
        elif node.type != "comment" or node.value.startswith("!"):
            kept.append(node.serialize())
    return "".join(kept)


def _selectors(prelude: list) -> list[list]:
    """Return the selectors of a rule: what stands between its commas."""
    found: list[list] = [[]]
    for token in prelude:
        if token == ",":
            found.append([])
        else:
            found[-1].append(token)
    return found


def _classes(selector: list) -> set[str]:
    """Return the classes that an element must have, without those within `:is()` and `:not()`."""
    return {after.value for dot, after in pairwise(selector) if dot == "." and after.type == "ident"}


def _icons(rules: str, words: set[str]) -> str:
    """Return the icons that `words` name as a style sheet: a few kB instead of fonts with thousands."""
    from fontTools import subset

    wanted = set(re.findall(r'--pst-icon-[\w-]+:"(.)"', rules))
    for selectors, code in re.findall(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]{2,5})"\}', rules):
        if words & set(re.findall(r"\.(fa-[\w-]+):before", selectors)):
            wanted.add(chr(int(code, 16)))
    # It tells each step.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    faces = ["/* Cut from Font Awesome Free (SIL OFL 1.1). */\n"]
    for (family, weight), name in _FONTS.items():
        options = subset.Options(flavor="woff", notdef_outline=False)
        font = subset.load_font(THEME / "vendor" / "fontawesome" / "webfonts" / name, options)
        have = sorted(wanted & {chr(code) for code in font.getBestCmap()})
        if not have:
            continue
        cut = subset.Subsetter(options)
        cut.populate(text="".join(have))
        cut.subset(font)
        # The same bytes for the same icons.
        font.recalcTimestamp = False
        out = io.BytesIO()
        subset.save_font(font, out, options)
        data = base64.b64encode(out.getvalue()).decode()
        # The theme's own font stays behind it, for an icon that is not among these.
        codes = ", ".join(f"U+{ord(one):X}" for one in have)
        faces.append(
            f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-display: block; '
            f"unicode-range: {codes}; src: url(data:font/woff;base64,{data}) format('woff'); }}\n"
        )
    return "".join(faces)
