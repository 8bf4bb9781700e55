// The decode explorer. The model runs in the kernel; this page shows, plays and asks.
// One tab stop for the tokens, one for the tree; arrow keys move inside.
import { bytes, carried, follow, make, moved, STEPS, shape, timeline, timeTicks } from "./ui.js";

/** @typedef {import("./ui.js").Model} Model */
/** @typedef {{ token: number, text: string, probability: number }} Alternative */
/** @typedef {Alternative & { kind: string, entropy: number, stamps: number, forced: boolean,
 *    alternatives: Alternative[], start: number, end: number, curve: number[] }} Step */
/** @typedef {{ start: string[], steps: Step[], text: string, avg_logprob: number }} Path */
/** @typedef {{ id: number, parent: number, step: number, text: string, score: number,
 *    status: string, won: boolean }} TreeNode */
/** @typedef {{ node: TreeNode, x: number, y: number, row: number, chip: HTMLButtonElement }} Spot */
/** @typedef {ReturnType<typeof connect>} Explorer */

const NAMES = new Map([["<|endoftext|>", "end of text"]]);

/** @param {string} text */
const spoken = (text) => NAMES.get(text) ?? (text.trim() || (text ? "a space" : "nothing"));
/** @param {string} textContent */
const hidden = (textContent) => make("span", { className: "hidden", textContent });
/** @param {number} p */
const percent = (p) => (p >= 0.995 ? ">99 %" : p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`);

/**
 * A token. Its leading space is drawn by the style sheet, so that no screen reader reads it.
 * @param {string} text
 * @param {"span" | "code"} [tag]
 */
function tokenText(text, tag = "span") {
  const spaced = text.startsWith(" ");
  const shown = (spaced ? text.slice(1) : text).replace(/\n/g, "⏎");
  return make(tag, { className: spaced ? "spaced" : "", textContent: shown });
}

/** @param {string} name @param {HTMLElement} control */
const field = (name, control) => make("label", {}, make("span", { textContent: name }), control);

/** @param {string} name @param {HTMLElement} control */
const checkField = (name, control) =>
  make("label", {}, control, make("span", { textContent: name }));

/** @param {string} text @param {() => void} action @param {string} [name] */
function button(text, action, name = text) {
  const made = make("button", { type: "button", textContent: text, "aria-label": name });
  made.addEventListener("click", action);
  return made;
}

/**
 * What all parts share: the traits, where the reader is, and the status line.
 * @param {Model} model
 */
function connect(model) {
  const status = make("p", { className: "status", role: "status" });
  /** @returns {Path} */
  const path = () => model.get("path");
  return {
    model,
    status,
    path,
    facts: model.get("facts"),
    follows: make("input", { type: "checkbox" }),
    steps: () => path().steps,
    current: () => Math.min(model.get("step"), path().steps.length - 1),
    /** @param {string} text */
    say(text) {
      if (status.textContent !== text) status.textContent = text;
    },
    /** @param {Record<string, unknown>} values */
    set(values) {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    },
  };
}

// ---- the start sequence -------------------------------------------------------------------------

/** @param {Explorer} explorer */
function startRows({ model, facts, path, say, set }) {
  const language = make("select");
  for (const [name, code] of facts.languages)
    language.append(new Option(`${name} (${code})`, code));
  const task = make("select", {}, new Option("transcribe"), new Option("translate"));
  const stamps = make("input", { type: "checkbox" });
  const prompt = make("input", { type: "text", size: 18, placeholder: "none" });
  const send = () => {
    say("Decoding …");
    set({
      options: {
        language: language.value,
        task: task.value,
        without_timestamps: !stamps.checked,
        prompt: prompt.value.trim(),
      },
    });
  };
  for (const control of [language, task, stamps, prompt]) control.addEventListener("change", send);
  const several = [field("Language", language), field("Task", task)];
  const chips = make("span", { className: "chips" });
  const title = make("span", { className: "label", textContent: "Starts with" });
  const group = { className: "wl-row start", role: "group", "aria-label": "Start sequence" };
  return {
    elements: [
      make("div", group, title, chips),
      make(
        "div",
        { className: "wl-row" },
        ...(facts.multilingual ? several : []),
        field("Time stamps", stamps),
        field("Prompt", prompt),
      ),
    ],
    draw() {
      const options = model.get("options");
      language.value = options.language;
      task.value = options.task;
      stamps.checked = !options.without_timestamps;
      if (document.activeElement !== prompt) prompt.value = options.prompt;
      chips.replaceChildren(...path().start.map((text) => tokenText(text, "code")));
    },
  };
}

// ---- sound: the slice of audio a token attends to -----------------------------------------------

/**
 * @param {DataView<ArrayBuffer>} sound
 * @param {{ el: HTMLElement, move: (t: number | null) => void }} page
 */
function speaker(sound, { el, move }) {
  /** @type {AudioContext | null} */
  let context = null;
  /** @type {AudioBuffer | null} */
  let buffer = null;
  /** @type {AudioBufferSourceNode | null} */
  let source = null;
  return {
    /** @param {number} from @param {number} to */
    async play(from, to) {
      context ??= new AudioContext();
      buffer ??= await context.decodeAudioData(bytes(sound).slice().buffer);
      await context.resume();
      source?.stop();
      const mine = context.createBufferSource();
      source = mine;
      mine.buffer = buffer;
      mine.connect(context.destination);
      const began = context.currentTime;
      mine.start(0, from, Math.max(0.05, to - from));
      el.dataset.playing = `${from.toFixed(2)}-${to.toFixed(2)}`;
      const follow = () => {
        if (mine !== source || !context) return;
        const at = from + context.currentTime - began;
        move(at < to ? at : null);
        if (at < to) requestAnimationFrame(follow);
      };
      follow();
    },
    end() {
      source?.stop();
      context?.close();
    },
  };
}

// ---- log-mel with the attention over it ---------------------------------------------------------

/**
 * @param {DataView<ArrayBuffer>} data
 * @param {Explorer} explorer
 */
function attention(data, { facts, steps }) {
  const { rows, seconds } = facts;
  const picture = timeline(data, { rows, seconds });
  const halo = shape("path", { class: "halo" });
  const curve = shape("path", { class: "curve" });
  const box = { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" };
  picture.element.setAttribute("role", "img");
  picture.element.append(shape("svg", box, halo, curve));
  const axis = make("div", { className: "axis", "aria-hidden": "true" });
  for (const t of timeTicks(seconds)) {
    const mark = make("span", { textContent: t ? String(t) : "0 s" });
    mark.style.left = picture.place(t);
    axis.append(mark);
  }
  return {
    ...picture,
    axis,
    /** @param {number} i */
    draw(i) {
      const step = steps()[i];
      const wide = step.curve.length;
      const x = (/** @type {number} */ k) => ((100 * (k + 0.5)) / wide).toFixed(2);
      const line = `M${step.curve.map((v, k) => `${x(k)} ${98 - 0.9 * v}`).join("L")}`;
      for (const path of [halo, curve]) path.setAttribute("d", line);
      picture.mark(step);
      picture.element.setAttribute(
        "aria-label",
        `Log-mel of ${seconds.toFixed(1)} seconds. ${spoken(step.text)} listens from ` +
          `${step.start.toFixed(2)} to ${step.end.toFixed(2)} seconds.`,
      );
    },
  };
}

// ---- the tokens ---------------------------------------------------------------------------------

let counter = 0;

/**
 * @param {Explorer} explorer
 * @param {{ go: (i: number) => void, hear: (i: number) => void, look: (i: number) => void }} act
 */
function tokenList({ model, steps, current, follows }, { go, hear, look }) {
  const id = `decode-explorer-${++counter}`;
  const element = make("div", {
    className: "tokens",
    role: "listbox",
    tabIndex: 0,
    "aria-label": "Tokens, in the order of the steps. Arrow keys move, Enter plays.",
    "aria-orientation": "horizontal",
  });
  element.addEventListener("keydown", (event) => {
    const next = moved(event, { at: current(), last: steps().length - 1, steps: STEPS });
    if (next !== null) go(next);
    else if (event.key === "Enter" || event.key === " ") hear(current());
    else return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the key for itself
  });
  /** @type {(step: Step, i: number) => HTMLElement} */
  const option = (step, i) => {
    const said = `${step.forced ? ", forced" : ""}, ${percent(step.probability)}`;
    const name = step.kind === "end" ? "end" : tokenText(step.text);
    const className = `token ${step.kind}`;
    const made = make("span", { id: `${id}-${i}`, className, role: "option" }, name, hidden(said));
    if (step.forced && i === model.get("forced").length - 1) made.classList.add("forced");
    made.style.setProperty("--doubt", Math.min(1, step.entropy / 4).toFixed(2));
    made.addEventListener("click", () => {
      element.focus({ preventScroll: true });
      go(i);
    });
    made.addEventListener("mouseenter", () => {
      look(i);
      if (follows.checked) hear(i);
    });
    made.addEventListener("mouseleave", () => look(current()));
    return made;
  };
  return {
    element,
    draw: () => element.replaceChildren(...steps().map(option)),
    select() {
      [...element.children].forEach((made, k) => {
        made.setAttribute("aria-selected", String(k === current()));
      });
      element.setAttribute("aria-activedescendant", `${id}-${current()}`);
    },
  };
}

/**
 * @param {Explorer} explorer
 * @param {{ go: (i: number) => void, hear: (i: number) => void, hearAll: () => void }} act
 */
function walkRow({ steps, current, follows }, { go, hear, hearAll }) {
  const back = button("◀", () => go(current() - 1), "Previous token");
  const forward = button("▶", () => go(current() + 1), "Next token");
  const place = make("span", { className: "place" });
  const element = make(
    "div",
    { className: "wl-row" },
    back,
    place,
    forward,
    button("Play what it hears", () => hear(current())),
    button("Play all", hearAll),
    checkField("Play each token I move to or point at", follows),
  );
  return {
    element,
    draw() {
      const last = steps().length - 1;
      place.textContent = `step ${current()} of ${last}`;
      back.disabled = current() === 0;
      forward.disabled = current() === last;
    },
  };
}

// ---- the current step ---------------------------------------------------------------------------

/** @param {string} name @param {string} value */
const entry = (name, value) => [
  make("dt", { textContent: name }),
  make("dd", { textContent: value }),
];

/** @param {Explorer} explorer */
function stepPanel({ model, steps, current, say, set }) {
  const facts = make("dl", { className: "facts" });
  const alternatives = make("div", { className: "alternatives", role: "group" });
  const undo = button("Back to the model’s own choice", () => {
    say("Decoding …");
    set({ forced: [] });
  });
  /** @param {Alternative} other */
  const force = (other) => {
    say(`Forcing ${spoken(other.text)} …`);
    const before = steps().slice(0, current());
    set({ forced: [...before.map((step) => step.token), other.token] });
  };
  /** @param {Alternative} other @param {boolean} taken */
  const bar = (other, taken) => {
    const fill = make("span", { className: "fill" });
    fill.style.width = `${Math.max(0.5, 100 * other.probability)}%`;
    const made = make(
      "button",
      { type: "button", className: taken ? "bar taken" : "bar" },
      make("span", { className: "name" }, tokenText(other.text)),
      make("span", { className: "track" }, fill),
      make("span", { className: "value", textContent: percent(other.probability) }),
    );
    if (taken) made.append(hidden("taken"));
    else made.addEventListener("click", () => force(other));
    return made;
  };
  return {
    element: make("div", { className: "columns" }, make("div", {}, facts, undo), alternatives),
    draw() {
      const step = steps()[current()];
      undo.hidden = model.get("forced").length === 0;
      const rows = [
        entry("Token", step.text.trim() || "a space"),
        entry("Probability", percent(step.probability)),
        entry("Entropy", `${step.entropy.toFixed(1)} bits`),
        entry("Time stamps", `${percent(step.stamps)} in all`),
        entry("Listens to", `${step.start.toFixed(2)} to ${step.end.toFixed(2)} s`),
      ];
      facts.replaceChildren(...rows.map((row) => make("div", {}, ...row)));
      const name = `What could come at step ${current()}. Press one to force it.`;
      alternatives.setAttribute("aria-label", name);
      alternatives.replaceChildren(
        make("p", { className: "label", textContent: "Force another token:" }),
        ...step.alternatives.map((other) => bar(other, other.token === step.token)),
      );
    },
  };
}

/** @param {Explorer} explorer */
function textPanel({ model, path, steps }) {
  const element = make("dl", { className: "texts" });
  /** @param {string} name @param {Path} read */
  const row = (name, read) =>
    entry(`${name} (avg_logprob ${read.avg_logprob.toFixed(2)})`, read.text || "(no text)");
  return {
    element,
    draw() {
      const rows = row("The model’s own choice", model.get("first_path"));
      const forced = model.get("forced");
      const turn = forced.length;
      if (turn && steps()[turn - 1]?.token === forced[turn - 1])
        rows.push(...row("With your choice", path()));
      element.replaceChildren(...rows);
    },
  };
}

// ---- beam search --------------------------------------------------------------------------------

const WIDE = 132; // pixels from column to column of the tree
const HIGH = 44; // and from row to row

/** @param {TreeNode} node */
const fate = ({ won, status }) =>
  won ? `on the winning path${status === "finished" ? ", finished" : ""}` : status;

/** @param {TreeNode} node */
function chip(node) {
  const className = `chip ${node.status}${node.won ? " won" : ""}`;
  return make(
    "button",
    { type: "button", className, tabIndex: -1 },
    hidden(`step ${node.step}: `),
    node.text === "<|endoftext|>" ? make("span", { textContent: "end" }) : tokenText(node.text),
    make("small", { textContent: node.score.toFixed(2) }),
    hidden(fate(node)),
  );
}

/**
 * Where each candidate is drawn: a column for each step, the best at the top.
 * @param {TreeNode[]} nodes
 * @param {boolean} everything all pruned candidates, not only two in each column
 */
function layOut(nodes, everything) {
  /** @type {Map<number, Spot>} */
  const spots = new Map();
  const last = Math.max(...nodes.map((node) => node.step));
  for (let step = 0; step <= last; step++) {
    const column = nodes.filter((node) => node.step === step).sort((a, b) => b.score - a.score);
    const pruned = column.filter((node) => node.status === "pruned");
    const left = new Set(everything ? [] : pruned.slice(2));
    column
      .filter((node) => !left.has(node))
      .forEach((node, row) => {
        const place = { x: 8 + WIDE * step, y: 26 + HIGH * row };
        spots.set(node.id, { node, ...place, row, chip: chip(node) });
      });
  }
  return spots;
}

/**
 * Where each arrow key leads from a candidate.
 * @param {Map<number, Spot>} spots
 * @param {Spot} from
 * @returns {Record<string, Spot | undefined>}
 */
function neighbors(spots, from) {
  const all = [...spots.values()];
  const column = all.filter(({ node }) => node.step === from.node.step);
  const children = all.filter(({ node }) => node.parent === from.node.id);
  return {
    ArrowLeft: spots.get(from.node.parent),
    ArrowRight: children.find(({ node }) => node.won) ?? children[0],
    ArrowUp: column.find(({ row }) => row === from.row - 1),
    ArrowDown: column.find(({ row }) => row === from.row + 1),
  };
}

/**
 * The candidates as buttons, one tab stop for all, with lines between them.
 * @param {Map<number, Spot>} spots
 * @param {(node: TreeNode) => void} tell
 */
function drawTree(spots, tell) {
  const all = [...spots.values()];
  const columns = 1 + Math.max(...all.map(({ node }) => node.step));
  const [width, height] = [WIDE * columns + 8, Math.max(...all.map(({ y }) => y)) + HIGH];
  const lines = shape("svg", { width, height, "aria-hidden": "true" });
  const inside = make("div", { className: "inside" }, lines);
  Object.assign(inside.style, { width: `${width}px`, height: `${height}px` });
  for (let step = 0; step < columns; step++) {
    const title = make("span", { className: "column", textContent: `step ${step}` });
    title.style.left = `${8 + WIDE * step}px`;
    inside.append(title);
  }
  for (const { node, x, y, chip } of all) {
    const up = spots.get(node.parent);
    const kind = { class: node.won ? "won" : node.status };
    if (up)
      lines.append(shape("line", { x1: up.x + 108, y1: up.y + 17, x2: x, y2: y + 17, ...kind }));
    Object.assign(chip.style, { left: `${x}px`, top: `${y}px` });
    chip.addEventListener("mouseenter", () => tell(node));
    chip.addEventListener("focus", () => {
      for (const spot of all) spot.chip.tabIndex = spot.chip === chip ? 0 : -1;
      tell(node);
    });
    inside.append(chip);
  }
  (all.find(({ node }) => node.won) ?? all[0]).chip.tabIndex = 0;
  inside.addEventListener("keydown", (event) => {
    const here = all.find(({ chip }) => chip === document.activeElement);
    const aims = here ? neighbors(spots, here) : {};
    if (!(event.key in aims)) return;
    event.preventDefault();
    event.stopPropagation();
    aims[event.key]?.chip.focus();
  });
  return inside;
}

/** @param {Explorer} explorer */
function beamPanel({ model, facts, say, set }) {
  const size = make("select");
  for (let k = 2; k <= facts.max_beam; k++) {
    size.append(new Option(`${k} sentences`, String(k), k === 3, k === 3));
  }
  const everything = make("input", { type: "checkbox" });
  const tree = make("div", { className: "tree", role: "group", "aria-label": "Beam search tree" });
  const line = make("p", { className: "status", role: "status" });
  const search = button("Search", () => {
    say("Searching …");
    if (model.get("beam_size") === Number(size.value)) draw();
    else set({ beam_size: Number(size.value) });
  });
  function draw() {
    const { nodes, texts } = model.get("tree");
    line.textContent = "";
    if (!nodes) {
      tree.replaceChildren();
      return;
    }
    /** @type {Map<number, TreeNode>} */
    const byId = new Map(nodes.map((/** @type {TreeNode} */ node) => [node.id, node]));
    const inside = drawTree(layOut(nodes, everything.checked), (node) => {
      const path = [];
      for (let at = byId.get(node.id); at; at = byId.get(at.parent)) path.unshift(at.text);
      const words = path
        .filter((text) => !text.startsWith("<|"))
        .join("")
        .trim();
      const found = `score ${node.score.toFixed(2)} · ${fate(node)}`;
      line.textContent = `${words || "(nothing yet)"} · ${found}`;
    });
    const results = make("ol", { "aria-label": "Finished sentences, best first" });
    for (const { score, text } of texts) {
      results.append(make("li", { textContent: `${score.toFixed(3)}  ${text}` }));
    }
    const title = make("p", { className: "label", textContent: "Score per token:" });
    tree.replaceChildren(make("div", { className: "scroll" }, inside), title, results);
  }
  everything.addEventListener("change", draw);
  const row = make("div", { className: "wl-row" }, field("Keep", size), search);
  row.append(checkField("All pruned candidates", everything));
  const summary = make("summary", { textContent: "Beam search: several sentences side by side" });
  return { element: make("details", {}, summary, row, line, tree), draw };
}

// ---- all of it ----------------------------------------------------------------------------------

/** JupyterLab reads single letters as commands: keep what is typed in a control.
 * @param {KeyboardEvent} event */
function keepTyping(event) {
  const typed =
    event.target instanceof Element && event.target.matches("input,select,button,summary");
  if (typed && event.key !== "Escape") event.stopPropagation();
}

/** @param {import("./ui.js").View & { buffers: DataView<ArrayBuffer>[] }} view */
function render({ model, el, buffers: [sound, picture] }) {
  const explorer = connect(model);
  const { steps, current, follows, say, set, status, facts } = explorer;
  const mel = attention(picture, explorer);
  const voice = speaker(sound, { el, move: mel.move });
  /** @param {number} i */
  const hear = (i) => voice.play(steps()[i].start, steps()[i].end);
  /** @param {number} i */
  const go = (i) => {
    const next = Math.max(0, Math.min(i, steps().length - 1));
    if (next !== model.get("step")) set({ step: next });
    if (follows.checked) hear(next);
  };
  const start = startRows(explorer);
  const tokens = tokenList(explorer, { go, hear, look: mel.draw });
  const walk = walkRow(explorer, { go, hear, hearAll: () => voice.play(0, facts.seconds) });
  const step = stepPanel(explorer);
  const texts = textPanel(explorer);
  const beam = beamPanel(explorer);
  const root = make(
    "section",
    { "aria-label": "Decode explorer" },
    ...[...start.elements, tokens.element, walk.element, mel.element, mel.axis],
    ...[step.element, texts.element, status, beam.element],
  );
  root.addEventListener("keydown", keepTyping);
  mel.element.addEventListener("click", (event) => {
    const at = mel.timeAt(event);
    /** @param {Step} s */
    const away = (s) => (s.kind === "text" ? Math.abs((s.start + s.end) / 2 - at) : Infinity);
    go(steps().reduce((best, s, i, all) => (away(s) < away(all[best]) ? i : best), 0));
  });
  el.classList.add("whisper-lab", "whisper-lab-explorer");
  el.append(root);

  const drawStep = () => {
    if (!steps().length) return;
    tokens.select();
    walk.draw();
    mel.draw(current());
    step.draw();
  };
  const ends = [
    follow(model, "status", () => say(model.get("status"))),
    follow(model, "path first_path", () => {
      start.draw();
      tokens.draw();
      texts.draw();
      drawStep();
      say(model.get("status")); // the same words as before make no change of their own
    }),
    follow(model, "forced", () => {
      texts.draw();
      drawStep();
    }),
    follow(model, "step", drawStep),
    follow(model, "options", start.draw),
    follow(model, "tree", beam.draw),
  ];
  return () => {
    for (const end of ends) end();
    voice.end();
  };
}

export default () => carried(render);
