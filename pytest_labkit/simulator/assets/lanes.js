// The lanes: a canvas with a row for each partition, redrawn when something has changed.
import { store, view, sight, visible, instant } from "./store.js";

const DENSE = 2000; // more marks than that in sight are drawn as density
const LANE = 52, LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 22;
const LINES = 150; // violations that are drawn, of the newest
const LOOKED = 2000; // violations that are looked at
let canvas, context, colours, width = 0, height = 0;
export let drawn = { marks: 0, dense: false, bursts: 0, slowest: 0 };

export function setUp(element) {
  canvas = element;
  context = canvas.getContext("2d");
  readColours();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  colours = { light: dark ? 66 : 42, text: dark ? "#111" : "#fff" };
  for (const name of ["ink", "soft", "line", "bad", "card", "accent"]) colours[name] = style.getPropertyValue(`--${name}`).trim();
}

const hues = new Map();
export function hue(key) {
  if (!hues.has(key)) {
    let hash = 7;
    for (const letter of String(key)) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
    hues.set(key, (hash * 137.508) % 360);
  }
  return hues.get(key);
}

function fit(partitions) {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, TOP + LANE * Math.max(1, partitions) + BOTTOM];
  if (wide === width && high === height && canvas.width === Math.round(wide * ratio)) return;
  [width, height] = [wide, high];
  canvas.style.height = `${high}px`;
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(high * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

const y = (partition) => TOP + LANE * (partition + 0.5);
const value = (mark) => (view.axis === "time" ? mark.x : mark.offset + 0.5);

export function draw() {
  const partitions = Math.max(store.lanes.length, store.figures.partitions ?? store.choice?.partitions ?? 1);
  fit(partitions);
  context.clearRect(0, 0, width, height);
  const window_ = sight();
  const scale = (width - LEFT - RIGHT) / window_.span;
  const x = (at) => LEFT + (at - window_.start) * scale;
  context.font = "12px system-ui, sans-serif";
  grid(partitions, window_, x);
  context.save();
  context.beginPath();
  context.rect(LEFT, 0, width - LEFT - RIGHT, height);
  context.clip();
  const seen = store.lanes.map((marks) => visible(marks, window_));
  const many = seen.reduce((sum, marks) => sum + marks.length, 0);
  const dense = many > DENSE;
  const bursts = store.bursts.flat().filter((burst) => ends(burst)[1] >= window_.start && ends(burst)[0] <= window_.end);
  if (dense) seen.forEach((marks, partition) => density(marks, partition, x));
  else seen.forEach((marks) => marks.forEach((mark) => drawMark(mark, x, scale)));
  bursts.forEach((burst) => drawBurst(burst, x));
  lines(window_, x);
  if (view.lens !== null) lens(seen, x);
  if (view.selected) ring(view.selected, x);
  context.restore();
  drawn = { ...drawn, marks: many, dense, bursts: bursts.length };
}

function grid(partitions, { start, end }, x) {
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (let partition = 0; partition < partitions; partition += 1) {
    context.strokeStyle = colours.line;
    context.beginPath();
    context.moveTo(LEFT, y(partition));
    context.lineTo(width - RIGHT, y(partition));
    context.stroke();
    context.fillStyle = colours.ink;
    context.fillText(`P${partition}`, 8, y(partition));
  }
  context.textAlign = "center";
  context.fillStyle = colours.soft;
  const step = nice((end - start) / Math.max(2, Math.floor((width - LEFT) / 90)));
  for (let at = Math.max(0, Math.ceil(start / step) * step); at <= end; at += step) {
    const shown = view.axis === "time" ? `${+at.toFixed(3)} s` : `${Math.round(at)}`;
    context.fillText(shown, x(view.axis === "time" ? at : at + 0.5), height - 10);
  }
}

function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const found = [1, 2, 5, 10].find((factor) => factor * power >= step) * power;
  return view.axis === "offset" ? Math.max(1, Math.round(found)) : found;
}

function drawMark(mark, x, scale) {
  const wide = view.axis === "offset" ? Math.max(2, Math.min(34, scale - 2)) : 6;
  const tall = 26;
  const dim = view.lens !== null && mark.key !== view.lens;
  context.globalAlpha = dim ? 0.18 : 1;
  const [left, top] = [x(value(mark)) - wide / 2, y(mark.partition) - tall / 2];
  context.fillStyle = mark.key === null ? colours.soft : `hsl(${hue(mark.key)} 58% ${colours.light}%)`;
  if (mark.copy) { // a copy is hollow
    context.strokeStyle = context.fillStyle;
    context.lineWidth = 2;
    context.strokeRect(left + 1, top + 1, Math.max(1, wide - 2), tall - 2);
  } else {
    context.fillRect(left, top, wide, tall);
  }
  if (mark.wrong) { // it came too late
    context.fillStyle = colours.bad;
    context.fillRect(left, top + tall, wide, 4);
  }
  if (wide >= 18) {
    context.fillStyle = mark.copy ? colours.ink : colours.text;
    context.textAlign = "center";
    context.fillText(String(mark.sequence), x(value(mark)), y(mark.partition));
  }
  context.globalAlpha = 1;
}

