// Records the microphone, or takes a file, and hands Python a mono 16 kHz WAV when asked to.
import { ask, make, ownKeys } from "./ui.js";

const RATE = 16000; // what Whisper hears
const LONGEST = 240; // seconds that one message to the kernel carries
const ANSWER_WITHIN = 8000; // ms
const OUTPUTS =
  "No notebook holds the sound; the pictures and words that cells show of it are saved with the notebook, as all output.";
const UPLOAD = "Or upload a file, or go on with the sample clip.";

const TAP = `registerProcessor("whisper-lab-tap", class extends AudioWorkletProcessor {
  process(inputs) {
    if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice());
    return true;
  }
});`;

// What went wrong in words, and what to do.
function remedy(error) {
  const code = location.protocol.startsWith("vscode") || / Code\//.test(navigator.userAgent);
  const browser = "Open the labs in a browser: python -m lab_utils start.";
  if (code) return `VS Code's notebook view gives no microphone. ${browser} ${UPLOAD}`;
  if (!navigator.mediaDevices?.getUserMedia) {
    return window.isSecureContext
      ? `This view of the notebook gives no microphone. ${browser} ${UPLOAD}`
      : `A browser gives the microphone only to pages on https or on localhost, and this page is on ${location.host}. ` +
          `Reach the server through a tunnel, ssh -L 8888:localhost:8888 user@server, and open http://localhost:8888. ${UPLOAD}`;
  }
  const said = {
    NotAllowedError:
      "The microphone was refused. Press the sign to the left of the address, allow the microphone for this page, and press Record again.",
    SecurityError: "The browser's settings forbid microphones. Allow them for this page, and press Record again.",
    NotFoundError: "No microphone was found. Plug one in or switch it on, and press Record again.",
    NotReadableError: "Another program holds the microphone. Close it, and press Record again.",
    AbortError: "The microphone stopped. Unplug it, plug it in, and press Record again.",
  }[error.name];
  return `${said ?? `The browser could not record (${error.name}: ${error.message}).`} ${UPLOAD}`;
}

function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const write = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // mono
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, x)) * 32767, true));
  return view;
}

// A buffer of any rate and number of channels as mono at 16 kHz.
async function whisperSamples(buffer) {
  const length = Math.max(1, Math.min(Math.round(buffer.duration * RATE), LONGEST * RATE));
  const context = new OfflineAudioContext(1, length, RATE);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

// Opens the microphone; `take` gets each block of samples. Returns the rate and a way to stop.
async function openMicrophone(take, lost) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("no microphone here");
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const release = () => stream.getTracks().forEach((track) => track.stop());
  let context = null;
  try {
    let source;
    try {
      context = new AudioContext({ sampleRate: RATE });
      source = context.createMediaStreamSource(stream);
    } catch {
      await context?.close(); // Firefox wants the microphone's own rate: resampled at the end
      context = new AudioContext();
      source = context.createMediaStreamSource(stream);
    }
    const url = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
    await context.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
    const tap = new AudioWorkletNode(context, "whisper-lab-tap");
    tap.port.onmessage = (event) => take(event.data);
    source.connect(tap).connect(context.destination); // the tap itself is silent
    await context.resume();
    stream.getTracks().forEach((track) => track.addEventListener("ended", lost));
    return {
      rate: context.sampleRate,
      stop: async () => {
        source.disconnect();
        release();
        await new Promise((done) => setTimeout(done, 60)); // the last blocks are on their way
        await context.close();
      },
    };
  } catch (error) {
    release();
    await context?.close();
    throw error;
  }
}

