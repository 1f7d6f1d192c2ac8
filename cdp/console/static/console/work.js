"use strict";
// Follows work under way: its part of the page is asked for anew until it is over, then the page.
(() => {
  const EVERY = 4000;
  const part = document.getElementById("work");
  const look = async () => {
    try {
      const answer = await fetch(part.dataset.address);
      if (answer.status === 204) {
        location.reload();
        return;
      }
      if (answer.ok && !answer.redirected) part.innerHTML = await answer.text();
    } catch {
      // The network is away: the next look may find it again.
    }
    setTimeout(look, EVERY);
  };
  if (part) setTimeout(look, EVERY);
})();
