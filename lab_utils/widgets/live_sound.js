// A button that asks Python for a sound, and a player that plays what comes back.
import { ask, make, ownKeys } from "./ui.js";

function render({ model, el }) {
  el.classList.add("whisper-lab");
  const button = make("button", { type: "button" });
  const player = make("audio", { controls: true, hidden: true });
  const status = make("span", { role: "status" });
  el.append(make("div", { className: "whisper-lab-row" }, button, player, status));

  let url = null;
  const name = () => {
    button.textContent = model.get("label");
    player.setAttribute("aria-label", model.get("label"));
  };
  button.addEventListener("click", async () => {
    player.pause();
    status.textContent = "Making the sound …";
    const { ok, message, buffers } = await ask(model, { action: "make" });
    status.textContent = message;
    player.hidden = !ok;
    if (!ok) return;
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob(buffers, { type: "audio/wav" }));
    player.src = url;
    player.play().catch(() => {}); // a browser may want a second press: the player is there
  });
  model.on("change:label", name);
  name();
  const giveBack = ownKeys(el);
  return () => {
    model.off("change:label", name);
    giveBack();
    player.pause();
    if (url) URL.revokeObjectURL(url);
  };
}
export default { render };
