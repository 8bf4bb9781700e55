// Plays a clip over its waveform or log-mel; its words are lit while they are spoken. The same file
// draws the widget in a notebook and the player inside an exported page: `mount` needs no Jupyter.
import { bytes, carried, make, ownKeys } from "./ui.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const AFTERGLOW = 0.1; // seconds that a word stays lit when nothing follows it
const MAGMA = ["000004", "180f3d", "440f76", "721f81", "9e2f7f", "cd4071", "f1605d", "fd9668", "feca8d", "fcfdbf"];

const clock = (t) => `${Math.floor(t / 60)}:${String(Math.floor(t % 60)).padStart(2, "0")}`;

// Pairs of signed bytes, lowest and highest sample of each column, as one outline.
function waveform(view) {
  const peaks = new Int8Array(bytes(view).slice().buffer);
  const n = peaks.length / 2;
  let top = "";
  let bottom = "";
  for (let i = 0; i < n; i++) {
    top += `${i ? "L" : "M"}${i} ${(-peaks[2 * i + 1] - 0.6).toFixed(1)}`;
    bottom = `L${i} ${(-peaks[2 * i] + 0.6).toFixed(1)}` + bottom;
  }
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", `0 -132 ${Math.max(1, n - 1)} 264`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", `${top}${bottom}Z`);
  svg.append(path);
  return svg;
}

