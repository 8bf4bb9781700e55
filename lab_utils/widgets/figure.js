// A picture with an alt text. A new one is decoded before it replaces the old one: no blank frame.
import { make } from "./ui.js";

function render({ model, el }) {
  el.classList.add("whisper-lab");
  const img = make("img", { decoding: "sync" });
  const caption = make("figcaption");
  caption.setAttribute("aria-live", "polite");
  el.append(make("figure", {}, img, caption));

  let asked = 0;
  let shown = 0;
  let url = null;
  const draw = async () => {
    const turn = ++asked;
    const png = model.get("png");
    img.hidden = !png || png.byteLength === 0;
    if (img.hidden) return;
    const fresh = URL.createObjectURL(new Blob([png], { type: "image/png" }));
    const next = new Image();
    next.src = fresh;
    try {
      await next.decode();
    } catch {
      URL.revokeObjectURL(fresh);
      return;
    }
    if (turn < shown) {
      URL.revokeObjectURL(fresh); // a newer picture was ready first
      return;
    }
    shown = turn;
    img.src = fresh;
    if (url) URL.revokeObjectURL(url);
    url = fresh;
  };
  const describe = () => {
    img.alt = model.get("alt");
    if (caption.textContent !== model.get("caption")) caption.textContent = model.get("caption");
    caption.hidden = !caption.textContent;
  };
  model.on("change:png", draw);
  model.on("change:alt", describe);
  model.on("change:caption", describe);
  describe();
  draw();
  return () => {
    model.off("change:png", draw);
    model.off("change:alt", describe);
    model.off("change:caption", describe);
    if (url) URL.revokeObjectURL(url);
  };
}
export default { render };