function render({ model, el }) {
  el.classList.add("whisper-lab-recorder");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Voice recorder");

  const record = make("button", { type: "button", className: "wl-main", textContent: "● Record" });
  const level = make("meter", { min: 0, max: 1, low: 0.3, high: 0.93, optimum: 0.6, value: 0 });
  level.setAttribute("aria-label", "Sound level");
  const time = make("span", { className: "wl-time" });
  const file = make("input", { type: "file", accept: "audio/*,video/mp4,video/webm" });
  const upload = make("label", {}, "or a file: ", file);
  const preview = make("audio", { controls: true });
  preview.setAttribute("aria-label", "What you recorded");
  const use = make("button", { type: "button", className: "wl-main", textContent: "Use this" });
  const redo = make("button", { type: "button", textContent: "Discard" });
  const saved = make("p", { className: "wl-saved" });
  const remove = make("button", { type: "button", textContent: "Delete it" });
  const status = make("p", { className: "wl-status" });
  status.setAttribute("role", "status");
  const first = make("div", { className: "wl-row" }, record, level, time, upload);
  const second = make("div", { className: "wl-row", hidden: true }, preview, use, redo);
  const third = make("div", { className: "wl-row" }, saved, remove);
  if (model.get("prompt")) {
    el.append(make("p", { className: "wl-prompt" }, "Please read aloud: ", make("q", {}, model.get("prompt"))));
  }
  el.append(first, second, third, status);

  const say = (text, bad = false) => {
    status.textContent = text;
    status.classList.toggle("wl-bad", bad);
  };
  const showSaved = () => {
    const { kind, seconds } = model.get("saved");
    remove.hidden = !kind;
    saved.textContent = kind
      ? `In use: your ${kind}, ${seconds.toFixed(1)} s, stored only here: ${model.get("place")}`
      : `No recording yet: the cells below use the sample clip. What you record stays on the machine that runs this notebook, in ${model.get("folder")}`;
    saved.textContent += `. ${OUTPUTS} ${model.get("warning")}`;
  };

  let microphone = null;
  let blocks = [];
  let peak = 0;
  let began = 0;
  let frame = 0;
  let busy = false;
  let url = null;
  let take = null; // {wav, kind}: what "Use this" would send

  function meter() {
    const seconds = (performance.now() - began) / 1000;
    level.value = Math.max(0, Math.min(1, 1 + (20 * Math.log10(Math.max(peak, 1e-6))) / 60));
    peak *= 0.9;
    time.textContent = `${seconds.toFixed(1)} of at most ${model.get("limit")} s`;
    if (seconds >= model.get("limit")) finish();
    else frame = requestAnimationFrame(meter);
  }
  function offer(samples, kind) {
    take = { wav: wav(samples), kind };
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob([take.wav], { type: "audio/wav" }));
    preview.src = url;
    second.hidden = false;
    const loudest = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const seconds = (samples.length / RATE).toFixed(1);
    const advice =
      loudest < 0.003
        ? "It is silent: is the right microphone chosen and switched on?"
        : loudest < 0.03
          ? "It is very quiet: come closer to the microphone."
          : loudest >= 0.999
            ? "It is too loud in places (clipped): a little further away, please."
            : "Listen to it, then press Use this.";
    say(`${kind === "recording" ? "Recorded" : "Read"} ${seconds} s. ${advice}`, loudest < 0.03 || loudest >= 0.999);
    use.focus();
  }
  function idle() {
    record.textContent = "● Record";
    record.setAttribute("aria-pressed", "false");
    cancelAnimationFrame(frame);
    level.value = 0;
    time.textContent = "";
    file.disabled = false;
  }
  async function start() {
    say("Waiting for the microphone: the browser may ask for permission.");
    preview.pause();
    blocks = [];
    peak = 0;
    const block = (samples) => {
      blocks.push(samples);
      for (const x of samples) peak = Math.max(peak, Math.abs(x));
    };
    microphone = await openMicrophone(block, () => finish());
    began = performance.now();
    file.disabled = true;
    record.textContent = "■ Stop";
    record.setAttribute("aria-pressed", "true");
    say("Recording: speak now.");
    meter();
  }
  async function finish() {
    if (!microphone) return;
    const { rate, stop } = microphone;
    microphone = null;
    idle();
    await stop();
    const n = blocks.reduce((sum, block) => sum + block.length, 0);
    if (!n) throw Object.assign(new Error("no sound arrived"), { name: "EmptyRecording" });
    const buffer = new AudioBuffer({ length: n, numberOfChannels: 1, sampleRate: rate });
    let at = 0;
    for (const block of blocks) {
      buffer.copyToChannel(block, 0, at);
      at += block.length;
    }
    blocks = [];
    offer(rate === RATE ? buffer.getChannelData(0) : await whisperSamples(buffer), "recording");
  }
  async function guarded(work) {
    if (busy) return;
    busy = true;
    try {
      await work();
    } catch (error) {
      idle();
      say(remedy(error), true);
    }
    busy = false;
  }

  // Says what Python answered; no answer means that the kernel is gone.
  async function tell(content, buffers = []) {
    const { ok, message } = (await ask(model, content, { buffers, patience: ANSWER_WITHIN })) ?? {
      ok: false,
      message: "The notebook's kernel does not answer: it was restarted or is busy. Run this cell again when it is free.",
    };
    say(message, !ok);
    return ok;
  }

  record.addEventListener("click", () => guarded(microphone ? finish : start));
  redo.addEventListener("click", () => {
    preview.pause();
    second.hidden = true;
    take = null;
    say("Discarded.");
    record.focus();
  });
  use.addEventListener("click", async () => {
    use.disabled = true;
    say("Handing it to the notebook …");
    const sent = await tell({ action: "use", kind: take.kind }, [take.wav]);
    use.disabled = false;
    if (!sent) return;
    preview.pause();
    second.hidden = true;
    record.focus();
  });
  remove.addEventListener("click", async () => {
    if (await tell({ action: "delete" })) record.focus();
  });
  file.addEventListener("change", async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    say(`Reading ${chosen.name} …`);
    try {
      const decoder = new OfflineAudioContext(1, 1, RATE);
      const buffer = await decoder.decodeAudioData(await chosen.arrayBuffer());
      offer(await whisperSamples(buffer), "uploaded file");
      if (buffer.duration > LONGEST) say(`${chosen.name} is long: only its first ${LONGEST} s are taken.`, true);
    } catch {
      say(`The browser cannot read ${chosen.name}: save it as WAV or MP3, and try again.`, true);
    }
    file.value = "";
  });
  const giveBack = ownKeys(el);

  model.on("change:saved", showSaved);
  idle();
  showSaved();
  return () => {
    microphone?.stop();
    cancelAnimationFrame(frame);
    model.off("change:saved", showSaved);
    giveBack();
    if (url) URL.revokeObjectURL(url);
  };
}
export default { render };
