// One of several values, with a label: a native range input, or a native drop-down list.
import { follow, make, ownKeys } from "./ui.js";

/** @param {import("./ui.js").Model} model */
function slider(model) {
  const input = make("input", { type: "range", min: 0, step: 1 });
  // a screen reader has the text from aria-valuetext
  const shown = make("span", { className: "wl-value", "aria-hidden": "true" });
  return {
    parts: [input, shown],
    read: () => model.get("options")[Number(input.value)],
    draw() {
      const at = model.get("options").indexOf(model.get("value"));
      input.max = String(model.get("options").length - 1);
      input.value = String(at);
      shown.textContent = model.get("texts")[at];
      input.setAttribute("aria-valuetext", model.get("texts")[at]);
    },
  };
}

/** @param {import("./ui.js").Model} model */
function choice(model) {
  const select = make("select");
  return {
    parts: [select],
    read: () => select.value,
    draw() {
      const options = model.get("options");
      select.replaceChildren(...options.map((/** @type {string} */ name) => new Option(name)));
      select.value = model.get("value");
    },
  };
}

/** @param {import("./ui.js").View} view */
function render({ model, el }) {
  const { parts, read, draw } = model.get("texts") ? slider(model) : choice(model);
  const label = make("label", { htmlFor: `whisper-lab-${Math.random().toString(36).slice(2)}` });
  parts[0].id = label.htmlFor;
  el.classList.add("whisper-lab", "whisper-lab-controls");
  el.append(make("div", { className: "wl-row" }, label, ...parts));
  parts[0].addEventListener("input", () => {
    model.set("value", read());
    model.save_changes();
  });
  const giveBack = ownKeys(el);
  const end = follow(model, "label options texts value", () => {
    label.textContent = model.get("label");
    draw();
  });
  return () => {
    end();
    giveBack();
  };
}

export default { render };
