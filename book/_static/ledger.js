"use strict";
// Order and choose the claims of the ledger. Without this script the table is whole, in the order of the claims.
(() => {
  for (const table of document.querySelectorAll(".endomtor-ledger")) {
    const body = table.tBodies[0];
    const claims = [...body.rows];
    const titles = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const judged = titles.map((_, column) => column).filter((column) => claims[0]?.cells[column].querySelector(".endomtor-badge"));
    const verdict = (claim, column) => claim.cells[column].querySelector(".endomtor-badge").textContent.replace(/^\s*\S\s+/, "").trim();

    const bar = document.createElement("form");
    bar.className = "endomtor-ledger-bar";
    bar.setAttribute("aria-label", "Order and choose claims");
    const choice = (label, options) => {
      const [outer, select] = [document.createElement("label"), document.createElement("select")];
      for (const [value, words] of options) select.add(new Option(words, value));
      outer.append(`${label} `, select);
      bar.append(outer);
      return select;
    };
    const order = choice("Order by", [["", "claim"], ...judged.map((column) => [column, titles[column]])]);
    const shown = choice("Show", [
      ["", "all verdicts"],
      ...judged.flatMap((column) =>
        [...new Set(claims.map((claim) => verdict(claim, column)))]
          .sort()
          .map((words) => [`${column} ${words}`, `${titles[column]}: ${words}`])
      ),
    ]);
    const count = document.createElement("output");
    bar.append(count);

    const draw = () => {
      const [, column, words] = shown.value.match(/^(\d+) (.*)$/) || [];
      const by = (claim) => (order.value ? verdict(claim, order.value) : "");
      // Sorting is stable, so claims with one verdict stay in their order.
      body.append(...[...claims].sort((a, b) => by(a).localeCompare(by(b))));
      for (const claim of claims) claim.hidden = words !== undefined && verdict(claim, column) !== words;
      count.value = `${claims.filter((claim) => !claim.hidden).length} of ${claims.length} claims`;
    };
    bar.addEventListener("change", draw);
    bar.addEventListener("submit", (event) => event.preventDefault());
    draw();
    table.before(bar);
  }
})();
