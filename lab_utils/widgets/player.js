// Plays a clip over its waveform or log-mel; its words are lit while they are spoken. The same file
// draws the widget in a notebook and the player inside an exported page: `mount` needs no Jupyter.
import { address, bytes, carried, make, moved, ownKeys, STEPS, timeline } from "./ui.js";

/** @typedef {import("./ui.js").Bytes} Bytes */
/** @typedef {{ text: string, start: number, end: number, probability: number | null }} Word */
/** @typedef {{ start: number, end: number, first: number, last: number }} Line */
/** @typedef {{ label: string, duration: number, language: string, words: Word[], lines: Line[],
 *    rows: number, audio: Bytes, picture: Bytes }} Clip */
/** @typedef {{ lit: number, line: number }} Light the word and the line of a moment, -1 for none */

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const AFTERGLOW = 0.1; // seconds that a word stays lit when nothing follows it
const SECONDS = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 5,
  PageDown: -5,
};
const DOUBTS = ["0.9 and more", "0.7 to 0.9", "0.5 to 0.7", "below 0.5"]; // as the style sheet draws

/** @param {number} t */
const clock = (t) => `${Math.floor(t / 60)}:${String(Math.floor(t % 60)).padStart(2, "0")}`;

/**
 * The last entry that starts at or before t, or -1.
 * @param {{ start: number }[]} entries
 * @param {number} t
 */
const lastBefore = (entries, t) => entries.findLastIndex((entry) => entry.start <= t);

/**
 * Which word and which line belong to a moment.
 * @param {Clip} clip
 * @param {number} t
 * @param {boolean} touched nothing is lit before the clip is played or a place is chosen
 * @returns {Light}
 */
function lightAt({ words, lines }, t, touched) {
  if (!touched) return { lit: -1, line: 0 };
  const lit = lastBefore(words, t);
  const line = lastBefore(lines, t);
  const dark = lit >= 0 && t >= Math.max(words[lit].end, words[lit].start + 0.05) + AFTERGLOW;
  const past = line >= 0 && t > lines[line].end + 0.5;
  return { lit: dark ? -1 : lit, line: past ? -1 : line };
}

/** @param {number | null} probability */
function doubt(probability) {
  if (probability === null || probability >= 0.9) return 0;
  return probability >= 0.7 ? 1 : probability >= 0.5 ? 2 : 3;
}

/** @param {Word} word */
function describe({ text, start, probability }) {
  const sure = probability === null ? "" : `, probability ${probability.toFixed(2)}`;
  return `${text.trim()}, at ${start.toFixed(1)} seconds${sure}`;
}

/**
 * The words of a line as elements, with the spaces between them.
 * @param {Clip} clip
 * @param {Line} line
 * @param {(word: Word, i: number) => HTMLElement} draw
 */
function spell({ words }, line, draw) {
  return words.slice(line.first, line.last).flatMap((word, k) => {
    const element = draw(word, line.first + k);
    return k > 0 && /^\s/.test(word.text) ? [" ", element] : [element];
  });
}

/**
 * The caption under the picture; the words below say the same to a screen reader.
 * @param {Clip} clip
 */
function captions(clip) {
  const lang = clip.language;
  const element = make("div", {
    className: "wl-caption",
    lang,
    dir: "auto",
    "aria-hidden": "true",
  });
  return {
    element,
    /** @param {Light} light */
    show({ lit, line }) {
      const name = (/** @type {number} */ i) => (i === lit ? "wl-on" : "");
      const text =
        line < 0
          ? ["\u00a0"]
          : spell(clip, clip.lines[line], (word, i) =>
              make("span", { className: name(i), textContent: word.text.trim() }),
            );
      element.replaceChildren(...text);
    },
  };
}

/**
 * The words as buttons, one tab stop for all of them.
 * @param {Clip} clip
 * @param {(word: Word) => void} choose
 */
