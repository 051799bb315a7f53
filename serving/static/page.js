// What the page does beyond plain HTML: the form asks /predict itself and shows the time that the caller waited.
"use strict";

const form = document.getElementById("form");
const answer = document.getElementById("answer");

function valueOf(field) {
  if (field.value === "") return null;
  if (field.dataset.kind === "boolean") return field.value === "true";
  if (field.dataset.kind === "integer" || field.dataset.kind === "number") return Number(field.value);
  return field.value;
}

function line(...parts) {
  const paragraph = document.createElement("p");
  for (const [tag, text, style] of parts) {
    const piece = document.createElement(tag);
    piece.textContent = text;
    if (style) piece.className = style;
    paragraph.append(piece);
  }
  return paragraph;
}

const short = (number) => (number === null ? "no number" : `${Number(number.toPrecision(5))}`);

function interval(said) {
  if (said.low === null) return [];
  return [["span", ", between "], ["strong", short(said.low)], ["span", " and "], ["strong", short(said.high)]];
}

function bar(name, figure, start, end) { // one row; the bar goes from start to end, per cent of its place
  const row = document.createElement("tr");
  row.innerHTML = `<th scope="row"></th><td class="time"></td><td class="bar" aria-hidden="true">
    <svg preserveAspectRatio="none" viewBox="0 0 100 1"><rect height="1"/></svg></td>`;
  row.querySelector("th").textContent = name;
  row.querySelector(".time").textContent = figure;
  row.querySelector("rect").setAttribute("x", Math.min(start, end));
  row.querySelector("rect").setAttribute("width", Math.abs(end - start));
  return row;
}

function bars(names, rows) {
  const table = document.createElement("table");
  table.className = "bars";
  const head = table.createTHead().insertRow();
  head.append(...names.map((name) => Object.assign(document.createElement("th"), { scope: "col", textContent: name })));
  table.createTBody().append(...rows);
  return table;
}

function parts(said) { // of an answer: an amount, one of several classes, or one of two outcomes
  if ("value" in said) return [line(["strong", `${short(said.value)} ${answer.dataset.unit}`, "label"], ...interval(said))];
  if (!said.probabilities) {
    return [line(["strong", said.label, "label"], ["span", " with probability "], ["strong", said.probability.toFixed(4)])];
  }
  const rows = Object.entries(said.probabilities).map(([name, share]) => bar(name, share.toFixed(4), 0, 100 * share));
  return [line(["strong", said.label, "label"]), bars(["Label", "Probability"], rows)];
}

function why(said) { // bars from the middle to both sides, the largest contribution first
  if (!said.explanation) return [];
  const { of: what, base, score, fields, note } = said.explanation;
  const entries = Object.entries(fields).sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
  const largest = Math.max(...entries.map(([, value]) => Math.abs(value))) || 1;
  const signed = (value) => `${value < 0 ? "" : "+"}${Number(value.toPrecision(4))}`;
  const rows = entries.map(([name, value]) => bar(name, signed(value), 50, 50 + (50 * value) / largest));
  const table = bars(["Field", "Contribution"], rows);
  const average = base === null ? "" : `: ${Number(base.toPrecision(4))} on average, ${Number(score.toPrecision(4))} here`;
  table.createCaption().textContent = `What each field contributed to the ${what}${average}; ${note}`;
  return [table];
}

function shown(said, milliseconds) {
  return [
    ...parts(said),
    ...why(said),
    line(["span", `${milliseconds.toFixed(1)} ms from your browser and back, by `], ["code", said.version],
      ["span", ", id "], ["code", said.id]),
  ];
}

async function ask(event) {
  event.preventDefault();
  const fields = [...form.elements].filter((field) => field.dataset.kind);
  const address = event.submitter?.name === "explain" ? "predict?explain=true" : "predict";
  const body = JSON.stringify(Object.fromEntries(fields.map((field) => [field.name, valueOf(field)])));
  const started = performance.now();
  try {
    const reply = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const said = await reply.json();
    const took = performance.now() - started;
    answer.replaceChildren(...(reply.ok ? shown(said, took) : [line(["span", said.error, "warn"])]));
  } catch {
    answer.replaceChildren(line(["span", "The server does not answer.", "warn"]));
  }
}

form.addEventListener("submit", ask);

// Live figures: the server counts since its start, the page shows what happened between two looks.

const pause = 2000; // milliseconds
const live = document.getElementById("live");

function inUnits(seconds) {
  const [size, unit] = seconds >= 1 ? [1, "s"] : seconds >= 1e-3 ? [1e-3, "ms"] : [1e-6, "µs"];
  return `${(seconds / size).toPrecision(3)} ${unit}`;
}

function quantile(share, edges, counts) {
  const wanted = share * counts.at(-1);
  let low = 0, before = 0;
  for (const [place, edge] of edges.entries()) {
    if (counts[place] >= wanted) return low + ((edge - low) * (wanted - before)) / (counts[place] - before);
    [low, before] = [edge, counts[place]];
  }
  return edges.at(-1);
}

function write(name, text) {
  live.querySelector(`[data-live="${name}"]`).textContent = text;
}

function showRoles(roles) {
  const shares = { champion: roles.champion ? 1 - roles.challenger_share : 0, challenger: roles.challenger_share, shadow: 0 };
  for (const role of Object.keys(shares)) {
    live.querySelector(`[data-role="${role}"]`).textContent = roles[role] ?? "none";
    live.querySelector(`[data-share="${role}"]`).textContent = `${+(100 * shares[role]).toPrecision(6)} %`;
  }
}

function show(now, before, seconds) {
  const counts = now.counts.map((count, place) => count - (before.counts[place] ?? 0));
  const some = counts.length > 0 && counts.at(-1) > 0;
  write("rate", ((now.requests - before.requests) / seconds).toFixed(some ? 1 : 0));
  write("rate-unit", "each second");
  write("p50", some ? inUnits(quantile(0.5, now.edges, counts)) : "none now");
  write("p99", some ? inUnits(quantile(0.99, now.edges, counts)) : "none now");
  const agreed = `${((100 * now.agreed) / now.compared).toFixed(1)} % of ${now.compared.toLocaleString("en")}`;
  write("shadow", now.compared ? agreed : "no shadow");
  showRoles(now.roles);
}

function told() {
  const problems = [...document.querySelectorAll("header [role=status]")].map((one) => one.textContent);
  return JSON.stringify([document.querySelector("header").dataset.version || null, problems]);
}

async function tellAgain() { // another version answers, or something else is wrong: what was said of it is old
  const reply = await fetch(".");
  if (!reply.ok) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  document.title = page.title;
  for (const part of ["header", "#measured"]) document.querySelector(part).replaceWith(page.querySelector(part));
}

async function look() {
  try {
    const reply = await fetch("live");
    if (!reply.ok) return null;
    const [figures, when] = [await reply.json(), performance.now()];
    if (JSON.stringify([figures.roles.champion, figures.problems]) !== told()) await tellAgain();
    return { figures, when };
  } catch {
    return null; // the server is away for a moment: the figures stay as they were
  }
}

async function watch(before) {
  const now = document.hidden ? null : await look();
  if (now && before) show(now.figures, before.figures, (now.when - before.when) / 1000);
  setTimeout(watch, pause, now ?? before);
}

if (live) watch(null);
