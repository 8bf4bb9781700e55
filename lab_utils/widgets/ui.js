// What every widget's page needs. Python puts this before each script (messages.py).

/** @typedef {import("@anywidget/types").AnyModel} Model */
/** @typedef {{ model: Model, el: HTMLElement }} View */
/** @typedef {{ ok: boolean, message: string, buffers: DataView<ArrayBuffer>[] }} Answer */

/**
 * An HTML element with properties (or attributes) and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties]
 * @param {(Node | string)[]} children
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) Reflect.set(element, name, value);
    else element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {(Node | string)[]} children
 */
export function shape(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @typedef {DataView<ArrayBuffer> | Uint8Array<ArrayBuffer>} Bytes */
/** @param {Bytes} view */
export const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/**
 * The address under which the page finds bytes; each call frees the address before.
 * @param {string} type
 */
export function address(type) {
  let url = "";
  return {
    /** @param {BlobPart} data */
    put(data) {
      this.free();
      url = URL.createObjectURL(new Blob([data], { type }));
      return url;
    },
    free() {
      if (url) URL.revokeObjectURL(url);
      url = "";
    },
  };
}

/**
 * Keys pressed inside belong to the widget, not to the notebook. Returns how to give them back.
 * @param {HTMLElement} el
 */
export function ownKeys(el) {
  /** @param {Event} event */
  const keep = (event) => event.stopPropagation();
  el.dataset.lmSuppressShortcuts = "true";
  el.addEventListener("keydown", keep);
  return () => el.removeEventListener("keydown", keep);
}

/**
 * Draws now and after each change of these traits. Returns how to end.
 * @param {Model} model
 * @param {string} names
 * @param {() => void} draw
 */
export function follow(model, names, draw) {
  const events = names.split(" ").map((name) => `change:${name}`);
  for (const event of events) model.on(event, draw);
  draw();
  return () => {
    for (const event of events) model.off(event, draw);
  };
}

/**
 * Moves by keys: a table of steps, Home and End. Returns where to go, or null for any other key.
 * @param {KeyboardEvent} event
 * @param {{ at: number, last: number, steps: Record<string, number> }} place
 */
export function moved(event, { at, last, steps }) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "Home") return 0;
  if (event.key === "End") return last;
  if (!(event.key in steps)) return null;
  return Math.max(0, Math.min(last, at + steps[event.key]));
}

export const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

// ---- questions to Python ------------------------------------------------------------------------

/**
 * Asks Python; resolves to null if no answer comes within `patience` ms (0 waits for ever).
 * @param {Model} model
 * @param {Record<string, unknown>} content
 * @param {{ buffers?: ArrayBufferView[], patience?: number }} [options]
 * @returns {Promise<Answer | null>}
 */
export function ask(model, content, { buffers = [], patience = 0 } = {}) {
  const id = Math.random().toString(36).slice(2);
  return new Promise((resolve) => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** @param {Answer | null} answer */
    const end = (answer) => {
      clearTimeout(timer);
      model.off("msg:custom", hear);
      resolve(answer);
    };
    /** @type {(answer: any, sent: DataView<ArrayBuffer>[]) => void} */
    const hear = (answer, sent) => answer.id === id && end({ ...answer, buffers: sent });
    if (patience) timer = setTimeout(end, patience, null);
    model.on("msg:custom", hear);
    try {
      model.send({ ...content, id }, undefined, buffers);
    } catch {
      if (patience) end(null);
    }
  });
}

const ANSWER_WITHIN = 8000; // ms
const SILENT =
  "The notebook's kernel does not answer: it was restarted or is busy. Run this cell again when it is free.";

/** @typedef {{ buffers?: ArrayBufferView[], patience?: number }} Sent */
/** @typedef {(content: Record<string, unknown>, sent?: Sent) => Promise<Answer | null>} Tell */

/**
 * A line that says what happens, and a way to ask Python whose answers it says. `tell` gives null
 * where Python refused, or did not answer: then the kernel is gone.
 * @param {Model} model
 */
export function conversation(model) {
  const status = make("p", { className: "wl-status", role: "status" });
  /** @param {string} text */
  const say = (text, bad = false) => {
    status.textContent = text;
    status.classList.toggle("wl-bad", bad);
  };
  /** @type {Tell} */
  const tell = async (content, { buffers = [], patience = ANSWER_WITHIN } = {}) => {
    const answer = await ask(model, content, { buffers, patience });
    say(answer?.message ?? SILENT, !answer?.ok);
    return answer?.ok ? answer : null;
  };
  return { status, say, tell };
}

const WAITING =
  "No sound yet: a notebook is saved without it, and Python sends it when it is free. " +
  "If Python was restarted, run this cell again.";

/**
 * A widget whose sound comes by message and is never saved in the notebook. It is asked for when a
 * view is drawn, or comes unasked while the kernel is busy, and is kept for the views that follow.
 * @param {(view: View & { buffers: DataView<ArrayBuffer>[] }) => () => void} draw returns how to end
 */
