"use strict";
// What Django's own pages leave unsaid to whoever hears them: a picture that is one, a head of a column that is none.
addEventListener("load", () => {
  for (const tip of document.querySelectorAll(".help-tooltip[aria-label]")) tip.setAttribute("role", "img");
  for (const head of document.querySelectorAll(".inline-group thead th:empty")) {
    const blank = document.createElement("td");
    blank.className = head.className;
    head.replaceWith(blank);
  }
});
