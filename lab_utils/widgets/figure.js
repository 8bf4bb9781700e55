// A picture that changes in place: panels of bytes with their axes, or a whole picture as PNG.
import { bytes, follow, make, paint, shape, timeTicks } from "./ui.js";

/** @typedef {[place: number, text: string][]} Ticks */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */
/** @typedef {{ data: DataView<ArrayBuffer>, rows: number, label: string, ticks: Ticks,
 *    bar: [label: string, ticks: Ticks] | null, cuts: [number, number][], line: number | null }} Panel */

const WIDE = 900; // units of the drawing: a unit is a pixel where there is room
const HIGH = 360;
const ALL = { x: 72, y: 10, width: 728, height: 304 }; // the panels; axes and color bar around them
const GAP = 18;
const RAMP = Uint8Array.from({ length: 256 }, (_, level) => level);

/**
 * Puts an element over a part of the drawing.
 * @template {HTMLElement} Kind
 * @param {Kind} element
 * @param {Box} box
 */
function put(element, { x, y, width, height }) {
  element.style.left = `${(100 * x) / WIDE}%`;
  element.style.top = `${(100 * y) / HIGH}%`;
  element.style.width = `${(100 * width) / WIDE}%`;
  element.style.height = `${(100 * height) / HIGH}%`;
  return element;
}

/** @type {(data: import("./ui.js").Bytes, rows: number, box: Box) => HTMLCanvasElement} */
function painted(data, rows, box) {
  const canvas = make("canvas");
  paint(canvas, data, rows);
  return put(canvas, box);
}

/** @type {(box: Box, label: string, ticks: Ticks, side: "left" | "right") => SVGElement[]} */
function verticalAxis({ x, y, width, height }, label, ticks, side) {
  const [edge, out, anchor] = side === "left" ? [x, -1, "end"] : [x + width, 1, "start"];
  const marks = ticks.flatMap(([place, text]) => {
    const at = y + height * (1 - place);
    return [
      shape("line", { x1: edge, x2: edge + 4 * out, y1: at, y2: at }),
      shape("text", { x: edge + 7 * out, y: at + 4.5, "text-anchor": anchor }, text),
    ];
  });
  const middle = `translate(${edge + (side === "left" ? -52 : 56)} ${y + height / 2}) rotate(-90)`;
  const name = shape("text", { transform: middle, "text-anchor": "middle" }, label);
  return [shape("rect", { x, y, width, height }), ...marks, name];
}

/** @type {(box: Box, seconds: number) => SVGElement[]} */
function timeAxis({ x, y, width, height }, seconds) {
  const edge = y + height;
  const marks = timeTicks(seconds).flatMap((t) => {
    const at = x + (width * t) / seconds;
    return [
      shape("line", { x1: at, x2: at, y1: edge, y2: edge + 4 }),
      shape("text", { x: at, y: edge + 18, "text-anchor": "middle" }, String(t)),
    ];
  });
  const place = { x: x + width / 2, y: edge + 36, "text-anchor": "middle" };
  return [...marks, shape("text", place, "time (s)")];
}

/** @type {(panels: Panel[], seconds: number) => Element[]} */
function chart(panels, seconds) {
  const axes = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" });
  const height = (ALL.height - GAP * (panels.length - 1)) / panels.length;
  const layers = panels.flatMap(({ data, rows, label, ticks, bar, cuts, line }, i) => {
    const box = { ...ALL, y: ALL.y + i * (height + GAP), height };
    const { x, y, width } = box;
    const parts = [painted(data, rows, box)];
    axes.append(...verticalAxis(box, label, ticks, "left"));
    if (bar) {
      const beside = { x: x + width + 14, y, width: 16, height };
      parts.push(painted(RAMP, RAMP.length, beside));
      axes.append(...verticalAxis(beside, bar[0], bar[1], "right"));
    }
    if (line !== null) {
      const at = y + height * (1 - line);
      axes.append(shape("line", { x1: x, x2: x + width, y1: at, y2: at, class: "wl-threshold" }));
    }
    const hatched = cuts.map(([start, end]) => {
      const part = { x: x + (width * start) / seconds, width: (width * (end - start)) / seconds };
      return put(make("div", { className: "wl-cut" }), { ...box, ...part });
    });
    return [...parts, ...hatched];
  });
  axes.append(...timeAxis(ALL, seconds));
  return [...layers, axes];
}

/** @param {DataView<ArrayBuffer>} png */
async function bitmap(png) {
  const picture = await createImageBitmap(new Blob([bytes(png)], { type: "image/png" }));
  const canvas = make("canvas", { width: picture.width, height: picture.height });
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
  return canvas;
}

/** @param {import("./ui.js").View} view */
function render({ model, el }) {
  const drawing = make("div", { role: "img", hidden: true });
  const caption = make("figcaption", { "aria-live": "polite" });
  el.classList.add("whisper-lab", "whisper-lab-controls");
  el.append(make("figure", {}, drawing, caption));
  let asked = 0;
  const endPicture = follow(model, "picture", async () => {
    const turn = ++asked;
    const { panels, duration, png } = model.get("picture");
    if (!panels && !png) return;
    const drawn = panels ? chart(panels, duration) : [await bitmap(png)];
    if (turn !== asked) return; // a newer picture is on its way
    drawing.className = panels ? "wl-chart" : "wl-bitmap";
    drawing.hidden = false;
    drawing.replaceChildren(...drawn);
  });
  const endWords = follow(model, "alt caption", () => {
    drawing.setAttribute("aria-label", model.get("alt"));
    caption.hidden = !model.get("caption");
    if (caption.textContent !== model.get("caption")) caption.textContent = model.get("caption");
  });
  return () => {
    endPicture();
    endWords();
  };
}

export default { render };
