"use strict";
// Asks every two seconds for what came in, while the page is seen and not paused, and puts it on top. Whoever listens is
// told now and then how many came, not of each.
(() => {
  const EVERY = 2000;
  const TOLD = 10000;
  const MOST = 200;
  const rows = document.getElementById("tail");
  const said = document.getElementById("arrived");
  const pause = document.getElementById("pause");
  if (!rows) return;
  const { live, paused: stopped, away, new: fresh } = said.dataset;
  let paused = false;
  let number = 0;
  let toldAt = 0;
  const say = (text) => { if (said.textContent !== text) said.textContent = text; };
  const add = (html) => {
    const known = new Set([...rows.children].map((row) => row.dataset.id));
    const part = document.createElement("tbody");
    part.innerHTML = html;
    const came = [...part.children].filter((row) => !known.has(row.dataset.id));
    for (const row of came) row.classList.add("new");
    rows.prepend(...came);
    while (rows.children.length > MOST) rows.lastElementChild.remove();
    number += came.length;
    document.getElementById("nothing").hidden = rows.children.length > 0;
  };
  const tell = () => {
    if (Date.now() - toldAt < TOLD) return;
    toldAt = Date.now();
    say(number ? fresh.replace("{number}", number) : live);
  };
  const ask = async () => {
    const asked = new URLSearchParams({ after: rows.firstElementChild?.dataset.id ?? "" });
    if (rows.dataset.source) asked.set("source", rows.dataset.source);
    const answer = await fetch(`?${asked}`);
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const html = await answer.text();
    // What was asked for before somebody paused is asked for again afterwards.
    if (html && !paused) add(html);
  };
  const look = async () => {
    if (!paused && !document.hidden) {
      try {
        await ask();
        if (!paused) tell();
      } catch {
        toldAt = 0;
        if (!paused) say(away);
      }
    }
    setTimeout(look, EVERY);
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    toldAt = 0;
    say(paused ? stopped : live);
  });
  say(live);
  toldAt = Date.now();
  setTimeout(look, EVERY);
})();
