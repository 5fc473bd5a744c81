// The command that makes the plan again, and what its result depends on.
mapper.section("reproduce", (root, d, ui) => {
  const { el } = ui;
  const code = el("pre", { tabindex: "0" }, el("code", {}, d.command));
  const said = el("span", { role: "status", class: "count" });
  const button = el("button", { type: "button", on: { click: copy } }, "copy");

  /** Into the clipboard; where the browser keeps that from files, the text is selected for the reader to copy. */
  async function copy() {
    getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(d.command);
      said.textContent = "copied";
    } catch {
      said.textContent = document.execCommand("copy") ? "copied" : "selected: copy it";
    }
  }

  root.append(el("div", { class: "command" }, code, el("div", { class: "tools" }, button, said)), ui.facts(d.facts));
});
