// Sentences are read aloud one after another; Python checks each take and keeps the good ones.
import { recording, wav } from "./microphone.js";
import { address, ask, bytes, conversation, follow, make, ownKeys } from "./ui.js";

/** @typedef {import("./ui.js").Tell} Tell */
/** @typedef {{ number: number, total: number, accepted: number, sentence: string,
 *   language: string, clip: boolean, place: string, consent: string, licence: string,
 *   take: { seconds: number, heard: string, told: string[], speech: boolean } | null }} State */

const CHECKED_WITHIN = 60_000; // ms; a check may have to load what it needs
const ROLL = 0.25; // seconds kept before the start of a take and after its end
const KEYS =
  "Keys on Record: Space starts and stops, Enter accepts, P plays, the arrows go to other sentences, Esc closes the microphone.";

/** @param {string} textContent @param {Record<string, unknown>} [more] */
const key = (textContent, more = {}) => make("button", { type: "button", textContent, ...more });

/**
 * What the speaker agrees to before the first take.
 * @param {(consent: string, licence: string) => Promise<void>} agree
 */
function consenting(agree) {
  const consent = make("input", { type: "text", size: 50, required: true });
  const licence = make("input", { type: "text", size: 30, required: true });
  const sure = make("input", { type: "checkbox", required: true });
  const send = make("button", { textContent: "Begin", className: "wl-main" });
  const form = make(
    "form",
    { className: "wl-consent", hidden: true },
    make("label", {}, "I agree that my recordings are used for: ", consent),
    make("label", {}, "License of the recordings: ", licence),
    make("label", {}, sure, "I am the speaker, and I agree."),
    send,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    agree(consent.value, licence.value);
  });
  return {
    form,
    /** @param {State} state */
    draw(state) {
      form.hidden = Boolean(state.consent);
      licence.value ||= state.licence;
    },
  };
}

/** The sentence, and how many are done. */
function reading() {
  const count = make("span");
  const bar = make("progress", { "aria-label": "Sentences in the corpus" });
  const text = make("q", { dir: "auto" });
  return {
    elements: [
      make("div", { className: "wl-row" }, bar, count),
      make("p", { className: "wl-prompt" }, text),
    ],
    /** @param {State} state */
    draw(state) {
      const own = state.clip ? "accepted" : "not read yet";
      count.textContent = `Sentence ${state.number + 1} of ${state.total} (${own}). ${state.accepted} in the corpus.`;
      bar.max = state.total;
      bar.value = state.accepted;
      text.textContent = state.sentence;
      text.lang = state.language;
    },
  };
}

/** The take that waits, or the clip: to be heard, with what is wrong. */
function judging() {
  const player = make("audio", { controls: true, hidden: true, "aria-label": "The clip" });
  const heard = make("p", { className: "wl-heard" });
  const told = make("ul", { className: "wl-told" });
  const sound = address("audio/wav");
  const row = make("div", { className: "wl-row" }, player);
  return {
    row,
    elements: [row, told, heard],
    pause: () => player.pause(),
    play: () => (player.paused ? player.play().catch(() => {}) : player.pause()),
    free: () => sound.free(),
    /** @param {import("./ui.js").Answer} answer */
    take({ buffers }) {
      player.pause();
      player.hidden = !buffers?.length;
      if (buffers?.length) player.src = sound.put(bytes(buffers[0]));
    },
    /** @param {State} state */
    draw({ take }) {
      told.replaceChildren(...(take?.told ?? []).map((text) => make("li", {}, text)));
      told.hidden = !take?.told.length;
      heard.textContent = take?.heard ? `Whisper hears: ${take.heard}` : "";
      heard.hidden = !take?.heard;
    },
  };
}

/**
 * Every button but Record, and what Python is asked.
 * @param {import("./ui.js").Model} model
 * @param {{ tell: Tell, show: (answer: import("./ui.js").Answer) => void }} act
 */
