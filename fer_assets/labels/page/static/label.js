// Keys, and one question after another without a reload. Without this script each answer is a
// form of its own; nothing here is needed to answer.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const desk = $("desk");
  const templates = $("questions");

  const aside = () => document.querySelector("details[name=aside][open]");
  const press = (element) => element && !element.disabled && element.click();

  const undo = document.querySelector("#undo button");
  const canUndo = undo && !undo.disabled;

  // ---- one question after another ----------------------------------------------------------
  const said = new Map();
  const before = new Map(); // what was chosen before a step back
  if (desk) {
    for (const input of document.querySelectorAll("#said-inputs [form=final]")) {
      said.set(input.name, input.value);
    }
  }

  const questions = () => [...templates.content.querySelectorAll("fieldset")];
  const isAsked = (field, map) => {
    if (!field.dataset.askedIf) return true;
    const [name, value] = field.dataset.askedIf.split("=");
    return map.get(name) === value;
  };
  const next = (map) =>
    questions().find((f) => isAsked(f, map) && !map.has(f.dataset.question));
  const text = (field, value) =>
    [...field.querySelectorAll("button")].find((b) => b.value === value).dataset.text;

  function show() {
    const inputs = $("said-inputs");
    inputs.replaceChildren();
    for (const [name, value] of said) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      input.setAttribute("form", "final");
      inputs.append(input);
    }
    const list = $("summary");
    list.replaceChildren();
    for (const field of questions()) {
      const name = field.dataset.question;
      if (!said.has(name)) continue;
      const link = document.createElement("a");
      link.href = "#question";
      link.dataset.back = name;
      link.textContent = text(field, said.get(name));
      const asked = document.createElement("span");
      asked.className = "unseen";
      asked.textContent = `${field.querySelector("legend").textContent} `;
      link.prepend(asked);
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
    undo.disabled = !said.size && !canUndo;
    const field = next(said);
    if (!field) return;
    const shown = field.cloneNode(true);
    for (const button of shown.querySelectorAll("button")) {
      if (before.get(field.dataset.question) === button.value) {
        button.classList.add("chosen");
        button.setAttribute("aria-current", "true");
      }
    }
    $("question").replaceChildren(shown);
    shown.focus({ preventScroll: true });
  }

  let isSent = false;
  function choose(name, value) {
    if (isSent) return;
    said.set(name, value);
    for (const field of questions()) {
      if (!isAsked(field, said)) said.delete(field.dataset.question);
    }
    if (!next(said)) {
      isSent = true;
      show();
      desk.setAttribute("aria-busy", "true");
      $("final").submit();
      return;
    }
    show();
  }

  function backTo(name) {
    const names = questions().map((f) => f.dataset.question);
    for (const later of names.slice(names.indexOf(name))) {
      if (said.has(later)) before.set(later, said.get(later));
      said.delete(later);
    }
    show();
  }

  function back() {
    const last = [...said.keys()].pop();
    if (last !== undefined) backTo(last);
    else press(undo);
  }

  if (desk) {
    desk.addEventListener("click", (event) => {
      const link = event.target.closest("[data-back]");
      const button = event.target.closest("fieldset.question button");
      if (link) {
        event.preventDefault();
        backTo(link.dataset.back);
      } else if (button) {
        event.preventDefault();
        choose(button.name, button.value);
      }
    });
    undo.addEventListener("click", (event) => {
      if (!said.size) return;
      event.preventDefault();
      back();
    });
    undo.disabled &&= !said.size;
    $("help-link").addEventListener("click", (event) => {
      if (matchMedia("(hover: none) and (pointer: coarse)").matches) return; // no keys there
      event.preventDefault();
      $("help").showModal();
    });
  }

  // A form is sent once, however often its button is pressed.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  // The browser's back button may bring an old copy of the page: ask for the present one.
  addEventListener("pageshow", (event) => event.persisted && location.reload());

  // ---- keys --------------------------------------------------------------------------------
  function toggle(id) {
    const box = $(id);
    if (!box) return;
    box.open = !box.open;
    if (box.open) box.querySelector("input[type=radio]").focus();
    else box.querySelector("summary").focus();
  }

  const commands = {
    s: () => toggle("skip"),
    f: () => toggle("flag"),
    p: () => press(document.querySelector("#pause button")),
    u: () => (desk ? back() : press(undo)),
    "?": () => $("help") && $("help").showModal(),
  };
  commands.Backspace = commands.u;

  addEventListener("keydown", (event) => {
    const target = event.target;
    const isTyping = target.matches("textarea, input[type=text]");
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if ($("help") && $("help").open) return;
    const open = aside();
    if (event.key === "Escape" && open) {
      toggle(open.id);
      return;
    }
    if (isTyping) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.key === "Enter") {
      // a focused control keeps its own Enter
      if (target.matches("a, button, summary, input")) return;
      press(document.querySelector("[data-default], #question .chosen"));
    } else if (open && key >= "1" && key <= "9") {
      const radio = open.querySelectorAll("input[type=radio]")[Number(key) - 1];
      if (radio) {
        radio.checked = true;
        radio.focus();
      }
    } else if (commands[key]) {
      event.preventDefault();
      commands[key]();
    } else if (!open && key.length === 1 && desk) {
      const button = document.querySelector(`#question button[data-key="${CSS.escape(key)}"]`);
      if (button) {
        event.preventDefault();
        press(button);
      }
    }
  });
})();
