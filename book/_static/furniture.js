"use strict";
// Switches for simulated data and folded code, figures enlarged, times that the build wrote beside the pages, and notes on
// terms and citations.
(() => {
  // One switch hides what is simulated, here and on the pages that are read after it.
  const only = document.querySelector(".endomtor-real-only");
  if (!only) return;
  const KEY = "endomtor-real-only";
  // From here on a chapter is about its own data; the sections at its end are about both.
  const own = [];
  for (let one = document.getElementById("the-prediction-tested"); one; one = one.nextElementSibling) {
    if (one.id === "what-could-be-wrong") break;
    own.push(one, ...[...document.querySelectorAll(`nav a[href="#${one.id}"]`)].map((a) => a.closest("li")));
  }
  const show = (real) => {
    only.setAttribute("aria-pressed", real);
    document.documentElement.classList.toggle("endomtor-real", real);
    for (const part of own) part.hidden = real;
  };
  only.addEventListener("click", () => {
    const real = only.getAttribute("aria-pressed") !== "true";
    show(real);
    localStorage.setItem(KEY, real);
  });
  if (localStorage.getItem(KEY) === "true") show(true);
})();
(() => {
  // One switch opens the code of all cells, on this page and on those that are read after it. Each fold also works by
  // itself, and without this script only so.
  const all = document.querySelector(".endomtor-all-code");
  if (!all) return;
  const KEY = "endomtor-all-code";
  const show = (open) => {
    all.setAttribute("aria-pressed", open);
    for (const fold of document.querySelectorAll("div.cell details.hide")) fold.open = open;
  };
  const reach = (scroll) => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    // From a figure to the cell that drew it: to its code, that is.
    const code = target?.closest(".endomtor-anchors") && target.id.startsWith("cell-of-")
      ? target.parentElement.nextElementSibling?.querySelector("details.hide")
      : null;
    if (code) code.open = true;
    if (target && (code || scroll)) target.scrollIntoView();
  };
  all.addEventListener("click", () => {
    const open = all.getAttribute("aria-pressed") !== "true";
    show(open);
    localStorage.setItem(KEY, open);
  });
  addEventListener("hashchange", () => reach(false));
  const before = localStorage.getItem(KEY) === "true";
  if (before) show(true);
  // What was opened has moved the place that the address names.
  reach(before);
})();
(() => {
  // A figure is drawn at twice the size that the page shows, and links to its picture: a click or a tap, or Enter on the
  // link, shows it here instead.
  const links = document.querySelectorAll("div.cell_output a.image-reference");
  if (!links.length) return;
  const large = document.createElement("dialog");
  large.className = "endomtor-large";
  large.setAttribute("aria-label", "Figure, enlarged");
  large.innerHTML = '<p><button type="button">Close</button><a download>PNG</a></p><div tabindex="0"><img alt=""></div>';
  document.querySelector("main").append(large);
  const [close, kept, shown] = ["button", "a", "img"].map((one) => large.querySelector(one));
  close.addEventListener("click", () => large.close());
  for (const link of links) {
    link.addEventListener("click", (event) => {
      // With a key held down a link opens elsewhere, as any other.
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      shown.src = kept.href = link.href;
      shown.alt = link.querySelector("img").alt;
      large.showModal();
    });
  }
})();
(() => {
  const build = window.endomtorBuild;
  if (build) {
    const words = (seconds) =>
      seconds < 60 ? `${seconds.toFixed(0)} s` : `${Math.floor(seconds / 60)} min ${(seconds % 60).toFixed(0)} s`;
    for (const place of document.querySelectorAll("[data-endomtor-build]")) {
      place.textContent = build[place.dataset.endomtorBuild];
    }
    const all = Object.values(build.seconds);
    for (const place of document.querySelectorAll("[data-endomtor-seconds]")) {
      const chapter = place.dataset.endomtorSeconds;
      const seconds = chapter ? build.seconds[chapter] : all.reduce((sum, one) => sum + one, 0);
      if (seconds) place.textContent = words(Math.round(seconds));
    }
  }

  // A browser shows a title to the mouse alone, so the note takes its place: for mouse, keyboard and finger. It can be
  // pointed at, stays until it is left, and Escape closes it (WCAG 2.2, 1.4.13).
  const links = [...document.querySelectorAll("article a[title]")].filter(
    (link) => link.querySelector(".std-term") || link.closest(".bibtex-citation")
  );
  if (!links.length) return;
  const note = document.createElement("div");
  note.id = "endomtor-note";
  note.className = "endomtor-note";
  note.setAttribute("role", "tooltip");
  note.hidden = true;
  // Within the page's landmark, and so among what is read there.
  document.querySelector("main").append(note);
  let owner = null;
  let waiting = 0;

  const hide = () => {
    clearTimeout(waiting);
    if (owner) owner.removeAttribute("aria-describedby");
    owner = null;
    note.hidden = true;
  };
  const show = (link) => {
    clearTimeout(waiting);
    if (owner === link) return;
    hide();
    owner = link;
    note.textContent = link.dataset.endomtorNote;
    note.hidden = false;
    link.setAttribute("aria-describedby", note.id);
    note.style.left = note.style.top = "0";
    const [own, at] = [note.getBoundingClientRect(), link.getClientRects()[0]];
    const width = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(at.left, width - own.width - 8));
    const below = at.bottom + 6;
    const top = below + own.height > window.innerHeight && at.top > own.height + 6 ? at.top - own.height - 6 : below;
    note.style.left = `${left - own.left}px`;
    note.style.top = `${top - own.top}px`;
  };
  const leave = () => {
    clearTimeout(waiting);
    waiting = setTimeout(hide, 200);
  };

  let touched = null;
  for (const link of links) {
    link.dataset.endomtorNote = link.title;
    link.removeAttribute("title");
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(link));
    link.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("blur", hide);
    // A finger cannot hover: the first touch shows the note, the second follows the link.
    link.addEventListener("pointerdown", (event) => {
      touched = event.pointerType === "touch" && owner !== link ? link : null;
    });
    link.addEventListener("click", (event) => {
      if (touched === link) {
        event.preventDefault();
        show(link);
      }
      touched = null;
    });
  }
  note.addEventListener("pointerenter", () => clearTimeout(waiting));
  note.addEventListener("pointerleave", leave);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", (event) => {
    if (owner && event.target !== note && !owner.contains(event.target)) hide();
  });
})();
