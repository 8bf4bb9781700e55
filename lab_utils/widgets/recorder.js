// Records the microphone, or takes a file, and hands Python a mono 16 kHz WAV when asked to.
import { address, ask, follow, make, ownKeys } from "./ui.js";

/** @typedef {{ wav: DataView<ArrayBuffer>, kind: string }} Take what "Use this" would send */
/** @typedef {(text: string, bad?: boolean) => void} Say */
/** @typedef {(content: Record<string, unknown>, buffers?: ArrayBufferView[]) => Promise<boolean>} Tell */

const RATE = 16000; // what Whisper hears
const LONGEST = 240; // seconds that one message to the kernel carries
const ANSWER_WITHIN = 8000; // ms
const OUTPUTS =
  "The sound is never saved in a notebook; the pictures and words that cells show of it are, like all output.";
const SILENT =
  "The notebook's kernel does not answer: it was restarted or is busy. Run this cell again when it is free.";
const UPLOAD = "Or upload a file, or go on with the sample clip.";

const TAP = `registerProcessor("whisper-lab-tap", class extends AudioWorkletProcessor {
  process(inputs) {
    if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice());
    return true;
  }
});`;

/**
 * What went wrong in words, and what to do.
 * @param {Error} error
 */
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
  /** @type {Record<string, string>} */
  const causes = {
    NotAllowedError:
      "The microphone was refused. Press the sign to the left of the address, allow the microphone for this page, and press Record again.",
    SecurityError:
      "The browser's settings forbid microphones. Allow them for this page, and press Record again.",
    NotFoundError: "No microphone was found. Plug one in or switch it on, and press Record again.",
    NotReadableError: "Another program holds the microphone. Close it, and press Record again.",
    AbortError: "The microphone stopped. Unplug it, plug it in, and press Record again.",
  };
  return `${causes[error.name] ?? `The browser could not record (${error.name}: ${error.message}).`} ${UPLOAD}`;
}

/**
 * Samples as a 16-bit WAV.
 * @param {Float32Array} samples
 */
function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  /** @param {number} at @param {string} text */
  const write = (at, text) => {
    for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
  };
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
  for (const [i, x] of samples.entries()) {
    view.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, x)) * 32767, true);
  }
  return view;
}

/**
 * A buffer of any rate and number of channels as mono at 16 kHz.
 * @param {AudioBuffer} buffer
 */
async function whisperSamples(buffer) {
  const length = Math.max(1, Math.min(Math.round(buffer.duration * RATE), LONGEST * RATE));
  const context = new OfflineAudioContext(1, length, RATE);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

/**
 * @param {MediaStream} stream
 * @param {AudioContextOptions} [options]
 */
async function listenTo(stream, options) {
  const context = new AudioContext(options);
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch (error) {
    await context.close();
    throw error;
  }
}

/**
 * Opens the microphone. Returns the rate and a way to stop.
 * @param {(samples: Float32Array<ArrayBuffer>) => void} take gets each block of samples
 * @param {() => void} lost
 */
async function openMicrophone(take, lost) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("no microphone here");
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const audio = { channelCount: 1, ...raw };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const release = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  /** @type {AudioContext | null} */
  let opened = null;
  try {
    // Firefox wants the microphone's own rate: resampled at the end
    const { context, source } = await listenTo(stream, { sampleRate: RATE }).catch(() =>
      listenTo(stream),
    );
    opened = context;
    const code = address("text/javascript");
    await context.audioWorklet.addModule(code.put(TAP));
    code.free();
    const tap = new AudioWorkletNode(context, "whisper-lab-tap");
    tap.port.onmessage = (event) => take(event.data);
    source.connect(tap).connect(context.destination); // the tap itself is silent
    await context.resume();
    for (const track of stream.getTracks()) track.addEventListener("ended", lost);
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
    await opened?.close();
    throw error;
  }
}

/**
 * Blocks of samples as one buffer.
 * @param {Float32Array<ArrayBuffer>[]} blocks
 * @param {number} sampleRate
 */
function joined(blocks, sampleRate) {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  if (!length) throw Object.assign(new Error("no sound arrived"), { name: "EmptyRecording" });
  const buffer = new AudioBuffer({ length, numberOfChannels: 1, sampleRate });
  let at = 0;
  for (const block of blocks) {
    buffer.copyToChannel(block, 0, at);
    at += block.length;
  }
  return buffer;
}

/**
 * A level meter and a clock.
 * @param {number} limit seconds
 * @param {() => void} full what to do when they are over
 */
