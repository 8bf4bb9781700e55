// A native range input with a label, its value and its unit.
import { make, ownKeys } from "./ui.js";

function render({ model, el }) {
  el.classList.add("whisper-lab");
  const input = make("input", {
    type: "range",
    id: `whisper-lab-slider-${Math.random().toString(36).slice(2)}`,
  });
  const label = make("label", { htmlFor: input.id });
  const shown = make("span", { className: "whisper-lab-value" });
  shown.setAttribute("aria-hidden", "true"); // a screen reader has it from aria-valuetext
  el.append(make("div", { className: "whisper-lab-row" }, label, input, shown));

  const decimals = () => (String(model.get("step")).split(".")[1] ?? "").length;
  const text = () => {
    const options = model.get("options");
    const i = options.indexOf(model.get("value"));
    if (i >= 0 && model.get("texts").length) return model.get("texts")[i];
    const value = model.get("value");
    const digits = options.length ? String(value) : value.toFixed(decimals());
    return `${digits} ${model.get("unit")}`.trim();
  };
  const put = () => {
    const options = model.get("options");
    const listed = options.length > 0;
    label.textContent = model.get("label");
    input.min = listed ? 0 : model.get("min");
    input.max = listed ? options.length - 1 : model.get("max");
    input.step = listed ? 1 : model.get("step");
    input.value = listed ? options.indexOf(model.get("value")) : model.get("value");
    shown.textContent = text();
    input.setAttribute("aria-valuetext", text());
  };
  const take = (save) => {
    const options = model.get("options");
    model.set("value", options.length ? options[Number(input.value)] : Number(input.value));
    if (save) model.save_changes();
  };
  input.addEventListener("input", () => take(model.get("continuous")));
  input.addEventListener("change", () => take(true));
  model.on("change", put);
  put();
  const giveBack = ownKeys(el);
  return () => {
    model.off("change", put);
    giveBack();
  };
}
export default { render };
