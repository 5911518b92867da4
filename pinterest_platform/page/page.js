// Sorting and filtering of the tables. Without this script, every row is shown in the order of the report.
"use strict";
const FEWEST_TO_FILTER = 10;

function sortKey(cell, numeric) {
  if (cell.dataset.order !== undefined) return Number(cell.dataset.order);
  if (!numeric) return cell.textContent;
  const number = Number(cell.textContent.replaceAll(",", ""));
  return Number.isNaN(number) ? -Infinity : number;
}

for (const table of document.querySelectorAll("table[data-report]")) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const tools = document.getElementById(`${table.dataset.report}-tools`);
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;
  let sorted = rows, words = [];

  const count = document.createElement("output");
  function show() {
    const shown = sorted.filter((row) => words.every((word) => texts.get(row).includes(word)));
    body.replaceChildren(...shown);
    count.textContent = words.length ? `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows` : "";
  }

  function sort(head) {
    const place = heads.indexOf(head), numeric = !head.classList.contains("text");
    const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort") ?? ""];
    const direction = next === undefined ? "ascending" : next;
    for (const other of heads) other.removeAttribute("aria-sort");
    sorted = rows;
    if (direction) {
      head.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const keys = new Map(rows.map((row) => [row, sortKey(row.cells[place], numeric)]));
      const compare = (a, b) => (typeof a === "number" ? (a === b ? 0 : a < b ? -1 : 1) : order(a, b));
      sorted = [...rows].sort((a, b) => sign * compare(keys.get(a), keys.get(b)));
    }
    show();
  }

  if (rows.length < 2) continue;
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.append(button);
  }
  if (rows.length < FEWEST_TO_FILTER) continue;
  const label = document.createElement("label"), input = document.createElement("input");
  input.type = "search";
  input.placeholder = "Filter rows";
  input.setAttribute("aria-label", `Filter the rows of ${table.dataset.title}`);
  input.addEventListener("input", () => {
    words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    show();
  });
  label.append(input);
  tools.prepend(label, count);
}
