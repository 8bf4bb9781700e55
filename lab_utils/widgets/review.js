// Reviews the clips of a corpus by keyboard: hear, correct the text, accept or reject, the next one.
import { mount } from "./player.js";
import { ask, make, ownKeys } from "./ui.js";

/** @typedef {import("./ui.js").Model} Model */
/** @typedef {{ clip: string, done: boolean }} Place the clip to show, "" where all are done */
/** @typedef {{ clip: string, position: string, about: string, decided: string, text: string,
 *    language: string, findings: string[], heard: [string, string][], before: string,
 *    after: string, next: string, trouble: string }} Facts */
/** @typedef {Facts & { sound: Parameters<typeof mount>[1] | null }} Card */
/** @typedef {ReturnType<typeof furniture>} Desk */
/** @typedef {{ accept: () => void, reject: () => void, edit: () => void, play: () => void,
 *    undo: () => void, before: () => void, after: () => void }} Acts */

const PATIENCE = 20000; // ms
const NO_ANSWER =
  "Python does not answer: it is busy or was restarted. Your text is still here: try again. If " +
  "that does not help, run this cell again; every decision that was confirmed is saved.";
const NOT_YET = "The review appears when Python is free. If it was restarted, run this cell again.";
const CHANGED =
  "The text was changed: accept or reject the clip, or take the change back (Escape).";
/** @type {[keyof Acts, string, string][]} */
const ACTS = [
  ["accept", "Accept", "Enter A"],
  ["reject", "Reject", "R"],
  ["edit", "Edit the text", "E"],
  ["play", "Play", "P"],
  ["undo", "Undo", "U"],
  ["before", "Previous", "ArrowLeft"],
  ["after", "Next", "ArrowRight"],
];
const HELP =
  "Enter or A accepts, and the next clip plays. R rejects, E edits, P plays or pauses, U takes the " +
  "last decision back, ← and → look at other clips. In the text: Enter accepts, Escape takes the " +
  "change back, Alt+P plays.";

/**
 * The key that was pressed; a letter of another script counts by its place on the keyboard.
 * @param {KeyboardEvent} event
 */
function keyName({ key, code }) {
  const foreign = code.startsWith("Key") && !/^[ -~]$/.test(key);
  return foreign ? code.slice(3) : key.length === 1 ? key.toUpperCase() : key;
}

/**
 * What Python sends along, read.
 * @param {DataView<ArrayBuffer>} sent
 */
const read = (sent) => JSON.parse(new TextDecoder().decode(sent));

/**
 * The clips, each asked for once and kept while it is near.
 * @param {Model} model
 */
function cards(model) {
  /** @type {Map<string, Promise<Card | string>>} */
  const kept = new Map();
  /** @param {string} clip @returns {Promise<Card | string>} the card, or why there is none */
  async function fetched(clip) {
    const answer = await ask(model, { action: "card", clip }, { patience: PATIENCE });
    if (!answer?.ok) {
      kept.delete(clip);
      return answer?.message ?? NO_ANSWER;
    }
    const [facts, audio, picture] = answer.buffers;
    const { player, ...card } = read(facts);
    return { ...card, sound: audio ? { ...player, audio, picture } : null };
  }
  return {
    /** @param {string} clip */
    get(clip) {
      const card = kept.get(clip) ?? fetched(clip);
      kept.set(clip, card);
      return card;
    },
    /** @param {string[]} clips what stays; anything else is asked for anew */
    keep(clips) {
      for (const clip of kept.keys()) if (!clips.includes(clip)) kept.delete(clip);
    },
  };
}

/** The elements of the page. */
function furniture() {
  const part = (/** @type {string} */ name) => make("p", { className: `wl-${name}` });
  const field = make("textarea", { rows: 2, spellcheck: true, dir: "auto" });
  const buttons = Object.fromEntries(
    ACTS.map(([act, textContent, keys]) => {
      const name = { type: "button", textContent, "aria-keyshortcuts": keys };
      return [act, make("button", act === "accept" ? { ...name, className: "wl-main" } : name)];
    }),
  );
  return {
    field,
    buttons,
    position: part("position"),
    about: part("about"),
    findings: make("ul", { className: "wl-findings" }),
    stage: make("div", { className: "wl-stage" }),
    label: make("label", { className: "wl-text" }, "Text", field),
    heard: part("heard"),
    row: make("div", { className: "wl-row" }, ...Object.values(buttons)),
    status: make("p", { className: "wl-status", role: "status" }),
    help: make("p", { className: "wl-help", textContent: HELP }),
  };
}

