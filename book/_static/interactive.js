// The interactive part below a figure. Nothing is loaded before a reader opens it, and all of it from this site.
(() => {
  "use strict";

  // From this script's own address: a page lies at any depth, and may be opened from a folder.
  const folder = new URL("../interactive/", document.currentScript.src);
  const loading = new Map();

  // Scripts, since a page opened from a folder may not fetch.
  function load(file) {
    if (!loading.has(file)) {
      loading.set(file, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = new URL(file, folder);
        script.onload = resolve;
        script.onerror = () => {
          // So that opening the part again tries again.
          loading.delete(file);
          reject(new Error(`${file} could not be loaded`));
        };
        document.head.append(script);
      }));
    }
    return loading.get(file);
  }

  // The same digits as in what is hovered.
  function shown(value, digits) {
    if (typeof value !== "number") return value ?? "not known";
    return Number.isNaN(value) ? "not known" : String(Number(value.toPrecision(digits))).replace("-", "−");
  }

  // Levenshtein's distance.
  function distance(a, b) {
    let above = Array.from({length: b.length + 1}, (_, column) => column);
    for (let i = 1; i <= a.length; i++) {
      const line = [i];
      for (let j = 1; j <= b.length; j++) {
        line[j] = Math.min(above[j] + 1, line[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
      above = line;
    }
    return above[b.length];
  }

  function nearest(typed, names) {
    const wanted = typed.toLowerCase();
    let best = null, least = Infinity;
    for (const name of names) {
      const far = distance(wanted, name.toLowerCase());
      if (far < least) [best, least] = [name, far];
    }
    return best;
  }

  function named(models, name) {
    return models.filter((model) => model.name === name);
  }

  // The canvas is focusable, answers to no key, and lies within a picture: a stop of the keyboard for nothing.
  function leaveToMouse(element) {
    for (const one of element.querySelectorAll("*")) {
      one.removeAttribute("tabindex");
      if (one.shadowRoot) leaveToMouse(one.shadowRoot);
    }
  }

  async function open(details) {
    const {part, library} = details.dataset;
    const page = details.querySelector(".endomtor-interactive-page");
    const said = details.querySelector(".endomtor-interactive-said");
    const place = details.querySelector(".endomtor-interactive-plot");
    page.hidden = false;
    said.textContent = "Loading …";
    try {
      await Promise.all([load(library), load(`${part}.js`)]);
      const told = window.endomtorInteractive[part];
      const views = await window.Bokeh.embed.embed_item(told.item, place);
      const models = [...views.roots[0].model.references()];
      leaveToMouse(place);
      if (matchMedia("(pointer: fine)").matches) {
        // A finger would drag the plot where it means the page.
        for (const model of models) if (model.type === "BoxZoomTool") model.active = true;
      }
      said.textContent = "";
      search(details, told, models, said);
      tell(told, models, said);
      zoom(details, models);
    } catch (error) {
      delete details.dataset.opened;
      said.textContent = `This part could not be shown: ${error.message}. The figure above has the same data.`;
    }
  }

  function sentence(told, data, i) {
    return told.said.map(([column, words]) => `${words}: ${shown(data[column][i], told.digits)}`).join("; ");
  }

  // A finger cannot hover: what it taps is said in words.
  function tell(told, models, said) {
    for (const source of named(models, "rows")) {
      source.selected.properties.indices.change.connect(() => {
        const [i] = source.selected.indices;
        if (i === undefined) return;
        const {data} = source;
        said.textContent = `${data.label ? `${data.label[i]}: ` : ""}${sentence(told, data, i)}.`;
        if (data.label) mark(models, data.label[i]);
        // So that a second tap on it is heard too.
        source.selected.indices = [];
      });
    }
  }

  function search(details, told, models, said) {
    const form = details.querySelector("form");
    if (!form) return;
    const input = form.querySelector("input");
    const offered = form.querySelector("datalist");
    const rows = named(models, "rows");
    const names = [...new Set(rows.flatMap((source) => [...source.data.label]))].sort();
    const byLower = new Map(names.map((name) => [name.toLowerCase(), name]));

    function offer() {
      const typed = input.value.trim().toLowerCase();
      // A hundred, since a list of all genes would stop the page.
      const fitting = names.filter((name) => name.toLowerCase().startsWith(typed)).slice(0, 100);
      offered.replaceChildren(...fitting.map((name) => new Option(name, name)));
    }
    input.addEventListener("input", offer);
    offer();

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = input.value.trim();
      const name = names.includes(typed) ? typed : byLower.get(typed.toLowerCase());
      mark(models, name);
      if (!typed) {
        said.textContent = `Type the name of a ${told.noun}.`;
      } else if (name === undefined) {
        said.textContent = `No ${told.noun} “${typed}” is in this figure. The nearest name is ${nearest(typed, names)}.`;
      } else {
        const found = rows.flatMap(({data}) =>
          [...data.label.keys()].filter((i) => data.label[i] === name).map((i) => sentence(told, data, i)));
        said.textContent = `${name}: ${found.join(". ")}.`;
      }
    });
  }

  // A panel's renderers stand side by side: rows of several groups, one source for what is marked.
  function mark(models, name) {
    for (const panel of models.filter((model) => model.type === "Figure")) {
      const sources = [...new Set(panel.renderers.map((renderer) => renderer.data_source))];
      for (const marked of named(sources, "marked")) {
        const data = Object.fromEntries(Object.keys(marked.data).map((key) => [key, []]));
        for (const rows of named(sources, "rows")) {
          [...rows.data.label.keys()].filter((i) => rows.data.label[i] === name).forEach((i) => {
            for (const key of Object.keys(data)) data[key].push(rows.data[key][i]);
          });
        }
        marked.data = data;
      }
    }
  }

  function zoom(details, models) {
    const [panel] = models.filter((model) => model.type === "Figure");
    const ranges = {x: panel.x_range, y: panel.y_range};
    const whole = Object.entries(ranges).map(([side, {start, end}]) => [side, {start, end}]);
    for (const button of details.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        const [marked] = named(models, "marked");
        for (const [side, all] of whole) {
          const {start, end} = ranges[side];
          const half = (end - start) / 2 * (button.dataset.zoom === "in" ? 0.5 : 2);
          // Towards what is marked, else towards the middle of what is seen.
          const middle = marked.data[side][0] ?? (start + end) / 2;
          const out = button.dataset.zoom === "whole" || 2 * half >= all.end - all.start;
          ranges[side].setv(out ? all : {start: middle - half, end: middle + half});
        }
      });
    }
  }

  for (const details of document.querySelectorAll("details.endomtor-interactive")) {
    const once = () => {
      if (!details.open || details.dataset.opened) return;
      details.dataset.opened = "yes";
      open(details);
    };
    details.addEventListener("toggle", once);
    // A browser may bring a page back with the part open.
    once();
  }
})();
