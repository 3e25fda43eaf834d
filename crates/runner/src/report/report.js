"use strict";
// Sorts and filters tables, and shows tooltips. The page is complete without it.
(() => {
  const rowsOf = new Map();
  for (const table of document.querySelectorAll("table")) rowsOf.set(table, [...table.tBodies[0].rows]);

  const number = (text) => parseFloat(text);
  const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  function sort(button) {
    const head = button.parentElement, table = head.closest("table"), column = head.cellIndex;
    const isNumber = head.classList.contains("n");
    // Numbers start with the largest.
    const first = isNumber ? "descending" : "ascending", other = isNumber ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const own of head.parentElement.cells) own.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rowsOf.get(table).map((row) => {
      const text = row.cells[column].textContent;
      return { row, key: isNumber ? number(text) : text, none: isNumber ? isNaN(number(text)) : text === "" };
    });
    // Unknown values come last in either order.
    keyed.sort((a, b) => a.none - b.none || (a.none ? 0 : sign * (isNumber ? a.key - b.key : words.compare(a.key, b.key))));
    table.tBodies[0].append(...keyed.map((own) => own.row));
  }

  function filter(input) {
    const table = document.getElementById(input.dataset.filter);
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rowsOf.get(table)) {
      row.hidden = wanted !== "" && ![...row.cells].some((cell) => cell.textContent.toLowerCase().includes(wanted));
      shown += row.hidden ? 0 : 1;
    }
    const all = rowsOf.get(table).length;
    document.getElementById(input.dataset.filter.replace("t-", "o-")).textContent = wanted === "" ? "" : `${shown} of ${all}`;
  }

  // Finds the cell of a heatmap by its position, and its numbers in the table.
  function cellAt(event, drawing) {
    const [x, y, width, height, first] = drawing.dataset.cells.split(" ").map(Number);
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
    const column = Math.floor((at.x - x) / width), row = Math.floor((at.y - y) / height);
    const table = document.getElementById(drawing.dataset.table);
    const cells = row < 0 || column < 0 ? undefined : rowsOf.get(table)[first + row]?.cells;
    if (!cells || column + 1 >= cells.length) return "";
    const name = table.tHead.rows[0].cells[column + 1].textContent;
    return `${name}: ${cells[column + 1].textContent || "not known"} · ${cells[0].textContent}`;
  }

  const tip = document.getElementById("tip");
  function point(event) {
    const drawing = event.target.closest("svg[data-cells]");
    const text = drawing ? cellAt(event, drawing) : event.target.closest("[data-tip]")?.dataset.tip;
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18;
    const top = below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : below;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${top}px`;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (button) sort(button);
    point(event);
  });
  document.addEventListener("input", (event) => event.target.dataset.filter && filter(event.target));
  document.addEventListener("mousemove", point);
  document.addEventListener("scroll", () => { tip.hidden = true; }, true);
})();
