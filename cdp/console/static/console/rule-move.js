"use strict";
// Moves the parts of a rule by their handles: dragged with any pointer, or by the arrow keys. What it means for the rule is
// for rule.js to say, which hears of it by the event `rule-move`: { from, into } are paths, `at` is a place in the group.
(() => {
  const EDGE = 48;
  const BORDER = 12;
  const PART = ":scope > [data-path]";
  const partsOf = (group) => [...group.querySelectorAll(PART)];
  const pathOf = (element) => element.dataset.path;
  const tell = (element, from, group, at) => {
    element.closest(".builder").dispatchEvent(new CustomEvent("rule-move", { detail: { from, into: pathOf(group), at } }));
  };

  // --- by key ---

  const steps = {
    ArrowUp: (part, group, at) => (at > 0 ? [group, at - 1] : null),
    ArrowDown: (part, group, at) => (at + 1 < partsOf(group).length ? [group, at + 2] : null),
    ArrowLeft: (part, group) => {
      const around = group.parentElement.closest(".group");
      return around ? [around, partsOf(around).indexOf(group) + 1] : null;
    },
    ArrowRight: (part, group, at) => {
      const [before, after] = [partsOf(group)[at - 1], partsOf(group)[at + 1]];
      const into = [before, after].find((one) => one && one.classList.contains("group"));
      return into ? [into, into === before ? partsOf(into).length : 0] : null;
    },
  };
  document.addEventListener("keydown", (event) => {
    const handle = event.target.closest(".builder .handle");
    if (!handle || !steps[event.key]) return;
    event.preventDefault();
    const part = handle.closest("[data-path]");
    const group = part.parentElement.closest(".group");
    const found = steps[event.key](part, group, partsOf(group).indexOf(part));
    if (found) tell(handle, pathOf(part), ...found);
  });

  // --- by pointer ---

  let held = null;
  const marker = document.createElement("div");
  marker.className = "drop-here";
  // The group under the pointer; at the edge of one that lies in another, the other.
  const groupAt = (x, y) => {
    const under = document.elementFromPoint(x, y);
    const group = under && under.closest(".builder .group");
    if (!group || held.part.contains(group)) return held.part.parentElement.closest(".group");
    const { top, bottom } = group.getBoundingClientRect();
    const around = group.parentElement.closest(".group");
    return around && (y < top + BORDER || y > bottom - BORDER) ? around : group;
  };
  const over = (event) => {
    const group = groupAt(event.clientX, event.clientY);
    const parts = partsOf(group);
    const next = parts.find((one) => { const { top, height } = one.getBoundingClientRect(); return event.clientY < top + height / 2; });
    held.target = [group, next ? parts.indexOf(next) : parts.length];
    (next || group.querySelector(":scope > .adder")).before(marker);
    if (event.clientY < EDGE) window.scrollBy(0, -EDGE / 4);
    if (event.clientY > window.innerHeight - EDGE) window.scrollBy(0, EDGE / 4);
  };
  const release = () => {
    if (!held) return null;
    const { part, target } = held;
    held = null;
    part.classList.remove("held");
    marker.remove();
    return target && [part, ...target];
  };
  document.addEventListener("pointerdown", (event) => {
    const handle = event.button === 0 && event.target.closest(".builder .handle");
    if (!handle) return;
    handle.setPointerCapture(event.pointerId);
    held = { part: handle.closest("[data-path]"), target: null };
    held.part.classList.add("held");
  });
  document.addEventListener("pointermove", (event) => { if (held) over(event); });
  document.addEventListener("pointerup", () => {
    const found = release();
    if (found) tell(found[0], pathOf(found[0]), found[1], found[2]);
  });
  document.addEventListener("pointercancel", release);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") release(); });
})();