/**
 * What Whisper heard, with its differences from the text marked.
 * @param {Card} card
 */
function heardRow({ heard, language }) {
  if (!heard.length) return ["Whisper has not heard this clip yet."];
  const tags = /** @type {const} */ ({ same: "span", heard: "ins", text: "del" });
  const runs = heard.flatMap(([kind, textContent]) => [
    " ",
    make(tags[/** @type {keyof typeof tags} */ (kind)], { textContent }),
  ]);
  const words = make("span", { dir: "auto", ...(language && { lang: language }) }, ...runs);
  const same = heard.every(([kind]) => kind === "same");
  const note = same ? "the same words" : "underlined: not in the text; struck out: not heard";
  return ["Whisper heard:", words, make("span", { className: "wl-note" }, ` (${note})`)];
}

/**
 * Fills the page with a clip. Returns how to end its player.
 * @param {Desk} desk
 * @param {Card} card
 */
function lay(desk, card) {
  const { field, stage, findings } = desk;
  desk.position.textContent = card.position;
  desk.about.textContent = card.decided ? `${card.about}: ${card.decided}` : card.about;
  field.value = card.text;
  field.lang = card.language || "en";
  desk.heard.replaceChildren(...heardRow(card));
  const words = card.findings.length ? card.findings : ["The check found nothing."];
  findings.replaceChildren(...words.map((textContent) => make("li", { textContent })));
  const box = make("div");
  stage.replaceChildren(card.sound ? box : make("p", { textContent: card.trouble }));
  return card.sound ? mount(box, card.sound) : () => {};
}

/**
 * Calls what a key stands for.
 * @param {KeyboardEvent} event
 * @param {{ desk: Desk, acts: Acts, restore: () => void }} page
 */
function pressed(event, { desk, acts, restore }) {
  if (event.ctrlKey || event.metaKey || event.isComposing) return;
  const [key, place] = [keyName(event), event.target];
  const inText = place === desk.field;
  /** @type {(() => void) | undefined} */
  let act;
  if (event.altKey) act = inText && key === "P" ? acts.play : undefined;
  else if (inText) act = { Enter: event.shiftKey ? undefined : acts.accept, Escape: restore }[key];
  else if (!(place instanceof HTMLSelectElement)) {
    const name = ACTS.find(([, , keys]) => keys.split(" ").at(-1) === key)?.[0];
    const arrow = key.startsWith("Arrow") && !(place instanceof HTMLButtonElement);
    act = name && !arrow ? acts[name] : undefined; // arrows belong to the player's picture
  }
  const held = event.repeat && key === "Enter"; // would accept clips that nobody heard
  if (!act && !held) return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) act?.();
}

/**
 * What the page says, and how it plays the clip.
 * @param {Desk} desk
 */
function voice({ status, stage }) {
  /** @param {string} text @param {boolean} [bad] */
  function say(text, bad = false) {
    status.textContent = text;
    status.classList.toggle("wl-bad", bad);
  }
  function play() {
    const sound = stage.querySelector("audio");
    if (sound && !sound.paused) sound.pause();
    else
      sound?.play().catch((error) => {
        if (error.name !== "AbortError") say("The browser did not play it: press P.", true);
      });
  }
  return { say, play };
}

/**
 * Runs tasks, but none while another runs; the text waits as well.
 * @param {HTMLTextAreaElement} field
 */
function oneAtATime(field) {
  return async (/** @type {() => Promise<unknown>} */ task) => {
    if (field.readOnly) return;
    field.readOnly = true;
    await task().finally(() => (field.readOnly = false));
  };
}

/**
 * Marks the differences anew while the text is written.
 * @param {Model} model
 * @param {Desk} desk
 * @param {() => Card | null} shown
 */
