// The decode explorer. The model runs in the kernel; this page shows, plays and asks.
// One tab stop for the tokens, one for the tree; arrow keys move inside.
import { bytes, carried, make } from "./ui.js";

const SVG = "http://www.w3.org/2000/svg";
const NAMES = { "<|endoftext|>": "end of text" };

function shape(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const spoken = (text) => NAMES[text] ?? (text.trim() || (text ? "a space" : "nothing"));
// the space that belongs to a token is drawn by the style sheet, so that no screen reader reads it
const label = (text, tag = "span") => {
  const spaced = text.startsWith(" ");
  const shown = spaced ? text.slice(1) : text;
  const name = { className: spaced ? "spaced" : "", textContent: shown.replace(/\n/g, "⏎") };
  return make(tag, name);
};
const hidden = (text) => make("span", { className: "hidden", textContent: text });
const percent = (p) => (p >= 0.995 ? ">99 %" : p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`);
let counter = 0;

function draw({ model, el, buffers: [sound, picture] }) {
  const id = `decode-explorer-${++counter}`;
  const stop = new AbortController();
  const on = (target, event, action) =>
    target.addEventListener(event, action, { signal: stop.signal });
  const listen = (names, action) => names.split(" ").forEach((n) => model.on(`change:${n}`, action));
  const ask = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const steps = () => model.get("path").steps ?? [];
  const current = () => Math.min(model.get("step"), steps().length - 1);

  el.classList.add("whisper-lab-explorer");
  const root = make("section", { ariaLabel: "Decode explorer" });
  el.append(root);

  // ---- the start sequence ---------------------------------------------------------------------
  const start = make("div", { className: "row start", role: "group", ariaLabel: "Start sequence" });
  const startChips = make("span", { className: "chips" });
  const field = (label, control) =>
    make("label", {}, make("span", { textContent: label }), control);
  const language = make("select");
  for (const [name, code] of model.get("facts").languages) {
    language.append(make("option", { value: code, textContent: `${name} (${code})` }));
  }
  const task = make("select");
  for (const name of ["transcribe", "translate"]) {
    task.append(make("option", { value: name, textContent: name }));
  }
  const stamps = make("input", { type: "checkbox" });
  const prompt = make("input", { type: "text", size: 18, placeholder: "none" });
  const orders = make("div", { className: "row" });
  if (model.get("facts").multilingual) {
    orders.append(field("Language", language), field("Task", task));
  }
  orders.append(field("Time stamps", stamps), field("Prompt", prompt));
  start.append(make("span", { className: "label", textContent: "Starts with" }), startChips);
  const sendOptions = () => {
    say("Decoding …");
    ask({
      options: {
        language: language.value || "en",
        task: task.value || "transcribe",
        without_timestamps: !stamps.checked,
        prompt: prompt.value.trim(),
      },
    });
  };
  for (const control of [language, task, stamps, prompt]) on(control, "change", sendOptions);

  // ---- the tokens -----------------------------------------------------------------------------
  const tokens = make("div", {
    className: "tokens",
    role: "listbox",
    tabIndex: 0,
    ariaLabel: "Tokens, in the order of the steps. Arrow keys move, Enter plays.",
  });
  tokens.setAttribute("aria-orientation", "horizontal");

  // ---- buttons --------------------------------------------------------------------------------
  const button = (text, action, label) => {
    const made = make("button", { type: "button", textContent: text });
    if (label) made.ariaLabel = label;
    on(made, "click", action);
    return made;
  };
  const back = button("◀", () => go(current() - 1), "Previous token");
  const forward = button("▶", () => go(current() + 1), "Next token");
  const place = make("span", { className: "place" });
  const play = button("Play what it hears", () => playSpan(current()));
  const playAll = button("Play all", () => playStretch(0, model.get("facts").seconds));
  const follow = make("input", { type: "checkbox" });
  const undo = button("Back to the model’s own choice", () => {
    say("Decoding …");
    ask({ forced: [] });
  });
  const controls = make(
    "div",
    { className: "row" },
    back, place, forward, play, playAll,
    make("label", {}, follow, make("span", { textContent: "Play each token I move to or point at" })),
  );

  // ---- log-mel with the attention over it -----------------------------------------------------
  const mel = make("div", { className: "mel", role: "img" });
  const image = make("img", { alt: "" });
  const overlay = shape("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
  const halo = shape("path", { class: "halo" });
  const curve = shape("path", { class: "curve" });
  const frame = shape("rect", { class: "frame", y: 1, height: 98 });
  const head = shape("line", { class: "head", y1: 0, y2: 100 });
  overlay.append(frame, halo, curve, head);
  mel.append(image, overlay);
  const axis = make("div", { className: "axis", ariaHidden: "true" });

  // ---- the current step -----------------------------------------------------------------------
  const facts = make("dl", { className: "facts" });
  const alternatives = make("div", { className: "alternatives", role: "group" });
  const texts = make("dl", { className: "texts" });
  const status = make("p", { className: "status", role: "status" });
  const say = (text) => {
    if (status.textContent !== text) status.textContent = text;
  };

  // ---- beam search ----------------------------------------------------------------------------
  const size = make("select");
  for (let k = 2; k <= model.get("facts").max_beam; k++) {
    size.append(make("option", { value: k, textContent: `${k} sentences`, selected: k === 3 }));
  }
  const search = button("Search", () => {
    say("Searching …");
    if (model.get("beam_size") === Number(size.value)) drawTree();
    else ask({ beam_size: Number(size.value) });
  });
  const everything = make("input", { type: "checkbox" });
  const tree = make("div", { className: "tree", role: "group", ariaLabel: "Beam search tree" });
  const line = make("p", { className: "status", role: "status" });
  const beam = make(
    "details",
    {},
    make("summary", { textContent: "Beam search: several sentences side by side" }),
    make(
      "div",
      { className: "row" },
      field("Keep", size), search,
      make("label", {}, everything, make("span", { textContent: "All pruned candidates" })),
    ),
    line, tree,
  );
  on(everything, "change", () => drawTree());

  root.append(
    start, orders, tokens, controls, mel, axis,
    make("div", { className: "columns" }, make("div", {}, facts, undo), alternatives),
    texts, status, beam,
  );

  // ---- sound: the slice of audio a token attends to -------------------------------------------
  let context = null;
  let buffer = null;
  let source = null;
  async function playStretch(from, to) {
    if (!context) {
      context = new AudioContext();
      const raw = bytes(sound);
      buffer = await context.decodeAudioData(raw.slice().buffer);
    }
    await context.resume();
    source?.stop();
    source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    const began = context.currentTime;
    const mine = source;
    source.start(0, from, Math.max(0.05, to - from));
    el.dataset.playing = `${from.toFixed(2)}-${to.toFixed(2)}`;
    head.style.display = "inline";
    const draw = () => {
      const at = from + context.currentTime - began;
      if (mine !== source) return;
      if (at >= to) {
        head.style.display = "none";
        return;
      }
      const x = (100 * at) / model.get("facts").seconds;
      head.setAttribute("x1", x);
      head.setAttribute("x2", x);
      requestAnimationFrame(draw);
    };
    draw();
  }
  const playSpan = (i) => playStretch(steps()[i].start, steps()[i].end);

  // ---- moving ---------------------------------------------------------------------------------
  function go(i) {
    const next = Math.max(0, Math.min(i, steps().length - 1));
    if (next !== model.get("step")) ask({ step: next });
    if (follow.checked) playSpan(next);
  }
  on(tokens, "keydown", (event) => {
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const far = { Home: 0, End: steps().length - 1 };
    if (event.key in moves) go(current() + moves[event.key]);
    else if (event.key in far) go(far[event.key]);
    else if (event.key === "Enter" || event.key === " ") playSpan(current());
    else return;
    event.preventDefault();
    event.stopPropagation(); // or JupyterLab takes the key for itself
  });
  on(mel, "click", (event) => {
    const box = mel.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * model.get("facts").seconds;
    const middle = (s) => (s.kind === "text" ? Math.abs((s.start + s.end) / 2 - at) : Infinity);
    go(steps().reduce((best, s, i) => (middle(s) < middle(steps()[best]) ? i : best), 0));
  });
  // JupyterLab reads single letters as commands: keep what is typed here
  on(root, "keydown", (event) => {
    if (/^(INPUT|SELECT|BUTTON|SUMMARY)$/.test(event.target.tagName) && event.key !== "Escape") {
      event.stopPropagation();
    }
  });

  // ---- drawing --------------------------------------------------------------------------------
  function drawStart() {
    const options = model.get("options");
    language.value = options.language;
    task.value = options.task;
    stamps.checked = !options.without_timestamps;
    if (document.activeElement !== prompt) prompt.value = options.prompt ?? "";
    startChips.replaceChildren(
      ...(model.get("path").start ?? []).map((text) => label(text, "code")),
    );
  }

  function drawTokens() {
    const made = steps().map((step, i) => {
      const option = make("span", { id: `${id}-${i}`, className: `token ${step.kind}` });
      option.setAttribute("role", "option");
      const said = `${step.forced ? ", forced" : ""}, ${percent(step.probability)}`;
      option.append(step.kind === "end" ? "end" : label(step.text), hidden(said));
      if (step.forced && i === model.get("forced").length - 1) option.classList.add("forced");
      option.style.setProperty("--doubt", Math.min(1, step.entropy / 4).toFixed(2));
      on(option, "click", () => {
        tokens.focus({ preventScroll: true });
        go(i);
      });
      on(option, "mouseenter", () => {
        drawAttention(i);
        if (follow.checked) playSpan(i);
      });
      on(option, "mouseleave", () => drawAttention(current()));
      return option;
    });
    tokens.replaceChildren(...made);
  }

  function drawAttention(i) {
    const step = steps()[i];
    if (!step) return;
    const seconds = model.get("facts").seconds;
    const at = (t) => (100 * t) / seconds;
    overlay.setAttribute("viewBox", "0 0 100 100");
    frame.setAttribute("x", at(step.start));
    frame.setAttribute("width", at(step.end) - at(step.start));
    const wide = step.curve.length;
    const points = step.curve.map((v, k) => `${((100 * (k + 0.5)) / wide).toFixed(2)} ${98 - 0.9 * v}`);
    for (const path of [halo, curve]) path.setAttribute("d", `M${points.join("L")}`);
    mel.ariaLabel =
      `Log-mel of ${seconds.toFixed(1)} seconds. ${spoken(step.text)} listens from ` +
      `${step.start.toFixed(2)} to ${step.end.toFixed(2)} seconds.`;
  }

  function drawStep() {
    const all = steps();
    const i = current();
    const step = all[i];
    if (!step) return;
    [...tokens.children].forEach((option, k) => option.setAttribute("aria-selected", k === i));
    tokens.setAttribute("aria-activedescendant", `${id}-${i}`);
    place.textContent = `step ${i} of ${all.length - 1}`;
    back.disabled = i === 0;
    forward.disabled = i === all.length - 1;
    undo.hidden = model.get("forced").length === 0;
    drawAttention(i);
    const rows = [
      ["Token", step.text.trim() || "a space"],
      ["Probability", percent(step.probability)],
      ["Entropy", `${step.entropy.toFixed(1)} bits`],
      ["Time stamps", `${percent(step.stamps)} in all`],
      ["Listens to", `${step.start.toFixed(2)} to ${step.end.toFixed(2)} s`],
    ];
    facts.replaceChildren(
      ...rows.map(([name, value]) =>
        make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value })),
      ),
    );
    alternatives.ariaLabel = `What could come at step ${i}. Press one to force it.`;
    alternatives.replaceChildren(
      make("p", { className: "label", textContent: "Force another token:" }),
      ...step.alternatives.map((other) => bar(other, i, other.token === step.token)),
    );
  }

  function bar(other, i, taken) {
    const fill = make("span", { className: "fill" });
    fill.style.width = `${Math.max(0.5, 100 * other.probability)}%`;
    const made = make(
      "button",
      { type: "button", className: taken ? "bar taken" : "bar" },
      make("span", { className: "name" }, label(other.text)),
      make("span", { className: "track" }, fill),
      make("span", { className: "value", textContent: percent(other.probability) }),
    );
    if (taken) made.append(hidden("taken"));
    on(made, "click", () => {
      if (taken) return;
      say(`Forcing ${spoken(other.text)} …`);
      const before = steps().slice(0, i).map((step) => step.token);
      ask({ forced: [...before, other.token] });
    });
    return made;
  }

  function drawTexts() {
    const path = model.get("path");
    const own = model.get("first_path");
    const entry = (name, p) => [
      make("dt", { textContent: `${name} (avg_logprob ${p.avg_logprob.toFixed(2)})` }),
      make("dd", { textContent: p.text || "(no text)" }),
    ];
    const rows = entry("The model’s own choice", own);
    const turn = model.get("forced").length;
    if (turn && steps()[turn - 1]?.token === model.get("forced")[turn - 1]) rows.push(...entry("With your choice", path));
    texts.replaceChildren(...rows);
  }

  function drawAxis() {
    const seconds = model.get("facts").seconds;
    const every = seconds > 15 ? 5 : seconds > 6 ? 2 : 1;
    const marks = [];
    for (let t = 0; t <= seconds; t += every) {
      const mark = make("span", { textContent: t ? `${t}` : "0 s" });
      mark.style.left = `${(100 * t) / seconds}%`;
      marks.push(mark);
    }
    axis.replaceChildren(...marks);
  }

  // ---- the tree -------------------------------------------------------------------------------
  const WIDE = 132;
  const HIGH = 44;
  function drawTree() {
    const data = model.get("tree");
    line.textContent = "";
    if (!data.nodes) {
      tree.replaceChildren();
      return;
    }
    const byId = new Map(data.nodes.map((n) => [n.id, n]));
    const columns = [];
    for (const n of data.nodes) (columns[n.step] ??= []).push(n);
    const spots = new Map();
    columns.forEach((column, step) => {
      column.sort((a, b) => b.score - a.score);
      const pruned = column.filter((n) => n.status === "pruned").slice(0, 2);
      const shown = everything.checked
        ? column
        : column.filter((n) => n.status !== "pruned" || pruned.includes(n));
      shown.forEach((n, row) => spots.set(n.id, { n, x: 8 + WIDE * step, y: 26 + HIGH * row, row }));
    });
    const tall = Math.max(...[...spots.values()].map((s) => s.y)) + HIGH;
    const wide = WIDE * columns.length + 8;
    const lines = shape("svg", { width: wide, height: tall, "aria-hidden": "true" });
    const inside = make("div", { className: "inside" }, lines);
    inside.style.width = `${wide}px`;
    inside.style.height = `${tall}px`;
    columns.forEach((_, step) => {
      const title = make("span", { className: "column", textContent: `step ${step}` });
      title.style.left = `${8 + WIDE * step}px`;
      inside.append(title);
    });
    const words = (n) => {
      const path = [];
      for (let at = n; at; at = byId.get(at.parent)) path.unshift(at.text);
      return path.filter((t) => !t.startsWith("<|")).join("").trim() || "(nothing yet)";
    };
    const fate = (n) =>
      (n.won ? "on the winning path" : n.status) + (n.status === "finished" && n.won ? ", finished" : "");
    const chips = new Map();
    for (const { n, x, y } of spots.values()) {
      const up = spots.get(n.parent);
      if (up) {
        lines.append(
          shape("line", {
            x1: up.x + 108, y1: up.y + 17, x2: x, y2: y + 17,
            class: n.won ? "won" : n.status,
          }),
        );
      }
      const chip = make(
        "button",
        { type: "button", className: `chip ${n.status}${n.won ? " won" : ""}`, tabIndex: -1 },
        hidden(`step ${n.step}: `),
        n.text === "<|endoftext|>" ? make("span", { textContent: "end" }) : label(n.text),
        make("small", { textContent: n.score.toFixed(2) }),
        hidden(fate(n)),
      );
      chip.style.left = `${x}px`;
      chip.style.top = `${y}px`;
      const tell = () => (line.textContent = `${words(n)} · score ${n.score.toFixed(2)} · ${fate(n)}`);
      on(chip, "focus", () => {
        for (const other of chips.values()) other.tabIndex = -1;
        chip.tabIndex = 0;
        tell();
      });
      on(chip, "mouseenter", tell);
      chips.set(n.id, chip);
      inside.append(chip);
    }
    const first = [...spots.values()].find((s) => s.n.won) ?? [...spots.values()][0];
    chips.get(first.n.id).tabIndex = 0;
    on(inside, "keydown", (event) => {
      const here = [...chips].find(([, chip]) => chip === document.activeElement)?.[0];
      if (here === undefined) return;
      const spot = spots.get(here);
      const column = [...spots.values()].filter((s) => s.n.step === spot.n.step);
      const children = [...spots.values()].filter((s) => s.n.parent === here);
      const aim = {
        ArrowLeft: spots.get(spot.n.parent),
        ArrowRight: children.find((s) => s.n.won) ?? children[0],
        ArrowUp: column.find((s) => s.row === spot.row - 1),
        ArrowDown: column.find((s) => s.row === spot.row + 1),
      };
      if (!(event.key in aim)) return;
      event.preventDefault();
      event.stopPropagation();
      if (aim[event.key]) chips.get(aim[event.key].n.id).focus();
    });
    const results = make("ol", { ariaLabel: "Finished sentences, best first" });
    for (const t of data.texts) {
      results.append(make("li", { textContent: `${t.score.toFixed(3)}  ${t.text}` }));
    }
    const region = make("div", { className: "scroll" }, inside);
    tree.replaceChildren(region, make("p", { className: "label", textContent: "Score per token:" }), results);
  }

  function drawPath() {
    drawStart();
    drawTokens();
    drawTexts();
    drawStep();
  }
  const url = URL.createObjectURL(new Blob([bytes(picture)], { type: "image/png" }));
  image.src = url;
  listen("path first_path", () => {
    drawPath();
    say(model.get("status")); // the same words as before make no change of their own
  });
  listen("forced", () => {
    drawTexts();
    drawStep();
  });
  listen("step", drawStep);
  listen("options", drawStart);
  listen("status", () => say(model.get("status")));
  listen("tree", drawTree);
  drawAxis();
  drawPath();
  drawTree();
  return () => {
    stop.abort();
    source?.stop();
    context?.close();
    URL.revokeObjectURL(url);
  };
}

export default () => carried(draw);
