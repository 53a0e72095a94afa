// Draws what /health.events tells. All text goes in as text, never as HTML.
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const KEPT = 120; // rates of a service that its line is drawn from
const rates = new Map();
let last = 0;

function made(tag, attributes = {}, ...inside) {
  const element = ["svg", "g", "line", "rect", "text", "polyline", "title"].includes(tag)
    ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

function look(node) {
  return !node.ok ? "bad" : node.well ? "good" : "warn";
}

function mark(node) {
  return { bad: "✕", warn: "!", good: "✓" }[look(node)];
}

function drawGraph(picture) {
  const graph = document.getElementById("graph");
  graph.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
  const at = Object.fromEntries(picture.nodes.map((node) => [node.name, node]));
  const links = picture.links.map((link) => {
    const [a, b] = [at[link.from], at[link.to]];
    return made("g", { class: link.ok ? "link" : "link bad-link", "data-way": `${link.from}-${link.to}` },
      made("line", { x1: a.x, y1: a.y + 26, x2: b.x, y2: b.y - 26 }),
      made("title", {}, `${link.from} → ${link.to}: ${link.ok ? "works" : "does not work"}`));
  });
  const nodes = picture.nodes.map((node) => {
    const said = node.said.length > 20 ? `${node.said.slice(0, 19)}…` : node.said;
    return made("g", { class: `node ${look(node)}`, "data-name": node.name, "data-look": look(node) },
      made("rect", { x: node.x - 62, y: node.y - 26, width: 124, height: 52, rx: 8 }),
      made("text", { x: node.x, y: node.y - 4 }, `${mark(node)} ${node.name}`),
      made("text", { x: node.x, y: node.y + 15, class: "said" }, said),
      made("title", {}, `${node.name}: ${node.said}`));
  });
  graph.replaceChildren(...links, ...nodes);
}

function listed(id, items, none) {
  const rows = items.length ? items : [made("li", { class: "soft" }, none)];
  document.getElementById(id).replaceChildren(...rows);
}

function drawGauges(picture) {
  for (const section of document.querySelectorAll(".gauge")) section.remove();
  const sections = picture.gauges.map((gauge) => made("section", { class: "gauge" },
    made("h2", {}, gauge.title), made("ul", { id: `gauge-${gauge.title}` })));
  document.getElementById("alerts-box").before(...sections);
  document.getElementById("graph-box").style.setProperty("--beside", sections.length + 2);
  for (const gauge of picture.gauges) {
    listed(`gauge-${gauge.title}`, gauge.values.map((shown) => made("li", {}, shown.name,
      made("span", { class: `badge ${shown.look}`, "data-gauge": shown.name }, shown.value))), gauge.none);
  }
}

function drawAlerts(picture) {
  const problem = document.getElementById("problem");
  problem.hidden = !picture.problem;
  problem.className = "bad-text";
  problem.textContent = picture.problem ? `The rules cannot be used: ${picture.problem}` : "";
  listed("alerts", picture.alerts.map((alert) => made("li", { "data-alert": alert.name },
    made("span", { class: `badge ${alert.state === "firing" ? "bad" : "warn"}` }, alert.state),
    made("strong", {}, alert.name), made("span", { class: "soft" }, alert.summary))), "None.");
}

function drawRates(picture) {
  document.getElementById("rates-box").hidden = !picture.rate;
  document.querySelector("#rates-box h2").textContent = picture.rate ?? "";
  const rows = picture.nodes.filter((node) => node.rate !== null).map((node) => {
    const line = rates.get(node.name) ?? [];
    line.push(node.rate);
    if (line.length > KEPT) line.shift();
    rates.set(node.name, line);
    const most = Math.max(1, ...line);
    const points = line.map((rate, i) => `${((KEPT - line.length + i) * 100) / (KEPT - 1)},${24 - (22 * rate) / most}`).join(" ");
    return made("div", { class: "rate" }, made("span", {}, node.name),
      made("svg", { viewBox: "0 0 100 26", preserveAspectRatio: "none", "aria-hidden": "true" }, made("polyline", { points })),
      made("output", {}, `${node.rate.toFixed(1)}/s`));
  });
  document.getElementById("rates").replaceChildren(...rows);
}

function programRow(name) { // made once, so that an opened log stays open
  const button = made("button", { type: "button" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    await fetch(`/programs/${encodeURIComponent(name)}/${button.dataset.do}`, { method: "POST", headers: { "X-Labkit": "page" } });
    setTimeout(() => { button.disabled = false; }, 1000);
  });
  return made("div", { class: "program", "data-program": name }, made("span", { class: "state" }), button,
    made("details", {}, made("summary", {}, "log"), made("pre")));
}

function drawPrograms(picture) {
  const box = document.getElementById("programs");
  const programs = picture.nodes.filter((node) => node.rate !== null);
  const names = programs.map((node) => node.name).join();
  if (box.dataset.names !== names) {
    box.replaceChildren(...programs.map((node) => programRow(node.name)));
    box.dataset.names = names;
  }
  for (const node of programs) {
    const row = box.querySelector(`[data-program="${CSS.escape(node.name)}"]`);
    row.querySelector(".state").textContent = `${mark(node)} ${node.name}: ${node.said}`;
    const button = row.querySelector("button");
    button.dataset.do = node.ok ? "kill" : "start";
    button.textContent = node.ok ? "Kill" : "Start";
    row.querySelector("pre").textContent = node.log.join("\n") || "nothing yet";
  }
}

function overall(text, look) {
  const element = document.getElementById("overall");
  if (element.textContent !== text) element.textContent = text;
  element.className = `${look}-text`;
}

function draw(picture) {
  last = Date.now();
  document.getElementById("nothing").hidden = picture.runs;
  for (const section of document.querySelectorAll("main > section:not(#nothing)")) section.hidden = !picture.runs;
  drawGauges(picture);
  if (!picture.runs) { overall("Nothing runs", "warn"); document.title = "Health"; return; }
  const down = picture.nodes.filter((node) => !node.ok).map((node) => node.name);
  const unwell = picture.nodes.filter((node) => !node.well);
  overall(down.length ? `✕ ${down.join(", ")} down` : unwell.length ? "! Something cannot be reached" : "✓ All is well",
    down.length ? "bad" : unwell.length ? "warn" : "good");
  document.title = down.length ? `✕ ${down.join(", ")} – Health` : "✓ Health";
  drawGraph(picture);
  drawAlerts(picture);
  drawRates(picture);
  drawPrograms(picture);
}

const events = new EventSource("/health.events");
events.onmessage = (event) => draw(JSON.parse(event.data));
setInterval(() => {
  if (last && Date.now() - last > 5000) overall("? labkit dashboard does not answer any more", "warn");
}, 1000);
