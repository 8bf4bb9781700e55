// A native drop-down list with a label.
function render({ model, el }) {
  el.classList.add("whisper-lab");
  el.dataset.lmSuppressShortcuts = "true";
  const row = document.createElement("div");
  const label = document.createElement("label");
  const select = document.createElement("select");
  row.className = "whisper-lab-row";
  select.id = `whisper-lab-choice-${Math.random().toString(36).slice(2)}`;
  label.htmlFor = select.id;
  row.append(label, select);
  el.append(row);

  const put = () => {
    label.textContent = model.get("label");
    select.replaceChildren(...model.get("options").map((option) => new Option(option, option)));
    select.value = model.get("value");
  };
  select.addEventListener("change", () => {
    model.set("value", select.value);
    model.save_changes();
  });
  select.addEventListener("keydown", (event) => event.stopPropagation());
  model.on("change:options", put);
  model.on("change:value", put);
  put();
  return () => {
    model.off("change:options", put);
    model.off("change:value", put);
  };
}
export default { render };
