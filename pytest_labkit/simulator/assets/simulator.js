// Puts the page together: what the server tells changes the store, and the store is drawn.
import { store, view, connect } from "./store.js";
import * as lanes from "./lanes.js";
import * as charts from "./charts.js";
import * as controls from "./controls.js";

const canvas = document.getElementById("lanes");
const SLOW_MS = 250; // between two drawings of text and series
const PARTS = [drawHead, controls.drawView, controls.drawCounts, drawLog, drawSeries]; // one in a frame
let dirty = true;
let drawnAt = 0;
let samples = -1;
let left = []; // parts that are still to be drawn

function changed() { dirty = true; }

function frame(now) {
  requestAnimationFrame(frame);
  if (!store.hello) { controls.drawHead(); return; }
  if (dirty) lanes.draw();
  if (dirty && !left.length && now - drawnAt >= SLOW_MS) {
    drawnAt = now;
    dirty = false;
    left = [...PARTS];
  }
  left.shift()?.();
}

function drawHead() {
  controls.drawHead();
  controls.drawControls();
  canvas.setAttribute("aria-label", lanes.described());
}

function drawLog() {
  controls.drawLog();
  controls.drawDetail();
}

function drawSeries() {
  const shown = `${store.run}/${store.samples.length}/${view.mode}/${innerWidth}/${matchMedia("(prefers-color-scheme: dark)").matches}`;
  if (samples !== shown) { charts.draw(); samples = shown; }
}

function refresh() { dirty = true; drawnAt = 0; }

canvas.addEventListener("click", (event) => {
  const box = canvas.getBoundingClientRect();
  controls.select(lanes.nearest(event.clientX - box.left, event.clientY - box.top), false);
});
canvas.addEventListener("keydown", (event) => {
  if (!event.key.startsWith("Arrow")) return;
  event.preventDefault();
  const mark = lanes.neighbour(view.selected, event.key);
  controls.select(mark, true);
});
addEventListener("resize", refresh);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);

if (innerWidth < 600) view.span = { time: 5, offset: 16 };
lanes.setUp(canvas);
controls.setUp(refresh);
connect(changed);
requestAnimationFrame(frame);
