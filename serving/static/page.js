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

function shown(said, milliseconds) {
  return [
    line(["strong", said.label, "label"], ["span", " with probability "], ["strong", said.probability.toFixed(4)]),
    line(["span", `${milliseconds.toFixed(1)} ms from your browser and back, by `], ["code", said.version],
      ["span", ", id "], ["code", said.id]),
  ];
}

async function ask(event) {
  event.preventDefault();
  const fields = [...form.elements].filter((field) => field.name);
  const body = JSON.stringify(Object.fromEntries(fields.map((field) => [field.name, valueOf(field)])));
  const started = performance.now();
  try {
    const reply = await fetch("predict", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const said = await reply.json();
    const took = performance.now() - started;
    answer.replaceChildren(...(reply.ok ? shown(said, took) : [line(["span", said.error, "warn"])]));
  } catch {
    answer.replaceChildren(line(["span", "The server does not answer.", "warn"]));
  }
}

form.addEventListener("submit", ask);
