// Everything on the page that is text or can be pressed. lit-html puts text in as text.
import { html, render, nothing } from "./vendored/lit-html.js";
import { store, view, order, furthest, instant, sight } from "./store.js";

const put = (id, template) => render(template, document.getElementById(id));
const runs = () => ["running", "paused"].includes(store.figures.state);
const figure = (value) => (value === null || value === undefined ? "–" : `${Math.round(value)}`);
let refresh = () => {};
let analysis = null;
let code = null;

export function setUp(changed) { refresh = changed; }

export function drawHead() {
  const { state } = store.figures;
  const label = document.getElementById("label");
  label.textContent = store.hello ? `Played by ${store.hello.label}` : "";
  const said = !store.connected ? "labkit simulator does not answer; what is here stays."
    : store.figures.away ? "The broker does not answer; what is here stays."
    : { ready: "Ready", running: "Running", paused: "Paused", ended: "Ended" }[state] ?? state;
  const status = document.getElementById("state");
  if (status.textContent !== said) status.textContent = said;
  const problem = document.getElementById("problem");
  const wrong = store.figures.problem ?? "";
  if (problem.textContent !== wrong) problem.textContent = wrong;
  problem.hidden = !wrong;
}

export function drawControls() {
  if (!store.hello) return;
  put("buttons", buttons());
  put("choice", choice());
  put("faults", faults());
  put("files", files());
}

const press = (what) => () => order(what);

function buttons() {
  const { state } = store.figures;
  const start = () => order(runs() ? { do: "go_on" } : { do: "start", choice: store.choice });
  return html`
    <button id="start" class="main" @click=${start} ?disabled=${state === "running"}>${runs() ? "Go on" : "Start"}</button>
    <button id="pause" @click=${press({ do: "pause" })} ?disabled=${state !== "running"}>Pause</button>
    <button id="step" @click=${() => order({ do: "step", choice: store.choice })} ?disabled=${state === "running"}>Step</button>
    <button id="reset" @click=${press({ do: "reset" })} ?disabled=${!runs()}>Reset</button>`;
}

function number(name, title, least, most) {
  const set = (event) => {
    store.choice[name] = event.target.value === "" ? event.target.value : Number(event.target.value);
    refresh();
    if (name === "rate" && runs()) order({ do: "rate", rate: store.choice.rate });
  };
  return html`<label for=${name}>${title}</label>
    <input id=${name} type="number" inputmode="numeric" min=${least} max=${most} .value=${String(store.choice[name])}
      ?disabled=${runs() && name !== "rate"} @change=${set}>`;
}

function choice() {
  const { hello } = store;
  const tick = (mode) => (event) => {
    const on = new Set(store.choice.modes);
    if (event.target.checked) on.add(mode); else on.delete(mode);
    store.choice.modes = Object.keys(hello.modes).filter((name) => on.has(name));
  };
  return html`
    <div class="fields">
      <label for="scenario">Scenario</label>
      <select id="scenario" ?disabled=${runs()} @change=${(event) => { store.choice.scenario = event.target.value; refresh(); }}>
        <option value="">none</option>
        ${hello.scenarios.map((name) => html`<option value=${name} ?selected=${name === store.choice.scenario}>${name}</option>`)}
      </select>
      <label for="strategy">Strategy</label>
      <select id="strategy" ?disabled=${runs()} @change=${(event) => { store.choice.strategy = event.target.value; }}>
        ${Object.entries(hello.strategies).map(([name, title]) => html`<option value=${name} ?selected=${name === store.choice.strategy}>${title}</option>`)}
      </select>
      ${number("producers", "Producers", 1, 5)} ${number("partitions", "Partitions", 1, 12)}
      ${number("rate", "Messages a second", 1, 2000)} ${number("keys", "Keys", 1, 200)}
      ${number("consumers", "Consumers of a mode", 1, 3)} ${number("seed", "Seed", 0, Number.MAX_SAFE_INTEGER)}
    </div>
    <label class="tick"><input id="skewed" type="checkbox" .checked=${store.choice.skewed} ?disabled=${runs()}
      @change=${(event) => { store.choice.skewed = event.target.checked; }}> Some keys far more often</label>
    <fieldset ?disabled=${runs()}>
      <legend>Delivery modes, side by side</legend>
      ${Object.entries(hello.modes).map(([mode, title]) => html`<label class="tick"><input type="checkbox" id=${`mode-${mode}`}
        .checked=${store.choice.modes.includes(mode)} @change=${tick(mode)}> ${title}</label>`)}
    </fieldset>
    ${store.choice.scenario ? html`<p>The check of it: <code id="replay">${hello.replay.replace("{seed}", store.choice.seed)}</code></p>` : nothing}
    ${runs() ? html`<p class="soft">Reset to change what is greyed out.</p>` : nothing}`;
}

