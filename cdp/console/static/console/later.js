"use strict";
// Asks for the parts of a page that take longer than the page itself, and puts each in its place.
(() => {
  const ask = async (part) => {
    try {
      const answer = await fetch(part.dataset.later);
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      part.innerHTML = await answer.text();
    } catch {
      part.textContent = part.dataset.failed;
    }
    part.removeAttribute("aria-busy");
  };
  document.querySelectorAll("[data-later]").forEach(ask);
})();