function wordList(clip, choose) {
  const { words, lines, language } = clip;
  const element = make("div", {
    className: "wl-words",
    role: "group",
    lang: language,
    dir: "auto",
    "aria-label": "Words. Arrow keys move, Enter plays from a word.",
  });
  let focused = 0;
  let lit = -1;
  const buttons = words.map((word, i) => {
    const button = make("button", {
      type: "button",
      className: "wl-word",
      tabIndex: i ? -1 : 0,
      textContent: word.text.trim(),
      title: describe(word),
      "aria-label": describe(word),
      "data-doubt": doubt(word.probability),
    });
    button.addEventListener("click", () => {
      stopAt(i);
      choose(word);
    });
    return button;
  });
  /** @param {number} i */
  function stopAt(i) {
    buttons[focused].tabIndex = -1;
    focused = i;
    buttons[focused].tabIndex = 0;
  }
  for (const line of lines) {
    const text = make("div", {}, ...spell(clip, line, (_, i) => buttons[i]));
    const stamp = make("span", { className: "wl-stamp", textContent: clock(line.start) });
    element.append(
      make("div", { className: "wl-line" }, ...(lines.length > 1 ? [stamp] : []), text),
    );
  }
  element.addEventListener("keydown", (event) => {
    const next = moved(event, { at: focused, last: buttons.length - 1, steps: STEPS });
    if (next === null) return;
    event.preventDefault();
    stopAt(next);
    buttons[next].focus();
  });
  return {
    element,
    /** @param {Light} light */
    show(light) {
      if (light.lit === lit) return;
      buttons[lit]?.classList.remove("wl-on");
      buttons[lit]?.removeAttribute("aria-current");
      lit = light.lit;
      if (lit < 0) return;
      buttons[lit].classList.add("wl-on");
      buttons[lit].setAttribute("aria-current", "true");
      const box = element.getBoundingClientRect();
      const word = buttons[lit].getBoundingClientRect();
      if (word.top < box.top || word.bottom > box.bottom) {
        element.scrollTop += word.top - box.top - box.height / 3;
      }
    },
  };
}

function legend() {
  const swatches = DOUBTS.flatMap((textContent, doubt) => [
    " ",
    make("span", { className: "wl-word", "data-doubt": doubt, textContent }),
  ]);
  return make("p", { className: "wl-legend" }, "Whisper's probability of each word:", ...swatches);
}

/**
 * The sound: how to play it, and what is told while it plays.
 * @param {Clip} clip
 * @param {{ draw: () => void, settle: () => void, complain: (text: string) => void,
 *    name: (text: string) => void }} tell
 */
function sound({ audio: data, duration }, { draw, settle, complain, name }) {
  const file = address("audio/flac");
  const audio = make("audio", { src: file.put(bytes(data)), preload: "auto" });
  let touched = false;
  let frame = 0;
  const loop = () => {
    draw();
    frame = requestAnimationFrame(loop);
  };
  const rest = () => {
    name("▶ Play");
    cancelAnimationFrame(frame);
    settle();
  };
  /** @param {Event} event */
  const hush = (event) => event instanceof CustomEvent && event.detail !== audio && audio.pause();
  document.addEventListener("whisper-lab-play", hush); // one player speaks at a time
  audio.addEventListener("play", () => {
    touched = true;
    document.dispatchEvent(new CustomEvent("whisper-lab-play", { detail: audio }));
    name("⏸ Pause");
    cancelAnimationFrame(frame);
    loop();
  });
  for (const event of ["pause", "ended"]) audio.addEventListener(event, rest);
  audio.addEventListener("seeked", settle);
  audio.addEventListener("timeupdate", draw); // a hidden tab gets no animation frames
  return {
    audio,
    touched: () => touched,
    /** @param {number} t */
    seek(t) {
      touched = true;
      audio.currentTime = Math.max(0, Math.min(duration, t));
      settle();
    },
    play() {
      complain("");
      audio.play().catch((error) => {
        if (error.name === "NotAllowedError")
          complain("The browser did not allow sound yet: press Play once more.");
        else if (error.name !== "AbortError")
          complain(`The browser cannot play this clip (${error.name}): try another browser.`);
      });
    },
    end() {
      cancelAnimationFrame(frame);
      audio.pause();
      document.removeEventListener("whisper-lab-play", hush);
      file.free();
    },
  };
}

/**
 * Makes a picture the slider of a clip: it is dragged, or moved by keys.
 * @param {ReturnType<typeof timeline>} picture
 * @param {Clip} clip
 * @param {{ audio: HTMLAudioElement, seek: (t: number) => void, toggle: () => void }} player
 */
