// A button that asks Python for a sound, and a player that plays what comes back.
import { address, ask, bytes, follow, make, ownKeys } from "./ui.js";

/** @param {import("./ui.js").View} view */
function render({ model, el }) {
  const button = make("button", { type: "button" });
  const player = make("audio", { controls: true, hidden: true });
  const status = make("span", { role: "status" });
  const sound = address("audio/wav");
  el.classList.add("whisper-lab", "whisper-lab-controls");
  el.append(make("div", { className: "wl-row" }, button, player, status));
  button.addEventListener("click", async () => {
    player.pause();
    status.textContent = "Making the sound …";
    const answer = await ask(model, { action: "make" });
    status.textContent = answer?.message ?? "";
    player.hidden = !answer?.ok;
    if (!answer?.ok) return;
    player.src = sound.put(bytes(answer.buffers[0]));
    player.play().catch(() => {}); // a browser may want a second press: the player is there
  });
  const giveBack = ownKeys(el);
  const end = follow(model, "label", () => {
    button.textContent = model.get("label");
    player.setAttribute("aria-label", model.get("label"));
  });
  return () => {
    end();
    giveBack();
    player.pause();
    sound.free();
  };
}

export default { render };
