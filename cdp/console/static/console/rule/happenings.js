// Events: one by its measure, or several in order.
import { isNumber, number } from "./json.js";
import { CALENDAR, MEASURES, OF_ALL, PICKS } from "./shape.js";
import { adder, bare, choose, enter, enterNumber, make, named, page, phrase, piece, press, remover, row, told, word } from "./controls.js";
import { start, testControls, typeOf } from "./tests.js";
import { hours, length, period } from "./when.js";

const { events, propertyValues, eventWords, fieldWords, words, opsOf } = told || {};
const MOST_STEPS = 8;
const ORDER = ["gt", "gte", "lt", "lte", "between"];
export const usual = () => ("Order Completed" in events ? "Order Completed" : Object.keys(events)[0] || "");
// The properties of an event and their types, as long as it is called so.
const fieldsOf = (held) => Object.assign(() => (events[held.event] ?? bare({})), { values: (path) => propertyValues[held.event]?.[path] });

// --- properties ---

// Whether a test can be of a property of this type; texts serve as days.
const suits = (held, type) => ["exists", "not_exists"].includes(held.op) || [type, type === "date" ? "string" : type].includes(typeOf(held));
const wordOf = (path) => path.replaceAll("[]", "").split(".").map((part) => fieldWords[part] ?? part).join(" › ");
const wordsFor = (path) => (path in fieldWords || !/[.[]/.test(path) ? fieldWords : bare({ ...fieldWords, [path]: wordOf(path) }));
const name = (held, known, left) => named(words.property, () => Object.keys(known()), wordsFor(held.property), held.property, (path) => { held.property = path; page.changed(); }, left);
// A property whose test starts anew where its type turns out to be another.
const property = (held, known) => name(held, known, () => {
  const type = known()[held.property];
  if (type && !suits(held, type)) { start(held, type); page.redraw(); }
});
const propertyTest = (held, known) => {
  const type = known()[held.property] || typeOf(held);
  const unknown = !(held.property in known()) && type === "string";
  // Of what never came nobody knows the type: whoever asks for more or less means a number.
  return testControls(held, type, held.property, unknown ? [...opsOf.string, ...ORDER] : opsOf[type], known.values(held.property));
};
const condition = (list, at, known, path) => row(`${path}/where/${at}`, words.property, ...property(list[at], known), propertyTest(list[at], known), remover(() => list.splice(at, 1)));
const conditions = (held, known, path) => (held.where || []).map((_one, at) => condition(held.where, at, known, path));
const addCondition = (held, known) => adder(words.property, () => {
  const [first, type] = Object.entries(known())[0] || ["", "string"];
  (held.where ??= []).push(start({ property: first }, type));
});
const addHours = (held) => (held.at ? [] : [adder(words.at, () => { held.at = { weekdays: ["sat", "sun"] }; })]);
const addCurrency = (held) => (held.currency === undefined ? [adder(words.currency, () => { held.currency = told.currency; })] : []);
const currency = (held, path) => (held.currency === undefined ? [] : [row(`${path}/currency`, words.currency, word(words.currency),
  enter(words.currency, "text", held.currency, (text) => { held.currency = text.toUpperCase(); page.changed(); }), remover(() => { delete held.currency; }))]);
const details = (held, known, path) => [...conditions(held, known, path), ...(held.at ? [hours(held, path)] : [])];
const more = (...buttons) => make("div", { className: "mores" }, ...buttons);
const eventName = (held, path) => piece(`${path}/event`, ...named(words.event, () => Object.keys(events), eventWords, held.event,
  (name) => { held.event = name; page.changed(); }));

// --- one event and what is asked of it ---

const measureOf = (clause) => MEASURES.find((kind) => kind in clause) || "count";
const numeric = (known) => Object.keys(known()).find((name) => known()[name] === "number") || "";
const freshMeasure = (kind, held, known) => {
  if (kind === "frequency") return { unit: "month", last: 3 };
  if (PICKS.includes(kind)) return { ...(kind === "nth" ? { n: 2 } : {}), within: { days: 30 } };
  if (kind === "most_frequent") {
    const property = held.property ?? Object.keys(known())[0] ?? "";
    return start({ property }, known()[property] || "string");
  }
  const test = isNumber(held.value) ? { op: held.op, value: held.value } : { op: "gte", value: 1 };
  return kind === "count" ? test : { property: held.property ?? numeric(known), ...test };
};
const measured = (clause, kind, known) => {
  const held = clause[measureOf(clause)] || {};
  for (const one of MEASURES) delete clause[one];
  const fresh = freshMeasure(kind, held, known);
  // At least once is what an event alone means.
  if (kind !== "count" || fresh.op !== "gte" || fresh.value !== 1) clause[kind] = fresh;
  if (kind === "frequency") for (const key of ["within", "between"]) delete clause[key];
  page.redraw();
};
const numberTest = (clause, kind, known, path) => {
  const at = `${path}/${kind}`;
  if (kind === "most_frequent") return piece(at, ...property(clause[kind], known), propertyTest(clause[kind], known));
  if (kind !== "count") return piece(at, ...name(clause[kind], known), testControls(clause[kind], "measure"));
  const held = clause.count || { op: "gte", value: 1 };
  const made = piece(at, testControls(held, "measure"), word(words.times));
  // At least once is what an event alone means: written down when somebody changes it, before the control is heard.
  for (const one of ["input", "change"]) made.addEventListener(one, () => { clause.count = held; }, true);
  return made;
};
const frequency = (clause, path) => {
  const held = clause.frequency;
  const optional = (key, name) => enter(name, "number", held[key], (text) => {
    delete held[key];
    if (text !== "") held[key] = number(text);
    page.changed();
  });
  const unit = choose(words.unit, Object.fromEntries(CALENDAR.map((one) => [one, words[one]])), held.unit, (one) => { held.unit = one; page.changed(); });
  const controls = { times: optional("times", words.once), unit, in: optional("in", words.each), last: enterNumber(words.number, held, "last") };
  return piece(`${path}/frequency`, ...phrase(words.frequency, controls));
};
const picked = (clause, kind, known, path) => {
  const held = clause[kind];
  const at = `${path}/${kind}`;
  return make("div", { className: "picked", said: { role: "group", "aria-label": words.picked, "data-place": at } }, word(words.picked), period(held, "within", at),
    ...details(held, known, at), more(addCondition(held, known), ...addHours(held)));
};
const asked = (clause, kind, known, path) => {
  if (kind === "frequency") return [frequency(clause, path)];
  if (OF_ALL.includes(kind)) return [numberTest(clause, kind, known, path)];
  return kind === "nth" ? [piece(`${path}/nth/n`, enterNumber(words.number, clause.nth, "n"))] : [];
};
export const drawEvent = ({ clause }, path, flag) => {
  const known = fieldsOf(clause);
  const kind = measureOf(clause);
  const measures = choose(words.measure, Object.fromEntries(MEASURES.map((one) => [one, words[`measure_${one}`]])), kind, (one) => measured(clause, one, known));
  return {
    line: [eventName(clause, path), flag, measures, ...asked(clause, kind, known, path), ...(kind === "frequency" ? [] : [period(clause, "within", path)])],
    below: [...details(clause, known, path), ...currency(clause, path), more(addCondition(clause, known), ...addHours(clause), ...addCurrency(clause)), ...(PICKS.includes(kind) ? [picked(clause, kind, known, path)] : [])],
  };
};

// --- several in order ---

const happening = (held, path) => {
  const known = fieldsOf(held);
  return [...details(held, known, path), ...currency(held, path), more(addCondition(held, known), ...addHours(held), ...addCurrency(held))];
};
const swap = (steps, at, other) => { [steps[at], steps[other]] = [steps[other], steps[at]]; };
const step = (steps, at, path) => {
  const place = `${path}/sequence/${at}`;
  const title = words.step.replace("{n}", at + 1);
  const moves = [[at - 1, "↑", words.earlier], [at + 1, "↓", words.later]].filter(([to]) => steps[to]);
  return make("li", { className: "step", said: { "aria-label": title, "data-place": place } }, word(title), eventName(steps[at], place),
    ...moves.map(([to, sign, said]) => press("move", sign, `${title}: ${said}`, () => swap(steps, at, to))),
    ...(steps.length > 1 ? [remover(() => steps.splice(at, 1), `${title}: ${words.remove}`)] : []), ...happening(steps[at], place));
};
const forbidden = (clause, key, path, ...also) => (clause[key] ? [make("div", { className: "step", said: { role: "group", "aria-label": words[key], "data-place": `${path}/${key}` } },
  word(words[key]), eventName(clause[key], `${path}/${key}`), ...also, remover(() => { delete clause[key]; if (key === "then_not") delete clause.for; }), ...happening(clause[key], `${path}/${key}`))] : []);
const silence = (clause, path) => {
  const choices = { "": words.never_since, for: words.silence_for };
  const kind = choose(words.silence, choices, clause.for ? "for" : "", (value) => {
    delete clause.for;
    if (value) clause.for = { days: 30 };
    page.redraw();
  });
  return [kind, ...(clause.for ? [length(clause, "for", path)] : [])];
};
const addStep = (clause) => adder(words.step_more, () => clause.sequence.push({ event: usual() }));
const between = (clause, path) => (clause.within ? [row(`${path}/within`, words.apart, word(words.apart), length(clause, "within", path), remover(() => { delete clause.within; }))] : []);
const additions = (clause) => [
  ...(clause.within || clause.sequence.length < 2 ? [] : [adder(words.apart, () => { clause.within = { days: 7 }; })]),
  ...(clause.without || clause.sequence.length < 2 ? [] : [adder(words.without, () => { clause.without = { event: usual() }; })]),
  ...(clause.then_not ? [] : [adder(words.then_not, () => { clause.then_not = { event: usual() }; })]),
];
export const drawSequence = ({ clause }, path, flag) => ({
  line: [word(words.in_order), flag, period(clause, "in_last", path)],
  below: [
    make("ol", { className: "steps", said: { "data-place": `${path}/sequence` } }, ...clause.sequence.map((_one, at) => step(clause.sequence, at, path))),
    ...(clause.sequence.length < MOST_STEPS ? [more(addStep(clause))] : []),
    ...between(clause, path), ...forbidden(clause, "without", path), ...forbidden(clause, "then_not", path, ...silence(clause, path)),
    ...(additions(clause).length ? [more(...additions(clause))] : []),
  ],
});
