// Series over time, by uPlot.
import { store, view } from "./store.js";

const COLOURS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];
const charts = {};

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function chart(id, labels) {
  const box = document.getElementById(id);
  const wide = box.clientWidth;
  const signature = `${labels.join()}|${wide}|${matchMedia("(prefers-color-scheme: dark)").matches}`;
  if (charts[id]?.signature === signature || !wide) return charts[id]?.plot;
  charts[id]?.plot.destroy();
  const axis = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const series = labels.map((label, index) => ({
    label, width: 2, stroke: css(COLOURS[index % COLOURS.length]), dash: index >= COLOURS.length ? [4, 3] : undefined,
    points: { show: false }, spanGaps: true,
  }));
  const plot = new uPlot({
    width: wide, height: 150, legend: { live: false }, cursor: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most ?? 1) * 1.1] } },
    axes: [{ ...axis, size: 30, values: (_, at) => at.map((one) => `${+one.toFixed(1)} s`) }, { ...axis, size: 52 }],
    series: [{}, ...series],
  }, [[], ...labels.map(() => [])], box);
  charts[id] = { plot, signature };
  return plot;
}

function show(id, labels, columns) {
  const plot = labels.length ? chart(id, labels) : null;
  document.getElementById(id).hidden = !labels.length;
  if (plot) plot.setData([store.samples.map((sample) => sample.at), ...columns]);
}

export function draw() {
  const samples = store.samples;
  const modes = Object.keys(store.figures.modes ?? {});
  if (!modes.includes(view.mode)) view.mode = modes[0] ?? null;
  const partitions = samples.at(-1)?.lag[view.mode] ?? [];
  show("lag-chart", partitions.map((_, partition) => `P${partition}`), partitions.map((_, partition) => samples.map((sample) => sample.lag[view.mode]?.[partition] ?? null)));
  const rate = (name) => samples.map((sample, index) => {
    const before = samples[Math.max(0, index - 2)];
    return sample.at > before.at ? Math.max(0, (sample[name] - before[name]) / (sample.at - before.at)) : 0;
  });
  show("rate-chart", samples.length ? ["sent", "stored"] : [], [rate("sent"), rate("stored")]);
  const titles = modes.map((mode) => store.hello?.modes[mode] ?? mode);
  show("latency-chart", titles, modes.map((mode) => samples.map((sample) => sample.p50[mode] ?? null)));
}