function meter(limit, full) {
  const range = { min: 0, max: 1, low: 0.3, high: 0.93, optimum: 0.6, value: 0 };
  const level = make("meter", { ...range, "aria-label": "Sound level" });
  const time = make("span", { className: "wl-time" });
  let peak = 0;
  let began = 0;
  let frame = 0;
  function draw() {
    const seconds = (performance.now() - began) / 1000;
    level.value = 1 + (20 * Math.log10(Math.max(peak, 1e-6))) / 60; // 60 dB, from 0 to 1
    peak *= 0.9;
    time.textContent = `${seconds.toFixed(1)} of at most ${limit} s`;
    if (seconds >= limit) full();
    else frame = requestAnimationFrame(draw);
  }
  return {
    elements: [level, time],
    start() {
      peak = 0;
      began = performance.now();
      draw();
    },
    /** @param {Float32Array} samples */
    hear(samples) {
      for (const x of samples) peak = Math.max(peak, Math.abs(x));
    },
    stop() {
      cancelAnimationFrame(frame);
      level.value = 0;
      time.textContent = "";
    },
  };
}

/** @param {number} loudest from 0 to 1 */
function advice(loudest) {
  if (loudest < 0.003) return "It is silent: is the right microphone chosen and switched on?";
  if (loudest < 0.03) return "It is very quiet: come closer to the microphone.";
  if (loudest < 0.999) return "Listen to it, then press Use this.";
  return "It is too loud in places (clipped): a little further away, please.";
}

/**
 * The row that records.
 * @param {import("./ui.js").Model} model
 * @param {{ say: Say, offer: (samples: Float32Array, kind: string) => void,
 *    begin: () => void, lock: (on: boolean) => void }} act
 */
function recording(model, { say, offer, begin, lock }) {
  const button = make("button", { type: "button", className: "wl-main" });
  const gauge = meter(model.get("limit"), () => guarded(finish));
  /** @type {{ rate: number, stop: () => Promise<void> } | null} */
  let microphone = null;
  /** @type {Float32Array<ArrayBuffer>[]} */
  let blocks = [];
  let busy = false;

  /** @param {boolean} on */
  function show(on) {
    button.textContent = on ? "■ Stop" : "● Record";
    button.setAttribute("aria-pressed", String(on));
    lock(on);
    if (on) gauge.start();
    else gauge.stop();
  }
  async function start() {
    say("Waiting for the microphone: the browser may ask for permission.");
    begin();
    blocks = [];
    /** @param {Float32Array<ArrayBuffer>} samples */
    const take = (samples) => {
      blocks.push(samples);
      gauge.hear(samples);
    };
    microphone = await openMicrophone(take, () => guarded(finish));
    show(true);
    say("Recording: speak now.");
  }
  async function finish() {
    if (!microphone) return;
    const { rate, stop } = microphone;
    microphone = null;
    show(false);
    await stop();
    const buffer = joined(blocks, rate);
    blocks = [];
    offer(rate === RATE ? buffer.getChannelData(0) : await whisperSamples(buffer), "recording");
  }
  /** @param {() => Promise<void>} work */
  async function guarded(work) {
    if (busy) return;
    busy = true;
    try {
      await work();
    } catch (error) {
      show(false);
      say(remedy(/** @type {Error} */ (error)), true);
    }
    busy = false;
  }

  button.addEventListener("click", () => guarded(microphone ? finish : start));
  show(false);
  return {
    button,
    elements: [button, ...gauge.elements],
    end() {
      microphone?.stop();
      gauge.stop();
    },
  };
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
      offer(await whisperSamples(buffer), "uploaded file");
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
    const sent = await tell({ action: "use", kind: take.kind }, [take.wav]);
    use.disabled = false;
    if (sent) close();
  });
  return {
    row,
    pause: () => preview.pause(),
    free: () => sound.free(),
    /** @param {Float32Array} samples @param {string} kind */
    offer(samples, kind) {
      take = { wav: wav(samples), kind };
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
  const status = make("p", { className: "wl-status", role: "status" });
  /** @type {Say} */
  const say = (text, bad = false) => {
    status.textContent = text;
    status.classList.toggle("wl-bad", bad);
  };
  /** @type {Tell} says what Python answered; no answer means that the kernel is gone */
  const tell = async (content, buffers = []) => {
    const answer = await ask(model, content, { buffers, patience: ANSWER_WITHIN });
    say(answer?.message ?? SILENT, !answer?.ok);
    return Boolean(answer?.ok);
  };
  const done = () => recorder.button.focus();
  const take = offering({ say, tell, done });
  const upload = uploading({ say, offer: take.offer });
  /** @param {boolean} on */
  const lock = (on) => (upload.file.disabled = on);
  const recorder = recording(model, { say, offer: take.offer, begin: take.pause, lock });
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