function ends(burst) {
  return view.axis === "time" ? [burst.start, burst.end] : [burst.first, burst.last + 1];
}

function drawBurst(burst, x) {
  const [from, to] = ends(burst).map(x);
  context.fillStyle = colours.soft;
  context.globalAlpha = 0.45;
  context.fillRect(from, y(burst.partition) - 13, Math.max(4, to - from), 26);
  context.globalAlpha = 1;
  context.fillStyle = colours.ink;
  context.textAlign = "left";
  context.fillText(`${burst.many} merged`, Math.max(LEFT + 4, from + 3), y(burst.partition) - 19);
}

function density(marks, partition, x) {
  const columns = new Map();
  for (const mark of marks) {
    const column = Math.floor(x(value(mark)) / 4);
    columns.set(column, (columns.get(column) ?? 0) + 1);
  }
  const most = Math.max(1, ...columns.values());
  context.fillStyle = colours.accent;
  for (const [column, many] of columns) {
    const tall = Math.max(2, (38 * many) / most);
    context.fillRect(4 * column, y(partition) + 19 - tall, 3, tall);
  }
  context.fillStyle = colours.soft;
  context.textAlign = "right";
  context.fillText(`${marks.length} records`, width - RIGHT - 4, y(partition) - 21);
}

function lines({ start, end }, x) {
  let left = LINES;
  const oldest = Math.max(0, store.violations.length - (view.end === null ? LOOKED : Infinity));
  context.strokeStyle = colours.bad;
  for (let index = store.violations.length - 1; index >= oldest && left > 0; index -= 1) {
    const violation = store.violations[index];
    const { mark, behind } = violation;
    if (view.lens !== null && mark.key !== view.lens) continue;
    if (view.axis === "time" && value(mark) > end) continue; // not seen yet, at this instant
    if (Math.max(value(mark), value(behind)) < start || Math.min(value(mark), value(behind)) > end) continue;
    left -= 1;
    context.globalAlpha = violation === store.shortest ? 1 : 0.55;
    context.lineWidth = violation === store.shortest ? 3 : 1.25;
    join(behind, mark, x);
  }
  context.globalAlpha = 1;
}

function join(a, b, x) {
  const [ax, bx] = [x(value(a)), x(value(b))];
  const [ay, by] = [y(a.partition), y(b.partition)];
  context.beginPath();
  context.moveTo(ax, ay - (ay === by ? 13 : 0));
  if (ay === by) context.quadraticCurveTo((ax + bx) / 2, ay - 34, bx, by - 13);
  else context.lineTo(bx, by);
  context.stroke();
}

function lens(seen, x) {
  const marks = seen.flat().filter((mark) => mark.key === view.lens).sort((a, b) => a.sequence - b.sequence);
  context.strokeStyle = colours.ink;
  context.lineWidth = 1;
  context.setLineDash([3, 3]);
  for (let index = 1; index < marks.length; index += 1) join(marks[index - 1], marks[index], x);
  context.setLineDash([]);
}

function ring(mark, x) {
  context.strokeStyle = colours.ink;
  context.lineWidth = 2.5;
  const wide = view.axis === "offset" ? Math.max(8, Math.min(38, (width - LEFT - RIGHT) / view.span.offset + 2)) : 12;
  context.strokeRect(x(value(mark)) - wide / 2, y(mark.partition) - 16, wide, 32);
}

// The mark nearest to a place on the canvas; null if none is near.
export function nearest(left, top) {
  const partition = Math.min(store.lanes.length - 1, Math.max(0, Math.floor((top - TOP) / LANE)));
  if (partition < 0) return null;
  const window_ = sight();
  const scale = (width - LEFT - RIGHT) / window_.span;
  const at = window_.start + (left - LEFT) / scale;
  let best = null;
  for (const mark of visible(store.lanes[partition], window_)) {
    if (!best || Math.abs(value(mark) - at) < Math.abs(value(best) - at)) best = mark;
  }
  return best && Math.abs(value(best) - at) * scale < 24 ? best : null;
}

// The next mark for an arrow key.
export function neighbour(mark, key) {
  if (!mark) return store.lanes.flat().at(-1) ?? null;
  const marks = store.lanes[mark.partition];
  const index = marks.indexOf(mark);
  if (key === "ArrowRight") return marks[index + 1] ?? mark;
  if (key === "ArrowLeft") return marks[index - 1] ?? mark;
  const other = store.lanes[mark.partition + (key === "ArrowDown" ? 1 : -1)];
  if (!other?.length) return mark;
  return other.reduce((best, one) => (Math.abs(value(one) - value(mark)) < Math.abs(value(best) - value(mark)) ? one : best));
}

export function described() {
  const at = instant();
  const when = at === null ? "" : ` at ${at.toFixed(1)} seconds`;
  return `${store.count} records in ${store.lanes.length} partitions, ${store.violations.length} out of order${when}.`;
}
