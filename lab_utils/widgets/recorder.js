// Records the microphone, or takes a file, and hands Python a mono 16 kHz WAV when asked to.
import { recording, resampled, wav } from "./microphone.js";
import { address, conversation, follow, make, ownKeys } from "./ui.js";

/** @typedef {{ wav: DataView<ArrayBuffer>, kind: string }} Take what "Use this" would send */
/** @typedef {import("./microphone.js").Say} Say */
/** @typedef {import("./ui.js").Tell} Tell */

const RATE = 16000; // what Whisper hears
const LONGEST = 240; // seconds that one message to the kernel carries
const OUTPUTS =
  "The sound is never saved in a notebook; the pictures and words that cells show of it are, like all output.";
const UPLOAD = "Or upload a file, or go on with the sample clip.";

/** @param {number} loudest from 0 to 1 */
function advice(loudest) {
  if (loudest < 0.003) return "It is silent: is the right microphone chosen and switched on?";
  if (loudest < 0.03) return "It is very quiet: come closer to the microphone.";
  if (loudest < 0.999) return "Listen to it, then press Use this.";
  return "It is too loud in places (clipped): a little further away, please.";
}

/**
 * The row that uploads a file.
 * @param {{ say: Say, offer: (samples: Float32Array, kind: string) => void }} act
 */
function uploading({ say, offer }) {
  const file = make("input", { type: "file", accept: "audio/*,video/mp4,video/webm" });
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    if (!chosen) return;
    say(`Reading ${chosen.name} …`);
    try {
      const decoder = new OfflineAudioContext(1, 1, RATE);
      const buffer = await decoder.decodeAudioData(await chosen.arrayBuffer());
      offer(await resampled(buffer, RATE, LONGEST), "uploaded file");
      if (buffer.duration > LONGEST)
        say(`${chosen.name} is long: only its first ${LONGEST} s are taken.`, true);
    } catch {
      say(`The browser cannot read ${chosen.name}: save it as WAV or MP3, and try again.`, true);
    }
    file.value = "";
  });
  return { file, label: make("label", {}, "or a file: ", file) };
}

/**
 * The row that lets a clip be heard before it is used.
 * @param {{ say: Say, tell: Tell, done: () => void }} act
 */
function offering({ say, tell, done }) {
  const preview = make("audio", { controls: true, "aria-label": "What you recorded" });
  const use = make("button", { type: "button", className: "wl-main", textContent: "Use this" });
  const discard = make("button", { type: "button", textContent: "Discard" });
  const row = make("div", { className: "wl-row", hidden: true }, preview, use, discard);
  const sound = address("audio/wav");
  /** @type {Take | null} */
  let take = null;
  const close = () => {
    preview.pause();
    row.hidden = true;
    take = null;
    done();
  };
  discard.addEventListener("click", () => {
    close();
    say("Discarded.");
  });
  use.addEventListener("click", async () => {
    if (!take) return;
    use.disabled = true;
    say("Handing it to the notebook …");
    const sent = await tell({ action: "use", kind: take.kind }, { buffers: [take.wav] });
    use.disabled = false;
    if (sent) close();
  });
  return {
    row,
    pause: () => preview.pause(),
    free: () => sound.free(),
    /** @param {Float32Array} samples @param {string} kind */
    offer(samples, kind) {
      take = { wav: wav(samples, RATE), kind };
      preview.src = sound.put(take.wav);
      row.hidden = false;
      const loudest = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const seconds = (samples.length / RATE).toFixed(1);
      const made = kind === "recording" ? "Recorded" : "Read";
      say(`${made} ${seconds} s. ${advice(loudest)}`, loudest < 0.03 || loudest >= 0.999);
      use.focus();
    },
  };
}

/**
 * The row that says which clip is in use, and deletes it.
 * @param {import("./ui.js").Model} model
 * @param {{ tell: Tell, done: () => void }} act
 */
function saving(model, { tell, done }) {
  const text = make("p", { className: "wl-saved" });
  const remove = make("button", { type: "button", textContent: "Delete it" });
  remove.addEventListener("click", async () => {
    if (await tell({ action: "delete" })) done();
  });
  return {
    row: make("div", { className: "wl-row" }, text, remove),
    draw() {
      const { kind, seconds } = model.get("saved");
      remove.hidden = !kind;
      const clip = kind
        ? `In use: your ${kind}, ${seconds.toFixed(1)} s, stored only here: ${model.get("place")}`
        : `No recording yet: the cells below use the sample clip. What you record stays on the machine that runs this notebook, in ${model.get("folder")}`;
      text.textContent = `${clip}. ${OUTPUTS} ${model.get("warning")}`;
    },
  };
}

/** @param {import("./ui.js").View} view */
function render({ model, el }) {
  const { status, say, tell } = conversation(model);
  const done = () => recorder.button.focus();
  const take = offering({ say, tell, done });
  const upload = uploading({ say, offer: take.offer });
  const recorder = recording({
    limit: model.get("limit"),
    rate: RATE,
    otherwise: UPLOAD,
    say,
    begin: take.pause,
    offer: (samples) => take.offer(samples, "recording"),
    lock: (on) => (upload.file.disabled = on),
  });
  const saved = saving(model, { tell, done });

  el.classList.add("whisper-lab", "whisper-lab-recorder");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Voice recorder");
  const prompt = make("p", { className: "wl-prompt" }, "Please read aloud: ");
  prompt.append(make("q", {}, model.get("prompt")));
  if (model.get("prompt")) el.append(prompt);
  const first = make("div", { className: "wl-row" }, ...recorder.elements, upload.label);
  el.append(first, take.row, saved.row, status);
  const giveBack = ownKeys(el);
  const end = follow(model, "saved", saved.draw);
  return () => {
    end();
    recorder.end();
    giveBack();
    take.free();
  };
}

export default { render };
