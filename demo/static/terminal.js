"use strict";

const TIMEOUT_MS = 60000;
const log = document.getElementById("log");
const form = document.getElementById("ask");
const input = document.getElementById("query");
const button = form.querySelector("button");

async function send(path, body) {
  const response = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error.problem} ${answer.error.fix}`);
  return answer;
}

function reason(error) {
  return error.name === "TimeoutError" ? `No answer within ${TIMEOUT_MS / 1000} s.` : error.message;
}

function addExchange(query) {
  const item = document.getElementById("exchange").content.cloneNode(true).firstElementChild;
  item.querySelector(".question").textContent = query;
  item.querySelector(".answer").textContent = "…";
  item.querySelector(".votes").hidden = true;
  log.append(item);
  log.scrollTop = log.scrollHeight;
  return item;
}

function showAnswer(item, answer, ms) {
  const sure = Math.round(answer.confidence * 100);
  item.querySelector(".answer").textContent = answer.answer;
  item.querySelector(".facts").textContent = `${answer.complexity} · ${ms} ms · ${sure} % sure`;
  const votes = item.querySelector(".votes");
  votes.hidden = false;
  votes.addEventListener("click", (event) => vote(event.target, votes, answer.request_id));
}

async function vote(target, votes, requestId) {
  if (!target.dataset.vote) return;
  const thanks = votes.querySelector(".thanks");
  const buttons = votes.querySelectorAll("button");
  buttons.forEach((each) => { each.disabled = true; });
  try {
    await send("/api/ai/feedback", { request_id: requestId, feedback: target.dataset.vote });
    target.setAttribute("aria-pressed", "true");
    thanks.textContent = "noted";
  } catch (error) {
    thanks.textContent = reason(error);
    buttons.forEach((each) => { each.disabled = false; });
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const query = input.value.trim();
  if (!query) return;
  const item = addExchange(query);
  const started = performance.now();
  input.value = "";
  button.disabled = true;
  try {
    const body = { query, include_ml_predictions: true, enable_user_feedback: true };
    const answer = await send("/api/ai/query", body);
    showAnswer(item, answer, Math.round(performance.now() - started));
  } catch (error) {
    item.classList.add("failed");
    item.querySelector(".answer").textContent = reason(error);
  } finally {
    button.disabled = false;
    input.focus();
    log.scrollTop = log.scrollHeight;
  }
});

send("/healthz")
  .then((health) => { document.getElementById("status").textContent = `${health.passages} passages · models ${health.pgml}`; })
  .catch((error) => { document.getElementById("status").textContent = reason(error); });
