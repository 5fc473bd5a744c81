// Every figure of every part, with what it rests on.
mapper.section("target-figures", (root, d, ui) => {
  const { el } = ui;
  const of = (r) => d.parts[r.part], told = (r) => d.texts[r.text];
  ui.table(root, [
    { key: "part", title: "part", class: "name", text: (r) => [of(r).name, of(r).count > 1 ? ` × ${of(r).count.toLocaleString("en")}` : ""].join(""), value: (r) => of(r).name },
    { key: "key", title: "figure", class: "name", text: (r) => el("span", {}, r.key.split(/(?<=[._])/).map((word) => [word, el("wbr")])), value: (r) => r.key },
    { key: "value", title: "value", class: "number", value: (r) => r.number },
    { key: "range", title: "range", class: "number", text: (r) => r.range || "" },
    { key: "basis", title: "mark", text: (r) => el("span", { class: `basis ${told(r).basis}` }, told(r).basis), value: (r) => told(r).rank },
    { key: "source", title: "source", class: "long", text: (r) => told(r).source, value: (r) => told(r).source },
    { key: "at", title: "in", text: (r) => el("span", { style: { whiteSpace: "nowrap" } }, r.at), value: (r) => r.at },
  ], d.rows, {
    search: true, rows: 60,
    filters: [{ title: "part", of: (r) => of(r).name }, { title: "mark", of: (r) => told(r).basis }],
    flags: d.fitted ? [{ title: "without fitted constants", test: (r) => !r.fitted, on: true }] : [],
  });
});
