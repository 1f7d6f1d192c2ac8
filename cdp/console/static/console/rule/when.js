// When events happened: windows, spans, days of the week and hours.
import { CALENDAR, LENGTHS, WEEKDAYS, unitsOf } from "./shape.js";
import { choose, enter, enterNumber, make, page, piece, remover, row, told, word } from "./controls.js";
import { timeControls } from "./tests.js";

const { words } = told || {};
const LONGER = ["months", "quarters", "years"];
const BY_CALENDAR = ["days", "weeks", ...LONGER];
const units = (names, prefix) => Object.fromEntries(names.map((name) => [prefix + name, words[prefix + name]]));

// --- lengths: numbers of units, each of which may be another ---

const renamed = (held, from, to) => {
  const entries = Object.entries(held).filter(([key]) => key !== "calendar").map(([key, value]) => [key === from ? to : key, value]);
  for (const key of Object.keys(held)) delete held[key];
  Object.assign(held, Object.fromEntries(entries));
};
const lengthControls = (held, choices) => unitsOf(held).flatMap((unit, _at, all) => {
  const others = Object.fromEntries(Object.entries(choices).filter(([name]) => name === unit || !all.includes(name)));
  const offered = all.length > 1 ? Object.fromEntries(Object.entries(others).filter(([name]) => !name.startsWith("calendar_"))) : others;
  return [enterNumber(words.number, held, unit), choose(words.unit, offered, held.calendar ? `calendar_${unit}` : unit, (name) => {
    renamed(held, unit, name.replace("calendar_", ""));
    if (name.startsWith("calendar_")) held.calendar = true;
    page.redraw();
  })];
});
// The length of time under a key.
export const length = (clause, key, path) => piece(`${path}/${key}`, ...lengthControls(clause[key], units(LENGTHS, "")));

// --- periods ---

const day = (ago) => new Date(Date.now() - ago * 864e5).toISOString().slice(0, 10);
const FRESH = {
  ever: () => ({}),
  last: (key) => ({ [key]: { days: 30 } }),
  between: () => ({ between: { from: day(30), to: day(0) } }),
};
// "this_month" and the like say all by themselves.
const NAMED = ["this", "previous"].flatMap((which) => CALENDAR.map((unit) => `${which}_${unit}`));
const fresh = (kind, key) => {
  const [which, unit] = kind.split("_");
  return unit ? { [key]: { [which]: unit } } : FRESH[kind](key);
};
const edge = (held, key) => timeControls(words[key], held[key], (value) => {
  delete held[key];
  if (value !== undefined) held[key] = value;
  page.changed();
}, ["open", "day", "moment", "ago", "calendar"]);
const kindOf = (clause, key) => {
  if ("between" in clause || !(key in clause)) return "between" in clause ? "between" : "ever";
  const which = ["this", "previous"].find((one) => one in clause[key]);
  return which ? `${which}_${clause[key][which]}` : "last";
};
const insides = {
  last: (held) => lengthControls(held, { ...units([...LENGTHS, ...LONGER], ""), ...units(BY_CALENDAR, "calendar_") }),
  between: (held) => [...edge(held, "from"), word("–"), ...edge(held, "to")],
};
// What stands under a key or under "between": which time counts.
export const period = (clause, key, path) => {
  const kind = kindOf(clause, key);
  const held = kind === "between" ? "between" : key;
  const kinds = Object.fromEntries(["ever", "last", ...NAMED, "between"].map((one) => [one, words[`period_${one}`]]));
  const changed = (other) => {
    delete clause[key];
    delete clause.between;
    Object.assign(clause, fresh(other, key));
    page.redraw();
  };
  return piece(`${path}/${held}`, choose(words.when, kinds, kind, changed), ...(insides[kind] || (() => []))(clause[held]));
};

// --- days of the week, hours of the day ---

const weekday = (at, name) => {
  const box = make("input", { type: "checkbox", checked: (at.weekdays || []).includes(name) });
  box.addEventListener("change", () => {
    const days = WEEKDAYS.filter((one) => (one === name ? box.checked : (at.weekdays || []).includes(one)));
    delete at.weekdays;
    if (days.length) at.weekdays = days;
    page.changed();
  });
  return make("label", { className: "day" }, box, words[name]);
};
const clock = (at, key, placeholder) => enter(words[`hour_${key}`], "text", at[key], (text) => {
  delete at[key];
  if (text !== "") at[key] = text;
  page.changed();
}, placeholder);
export const hours = (clause, path) => row(`${path}/at`, words.at, word(words.at), ...WEEKDAYS.map((name) => weekday(clause.at, name)),
  make("span", { className: "piece clock" }, clock(clause.at, "from", "00:00"), word("–"), clock(clause.at, "to", "24:00")), remover(() => { delete clause.at; }));