function steps(model, { tell, show }) {
  /** @type {{ take: DataView<ArrayBuffer>, number: number } | null} */
  let unsent = null; // a take that did not reach Python, or was refused there
  let number = 0; // the sentence that is being read
  let asked = false; // one question at a time
  const accept = key("Accept", { className: "wl-main", "aria-keyshortcuts": "Enter" });
  const discard = key("Discard the take");
  const withdraw = key("Take it out of the corpus");
  const resend = key("Send again");
  const back = key("← Back", { "aria-keyshortcuts": "ArrowLeft" });
  const on = key("Next →", { "aria-keyshortcuts": "ArrowRight" });
  const auto = make("input", { type: "checkbox" });
  /** @returns {State} */
  const state = () => model.get("state");
  /** @param {string} action @param {Record<string, unknown>} [more] @param {import("./ui.js").Sent} [sent] */
  async function act(action, more = {}, sent = {}) {
    if (asked) return false;
    asked = true;
    const answer = await tell({ action, number: state().number, ...more }, sent);
    asked = false;
    if (answer) show(answer);
    return answer !== null;
  }
  /** @param {number} by */
  const move = (by) => act("go", { to: state().number + by });
  const send = async () => {
    if (!unsent) return;
    const { take, number } = unsent;
    const sent = { buffers: [take], patience: CHECKED_WITHIN };
    if (await act("take", { number }, sent)) unsent = null;
    draw();
    if (!unsent && auto.checked && state().take?.told.length === 0) await act("accept");
  };
  function draw() {
    const { take, clip, number, total } = state();
    accept.hidden = !take?.speech;
    accept.textContent = clip ? "Accept, in place of the clip" : "Accept";
    discard.hidden = !take;
    withdraw.hidden = !clip || take !== null;
    resend.hidden = !unsent;
    back.disabled = number === 0;
    on.disabled = number === total - 1;
  }
  accept.addEventListener("click", () => act("accept"));
  discard.addEventListener("click", () => act("discard"));
  withdraw.addEventListener("click", () => act("withdraw"));
  resend.addEventListener("click", send);
  back.addEventListener("click", () => move(-1));
  on.addEventListener("click", () => move(1));
  const label = make("label", {}, auto, "Accept a take by itself when nothing is wrong with it");
  return {
    decisions: [accept, discard, withdraw, resend],
    row: make("div", { className: "wl-row" }, back, on, label),
    draw,
    act,
    move,
    begin() {
      number = state().number;
    },
    /** @param {DataView<ArrayBuffer>} take */
    send(take) {
      unsent = { take, number };
      return send();
    },
  };
}

/**
 * What keys do on the button Record: Space presses it, and Enter does not, so that a second
 * Enter starts no recording.
 * @param {import("./ui.js").Model} model
 * @param {ReturnType<typeof recording>} recorder
 * @param {ReturnType<typeof steps>} step
 * @param {() => void} play
 */
function shortcuts(model, recorder, step, play) {
  /** @returns {State} */
  const state = () => model.get("state");
  /** @type {Record<string, () => unknown>} */
  const keys = {
    Enter: () => state().take?.speech && step.act("accept"),
    ArrowLeft: () => state().number > 0 && step.move(-1),
    ArrowRight: () => state().number < state().total - 1 && step.move(1),
    Escape: recorder.rest,
    p: play,
  };
  recorder.button.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.repeat || (step.row.inert && event.key !== "Escape")) return;
    keys[event.key]();
  });
}

/** @param {import("./ui.js").View} view */
function render({ model, el }) {
  const { status, say, tell } = conversation(model);
  const sentence = reading();
  const judged = judging();
  /** @param {import("./ui.js").Answer} answer */
  const show = (answer) => {
    judged.take(answer);
    recorder.button.focus();
    if (model.get("state").accepted === model.get("state").total) recorder.rest();
  };
  const step = steps(model, { tell, show });
  const recorder = recording({
    limit: model.get("limit"),
    roll: ROLL,
    say,
    begin() {
      judged.pause();
      step.begin();
    },
    offer(samples, rate) {
      say("Checking the take …");
      return step.send(wav(samples, rate));
    },
    lock(on) {
      for (const row of [judged.row, step.row]) row.inert = on;
    },
  });
  const agreed = consenting(async (consent, licence) => {
    say("Getting ready …");
    await step.act("agree", { consent, licence }, { patience: CHECKED_WITHIN });
  });
  const record = make("div", { className: "wl-row" }, ...recorder.elements);
  const keyboard = make("p", { className: "wl-saved", textContent: KEYS });
  const parts = [...sentence.elements, record, ...judged.elements, step.row, keyboard];
  const studio = make("div", {}, ...parts);
  const place = make("p", { className: "wl-saved" });
  judged.row.append(...step.decisions);
  el.classList.add("whisper-lab", "whisper-lab-recorder", "whisper-lab-studio");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Recording studio");
  el.append(agreed.form, studio, place, status);
  shortcuts(model, recorder, step, judged.play);
  const giveBack = ownKeys(el);
  const end = follow(model, "state", () => {
    const state = model.get("state");
    studio.hidden = !state.consent;
    place.textContent = state.place;
    for (const part of [agreed, sentence, judged, step]) part.draw(state);
  });
  const { number, take, clip } = model.get("state");
  if (take || clip)
    ask(model, { action: "go", number, to: number }).then(
      (answer) => answer?.ok && judged.take(answer),
    );
  return () => {
    end();
    recorder.end();
    judged.free();
    giveBack();
  };
}

export default { render };
