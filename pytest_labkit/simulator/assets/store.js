// What this page knows of the run: all that the server has told, and what the reader looks at.
export const store = {
  hello: null,
  figures: { state: "ready" },
  run: 0,
  connected: false,
};
export const view = {
  axis: "offset", // "time" or "offset"
  span: { time: 10, offset: 40 }, // seconds, offsets
  end: null, // of the window; null: the newest
  lens: null, // a key
  selected: null, // a mark
  mode: null, // whose lag is drawn
  messages: true, // in the log
};

export function clear() {
  store.lanes = []; // marks of each partition, by offset
  store.bursts = [];
  store.places = new Map();
  store.numbers = new Map();
  store.violations = [];
  store.samples = [];
  store.log = [];
  store.handled = {}; // mode -> number -> [seconds, site] …
  store.count = 0;
  store.keys = new Set();
  store.end = 0;
  store.shortest = null;
  Object.assign(view, { end: null, lens: null, selected: null });
}
clear();

function lane(partition) {
  while (store.lanes.length <= partition) { store.lanes.push([]); store.bursts.push([]); }
  return store.lanes[partition];
}

const place = (partition, offset) => `${partition}:${offset}`;

const marked = ([partition, offset, at, key, sequence, number, producer]) =>
  ({ partition, offset, at, key, sequence, number, producer, x: at });

function take(told) {
  const mark = marked(told);
  const { partition, offset, at, key, number } = mark;
  const marks = lane(partition);
  const last = marks.at(-1);
  if (last && last.offset >= offset) return;
  mark.x = last ? Math.max(last.x, at) : at; // order on the screen is offset order, whatever the clocks say
  mark.copy = store.numbers.has(number) && number >= 0;
  marks.push(mark);
  store.places.set(place(partition, offset), mark);
  if (number >= 0) (mark.copy ? store.numbers.get(number) : store.numbers.set(number, []).get(number)).push(mark);
  if (key !== null) store.keys.add(key);
  store.count += 1;
  store.end = Math.max(store.end, mark.x);
}

function takeBurst([partition, first, last, many, start, end]) {
  lane(partition);
  store.bursts[partition].push({ partition, first, last, many, start, end });
  store.count += many;
  store.end = Math.max(store.end, end);
}

function takeViolation([late, early, apart, text]) {
  const known = (told) => store.places.get(place(told[0], told[1])) ?? marked(told); // it may be merged in a burst
  const violation = { mark: known(late), behind: known(early), apart, text };
  violation.mark.wrong = true;
  store.violations.push(violation);
  if (!store.shortest || apart < store.shortest.apart) store.shortest = violation;
}

function takeEffect([index, number, at, site]) {
  const mode = store.figures.modes && Object.keys(store.figures.modes)[index];
  if (!mode) return;
  const handled = (store.handled[mode] ??= new Map());
  if (!handled.has(number)) handled.set(number, []);
  handled.get(number).push([at, site]);
}

export function told(message) {
  if (message.hello) { store.hello = message.hello; store.choice ??= { ...message.hello.choice }; return; }
  if (message.run !== store.run) { clear(); store.run = message.run; }
  if (message.figures) store.figures = message.figures;
  (message.marks ?? []).forEach(take);
  (message.bursts ?? []).forEach(takeBurst);
  (message.violations ?? []).forEach(takeViolation);
  (message.effects ?? []).forEach(takeEffect);
  if (message.samples) store.samples.push(...message.samples);
  if (message.said) store.log.push(...message.said.map(([at, kind, text]) => ({ at, kind, text })));
}

let socket = null;
let again = 250;

export function order(what) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what));
}

export function connect(changed) {
  socket = new WebSocket(`ws://${location.host}/simulator/live`);
  let first = true;
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.hello && first) { first = false; clear(); store.run = -1; store.connected = true; again = 250; }
    told(message);
    changed();
  };
  socket.onclose = () => {
    store.connected = false;
    changed();
    setTimeout(() => connect(changed), again);
    again = Math.min(4000, 2 * again);
  };
}

// What is in sight: the window, on the axis that was chosen.
export function furthest() {
  if (view.axis === "time") return store.end;
  const last = (partition) => Math.max(store.lanes[partition].at(-1)?.offset ?? 0, store.bursts[partition].at(-1)?.last ?? 0);
  return Math.max(0, ...store.lanes.map((_, partition) => last(partition)));
}

export function sight() {
  const span = view.span[view.axis];
  const far = furthest();
  const end = view.end ?? Math.max(span, far + (view.axis === "offset" ? 1 : 0.2));
  return { start: end - span, end, span };
}

// The instant that is looked at: what came later is not there yet. null: now.
export function instant() {
  return view.end === null || view.axis !== "time" ? null : view.end;
}

export function visible(marks, { start, end }) {
  const at = view.axis === "time" ? (mark) => mark.x : (mark) => mark.offset;
  return marks.slice(lower(marks, start, at), lower(marks, end, at));
}

function lower(marks, value, at) {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(marks[middle]) < value) low = middle + 1; else high = middle;
  }
  return low;
}
