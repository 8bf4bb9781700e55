// What every widget's page needs. Python puts this before each script (messages.py).

export function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(rest)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

export const bytes = (view) => new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);

// Keys pressed inside belong to the widget, not to the notebook. Returns how to give them back.
export function ownKeys(el) {
  const keep = (event) => event.stopPropagation();
  el.dataset.lmSuppressShortcuts = "true";
  el.addEventListener("keydown", keep);
  return () => el.removeEventListener("keydown", keep);
}

// A question to Python: its answer {ok, message, buffers}, or null if none comes within `patience`
// ms (0 waits for ever).
export function ask(model, content, { buffers = [], patience = 0 } = {}) {
  const id = Math.random().toString(36).slice(2);
  return new Promise((resolve) => {
    const end = (answer) => {
      clearTimeout(timer);
      model.off("msg:custom", hear);
      resolve(answer);
    };
    const hear = (answer, sent) => answer.id === id && end({ ...answer, buffers: sent });
    const timer = patience && setTimeout(end, patience, null);
    model.on("msg:custom", hear);
    try {
      model.send({ ...content, id }, undefined, buffers);
    } catch {
      if (patience) end(null);
    }
  });
}

// A widget whose sound comes by message and never lies in the notebook. It is asked for when a view
// is drawn, or comes unasked while the kernel is busy, and is kept for the views that follow. `draw`
// gets the buffers; it returns how to end.
export function carried(draw) {
  let model = null;
  let buffers = null;
  const waiting = new Set(); // views without sound
  const take = (sent) => {
    buffers ??= sent;
    waiting.forEach((put) => put());
    waiting.clear();
  };
  return {
    initialize(widget) {
      model = widget.model;
      model.on("msg:custom", (content, sent) => content.carried && take(sent));
    },
    render({ model: own, el }) {
      const note = make("p", { hidden: true, textContent: WAITING });
      note.setAttribute("role", "status");
      let end = null;
      const put = () => {
        note.remove();
        end = draw({ model: own, el, buffers });
      };
      let timer = 0;
      if (buffers) put();
      else {
        el.append(note);
        waiting.add(put);
        timer = setTimeout(() => (note.hidden = false), 2000);
        ask(model, { action: "carry" }).then((answer) => take(answer.buffers));
      }
      return () => {
        clearTimeout(timer);
        waiting.delete(put);
        end?.();
      };
    },
  };
}

const WAITING =
  "No sound yet: no notebook holds any, and Python gives it when it is free. Was it restarted? Run this cell again.";
