// Fills the places of the page from zerg.json each half second, and pauses while the page is hidden. Text only: never HTML.
"use strict";

const EVERY_MS = 500;
const PATIENCE_MS = 5000;
const pairs = document.getElementById("pairs");
const silent = document.getElementById("silent");
let timer = 0;

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function fill(element, texts) {
  for (const place of element.querySelectorAll("[data-text]")) {
    const text = texts[place.dataset.text];
    if (text !== undefined) set(place, text);
  }
}

function list(element, lines) {
  while (element.children.length > lines.length) element.lastElementChild.remove();
  while (element.children.length < lines.length) element.append(document.createElement("li"));
  lines.forEach((line, number) => set(element.children[number], line));
}

function offer(element, names) {
  for (const button of element.querySelectorAll("[data-action]")) button.hidden = !names.includes(button.dataset.action);
}

function show(section, texts) {
  fill(section, texts);
  list(section.querySelector(".problems"), texts.problems);
  list(section.querySelector(".history"), texts.history);
  offer(section.querySelector(".actions"), texts.offered);
  section.querySelectorAll("[data-program]").forEach((row, number) => {
    row.dataset.condition = texts.instances[number].condition;
    fill(row, texts.instances[number]);
    offer(row, texts.instances[number].offered);
  });
}

async function update() {
  const answer = await fetch("zerg.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(answer.statusText);
  const view = await answer.json();
  // Other pairs or programs, or another supervisord: the forms of this page would not do.
  if (view.edition !== pairs.dataset.edition) return location.assign("zerg.html");
  const sections = pairs.querySelectorAll(".pair");
  view.texts.forEach((texts, number) => show(sections[number], texts));
}

async function tick() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    await update();
    silent.hidden = true;
  } catch (error) {
    silent.hidden = false;
  }
  clearTimeout(timer);
  timer = setTimeout(tick, EVERY_MS);
}

if (pairs) {
  document.addEventListener("visibilitychange", tick);
  timer = setTimeout(tick, EVERY_MS);
}