function compare(model, { field, heard }, shown) {
  let last = 0;
  return async () => {
    const card = shown();
    const turn = ++last;
    await new Promise((done) => setTimeout(done, 150));
    if (!card || turn !== last || card !== shown()) return;
    const question = { action: "compare", clip: card.clip, text: field.value };
    const answer = await ask(model, question, { patience: PATIENCE });
    if (!answer?.ok || turn !== last || card !== shown()) return;
    heard.replaceChildren(...heardRow({ ...card, ...read(answer.buffers[0]) }));
  };
}

/**
 * A review on its desk: which clip is shown, and what can be done about it.
 * @param {Model} model
 * @param {Desk} desk
 */
function work(model, desk) {
  const { field, buttons } = desk;
  const { say, play } = voice(desk);
  const once = oneAtATime(field);
  const deck = cards(model);
  /** @type {Card | null} */
  let shown = null;
  let end = () => {};

  const changed = () => shown !== null && field.value !== shown.text.replace(/\r\n?/g, "\n");
  /** @param {string} clip @param {boolean} [aloud] */
  async function show(clip, aloud = false) {
    const card = await deck.get(clip);
    if (typeof card === "string") return say(card, true);
    end();
    end = lay(desk, card);
    shown = card;
    if (aloud) {
      buttons.accept.focus();
      play();
    }
    deck.keep([clip, card.next]);
    if (card.next) deck.get(card.next);
  }
  /** @param {Record<string, unknown>} content */
  async function tell(content) {
    const answer = await ask(model, content, { patience: PATIENCE });
    say(answer?.message ?? NO_ANSWER, !answer?.ok);
    if (!answer?.ok) return;
    /** @type {Place} */
    const place = read(answer.buffers[0]);
    deck.keep([shown?.next ?? ""].filter((clip) => clip !== content.clip));
    await show(place.clip || String(content.clip), !place.done);
    if (place.done) say(`All done. ${answer.message}`);
  }
  /** @param {string} verdict */
  const decide = (verdict) => async () => {
    if (!shown) return;
    const text = changed() ? { text: field.value } : {};
    await tell({ action: "decide", clip: shown.clip, verdict, ...text });
  };
  /** @param {() => Promise<unknown>} task leaves this clip: not while its text is changed */
  const leave = (task) => once(async () => (changed() ? say(CHANGED, true) : await task()));
  const marks = compare(model, desk, () => shown);
  field.addEventListener("input", marks);
  /** @type {Acts} */
  const acts = {
    accept: () => once(decide("accepted")),
    reject: () => once(decide("rejected")),
    edit: () => field.focus(),
    play,
    undo: () => leave(() => tell({ action: "undo" })),
    before: () => leave(async () => shown && (await show(shown.before, true))),
    after: () => leave(async () => shown && (await show(shown.after, true))),
  };
  return {
    acts,
    say,
    show,
    restore() {
      if (shown) field.value = shown.text;
      marks();
      buttons.accept.focus();
    },
    end: () => end(),
  };
}

/** @param {import("./ui.js").View} view */
function render({ model, el }) {
  const desk = furniture();
  const { acts, say, show, restore, end } = work(model, desk);
  el.classList.add("whisper-lab", "whisper-lab-review");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Review of a corpus");
  for (const [act] of ACTS) desk.buttons[act].addEventListener("click", acts[act]);
  const { position, about, findings, stage, label, heard, row, status, help } = desk;
  const page = make("div", { hidden: true }, position, about, findings, stage, label, heard, row);
  el.append(page, status, help);
  /** @param {KeyboardEvent} event */
  const press = (event) => pressed(event, { desk, acts, restore });
  el.addEventListener("keydown", press, true); // before the player's own keys
  const giveBack = ownKeys(el);
  const timer = setTimeout(say, 2000, NOT_YET);
  ask(model, { action: "open" }).then(async (answer) => {
    clearTimeout(timer);
    if (!answer?.ok) return say(answer?.message ?? NO_ANSWER, true);
    say(answer.message);
    await show(read(answer.buffers[0]).clip);
    page.hidden = false;
  });
  return () => {
    clearTimeout(timer);
    el.removeEventListener("keydown", press, true);
    giveBack();
    end();
  };
}

export default { render };
