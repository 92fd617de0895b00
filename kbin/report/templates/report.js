"use strict";
// Without this script the page is complete; with it tables sort, and what is folded is printed too.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
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
    return sign * (heading.dataset.sort === "text" ? first.localeCompare(second) : first - second);
  };
  for (const body of table.tBodies) {
    body.append(...[...body.rows].filter((row) => !row.classList.contains("group")).sort(compare));
  }
}

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
