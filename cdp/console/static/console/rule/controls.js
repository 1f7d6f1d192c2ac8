// What every part of the builder is made of.
import { number, plain } from "./json.js";

const offered = document.getElementById("rule-vocabulary");
// An event may be called "constructor": names are looked up in what has none of its own.
export const bare = (held) => Object.assign(Object.create(null), held);
// What the server offers: names of traits, events and the rest, and all words.
export const told = offered && JSON.parse(offered.textContent, (_key, value) => (value && typeof value === "object" && !Array.isArray(value) ? bare(value) : value));
// Set by rule.js: `changed` writes the rule, `redraw` draws it anew as well.
export const page = { changed: () => {}, redraw: () => {} };

export const make = (tag, given, ...inside) => {
  const made = Object.assign(document.createElement(tag), given);
  for (const [name, value] of Object.entries((given && given.said) || {})) made.setAttribute(name, value);
  made.append(...inside.filter((one) => one !== null));
  return made;
};
export const choose = (name, choices, value, change) => {
  const known = Object.hasOwn(choices, value) ? choices : { ...choices, [value]: value };
  const options = Object.entries(known).map(([key, text]) => make("option", { value: key, textContent: text, title: key }));
  const control = make("select", { said: { "aria-label": name } }, ...options);
  control.value = value;
  control.addEventListener("change", () => change(control.value));
  return control;
};
export const enter = (name, type, value, change, placeholder = name) => {
  const control = make("input", { type, value: plain(value) ?? "", placeholder, said: { "aria-label": name, autocomplete: "off" } });
  if (type === "number") control.step = "any";
  control.addEventListener("input", () => change(control.value));
  return control;
};
export const enterNumber = (name, held, key) => enter(name, "number", held[key], (text) => { held[key] = number(text); page.changed(); });
// What is drawn anew while somebody presses a button would take it from under them.
let pressed = false;
document.addEventListener("pointerdown", () => { pressed = true; }, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { pressed = false; }, true);
const soon = (act) => (pressed ? document.addEventListener("pointerup", () => setTimeout(act), { once: true }) : setTimeout(act));
let suggestions = 0;
// A list of what may be written, asked for when somebody comes to the control.
const suggested = (control, options) => {
  const listed = make("datalist", { id: `rule-names-${(suggestions += 1)}` });
  control.setAttribute("list", listed.id);
  control.addEventListener("focus", () => listed.replaceChildren(...options()));
  return [control, listed];
};
// A text, with those that many people have.
export const enterText = (name, value, change, values = []) => {
  const control = enter(name, "text", value, change);
  return values.length ? suggested(control, () => values.map((one) => make("option", { value: one }))) : [control];
};
// A name that the product knows is shown and may be written by its word; any other as it is. `names` are asked for when
// somebody comes to it; `left` is told when one has left another name.
export const named = (said, names, wordOf, value, change, left = () => {}) => {
  const heard = (text) => Object.keys(wordOf).find((name) => wordOf[name] === text) ?? text;
  const control = enter(said, "text", wordOf[value] ?? value, (text) => { control.title = heard(text); change(control.title); });
  control.title = value;
  control.addEventListener("change", () => soon(left));
  return suggested(control, () => names().map((name) => make("option", { value: wordOf[name] ?? name, textContent: name in wordOf ? name : "" })));
};
export const press = (className, textContent, name, act) => {
  const button = make("button", { type: "button", className, textContent, title: name, said: name === textContent ? {} : { "aria-label": name } });
  button.addEventListener("click", () => { act(); page.redraw(); });
  return button;
};
export const remover = (remove, name = told.words.remove) => press("remove", "×", name, remove);
export const adder = (word, add) => press("more", `＋ ${word}`, `＋ ${word}`, add);
export const word = (textContent) => make("span", { className: "word", textContent });
// A sentence with controls where its {names} stand, in the order of the reader's language.
export const phrase = (template, controls) => template.split(/\{(\w+)\}/).flatMap((text, at) => (at % 2 ? controls[text] : text.trim() ? word(text.trim()) : []));
// A piece of a part, at whose place the mistakes about it are shown.
export const piece = (place, ...inside) => make("span", { className: "piece", said: { "data-place": place } }, ...inside);
export const row = (place, name, ...inside) => make("div", { className: "row", said: { role: "group", "aria-label": name, "data-place": place } }, ...inside);