export function carried(draw) {
  /** @type {DataView<ArrayBuffer>[] | null} */
  let buffers = null;
  /** @type {Set<() => void>} */
  const waiting = new Set(); // views without sound
  /** @param {DataView<ArrayBuffer>[]} sent */
  const take = (sent) => {
    buffers ??= sent;
    for (const put of waiting) put();
    waiting.clear();
  };
  return {
    /** @param {{ model: Model }} widget */
    initialize({ model }) {
      model.on("msg:custom", (content, /** @type {any} */ sent) => content.carried && take(sent));
    },
    /** @param {View} view */
    render({ model, el }) {
      const note = make("p", { hidden: true, textContent: WAITING, role: "status" });
      /** @type {(() => void) | null} */
      let end = null;
      const put = () => {
        note.remove();
        if (buffers) end = draw({ model, el, buffers });
      };
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      if (buffers) put();
      else {
        el.append(note);
        waiting.add(put);
        timer = setTimeout(() => (note.hidden = false), 2000);
        ask(model, { action: "carry" }).then((answer) => answer && take(answer.buffers));
      }
      return () => {
        clearTimeout(timer);
        waiting.delete(put);
        end?.();
      };
    },
  };
}

// ---- pictures -----------------------------------------------------------------------------------

// every fifth color of magma, the map of the static figures
const MAGMA =
  "00000402020b0504160907200e0b2b140e361a104221114e29115a311165390f6e420f754a1079" +
  "52137c5a167e6219806a1c81721f81792282812581892881912b81992d80a1307eaa337db2357b" +
  "ba3878c23b75ca3e72d2426fd9466be04c67e75263ec5860f1605df4695cf7725cf97b5dfb8560" +
  "fc8e64fd9869fea16efeaa74feb47bfebd82fec68afecf92fed89afde2a3fdebacfcf4b6fcfdbf";
const WAVE = "#2a78c2"; // 3 : 1 and more on white and on the dark theme

/** @param {number} level from 0 to 255 */
function color(level) {
  const at = Math.floor(level / 5);
  /** @param {number} i */
  const channels = (i) => [0, 2, 4].map((c) => Number.parseInt(MAGMA.substr(6 * i + c, 2), 16));
  const [from, to] = [channels(at), channels(Math.min(51, at + 1))];
  return from.map((low, c) => low + ((to[c] - low) * (level % 5)) / 5);
}

/**
 * Paints bytes: `rows` of levels, the lowest first, in the color map; or with 0 rows a curve as
 * pairs of signed bytes, the lowest and the highest value of each column.
 * @param {HTMLCanvasElement} canvas
 * @param {Bytes} data
 * @param {number} rows
 */
export function paint(canvas, data, rows) {
  if (rows) paintMatrix(canvas, bytes(data), rows);
  else paintOutline(canvas, new Int8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** @type {(canvas: HTMLCanvasElement, levels: Uint8Array, rows: number) => void} */
function paintMatrix(canvas, levels, rows) {
  const columns = levels.length / rows;
  const colors = Array.from({ length: 256 }, (_, level) => color(level));
  const picture = new ImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [red, green, blue] = colors[levels[(rows - 1 - row) * columns + column]];
      const pixel = 4 * (row * columns + column);
      picture.data[pixel] = red;
      picture.data[pixel + 1] = green;
      picture.data[pixel + 2] = blue;
      picture.data[pixel + 3] = 255;
    }
  }
  const small = make("canvas", { width: columns, height: rows });
  small.getContext("2d")?.putImageData(picture, 0, 0);
  canvas.width = columns * Math.ceil(720 / columns); // a few values are enlarged here, sharply
  canvas.height = rows * Math.ceil(288 / rows);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/** @type {(canvas: HTMLCanvasElement, pairs: Int8Array) => void} */
function paintOutline(canvas, pairs) {
  canvas.width = 1200;
  canvas.height = 256;
  const context = canvas.getContext("2d");
  if (!context) return;
  const last = Math.max(1, pairs.length / 2 - 1);
  /** @param {number} i */
  const point = (i) => context.lineTo((1200 * (i >> 1)) / last, 2 + (252 * (127 - pairs[i])) / 254);
  context.beginPath();
  for (let i = 1; i < pairs.length; i += 2) point(i);
  for (let i = pairs.length - 2; i >= 0; i -= 2) point(i);
  context.closePath();
  context.fillStyle = context.strokeStyle = WAVE;
  context.lineWidth = 2.5; // a curve has no area of its own
  context.lineJoin = "round";
  context.fill();
  context.stroke();
}

/**
 * Times for the ticks of an axis of so many seconds.
 * @param {number} seconds
 */
export function timeTicks(seconds) {
  const widths = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
  const every = widths.find((width) => seconds / width <= 8) ?? 60;
  const n = Math.floor(seconds / every + 1e-6);
  return Array.from({ length: n + 1 }, (_, i) => Number((i * every).toFixed(1)));
}

/**
 * A picture over time, with a stretch and a cursor that move; times in seconds.
 * @param {Bytes} data
 * @param {{ rows: number, seconds: number }} shape
 */
export function timeline(data, { rows, seconds }) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const stretch = make("div", { className: "wl-stretch", hidden: true });
  const cursor = make("div", { className: "wl-cursor", hidden: true });
  const className = rows ? "wl-timeline wl-mel" : "wl-timeline";
  const element = make("div", { className }, canvas, stretch, cursor);
  /** @param {number} t */
  const place = (t) => `${Math.max(0, Math.min(100, (100 * t) / seconds))}%`;
  paint(canvas, data, rows);
  return {
    element,
    place,
    /** @param {{ start: number, end: number } | null} part */
    mark(part) {
      stretch.hidden = !part;
      if (part)
        Object.assign(stretch.style, {
          left: place(part.start),
          width: place(part.end - part.start),
        });
    },
    /** @param {number | null} t */
    move(t) {
      cursor.hidden = t === null;
      if (t !== null) cursor.style.left = place(t);
    },
    /** @param {MouseEvent} event */
    timeAt(event) {
      const box = element.getBoundingClientRect();
      return (seconds * (event.clientX - box.left)) / box.width;
    },
  };
}