function faults() {
  const off = !runs();
  const { faults: active = [], modes = {}, producers = [] } = store.figures;
  const shown = producers.length || store.choice.producers;
  const fault = (name, title) => html`<button id=${name} ?disabled=${off} class=${active.includes(name) ? "active" : ""}
    aria-pressed=${active.includes(name)} @click=${press({ do: name })}>${title}</button>`;
  return html`
    <div class="row" role="group" aria-label="Kill a producer"><span>Kill producer</span>
      ${Array.from({ length: Math.min(5, Math.max(1, shown | 0)) }, (_, index) => html`<button id=${`kill-producer-${index + 1}`} ?disabled=${off}
        aria-label=${`Kill producer ${index + 1}`} @click=${press({ do: "kill_producer", of: index + 1 })}>${index + 1}</button>`)}
    </div>
    ${Object.keys(modes).length ? html`<div class="row" role="group" aria-label="Kill a consumer"><span>Kill consumer</span>
      ${Object.keys(modes).map((mode) => html`<button id=${`kill-${mode}`} ?disabled=${off} title=${`Killed ${store.hello.crashes[mode]}.`}
        @click=${press({ do: "crash_consumer", of: mode })}>${store.hello.modes[mode]}</button>`)}</div>` : nothing}
    <div class="row">${fault("slow_link", "Slow link")} ${fault("reset_link", "Reset link")} ${fault("lost_ack", "Lose an acknowledgement")}
      ${fault("restart_broker", "Restart broker")}</div>`;
}

function files() {
  const open = async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    let told = null;
    try { told = JSON.parse(await file.text()); } catch { /* the server says what is wrong with it */ }
    if (told?.choice) store.choice = { ...store.choice, ...told.choice };
    order({ do: "open", file: told });
    event.target.value = "";
  };
  const link = (kind, title) => (runs() ? html`<a id=${`export-${kind}`} class="button" href=${`/simulator/run.${kind}`} download>${title}</a>` : nothing);
  return html`<div class="row">${link("json", "Save as JSON")} ${link("svg", "Save as SVG")}
    <label class="button">Open and play again<input id="open" type="file" accept=".json,application/json" class="hidden-input" @change=${open}></label></div>`;
}

export function drawView() {
  const { figures } = store;
  const keys = [...store.keys].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const axis = (event) => { view.axis = event.target.value; view.end = null; refresh(); };
  const span = (factor) => () => { view.span[view.axis] = Math.min(1e6, Math.max(1, view.span[view.axis] * factor)); refresh(); };
  put("view", html`<div class="row">
    <label for="axis">Axis</label><select id="axis" @change=${axis}>
      <option value="offset" ?selected=${view.axis === "offset"}>offset</option><option value="time" ?selected=${view.axis === "time"}>time</option></select>
    <label for="lens">Key</label><select id="lens" .value=${view.lens ?? ""} @change=${(event) => { view.lens = event.target.value || null; refresh(); }}>
      <option value="">all keys</option>${keys.map((key) => html`<option value=${key} ?selected=${key === view.lens}>${key}</option>`)}</select>
    <button id="zoom-in" aria-label="Show less of it, larger" @click=${span(0.5)}>+</button>
    <button id="zoom-out" aria-label="Show more of it, smaller" @click=${span(2)}>−</button></div>`);
  put("totals", html`<span id="stored">${figures.stored ?? 0}</span> records, <span id="out-of-order" class=${figures.violations ? "bad-text" : ""}>${figures.violations ?? 0} out of order</span>,
    <span id="duplicates">${figures.duplicates === 1 ? "1 copy" : `${figures.duplicates ?? 0} copies`}</span>`);
  put("scrub", scrub());
  put("violations", violations());
}

