// What lies in each memory over time, stacked: weights, states, buffers; the line is the capacity.
mapper.section("memory", (root, d, ui) => {
  const PARTS = [["weights", 0], ["states", 3], ["buffers", 1]];
  let view = d.views[0];
  const lead = ui.el("p", { class: "lead" });
  const buttons = d.views.map((v) => ui.el("button", { type: "button", "aria-pressed": "false", on: { click: () => show(v) } }, v.name));
  root.append(
    ui.el("div", { class: "tools" }, ui.el("span", { class: "buttons" }, buttons)), lead,
    ui.el("div", { class: "legend key" }, PARTS.map(([name, k]) => ui.el("span", {}, ui.el("i", { class: "swatch", style: { background: `var(--series-${k})` } }), name))),
  );
  const grid = ui.el("div", { class: "multiples small" });
  root.append(grid);
  const handles = d.memories.map(([name, capacity, peak], k) => {
    const note = ui.el("p", { class: "hint" });
    const cell = ui.el("div", {}, ui.el("h3", {}, name), note);
    grid.append(cell);
    const handle = ui.chart(cell, 170, () => option(k, capacity));
    return { handle, note, say: () => { note.textContent = `${ui.si(peak, "B")} reserved of ${ui.si(capacity, "B")} (${ui.percent(peak / capacity)})`; } };
  });
  const fullest = (rows, most) => rows.sort((a, b) => b[1] - a[1]).slice(0, most).map(([name, full]) => `${name} ${ui.percent(full, 0)}`).join(", ") + (rows.length > most ? ", …" : "");
  if (d.weights.length) root.append(ui.el("p", { class: "hint" }, `Weights alone, all the time: ${fullest(d.weights, 8)} full.`));
  if (d.others.length) root.append(ui.el("p", { class: "hint" }, `Less full and not drawn, ${d.others.length}: ${fullest(d.others, 4)}.`));

  function show(v) {
    view = v;
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.textContent === v.name)));
    lead.textContent = v.phases.length
      ? `One request alone: ${v.phases.map(([name, , calls]) => (calls > 1 ? `one call of ${name} (of ${calls})` : name)).join(", then ")}.`
      : "A stretch of the steady state. Reserved: what the plan keeps room for, the states and buffers of all requests in flight at their largest.";
    handles.forEach(({ handle, say }) => { say(); if (handle.chart) handle.draw(); });
  }

  function option(k, capacity) {
    const line = view.lines[k] || { weights: 0, states: 0, times: [0], buffers: [0] };
    const most = line.weights + line.states + Math.max(...line.buffers);
    const near = most > capacity / 5;
    const [faint, rule] = [ui.color("faint"), ui.color("line")];
    const buffers = line.times.map((t, i) => [t, line.buffers[i]]).concat([[view.length, line.buffers[line.buffers.length - 1]]]);
    const flat = (bytes) => buffers.map(([t]) => [t, bytes]);
    const data = [flat(line.weights), flat(line.states), buffers];
    return {
      grid: { left: 62, right: 14, top: 12, bottom: 26 },
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "line", lineStyle: { color: faint } },
        formatter: (all) => ui.tip(d.memories[k][0], [["at", ui.si(all[0].axisValue, "s")], ...all.map((p, i) => [PARTS[i][0], ui.si(p.value[1], "B")]), ["in all", ui.si(all.reduce((sum, p) => sum + p.value[1], 0), "B")], ["capacity", ui.si(capacity, "B")]]),
      },
      xAxis: { type: "value", min: 0, max: view.length, axisLabel: { formatter: (v) => ui.si(v, "s"), color: faint, hideOverlap: true, showMaxLabel: false }, splitLine: { show: false }, axisLine: { lineStyle: { color: rule } } },
      yAxis: { type: "value", min: 0, max: near ? capacity * 1.04 : most * 1.25 || 1, axisLabel: { formatter: (v) => ui.si(v, "B"), color: faint, hideOverlap: true, showMaxLabel: false }, splitLine: { lineStyle: { color: rule, opacity: 0.6 } } },
      series: PARTS.map(([name, color], i) => ({
        name, type: "line", step: "end", stack: "all", symbol: "none", data: data[i],
        lineStyle: { width: 0 }, areaStyle: { color: ui.color(`series-${color}`), opacity: 0.75 },
        ...(i === 2 ? { markLine: { silent: true, symbol: "none", label: { color: faint, fontSize: 10, formatter: (p) => p.name, position: "insideEndTop" }, data: [
          ...(near ? [{ yAxis: capacity, name: "capacity", lineStyle: { color: ui.color("heat-4"), type: "solid", width: 1.5 } }] : []),
          ...view.phases.slice(1).map(([phase, begin]) => ({ xAxis: begin, name: phase, lineStyle: { color: faint, type: "dashed" } })),
        ] } } : {}),
      })),
    };
  }

  ui.printed(root, () => `Not on paper: ${d.views.filter((v) => v !== view).map((v) => v.name).join(", ")}.`);
  show(view);
});
