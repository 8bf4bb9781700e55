// The microphone of the recorder and the studio: opened, metered, and its sound as a WAV.
import { address, make } from "./ui.js";

/** @typedef {(text: string, bad?: boolean) => void} Say */
/** @typedef {{ rate: number, stop: () => Promise<void> }} Microphone */

const MOST = 48000; // Hz; what a faster microphone hears is resampled
const IDLE = 60_000; // ms after which a microphone that waits is closed

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
  if (code) return `VS Code's notebook view gives no microphone. ${browser}`;
  if (!navigator.mediaDevices?.getUserMedia) {
    return window.isSecureContext
      ? `This view of the notebook gives no microphone. ${browser}`
      : `A browser gives the microphone only to pages on https or on localhost, and this page is on ${location.host}. ` +
          `Reach the server through a tunnel, ssh -L 8888:localhost:8888 user@server, and open http://localhost:8888.`;
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
  return causes[error.name] ?? `The browser could not record (${error.name}: ${error.message}).`;
}

/**
 * Samples as a 16-bit WAV.
 * @param {Float32Array} samples
 * @param {number} rate
 */
export function wav(samples, rate) {
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
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
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
 * A buffer of any rate and number of channels as mono at another rate.
 * @param {AudioBuffer} buffer
 * @param {number} rate
 * @param {number} longest seconds
 */
export async function resampled(buffer, rate, longest) {
  const length = Math.max(1, Math.round(Math.min(buffer.duration, longest) * rate));
  const context = new OfflineAudioContext(1, length, rate);
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
 * Opens the microphone. Returns its rate and a way to stop.
 * @param {number} rate Hz to ask for; 0: the microphone's own
 * @param {(samples: Float32Array<ArrayBuffer>) => void} take gets each block of samples
 * @param {() => void} lost
 * @returns {Promise<Microphone>}
 */
async function openMicrophone(rate, take, lost) {
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
    const options = rate ? { sampleRate: rate } : {};
    const { context, source } = await listenTo(stream, options).catch(() => listenTo(stream));
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
 * What the microphone hears. With a roll it stays open between takes, and each take also has so
 * many seconds from before its start and after its end; nothing else is kept.
 * @param {{ rate: number, roll: number, hear: (samples: Float32Array) => void,
 *    lost: () => void }} options
 */
function tape({ rate, roll, hear, lost }) {
  /** @type {Microphone | null} */
  let microphone = null;
  /** @type {Float32Array<ArrayBuffer>[]} */
  let blocks = [];
  let length = 0;
  let on = false;
  /** @param {Float32Array<ArrayBuffer>} samples */
  const take = (samples) => {
    blocks.push(samples);
    length += samples.length;
    const room = roll * (microphone?.rate ?? 0);
    if (on) hear(samples);
    else while (blocks.length > 1 && length - blocks[0].length >= room) length -= cut();
  };
  const cut = () => blocks.shift()?.length ?? 0;
  const close = async () => {
    const open = microphone;
    microphone = null;
    await open?.stop();
  };
  const empty = () => {
    on = false;
    blocks = [];
    length = 0;
  };
  return {
    isOn: () => on,
    isOpen: () => microphone !== null,
    async begin() {
      microphone ??= await openMicrophone(rate, take, lost);
      on = true;
    },
    async end() {
      const own = microphone?.rate ?? MOST;
      if (roll) await new Promise((done) => setTimeout(done, 1000 * roll));
      else await close();
      try {
        return joined(blocks, own);
      } finally {
        empty();
      }
    },
    /** Closes the microphone; what is on the tape is gone. */
    async close() {
      await close();
      empty();
    },
  };
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

/**
 * The row that records.
 * @param {{ limit: number, rate?: number, roll?: number, say: Say, begin: () => void,
 *    offer: (samples: Float32Array, rate: number) => void | Promise<void>,
 *    lock: (on: boolean) => void, otherwise?: string }} options `limit` and `roll` in seconds;
 *    `rate` in Hz, 0: the microphone's own; `lock` is on from a take's start to the end of its
 *    offer; `otherwise`: what else the reader can do
 */
export function recording(options) {
  const { limit, rate = 0, roll = 0, say, begin, offer, lock, otherwise = "" } = options;
  const button = make("button", { type: "button", className: "wl-main" });
  const lamp = make("span");
  const gauge = meter(limit, () => guarded(finish));
  const lost = () => guarded(() => finish().then(rest));
  const reel = tape({ rate, roll, hear: gauge.hear, lost });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let idle;
  let busy = false;

  /** @param {boolean} on */
  function show(on) {
    button.textContent = on ? "■ Stop" : "● Record";
    button.setAttribute("aria-pressed", String(on));
    lamp.textContent = roll && reel.isOpen() ? "microphone open" : "";
    if (on) gauge.start();
    else gauge.stop();
  }
  async function start() {
    clearTimeout(idle);
    if (!reel.isOpen()) say("Waiting for the microphone: the browser may ask for permission.");
    begin();
    await reel.begin();
    show(true);
    lock(true);
    say("Recording: speak now.");
  }
  async function finish() {
    if (!reel.isOn()) return;
    show(false);
    if (roll) idle = setTimeout(() => guarded(rest), IDLE);
    const buffer = await reel.end();
    const made = rate || Math.min(buffer.sampleRate, MOST);
    const same = made === buffer.sampleRate;
    await offer(same ? buffer.getChannelData(0) : await resampled(buffer, made, limit + 1), made);
    lock(false);
  }
  async function rest() {
    clearTimeout(idle);
    await reel.close();
    show(false);
    lock(false);
  }
  /** @param {() => Promise<void>} work */
  async function guarded(work) {
    if (busy) return;
    busy = true;
    try {
      await work();
    } catch (error) {
      show(false);
      lock(false);
      say(`${remedy(/** @type {Error} */ (error))} ${otherwise}`.trim(), true);
    }
    busy = false;
  }

  button.addEventListener("click", () => guarded(reel.isOn() ? finish : start));
  show(false);
  return {
    button,
    elements: [button, ...gauge.elements, lamp],
    rest: () => guarded(rest),
    end() {
      clearTimeout(idle);
      reel.close();
      gauge.stop();
    },
  };
}
