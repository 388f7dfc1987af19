// Single keys for the buttons and links that name one in data-key; digits mark crops.
"use strict";
(() => {
  const typing = (element) => element.matches("textarea, select, input:not([type=checkbox])");
  const press = (element) => { element.focus(); element.click(); };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^[0-9]$/.test(key)) {
      const boxes = document.querySelectorAll(".strip.subject input[type=checkbox]");
      const box = boxes[(Number(key) + 9) % 10];
      if (box) { press(box); event.preventDefault(); }
      return;
    }
    const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (target) { press(target); event.preventDefault(); }
  });
  // An answer is sent once, however often the button is hit.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
  });
  // Coming back with the browser's own button the form is fresh again.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
  const marked = document.querySelector("[data-marked]");
  const count = () => {
    const n = document.querySelectorAll(".strip input:checked").length;
    marked.textContent = n ? `${n} marked: only ${n === 1 ? "this face leaves" : "these faces leave"}.` : marked.dataset.marked;
  };
  if (marked) { document.addEventListener("change", count); count(); }
})();
