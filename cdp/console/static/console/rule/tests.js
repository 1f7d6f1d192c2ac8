// Operators and the values that they compare with.
import { isNumber, number, plain } from "./json.js";
import { isDaysAgo, isThis } from "./shape.js";
import { choose, enter, enterNumber, enterText, make, page, told, word } from "./controls.js";

const { words, ops, timeOps, opsOf } = told || {};
const DAY = /^(\d{4}-\d\d-\d\d)?$/;
const TIMES = ["date", "moment"];
const MONTHS = /month/i;
const isoDay = (daysAgo) => new Date(Date.now() - daysAgo * 864e5).toISOString().slice(0, 10);

// --- values ---

const daysAgo = (days, calendar) => (calendar ? { days_ago: days, calendar: true } : { days_ago: days });
const MADE = {
  open: () => undefined,
  day: () => isoDay(30),
  moment: () => `${new Date().toISOString().slice(0, 16)}Z`,
  ago: () => daysAgo(30),
  calendar: () => daysAgo(30, true),
  number: () => 1,
  this: () => ({ this: "month" }),
};
const kindOf = (value) => {
  if (value === undefined) return "open";
  if (isDaysAgo(value)) return value.calendar ? "calendar" : "ago";
  return isThis(value) ? "this" : isNumber(value) ? "number" : DAY.test(value) ? "day" : "moment";
};
const enterTime = (name, value, change) => {
  if (isDaysAgo(value)) return [enterNumber(words.days, value, "days_ago")];
  return value === undefined ? [] : [enter(name, DAY.test(value) ? "date" : "text", value, change)];
};
const ofKinds = (name, kinds, value, change, enters) => {
  const choices = Object.fromEntries(kinds.map((kind) => [kind, words[`value_${kind}`]]));
  return [choose(name, choices, kindOf(value), (kind) => { change(MADE[kind]()); page.redraw(); }), ...enters];
};
// A day, a moment or so many days ago; with "open" among the kinds also none of them.
export const timeControls = (name, value, change, kinds = ["day", "ago", "calendar"]) =>
  ofKinds(name, kindOf(value) === "moment" ? [...kinds, "moment"] : kinds, value, change, enterTime(name, value, change));
const typed = (type, text) => (type === "number" || type === "measure" ? number(text) : text);
const oneControls = (type, months, name, value, change, values) => {
  if (type === "boolean") return [choose(name, { true: words.yes, false: words.no }, String(value), (text) => change(text === "true"))];
  if (TIMES.includes(type) || isDaysAgo(value)) return timeControls(name, value, change, type === "moment" ? ["day", "moment", "ago", "calendar"] : undefined);
  const numeric = type === "number" || type === "measure";
  const given = (text) => change(typed(type, text));
  const asNumber = numeric && (isNumber(value) || value === "");
  const enters = isThis(value) ? [] : asNumber ? [enter(name, "number", value, given)] : enterText(name, value, given, values);
  return numeric && (months || isThis(value)) ? ofKinds(name, ["number", "this"], value, change, enters) : enters;
};

// --- lists: values with commas between, those that hold one in quotation marks ---

const AGO = () => Object.entries({ ago: words.days_ago, calendar: words.calendar_days_ago });
const spelt = (value) => {
  if (isThis(value)) return words.value_this;
  if (isDaysAgo(value)) return words[value.calendar ? "calendar_days_ago" : "days_ago"].replace("{n}", plain(value.days_ago));
  const text = String(plain(value));
  return typeof value === "string" && /^\s|[,"]|\s$/.test(text) ? JSON.stringify(text) : text;
};
const heard = (type, text) => {
  if (text === words.value_this) return MADE.this();
  for (const [kind, told] of AGO()) {
    const [before, after] = told.split("{n}");
    const days = text.slice(before.length, text.length - after.length);
    if (text === before + days + after && /^\d+$/.test(days)) return daysAgo(Number(days), kind === "calendar");
  }
  if (text[0] === '"') try { return JSON.parse(text); } catch { return text; }
  return type === "boolean" && ["true", "false"].includes(text) ? text === "true" : typed(type, text);
};
const split = (text) => (text.match(/\s*"(?:[^"\\]|\\.)*"\s*|[^,]+/g) || []).map((one) => one.trim()).filter((one) => one !== "");
const listControl = (type, value, change) => enter(words.comma, "text", value.map(spelt).join(", "), (text) => change(split(text).map((one) => heard(type, one))));

// --- operators ---

const SHAPES = { between: "pair", in: "list", not_in: "list", since: "days", before: "days", birthday_within: "coming", exists: "", not_exists: "" };
const shape = (op) => SHAPES[op] ?? "one";
const REAL = { since: "gte", before: "lt" };
// "in the last … days" is a comparison with so many days ago.
const shownOp = ({ op, value }) => Object.keys(REAL).find((shown) => REAL[shown] === op && isDaysAgo(value)) ?? op;
const single = (type) => ({ number: 1, measure: 1, boolean: true }[type] ?? (TIMES.includes(type) ? isoDay(0) : ""));
const blank = (type, op) => ({
  pair: () => (type === "number" || type === "measure" ? [1, 10] : TIMES.includes(type) ? [isoDay(30), isoDay(0)] : ["", ""]),
  list: () => [],
  days: () => daysAgo(30),
  coming: () => ({ days: 7 }),
  one: () => single(type),
  "": () => undefined,
})[shape(op)]();
const set = (test, type, op) => {
  const kept = shape(op) === shape(shownOp(test));
  const value = kept ? test.value : blank(type, op);
  test.op = REAL[op] ?? op;
  if (value === undefined) delete test.value;
  else test.value = value;
  return test;
};
export const start = (test, type) => { delete test.value; return set(Object.assign(test, { op: "exists" }), type, opsOf[type][0]); };
export const typeOf = ({ op, value }) => {
  const one = Array.isArray(value) ? value[0] : value;
  if (op === "birthday_within" || isDaysAgo(one)) return "date";
  return isNumber(one) || isThis(one) ? "number" : typeof one === "boolean" ? "boolean" : "string";
};
const calendarChoice = (value) => choose(words.days, { "": words.days, yes: words.calendar_days }, value.calendar ? "yes" : "", (given) => {
  delete value.calendar;
  if (given) value.calendar = true;
  page.changed();
});
// The operator and value of a test; `name` is what is compared, `asked` the operators on offer, `values` those that many have.
export const testControls = (test, type, name = "", asked = opsOf[type], values = []) => {
  const shown = shownOp(test);
  const label = { ...ops, ...(TIMES.includes(type) ? timeOps : {}) };
  const choices = Object.fromEntries([...asked, ...(asked.includes(shown) ? [] : [shown])].map((op) => [op, label[op]]));
  const kept = (value) => { test.value = value; page.changed(); };
  const one = (said, value, change) => oneControls(type, MONTHS.test(name), said, value, change, values);
  const inputs = {
    "": () => [],
    days: () => [enterNumber(words.days, test.value, "days_ago"), calendarChoice(test.value)],
    coming: () => [enterNumber(words.days, test.value, "days"), word(words.days)],
    list: () => [listControl(type, test.value, kept)],
    pair: () => [0, 1].flatMap((at) => one(at ? words.to : words.value, test.value[at], (value) => kept(test.value.map((held, index) => (index === at ? value : held))))),
    one: () => one(words.value, test.value, kept),
  };
  const controls = [choose(words.op, choices, shown, (op) => { set(test, type, op); page.redraw(); }), ...inputs[shape(shown)]()];
  return make("span", { className: "test" }, ...controls);
};