function scrub() {
  const far = furthest();
  const { end } = sight();
  const go = (event) => { view.end = Math.max(0, Number(event.target.value)); refresh(); };
  const unit = view.axis === "time" ? "seconds" : "offset";
  const step = view.axis === "time" ? 0.05 : 1;
  const at = instant();
  return html`<div class="row">
    <label for="slider">Look at</label>
    <input id="slider" type="range" min="0" max=${Math.max(step, far + (view.axis === "offset" ? 1 : 0))} step=${step} .value=${String(view.end ?? end)} @input=${go}>
    <label for="jump">${unit}</label><input id="jump" type="number" min="0" step=${step} .value=${view.end === null ? "" : String(+view.end.toFixed(2))} @change=${go}>
    <button id="newest" ?disabled=${view.end === null} @click=${() => { view.end = null; refresh(); }}>Newest</button></div>
    <p id="then" class="soft">${at === null ? nothing : then(at)}</p>`;
}

function then(at) {
  const merged = store.bursts.flat().reduce((sum, burst) => sum + (burst.end <= at ? burst.many : 0), 0);
  const stored = merged + store.lanes.flat().filter((mark) => mark.x <= at).length;
  const wrong = store.violations.filter(({ mark }) => mark.x <= at).length;
  const handled = Object.entries(store.handled).map(([mode, effects]) => {
    let many = 0;
    for (const times of effects.values()) many += times.some(([time]) => time <= at);
    return `${store.hello.modes[mode].toLowerCase()} ${many}`;
  });
  return `At ${at.toFixed(2)} s: ${stored} records, ${wrong} out of order${handled.length ? `; handled: ${handled.join(", ")}` : ""}.`;
}

function violations() {
  const { shortest } = store;
  if (!shortest) return nothing;
  const show = ({ mark }) => () => select(mark, true);
  return html`<p id="shortest"><strong>Shortest counterexample:</strong> ${shortest.text}
    <button id="show-shortest" @click=${show(shortest)}>Show</button></p>`;
}

export function select(mark, move) {
  if (!mark) return;
  view.selected = mark;
  if (move) view.end = view.axis === "time" ? mark.x + view.span.time / 2 : mark.offset + view.span.offset / 2;
  code = null;
  refresh();
  drawDetail();
}

