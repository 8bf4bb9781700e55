// A native drop-down list with a label.
import { make, ownKeys } from "./ui.js";

function render({ model, el }) {
  el.classList.add("whisper-lab");
  const select = make("select", { id: `whisper-lab-choice-${Math.random().toString(36).slice(2)}` });
  const label = make("label", { htmlFor: select.id });
  el.append(make("div", { className: "whisper-lab-row" }, label, select));

  const put = () => {
    label.textContent = model.get("label");
    select.replaceChildren(...model.get("options").map((option) => new Option(option, option)));
    select.value = model.get("value");
  };
  select.addEventListener("change", () => {
    model.set("value", select.value);
    model.save_changes();
  });
  model.on("change:options", put);
  model.on("change:value", put);
  put();
  const giveBack = ownKeys(el);
  return () => {
    model.off("change:options", put);
    model.off("change:value", put);
    giveBack();
  };
}
export default { render };
