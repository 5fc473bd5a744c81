// What every page shares: elements made of text, charts that are drawn when they come into view, tables, light and dark.
"use strict";

const mapper = (() => {
  const drawers = {};
  const charts = [];
  const unseen = new Map(); // element -> what draws it when it comes near the window
  const data = JSON.parse(document.getElementById("data").textContent);

  /** An element with attributes (`class`, `title`, `on: {click}` ...) and children; strings become text, never HTML. */
  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (key === "style") Object.assign(made.style, value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined) made.append(child instanceof Node ? child : String(child));
    }
    return made;
  }

  const SIZES = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];

  /** A number with three digits and a prefix: si(0.0042, "s") is "4.20 ms". */
  function si(value, unit = "") {
    if (value === null || value === undefined) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "–";
    if (value === 0) return `0 ${unit}`.trim();
    const [size, prefix] = SIZES.find(([s]) => Math.abs(value) >= s * 0.9995) || SIZES[SIZES.length - 1];
    const scaled = value / size;
    const digits = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
    return `${scaled.toFixed(digits)} ${prefix}${unit}`.trim();
  }

  function percent(part, digits = 1) {
    return part === null || part === undefined ? "–" : `${(100 * part).toFixed(digits)} %`;
  }

  /** A tooltip for ECharts: rows of [label, value] under a title, all of them text. */
  function tip(title, rows) {
    return el("div", { class: "tip" }, el("b", {}, title), rows.map(([a, b]) => el("div", {}, el("span", {}, a), el("span", {}, b))));
  }

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  /** Colour of a utilisation from 0 to 1, the same in every chart. */
  function heat(part) {
    const steps = [color("heat-0"), color("heat-1"), color("heat-2"), color("heat-3"), color("heat-4")];
    return steps[Math.min(steps.length - 1, Math.floor(Math.max(0, part) * steps.length))];
  }

  /** The colour of text that stands on `heat(part)`. */
  function ink(part) {
    const [r, g, b] = heat(part).match(/[0-9a-f]{2}/gi).map((h) => parseInt(h, 16));
    return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#16202c" : "#ffffff";
  }

  /** A chart below `root`: `option(theme)` is asked for ECharts' option when it comes into view and at each change of
   * theme; returns a handle whose `.chart` is the ECharts instance once there is one. */
  function chart(root, height, option, ready) {
    const box = el("div", { class: "chart", style: { height: `${height}px` } });
    root.append(box);
    const handle = {
      box,
      chart: null,
      draw() {
        if (handle.chart) handle.chart.dispose();
        handle.chart = echarts.init(box, null, { renderer: "canvas" });
        const base = {
          animation: false,
          backgroundColor: "transparent",
          textStyle: { color: color("ink"), fontFamily: "system-ui, sans-serif" },
          color: Array.from({ length: 8 }, (_, k) => color(`series-${k}`)),
          tooltip: { confine: true, backgroundColor: color("paper"), borderColor: color("line"), textStyle: { color: color("ink") } },
        };
        const asked = option();
        handle.chart.setOption({ ...base, ...asked, tooltip: { ...base.tooltip, ...asked.tooltip } });
        if (ready) ready(handle.chart);
      },
    };
    charts.push(handle);
    later(box, () => handle.draw());
    return handle;
  }

  /** Do something when an element comes near the window, or the page is printed. */
  function later(element, act) {
    unseen.set(element, act);
    watcher.observe(element);
  }

  const watcher = new IntersectionObserver(
    (entries) => entries.filter((e) => e.isIntersecting).forEach((e) => see(e.target)),
    { rootMargin: "300px" },
  );

  function see(element) {
    const act = unseen.get(element);
    unseen.delete(element);
    watcher.unobserve(element);
    if (act) act();
  }

  function seeAll() {
    while (unseen.size) [...unseen.keys()].forEach(see);
  }

  /** A table with a search field and columns that sort: columns {key, title, text(row), value(row), class}; shows so
   * many rows at a time. `detail(row)` gives the element that opens below a row. */
  function table(root, columns, rows, { search = false, rows: most = 50, detail = null } = {}) {
    let found = rows, shown = most, order = null;
    const text = (column, row) => (column.text ? column.text(row) : row[column.key]);
    const value = (column, row) => (column.value ? column.value(row) : row[column.key]);
    const body = el("tbody");
    const count = el("span", { class: "count", role: "status" });
    const more = el("button", { type: "button", class: "more", on: { click: () => { shown += 10 * most; fill(); } } }, "more");
    const field = el("input", { type: "search", placeholder: "search", "aria-label": "search", on: { input: () => { shown = most; find(); } } });
    const heads = columns.map((c, k) =>
      el("th", { class: c.class, scope: "col" }, el("button", { type: "button", on: { click: () => sort(k) } }, c.title)),
    );
    const haystack = new Map();
    function find() {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      found = rows.filter((row) => {
        if (!words.length) return true;
        if (!haystack.has(row)) haystack.set(row, columns.map((c) => String(text(c, row) ?? "")).join(" \u0000").toLowerCase());
        return words.every((w) => haystack.get(row).includes(w));
      });
      arrange();
    }
    function sort(k) {
      order = order && order.k === k ? { k, down: !order.down } : { k, down: typeof value(columns[k], rows[0] ?? {}) === "number" };
      arrange();
    }
    function arrange() {
      if (order) {
        const c = columns[order.k];
        found = [...found].sort((a, b) => {
          const [x, y] = [value(c, a), value(c, b)];
          const less = typeof x === "number" && typeof y === "number" ? x - y : String(x ?? "").localeCompare(String(y ?? ""));
          return order.down ? -less : less;
        });
      }
      heads.forEach((h, k) => h.setAttribute("aria-sort", order && order.k === k ? (order.down ? "descending" : "ascending") : "none"));
      fill();
    }
    function fill() {
      body.replaceChildren(...found.slice(0, shown).map(line));
      count.textContent = found.length === rows.length ? `${rows.length} rows` : `${found.length} of ${rows.length} rows`;
      more.hidden = found.length <= shown;
    }
    function line(row) {
      const cells = columns.map((c) => {
        const shownText = text(c, row);
        return el("td", { class: c.class }, shownText instanceof Node ? shownText : String(shownText ?? ""));
      });
      const made = el("tr", {}, cells);
      if (detail) {
        made.classList.add("opens");
        made.addEventListener("click", () => {
          if (made.nextSibling && made.nextSibling.classList.contains("detail")) made.nextSibling.remove();
          else made.after(el("tr", { class: "detail" }, el("td", { colspan: columns.length }, detail(row))));
        });
      }
      return made;
    }
    root.append(
      el("div", { class: "tools" }, search ? field : null, count),
      el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), body)),
      more,
    );
    find();
    return { search(words) { field.value = words; find(); } };
  }

  function section(name, draw) {
    drawers[name] = draw;
  }

  function redraw() {
    charts.filter((c) => c.chart).forEach((c) => c.draw());
  }

  function theme(wanted) {
    document.documentElement.dataset.theme = wanted;
    redraw();
  }

  const ui = { el, si, percent, tip, color, heat, ink, chart, later, table };

  function start() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
    dark.addEventListener("change", (e) => theme(e.matches ? "dark" : "light"));
    const other = () => (document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    const main = el("main");
    const named = data.sections.filter((s) => s.title);
    const nav = el("nav", { "aria-label": "sections" }, named.map((s) => el("a", { href: `#${s.name}` }, s.title)));
    const toggle = el("button", { type: "button", class: "theme", title: "light or dark", "aria-label": "light or dark", on: { click: () => theme(other()) } }, "◐");
    document.body.append(el("header", {}, el("div", {}, el("h1", {}, data.title), el("p", {}, data.subtitle)), toggle), nav, main);
    for (const s of data.sections) {
      const root = el("div", { class: "body" });
      main.append(el("section", { id: s.name, "data-section": s.name }, s.title ? el("h2", {}, s.title) : null, s.lead ? el("p", { class: "lead" }, s.lead) : null, root));
      drawers[s.script](root, s.data, ui);
    }
    let asked = 0;
    addEventListener("resize", () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => charts.forEach((c) => c.chart && c.chart.resize()));
    });
    let before = null;
    addEventListener("beforeprint", () => {
      before = document.documentElement.dataset.theme;
      seeAll();
      theme("light");
    });
    addEventListener("afterprint", () => theme(before || "light"));
    document.documentElement.dataset.ready = "yes";
  }

  return { section, start, ui };
})();