export function drawDetail() {
  const mark = view.selected;
  if (!mark) { put("detail", html`<p class="soft">None chosen.</p>`); put("code", nothing); return; }
  const behind = mark.wrong && store.violations.find((violation) => violation.mark === mark)?.behind;
  const sent = store.figures.producers?.[mark.producer - 1];
  const handled = Object.entries(store.handled).map(([mode, effects]) => [mode, effects.get(mark.number) ?? []]);
  put("detail", html`<dl>
    <dt>Message</dt><dd id="detail-name">${mark.key}#${mark.sequence}${mark.copy ? " (a copy)" : ""}
      <button @click=${() => { view.lens = mark.key; refresh(); }}>Only this key</button></dd>
    ${behind ? html`<dt>Out of order</dt><dd class="bad-text">behind ${behind.key}#${behind.sequence}, which lies in partition ${behind.partition}, offset ${behind.offset}</dd>` : nothing}
    <dt>Lies in</dt><dd>partition ${mark.partition}, offset ${mark.offset}, from ${mark.at.toFixed(3)} s</dd>
    <dt>Sent by</dt><dd>${sent ? html`${sent.name} ${site(sent.site)}` : "nobody of this run"}</dd>
    ${handled.map(([mode, times]) => html`<dt>${store.hello.modes[mode]}</dt><dd>${times.length === 0 ? "not handled"
      : times.map(([at, where], index) => html`${index ? html`<br>again ` : ""}after ${Math.max(0, Math.round(1000 * (at - mark.at)))} ms ${site(where)}`)}</dd>`)}
  </dl>`);
  put("code", code ? html`<h3>${code.name}</h3><pre tabindex="0" aria-label="Code">${code.lines.map(([line, text]) =>
    html`<span class=${line === code.line ? "here" : ""}><b>${line}</b> ${text}\n</span>`)}</pre>` : nothing);
}

function site(where) {
  if (!where) return nothing;
  const [place, name] = where.split(" ");
  return html`at <button class="link" @click=${() => showCode(place)}>${place}</button> <span class="soft">${name}</span>`;
}

async function showCode(place) {
  const [name, line] = [place.split(":")[0], Number(place.split(":")[1])];
  const answer = await fetch(`/simulator/code/${encodeURIComponent(name)}`);
  const lines = answer.ok ? (await answer.text()).split("\n") : [];
  const first = Math.max(1, line - 6);
  code = { name: place, line, lines: lines.slice(first - 1, line + 6).map((text, index) => [first + index, text]) };
  drawDetail();
}

// A number that leads to the messages that it counts, one after the other.
function shown(many, what, mode, found) {
  if (!many) return many;
  const next = () => {
    const marks = found(mode);
    select(marks[(marks.indexOf(view.selected) + 1) % marks.length], true);
  };
  return html`<button class="link" aria-label=${`${many} ${what}: show the next`} @click=${next}>${many}</button>`;
}

const lost = (mode) => (store.figures.modes[mode].lost_at ?? []).map((where) => store.places.get(where.join(":"))).filter(Boolean);

function repeated(mode) {
  const often = [...store.handled[mode] ?? []].filter(([number, times]) => times.length > (store.numbers.get(number)?.length ?? Infinity));
  return often.map(([number]) => store.numbers.get(number)[0]);
}

function consumers(lag) {
  const { consumers: found = [], assigned = {} } = store.figures;
  if (!found.length) return nothing;
  const row = ({ mode, number, member, lives, over }) => {
    const own = over ? [] : assigned[mode]?.[member] ?? [];
    const behind = own.reduce((sum, partition) => sum + (lag[mode]?.[partition] ?? 0), 0);
    return html`<tr data-consumer=${member}><th scope="row">${store.hello?.modes[mode]}${number > 1 || found.some((one) => one.mode === mode && one.number > 1) ? ` ${number}` : ""}${over ? " (given up)" : ""}</th>
      <td data-of="partitions">${own.length ? own.join(", ") : "none"}</td><td data-of="lag">${behind}</td><td data-of="lives">${lives}</td></tr>`;
  };
  return html`<h3>Consumers</h3><div class="scroll" tabindex="0" role="region" aria-label="Consumers"><table><thead><tr><th scope="col">Consumer</th>
    <th scope="col">Partitions</th><th scope="col">Lag</th><th scope="col">Lives</th></tr></thead><tbody>${found.map(row)}</tbody></table></div>`;
}

export function drawCounts() {
  const { modes = {}, producers = [] } = store.figures;
  const { lag = {}, zero = {}, p50 = {}, p95 = {} } = store.samples.at(-1) ?? {};
  put("counts", Object.keys(modes).length === 0 ? html`<p class="soft">No delivery mode was chosen: messages are sent, and nobody reads them.</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-label="Delivery modes"><table><thead><tr><th scope="col">Mode</th><th scope="col">Handled</th><th scope="col">Lost</th>
      <th scope="col">Repeated</th><th scope="col">Lag</th><th scope="col">Zero in</th><th scope="col">Median, ms</th><th scope="col">95 %, ms</th></tr></thead>
      <tbody>${Object.entries(modes).map(([mode, told]) => html`<tr data-mode=${mode}><th scope="row">${store.hello?.modes[mode]}</th><td data-of="handled">${told.handled}</td>
        <td data-of="lost" class=${told.lost ? "bad-text" : ""}>${shown(told.lost, "lost", mode, lost)}</td>
        <td data-of="repeated" class=${told.repeated ? "warn-text" : ""}>${shown(told.repeated, "repeated", mode, repeated)}</td>
        <td data-of="lag">${(lag[mode] ?? []).reduce((sum, one) => sum + one, 0)}</td><td>${zero[mode] === null || zero[mode] === undefined ? "–" : `${zero[mode].toFixed(1)} s`}</td>
        <td>${figure(p50[mode])}</td><td>${figure(p95[mode])}</td></tr>`)}</tbody></table></div>`);
  put("readers", consumers(lag));
  put("senders", producers.length === 0 ? html`<p class="soft">None yet.</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-label="Producers"><table><thead><tr><th scope="col">Producer</th><th scope="col">Sent</th><th scope="col">Acknowledged</th>
      <th scope="col">Failed</th><th scope="col">Under way</th><th scope="col">Lives</th></tr></thead>
      <tbody>${producers.map((told, index) => html`<tr data-producer=${index + 1}><th scope="row">${index + 1}${told.over ? " (given up)" : ""}</th><td data-of="sent">${told.sent}</td>
        <td data-of="delivered">${told.delivered}</td><td data-of="failed" class=${told.failed ? "bad-text" : ""}>${told.failed}</td><td>${told.unsettled}</td><td data-of="lives">${told.lives}</td></tr>`)}</tbody></table></div>`);
  if (analysis && analysis.run !== store.run) analysis = null;
  put("analysis", html`<p><button id="analyse" ?disabled=${!runs()} @click=${analyse}>Ask analyze_message_order</button></p>
    <div role="status">${analysis ? told(analysis) : nothing}</div>`);
  put("chart-choice", Object.keys(modes).length < 2 ? nothing : html`<label for="lag-of">Lag of</label> <select id="lag-of" @change=${(event) => { view.mode = event.target.value; refresh(); }}>
    ${Object.keys(modes).map((mode) => html`<option value=${mode} ?selected=${mode === view.mode}>${store.hello?.modes[mode]}</option>`)}</select>`);
}

async function analyse() {
  const { run } = store;
  analysis = { run, waits: true };
  drawCounts();
  const answer = await fetch("/simulator/analysis");
  analysis = answer.ok ? { run, ...await answer.json() } : null;
  drawCounts();
}

function told({ waits, said, theirs, kit }) {
  if (waits) return html`<p class="soft">Asked …</p>`;
  if (said) return html`<p class="bad-text">${said}</p>`;
  const same = theirs.inversions === kit.inversions && theirs.duplicates === kit.duplicates;
  return html`<p id="analysis-said">Of ${theirs.messages} records it says: inversions ${theirs.inversions}, duplicates ${theirs.duplicates}, gaps ${theirs.gaps}, scattered keys ${theirs.scattered}.
    ${same ? "The kit has found the same." : `The kit has found: inversions ${kit.inversions}, duplicates ${kit.duplicates}.`}</p>`;
}

const LINES = 60;

export function drawLog() {
  const at = instant() ?? Infinity;
  const events = store.log.filter((line) => line.at <= at).slice(-LINES);
  const marks = view.messages ? recent(at) : [];
  const lines = [...events, ...marks].sort((a, b) => b.at - a.at).slice(0, LINES);
  put("log-choice", html`<label class="tick"><input type="checkbox" id="log-messages" .checked=${view.messages} @change=${(event) => { view.messages = event.target.checked; refresh(); }}> messages</label>`);
  put("log", html`${lines.map((line) => html`<li class=${line.kind ?? ""}><time>${line.at.toFixed(3)}</time>
    ${line.mark ? html`<button class="link" aria-current=${line.mark === view.selected} @click=${() => select(line.mark, false)}>${line.text}</button>` : line.text}</li>`)}`);
}

function recent(at) {
  const found = [];
  if (view.selected) found.push(view.selected);
  for (const lane of store.lanes) {
    for (let index = lane.length - 1, left = 25; index >= 0 && left > 0; index -= 1) {
      const mark = lane[index];
      if (mark.x <= at && mark !== view.selected && (view.lens === null || mark.key === view.lens)) { found.push(mark); left -= 1; }
    }
  }
  return found.map((mark) => ({ at: mark.at, mark, text: `${mark.key}#${mark.sequence} in partition ${mark.partition}, offset ${mark.offset}, by producer ${mark.producer}` }));
}
