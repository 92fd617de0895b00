"use strict";
// Without this script the page is complete; with it tables sort and filter, and what is folded is printed too.

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const announcement = element("p", { className: "unseen" });
announcement.setAttribute("role", "status");
document.querySelector("main").append(announcement);

for (const table of document.querySelectorAll("table.sortable")) {
  const rows = table.tHead.rows;
  const headings = [...rows[rows.length - 1].cells];
  headings.forEach((heading, column) => {
    const button = element("button", { type: "button" }, ...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(table, headings, column));
  });
}

function sort(table, headings, column) {
  const heading = headings[column];
  const falls = heading.dataset.sort === "falling";
  const before = heading.getAttribute("aria-sort");
  const direction = before ? (before === "descending" ? "ascending" : "descending") : falls ? "descending" : "ascending";
  headings.forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const compare = (a, b) => {
    const [first, second] = [key(a), key(b)];
    // What has no value stays last, whichever way the rest is sorted.
    if (first === "" || second === "") return (first === "") - (second === "");
    return sign * (heading.dataset.sort === "text" ? first.localeCompare(second, undefined, { numeric: true }) : first - second);
  };
  for (const body of table.tBodies) {
    body.append(...[...body.rows].filter((row) => !row.classList.contains("group")).sort(compare));
  }
  announcement.textContent = `Sorted by ${heading.textContent.trim()}, ${direction}.`;
}

for (const table of document.querySelectorAll("table.filterable")) {
  const sets = [...table.tBodies].map((body) => body.dataset.set);
  const all = table.querySelectorAll("tr[data-name]").length;
  const wanted = element("input", { type: "search", autocomplete: "off", spellcheck: false });
  const chosen = element("select", {}, new Option("all sets", ""), ...sets.map((name, place) => new Option(name, place + 1)));
  const shown = element("p", { className: "count" });
  shown.setAttribute("role", "status");
  const controls = element("div", { className: "controls" },
    element("label", {}, "Models whose name has ", wanted),
    ...(sets.length > 1 ? [element("label", {}, "Set ", chosen)] : []));
  if (table.querySelector(".minor")) {
    const folds = element("input", { type: "checkbox" });
    folds.addEventListener("change", () => table.classList.toggle("folded", !folds.checked));
    table.classList.add("folded");
    controls.append(element("label", {}, folds, " All intervals"));
  }
  controls.append(shown);
  const filter = () => {
    const text = wanted.value.trim().toLowerCase();
    let count = 0;
    [...table.tBodies].forEach((body, place) => {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      for (const row of rows) row.hidden = !row.dataset.name.toLowerCase().includes(text);
      const left = rows.filter((row) => !row.hidden).length;
      body.hidden = !left || (chosen.value !== "" && Number(chosen.value) !== place + 1);
      if (!body.hidden) count += left;
    });
    shown.textContent = count === all ? `All ${all} rows` : `${count} of ${all} rows`;
  };
  wanted.addEventListener("input", filter);
  chosen.addEventListener("change", filter);
  table.parentElement.before(controls);
  filter();
}

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
