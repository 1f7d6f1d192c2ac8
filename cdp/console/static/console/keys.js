"use strict";
// Letters press the buttons that name them, outside of fields; whoever speaks or slips can turn that off (WCAG 2.1.4).
(() => {
  const KEPT = "letters-alone";
  const alone = document.getElementById("letters-alone");
  if (!alone) return;
  alone.checked = localStorage.getItem(KEPT) !== "off";
  alone.closest("label").hidden = false;
  const tell = () => { document.getElementById("access-keys").hidden = alone.checked; };
  alone.addEventListener("change", () => {
    localStorage.setItem(KEPT, alone.checked ? "on" : "off");
    tell();
  });
  tell();
  // In Hangul the key says what it would write, so its place is asked.
  const letter = (event) => (/^[a-z]$/i.test(event.key) ? event.key : event.code.replace(/^Key/, "")).toLowerCase();
  addEventListener("keydown", (event) => {
    const writing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
    // A key that is held would decide the case that follows, too.
    if (!alone.checked || writing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const button = document.querySelector(`button[data-letter="${CSS.escape(letter(event))}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  });
})();
