"""The interactive parts below figures: a closed fold-out on the page, library and data loaded when it is opened."""

import io
import json
import shutil
from collections.abc import Iterable, Mapping
from html import escape
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx

from endomtor import files
from endomtor.building.workflow import INTERACTIVE, build_folder

FOLDER = "interactive"
"""Folder of the site that holds the library and a script of data for each interactive part."""

_SCRIPTS = {"endomtor-interactive": "interactive.js", "endomtor-world": "try-a-world.js"}
"""Scripts of `book/_static`, by the class of what a page must have for them to be of use."""

_LIBRARY = f"bokeh-{version('bokeh')}.min.js"
_HOVERED = {"points": "point", "map": "cell", "courses": "line"}


def fold_html(shown: Mapping, chapter: str) -> str:
    """Return the fold-out of a figure's interactive part, closed, without blank lines so that Markdown leaves it whole.

    Parameters
    ----------
    shown : mapping
        What `figures.show` has left of the figure, `interactive` among it.
    chapter : str
        The notebook's name; with the figure's it names the script of data.
    """
    spec, origin = shown["interactive"], shown["origin"]
    part, noun, alt = f"{chapter}-{shown['name']}", escape(spec["label"] or ""), escape(" ".join(shown["alt"].split()))
    mark = escape(" ".join(origin["label"].split()))
    ways = [f"search a {noun}"] if noun else []
    ways.append(f"point at or tap a {_HOVERED[spec['kind']]}")
    lines = [
        f'<details class="endomtor-interactive" data-part="{part}" data-library="{_LIBRARY}">',
        f"<summary>Look closer: {', '.join(ways)}</summary>",
        "<noscript><p>This part needs JavaScript. The figure above and its data do not.</p></noscript>",
        '<div class="endomtor-interactive-page" hidden>',
        f'<p><span class="endomtor-mark endomtor-mark-{origin["kind"]}">{mark}</span></p>',
    ]
    if noun:
        lines += [
            f'<form><label for="find-{part}">Find a {noun}</label>',
            f'<input id="find-{part}" list="near-{part}" autocomplete="off" autocapitalize="off" spellcheck="false">',
            f'<datalist id="near-{part}"></datalist> <button>Find</button></form>',
        ]
    # To a screen reader a canvas is a picture; what is found in it is said in words.
    lines += [
        '<p class="endomtor-interactive-said" role="status"></p>',
        f'<div class="endomtor-interactive-plot" role="img" aria-label="{alt}"></div>',
    ]
    if spec["kind"] == "points":
        buttons = {"in": "Zoom in", "out": "Zoom out", "whole": "Whole figure"}
        lines += [f'<button type="button" data-zoom="{to}">{words}</button>' for to, words in buttons.items()]
    return "\n".join([*lines, "</div>", "</details>"])


def connect(app: Sphinx) -> None:
    """Let a page name the script of what stands in it, and lay library and data beside the pages."""
    app.connect("html-page-context", _name_script)
    app.connect("build-finished", _lay_all)


def _name_script(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    for mark, script in _SCRIPTS.items():
        if f'class="{mark}"' in context.get("body", ""):
            app.add_js_file(script, loading_method="defer")


def _lay_all(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        made = build_folder(Path(app.srcdir)) / INTERACTIVE
        lay([made / Path(page).name for page in sorted(app.env.found_docs)], Path(app.outdir))


def write(executed: Path, folder: Path) -> list[Path]:
    """Write a script of data for each interactive part of an executed notebook; return them. The folder is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Most chapters have none, and importing what draws them takes three seconds.
    if b'"interactive":' not in executed.read_bytes():
        return []
    from endomtor.building import figure_data

    written = []
    for name, shown in figure_data.of_notebook(figure_data.cells_of(executed), executed.stem).items():
        if "interactive" in shown:
            part = f"{executed.stem}-{name}"
            written.append(folder / f"{part}.js")
            files.write_text(written[-1], _script(part, shown["interactive"], shown["data"]))
    return written


def lay(made: Iterable[Path], site: Path) -> None:
    """Lay the scripts that `write` left in folders and, where there is one, the library beside the pages of a site."""
    shutil.rmtree(site / FOLDER, ignore_errors=True)
    scripts = [script for folder in made for script in sorted(folder.glob("*.js"))]
    if not scripts:
        return
    # It carries its licence. What says where it lies must not import it: that takes half a second.
    library = Path(find_spec("bokeh").origin).parent / "server" / "static" / "js" / "bokeh.min.js"
    (site / FOLDER).mkdir()
    shutil.copyfile(library, site / FOLDER / _LIBRARY)
    for script in scripts:
        shutil.copyfile(script, site / FOLDER / script.name)


def _script(part: str, spec: dict, data: str) -> str:
    """Return the script that gives `book/_static/interactive.js` the plot and the words of an answer."""
    import pandas as pd
    from bokeh.embed import json_item

    from endomtor.figures import interactive_plot

    # Only an empty field is missing, and names stay text: a recipient may be called "NA" or "007".
    names = dict.fromkeys((spec[key] for key in ("label", "group", "facet") if spec[key]), str)
    frame = pd.read_csv(io.StringIO(data), keep_default_na=False, na_values=[""], dtype=names)
    told = {
        "noun": spec["label"],
        "digits": interactive_plot.DIGITS,
        "said": interactive_plot.said(spec),
        "item": json_item(interactive_plot.plot(spec, frame), theme=interactive_plot.theme()),
    }
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return f"(window.endomtorInteractive ??= {{}})[{json.dumps(part)}] = {text};\n"