// One byte a mel band and column, lowest band first, painted with the lowest band at the bottom.
function spectrogram(view, bands) {
  const levels = bytes(view);
  const columns = levels.length / bands;
  const canvas = make("canvas", { width: columns, height: bands, "aria-hidden": "true" });
  const picture = new ImageData(columns, bands);
  const anchors = MAGMA.map((c) => [0, 2, 4].map((i) => parseInt(c.slice(i, i + 2), 16)));
  levels.forEach((level, i) => {
    const place = (level / 255) * (anchors.length - 1);
    const low = Math.min(anchors.length - 2, Math.floor(place));
    const row = bands - 1 - Math.floor(i / columns);
    const pixel = 4 * (row * columns + (i % columns));
    for (let c = 0; c < 3; c++) {
      const from = anchors[low][c];
      picture.data[pixel + c] = from + (anchors[low + 1][c] - from) * (place - low);
    }
    picture.data[pixel + 3] = 255;
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

// The last entry that starts at or before t, or -1.
function lastBefore(entries, t) {
  let low = 0;
  let high = entries.length - 1;
  let found = -1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (entries[middle].start <= t) {
      found = middle;
      low = middle + 1;
    } else high = middle - 1;
  }
  return found;
}

// How unsure Whisper is of a word, in the four steps that the style sheet draws.
function doubt(probability) {
  if (probability === null || probability === undefined || probability >= 0.9) return 0;
  return probability >= 0.7 ? 1 : probability >= 0.5 ? 2 : 3;
}

function describeWord(word) {
  const sure = word.probability ?? null;
  const tail = sure === null ? "" : `, probability ${sure.toFixed(2)}`;
  return `${word.text.trim()}, at ${word.start.toFixed(1)} seconds${tail}`;
}

export function mount(root, data) {
  const { label, duration, words, lines } = data;
  root.classList.add("whisper-lab-player");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", label);

  const url = URL.createObjectURL(new Blob([data.audio], { type: data.mime }));
  const audio = make("audio", { src: url, preload: "auto" });
  const cursor = make("div", { className: "wl-cursor" });
  const span = make("div", { className: "wl-span", hidden: true });
  const mel = data.mel && data.mel.byteLength > 0;
  const stage = make(
    "div",
    { className: `wl-stage${mel ? " wl-mel" : ""}`, role: "slider", tabIndex: 0 },
    mel ? spectrogram(data.mel, data.bands) : waveform(data.peaks),
    span,
    cursor,
  );
  stage.setAttribute("aria-label", `Position in ${label}`);
  stage.setAttribute("aria-valuemin", "0");
  stage.setAttribute("aria-valuemax", duration.toFixed(1));

  const button = make("button", { type: "button", className: "wl-play", textContent: "▶ Play" });
  const back = make("button", { type: "button", textContent: "Back 2 s" });
  const time = make("span", { className: "wl-time" });
  const speed = make("select", {}, ...SPEEDS.map((s) => new Option(`${s}×`, s, s === 1, s === 1)));
  const wantCaption = make("input", { type: "checkbox", checked: true });
  const caption = make("div", { className: "wl-caption", lang: data.language, dir: "auto" });
  caption.setAttribute("aria-hidden", "true"); // the words below say the same to a screen reader
  const status = make("div", { role: "status" });
  const bar = make("div", { className: "wl-bar" }, button, back, time, make("label", {}, "Speed", speed));
  if (words.length) bar.append(make("label", {}, wantCaption, "Captions"));
  root.append(make("div", { className: "wl-title", textContent: label }), stage);
  if (words.length) root.append(caption);
  root.append(bar, audio);

  // The words, one tab stop for all of them.
  const buttons = [];
  const list = make("div", { className: "wl-words", role: "group", lang: data.language, dir: "auto" });
  list.setAttribute("aria-label", "Words. Arrow keys move, Enter plays from a word.");
  for (const line of lines) {
    const text = make("div", {});
    if (lines.length > 1) {
      const stamp = make("span", { className: "wl-stamp", textContent: clock(line.start) });
      list.append(make("div", { className: "wl-line" }, stamp, text));
    } else list.append(make("div", { className: "wl-line" }, text));
    for (let i = line.first; i < line.last; i++) {
      const node = make("button", { type: "button", className: "wl-word", tabIndex: i ? -1 : 0 });
      node.textContent = words[i].text.trim();
      node.title = describeWord(words[i]);
      node.setAttribute("aria-label", describeWord(words[i]));
      node.dataset.doubt = doubt(words[i].probability);
      node.addEventListener("click", () => {
        focusOn(i, false);
        seek(words[i].start + 0.001);
        play();
      });
      buttons.push(node);
      if (i > line.first && /^\s/.test(words[i].text)) text.append(" ");
      text.append(node);
    }
  }
  if (words.length) root.append(list);
  if (words.some((word) => word.probability !== null && word.probability !== undefined)) {
    const sample = (step, text) =>
      make("span", { className: "wl-word", dataset: { doubt: step }, textContent: text });
    root.append(
      make("p", { className: "wl-legend" }, "Whisper's probability of each word: ", sample(0, "0.9 and more"), " ",
        sample(1, "0.7 to 0.9"), " ", sample(2, "0.5 to 0.7"), " ", sample(3, "below 0.5")),
    );
  }
  root.append(status);

  let focused = 0;
  function focusOn(i, move = true) {
    buttons[focused].tabIndex = -1;
    focused = Math.max(0, Math.min(buttons.length - 1, i));
    buttons[focused].tabIndex = 0;
    if (move) buttons[focused].focus();
  }

  let lit = -1;
  let shown = -2;
  let frame = 0;
  let touched = false; // nothing is lit before the clip is played or a place is chosen
  function drawCaption(line) {
    caption.replaceChildren();
    if (line < 0) caption.append("\u00a0");
    else
      for (let i = lines[line].first; i < lines[line].last; i++) {
        if (i > lines[line].first && /^\s/.test(words[i].text)) caption.append(" ");
        const text = words[i].text.trim();
        caption.append(make("span", { className: i === lit ? "wl-on" : "", textContent: text }));
      }
  }
  function light(t) {
    let i = touched ? lastBefore(words, t) : -1;
    if (i >= 0 && t >= Math.max(words[i].end, words[i].start + 0.05) + AFTERGLOW) i = -1;
    let line = lastBefore(lines, t);
    if (line >= 0 && t > lines[line].end + 0.5) line = -1;
    if (!touched) line = 0;
    if (i === lit && line === shown) return;
    if (lit >= 0) {
      buttons[lit].classList.remove("wl-on");
      buttons[lit].removeAttribute("aria-current");
    }
    lit = i;
    shown = line;
    span.hidden = lit < 0;
    if (lit >= 0) {
      buttons[lit].classList.add("wl-on");
      buttons[lit].setAttribute("aria-current", "true");
      span.style.left = `${(100 * words[lit].start) / duration}%`;
      span.style.width = `${(100 * (words[lit].end - words[lit].start)) / duration}%`;
      const box = list.getBoundingClientRect();
      const word = buttons[lit].getBoundingClientRect();
      if (word.top < box.top || word.bottom > box.bottom) list.scrollTop += word.top - box.top - box.height / 3;
    }
    drawCaption(line);
  }
  function draw() {
    const t = audio.currentTime;
    cursor.style.left = `${Math.min(100, (100 * t) / duration)}%`;
    time.textContent = `${t.toFixed(1)} of ${duration.toFixed(1)} s`;
    if (words.length) light(t);
  }
  function settle() {
    draw();
    const word = lit >= 0 ? `, ${words[lit].text.trim()}` : "";
    stage.setAttribute("aria-valuenow", audio.currentTime.toFixed(1));
    stage.setAttribute("aria-valuetext", `${audio.currentTime.toFixed(1)} seconds${word}`);
  }
  const loop = () => {
    draw();
    frame = requestAnimationFrame(loop);
  };
  function seek(t) {
    touched = true;
    audio.currentTime = Math.max(0, Math.min(duration, t));
    settle();
  }
  function play() {
    status.textContent = "";
    audio.play().catch((error) => {
      if (error.name === "AbortError") return;
      status.textContent =
        error.name === "NotAllowedError"
          ? "The browser did not allow sound yet: press Play once more."
          : `The browser cannot play this clip (${error.name}): try another browser.`;
    });
  }
  const toggle = () => (audio.paused ? play() : audio.pause());

  const hush = (event) => event.detail !== audio && audio.pause(); // one player speaks at a time
  document.addEventListener("whisper-lab-play", hush);
  audio.addEventListener("play", () => {
    touched = true;
    document.dispatchEvent(new CustomEvent("whisper-lab-play", { detail: audio }));
    button.textContent = "⏸ Pause";
    cancelAnimationFrame(frame);
    loop();
  });
  const rest = () => {
    button.textContent = "▶ Play";
    cancelAnimationFrame(frame);
    settle();
  };
  audio.addEventListener("pause", rest);
  audio.addEventListener("ended", rest);
  audio.addEventListener("seeked", settle);
  audio.addEventListener("timeupdate", draw); // a hidden tab gets no animation frames
  button.addEventListener("click", toggle);
  back.addEventListener("click", () => seek(audio.currentTime - 2));
  speed.addEventListener("change", () => (audio.playbackRate = Number(speed.value)));
  wantCaption.addEventListener("change", () => (caption.hidden = !wantCaption.checked));

  let dragging = false;
  const point = (event) => {
    const box = stage.getBoundingClientRect();
    seek((duration * (event.clientX - box.left)) / box.width);
  };
  stage.addEventListener("pointerdown", (event) => {
    dragging = true;
    stage.setPointerCapture(event.pointerId);
    point(event);
  });
  stage.addEventListener("pointermove", (event) => dragging && point(event));
  stage.addEventListener("pointerup", () => (dragging = false));
  stage.addEventListener("pointercancel", () => (dragging = false));

  stage.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) seek(audio.currentTime + steps[event.key]);
    else if (event.key === "Home") seek(0);
    else if (event.key === "End") seek(duration);
    else if (event.key === " " || event.key === "Enter") toggle();
    else return;
    event.preventDefault();
  });
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key in steps) focusOn(focused + steps[event.key]);
    else if (event.key === "Home") focusOn(0);
    else if (event.key === "End") focusOn(buttons.length - 1);
    else return;
    event.preventDefault();
  });
  const giveBack = ownKeys(root);

  settle();
  return () => {
    cancelAnimationFrame(frame);
    audio.pause();
    document.removeEventListener("whisper-lab-play", hush);
    giveBack();
    URL.revokeObjectURL(url);
    root.replaceChildren();
  };
}

export default () =>
  carried(({ model, el, buffers: [audio, peaks, mel] }) =>
    mount(el, { ...model.get("data"), audio, peaks, mel }),
  );
