// A button that asks Python for a sound, and a player that plays what comes back.
function render({ model, el }) {
  el.classList.add("whisper-lab");
  el.dataset.lmSuppressShortcuts = "true";
  const row = document.createElement("div");
  const button = document.createElement("button");
  const player = document.createElement("audio");
  const status = document.createElement("span");
  row.className = "whisper-lab-row";
  button.type = "button";
  player.controls = true;
  player.hidden = true;
  status.setAttribute("role", "status");
  row.append(button, player, status);
  el.append(row);

  let url = null;
  const name = () => {
    button.textContent = model.get("label");
    player.setAttribute("aria-label", model.get("label"));
  };
  const play = () => {
    status.textContent = model.get("status");
    const wav = model.get("wav");
    player.hidden = !wav || wav.byteLength === 0;
    if (player.hidden) return;
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob([wav], { type: "audio/wav" }));
    player.src = url;
    player.play().catch(() => {}); // a browser may want a second press: the player is there
  };
  button.addEventListener("click", () => {
    player.pause();
    status.textContent = "Making the sound …";
    model.set("asked", model.get("asked") + 1);
    model.save_changes();
  });
  model.on("change:label", name);
  model.on("change:made", play);
  name();
  return () => {
    model.off("change:label", name);
    model.off("change:made", play);
    player.pause();
    if (url) URL.revokeObjectURL(url);
  };
}
export default { render };