function steer({ element, timeAt }, { label, duration }, { audio, seek, toggle }) {
  let dragging = false;
  element.tabIndex = 0;
  element.setAttribute("role", "slider");
  element.setAttribute("aria-label", `Position in ${label}`);
  element.setAttribute("aria-valuemin", "0");
  element.setAttribute("aria-valuemax", duration.toFixed(1));
  element.addEventListener("pointerdown", (event) => {
    dragging = true;
    element.setPointerCapture(event.pointerId);
    seek(timeAt(event));
  });
  element.addEventListener("pointermove", (event) => dragging && seek(timeAt(event)));
  for (const event of ["pointerup", "pointercancel"]) {
    element.addEventListener(event, () => (dragging = false));
  }
  element.addEventListener("keydown", (event) => {
    const t = moved(event, { at: audio.currentTime, last: duration, steps: SECONDS });
    const pressed = event.key === " " || event.key === "Enter";
    if (t === null && !pressed) return;
    event.preventDefault();
    if (t === null) toggle();
    else seek(t);
  });
}

/** @param {Clip} clip */
function controls(clip) {
  const speeds = SPEEDS.map((s) => new Option(`${s}×`, String(s), s === 1, s === 1));
  const parts = {
    button: make("button", { type: "button", className: "wl-play", textContent: "▶ Play" }),
    back: make("button", { type: "button", textContent: "Back 2 s" }),
    time: make("span", { className: "wl-time" }),
    speed: make("select", {}, ...speeds),
    wantCaption: make("input", { type: "checkbox", checked: true }),
  };
  const { button, back, time, speed, wantCaption } = parts;
  const bar = make("div", { className: "wl-row" }, button, back, time);
  bar.append(make("label", {}, "Speed", speed));
  if (clip.words.length) bar.append(make("label", {}, wantCaption, "Captions"));
  return { bar, ...parts };
}

/**
 * @param {HTMLElement} root
 * @param {Clip} clip
 */
export function mount(root, clip) {
  const { label, duration, words } = clip;
  const picture = timeline(clip.picture, { rows: clip.rows, seconds: duration });
  const { bar, button, back, time, speed, wantCaption } = controls(clip);
  const caption = captions(clip);
  const status = make("div", { role: "status" });
  const player = sound(clip, {
    draw,
    settle,
    complain: (text) => (status.textContent = text),
    name: (text) => (button.textContent = text),
  });
  const { audio, seek, play } = player;
  const toggle = () => (audio.paused ? play() : audio.pause());
  const list = wordList(clip, (word) => {
    seek(word.start + 0.001);
    play();
  });
  let shown = { lit: -1, line: -2 };

  function draw() {
    const t = audio.currentTime;
    picture.move(t);
    time.textContent = `${t.toFixed(1)} of ${duration.toFixed(1)} s`;
    if (!words.length) return;
    const light = lightAt(clip, t, player.touched());
    if (light.lit === shown.lit && light.line === shown.line) return;
    shown = light;
    picture.mark(words[light.lit] ?? null);
    list.show(light);
    caption.show(light);
  }
  function settle() {
    draw();
    const word = words[shown.lit] ? `, ${words[shown.lit].text.trim()}` : "";
    picture.element.setAttribute("aria-valuenow", audio.currentTime.toFixed(1));
    picture.element.setAttribute(
      "aria-valuetext",
      `${audio.currentTime.toFixed(1)} seconds${word}`,
    );
  }

  root.classList.add("whisper-lab", "whisper-lab-player");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", label);
  root.append(make("div", { className: "wl-title", textContent: label }), picture.element);
  if (words.length) root.append(caption.element);
  root.append(bar, audio);
  if (words.length) root.append(list.element);
  if (words.some((word) => word.probability !== null)) root.append(legend());
  root.append(status);

  steer(picture, clip, { audio, seek, toggle });
  button.addEventListener("click", toggle);
  back.addEventListener("click", () => seek(audio.currentTime - 2));
  speed.addEventListener("change", () => (audio.playbackRate = Number(speed.value)));
  wantCaption.addEventListener("change", () => (caption.element.hidden = !wantCaption.checked));
  const giveBack = ownKeys(root);
  settle();
  return () => {
    player.end();
    giveBack();
    root.replaceChildren();
  };
}

export default () =>
  carried(({ model, el, buffers: [audio, picture] }) =>
    mount(el, { ...model.get("data"), audio, picture }),
  );
