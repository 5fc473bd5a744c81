// Tables: search, filters, columns that sort, rows that open; so many rows at a time.
"use strict";

/** A table below `root`: columns are {key, title, text(row), value(row), class, note}, text gives a string or an element.
 * Options: `search` (a field over all columns, and over `words(row)` where that is given), `rows` at a time,
 * `detail(row)` (the element that opens below a row), `filters` ([{title, of(row)}]: a choice among the values there are),
 * `flags` ([{title, test(row), on}]: only the rows that pass), `order` ({key, down}).
 * Returns {search(words), flag(k, on)}. */
mapper.ui.table = (root, columns, rows, options = {}) => {
  const { search = false, rows: most = 50, detail = null, filters = [], flags = [], words = null, order: first = null } = options;
  const { el } = mapper.ui;
  const text = (column, row) => (column.text ? column.text(row) : row[column.key]);
  const value = (column, row) => (column.value ? column.value(row) : row[column.key]);
  const shownText = (column, row) => {
    const made = text(column, row);
    return made instanceof Node ? made.textContent : String(made ?? "");
  };
  const start = first && columns.findIndex((c) => c.key === first.key);
  let found = rows, shown = most, order = first ? { k: start, down: first.down } : null;
  const body = el("tbody");
  const count = el("span", { class: "count", role: "status" });
  const more = el("button", { type: "button", class: "more", on: { click: () => { shown += 10 * most; fill(); } } });
  const again = () => { shown = most; find(); };
  const field = el("input", { type: "search", placeholder: "search", "aria-label": "search", on: { input: again } });
  const choices = filters.map((f) => {
    const values = [...new Set(rows.map(f.of))].filter((v) => v !== "" && v !== null && v !== undefined).sort();
    return el("select", { "aria-label": f.title, hidden: values.length < 2, on: { change: again } },
      el("option", { value: "" }, `any ${f.title}`), values.map((v) => el("option", { value: v }, v)));
  });
  const boxes = flags.map((f) => el("input", { type: "checkbox", checked: f.on, on: { change: again } }));
  const heads = columns.map((c, k) =>
    el("th", { class: c.class, scope: "col", title: c.note }, el("button", { type: "button", on: { click: () => sort(k) } }, c.title)));
  const haystack = new Map();

  function heap(row) {
    if (!haystack.has(row)) {
      const said = columns.map((c) => shownText(c, row));
      haystack.set(row, [...said, words ? words(row) : ""].join("\u0000").toLowerCase());
    }
    return haystack.get(row);
  }

  function find() {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choices.map((c) => c.value);
    const on = flags.filter((f, k) => boxes[k].checked);
    found = rows.filter((row) =>
      chosen.every((v, k) => !v || String(filters[k].of(row)) === v)
      && on.every((f) => f.test(row))
      && (!wanted.length || wanted.every((w) => heap(row).includes(w))));
    arrange();
  }

  function sort(k) {
    const numbers = typeof value(columns[k], rows[0] ?? {}) === "number";
    order = order && order.k === k ? { k, down: !order.down } : { k, down: numbers };
    arrange();
  }

  function arrange() {
    if (order) {
      const c = columns[order.k];
      found = [...found].sort((a, b) => {
        const [x, y] = [value(c, a), value(c, b)];
        const less = typeof x === "number" && typeof y === "number" ? x - y : String(x ?? "").localeCompare(String(y ?? ""), "en", { numeric: true });
        return order.down ? -less : less;
      });
    }
    heads.forEach((h, k) => h.setAttribute("aria-sort", order && order.k === k ? (order.down ? "descending" : "ascending") : "none"));
    fill();
  }

  function fill() {
    body.replaceChildren(...found.slice(0, shown).map(line));
    const of = found.length === rows.length ? `${rows.length} ${rows.length === 1 ? "row" : "rows"}` : `${found.length} of ${rows.length} rows`;
    count.textContent = found.length > shown ? `${of}, the first ${shown} shown` : of;
    count.hidden = !search && found.length <= shown;
    more.textContent = `show ${Math.min(10 * most, found.length - shown)} more`;
    more.hidden = found.length <= shown;
  }

  function line(row) {
    const cells = columns.map((c) => el("td", { class: c.class }, text(c, row) ?? ""));
    const made = el("tr", {}, cells);
    if (!detail) return made;
    const opener = el("button", { type: "button", class: "opener", "aria-expanded": "false", on: { click: toggle } }, el("span", {}, ...cells[0].childNodes));
    cells[0].replaceChildren(opener);
    made.classList.add("opens");
    made.addEventListener("click", (event) => {
      if (!event.target.closest("button, a") && !String(getSelection())) toggle();
    });
    function toggle() {
      const next = made.nextElementSibling;
      const open = !(next && next.classList.contains("detail"));
      if (open) made.after(el("tr", { class: "detail" }, el("td", { colspan: columns.length }, detail(row))));
      else next.remove();
      opener.setAttribute("aria-expanded", String(open));
    }
    return made;
  }

  const tools = [search ? field : null, choices, flags.map((f, k) => el("label", {}, boxes[k], ` ${f.title}`)), count];
  root.append(
    el("div", { class: "tools" }, tools),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "table" },
      el("table", {}, el("thead", {}, el("tr", {}, heads)), body)),
    more,
  );
  mapper.ui.printed(root, () => {
    const left = [found.length > shown ? `${found.length - shown} more rows` : null, detail ? "what closed rows open to" : null].filter(Boolean);
    return left.length ? `Not on paper: ${left.join(", and ")}.` : "";
  });
  find();
  return {
    search(words) { field.value = words; again(); },
    flag(k, on) { boxes[k].checked = on; again(); },
  };
};
