// The builder of rules. It reads and writes the JSON of the form's rule field, which stays the only thing that is sent;
// the server alone says what is right: the sentence, the counts and the mistakes shown here are its answers.
import { parse, print } from "./rule/json.js";
import { read, write } from "./rule/shape.js";
import { make, page, told as offered } from "./rule/controls.js";
import { draw } from "./rule/draw.js";

const QUIET = 700;
const field = document.getElementById("id_rule");

const begin = ({ words }) => {
  const builder = make("div", { className: "builder" });
  const json = make("details", { className: "as-json" }, make("summary", { textContent: words.json }));
  const said = make("p", { className: "visually-hidden", said: { role: "status" } });
  let rule = null;
  // Whether the rule is one condition alone, shown as a group of it: then its places begin after that of the group.
  let alone = false;
  // Where each part stands, in which group at which place, and how many each leaves, as the server last said.
  const drawn = { places: new Map(), counted: {} };
  const placed = (path) => (alone ? `/all/0${path}` : path);
  const parsed = () => { try { return parse(field.value); } catch { return undefined; } };
  const drawAll = () => { drawn.places = new Map(); builder.replaceChildren(draw(rule, "", drawn)); };
  const show = () => {
    const asked = parsed();
    if (asked === undefined) { builder.replaceChildren(make("p", { className: "empty", textContent: words.unreadable })); return; }
    const whole = read(asked);
    alone = !whole.parts;
    rule = alone ? { kind: "all", parts: [whole] } : whole;
    drawAll();
  };
  const focusable = () => [...builder.querySelectorAll("select, input, button")];
  page.changed = () => { field.value = print(write(rule)); alone = false; later(); };
  page.redraw = () => {
    const at = focusable().indexOf(document.activeElement);
    drawAll();
    const now = focusable();
    if (at >= 0 && now.length) now[Math.min(at, now.length - 1)].focus();
    page.changed();
  };
  // The part at `from` becomes number `at` of the group at `into`, counted before it is taken out of its own.
  const move = ({ from, into, at }) => {
    const { part, group, at: was } = drawn.places.get(from);
    const target = drawn.places.get(into).part;
    if (`${into}/`.startsWith(`${from}/`)) return;
    group.parts.splice(was, 1);
    const place = group === target && was < at ? at - 1 : at;
    target.parts.splice(place, 0, part);
    drawAll();
    const path = [...drawn.places].find(([, one]) => one.part === part)[0];
    builder.querySelector(`[data-path="${path}"] .handle`).focus();
    said.textContent = words.moved.replace("{place}", place + 1).replace("{number}", target.parts.length);
    page.changed();
  };
  builder.addEventListener("rule-move", (event) => move(event.detail));

  // --- the server's answers ---

  let waiting = null;
  let asking = null;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(ask, QUIET); };
  const ask = async () => {
    if (asking) asking.abort();
    asking = new AbortController();
    const body = new FormData(field.form);
    body.set("_preview", "");
    try {
      const answer = await fetch(location.href, { method: "POST", body, signal: asking.signal });
      if (answer.ok && !answer.redirected) told(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // Another question followed, or the network is away.
    }
  };
  const told = (answer) => {
    const [here, there] = [document, answer].map((one) => one.querySelector(".field-in_words .readonly"));
    if (here && there) here.textContent = there.textContent;
    const preview = answer.querySelector(".preview");
    const old = document.querySelector(".preview");
    if (old) old.remove();
    // Below what somebody may be writing in or about to press: none of it may move.
    if (preview) json.after(document.importNode(preview, true));
    count(answer);
    mark([...answer.querySelectorAll(".field-rule .errorlist li")].map((one) => one.textContent));
  };
  const count = (answer) => {
    const rows = [...answer.querySelectorAll("[data-clause]")];
    drawn.counted = Object.fromEntries(rows.map(({ dataset }) => [placed(dataset.clause), dataset.left]));
    for (const one of builder.querySelectorAll(".left")) {
      one.textContent = drawn.counted[one.closest("[data-path]").dataset.path] ?? "";
      one.classList.remove("stale");
    }
  };
  const placeOf = (element) => element.dataset.place ?? element.dataset.path;
  const mark = (mistakes) => {
    for (const one of document.querySelectorAll(".field-rule .errorlist")) one.remove();
    const places = [...builder.querySelectorAll("[data-path], [data-place]")].sort((a, b) => placeOf(b).length - placeOf(a).length);
    for (const text of mistakes) {
      const [, path, said] = /^(\/\S*): (.*)$/s.exec(text) || [null, "", text];
      const place = places.find((one) => `${placed(path)}/`.startsWith(`${placeOf(one)}/`)) || builder;
      place.append(make("p", { className: "errorlist", textContent: said, said: { role: "alert" } }));
    }
  };
  const row = field.closest(".form-row");
  const written = [...row.childNodes];
  row.append(said, builder, json);
  json.append(...written);
  field.addEventListener("input", () => { show(); later(); });
  for (const button of document.querySelectorAll("[data-rule]")) {
    button.hidden = false;
    button.addEventListener("click", () => { field.value = button.dataset.rule; show(); builder.scrollIntoView({ block: "center" }); later(); });
  }
  const mistakes = [...document.querySelectorAll(".field-rule .errorlist li")].map((one) => one.textContent);
  show();
  count(document);
  if (mistakes.length) mark(mistakes);
  else if (!document.querySelector(".preview")) ask();
};

if (field && offered && !field.readOnly) begin(offered);
