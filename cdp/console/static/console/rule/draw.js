// Groups and conditions as controls, and where each of them stands.
import { print } from "./json.js";
import { below as placeOf } from "./shape.js";
import { adder as extra, choose, enter, make, page, press, remover, told, word } from "./controls.js";
import { start, testControls, typeOf } from "./tests.js";
import { drawEvent, drawSequence, usual } from "./happenings.js";

const { traits, traitValues, segments, lists, purposes, channels, brands, words } = told || {};
const KEYED = { segment: segments, list: lists };
const first = (choices) => Object.keys(choices)[0] || "";

// --- conditions: what stands in their line, and below it ---

const flag = (part, yes, no) => choose(words.holds, { yes, no }, part.not ? "no" : "yes", (value) => { part.not = value === "no"; page.redraw(); });
const traitLabels = () => Object.fromEntries(Object.entries(traits).sort((a, b) => a[1].label.localeCompare(b[1].label)).map(([name, { label }]) => [name, label]));
const drawTrait = ({ clause }) => {
  const type = (traits[clause.trait] || { type: typeOf(clause) }).type;
  const changed = (name) => {
    clause.trait = name;
    if (traits[name] && traits[name].type !== type) start(clause, traits[name].type);
    page.redraw();
  };
  return { line: [choose(words.trait, traitLabels(), clause.trait, changed), testControls(clause, type, clause.trait, undefined, traitValues[clause.trait])] };
};
const drawSegment = (part) => {
  const { clause } = part;
  const said = { "": words.in, ever: words.ever_in, not: words.out, "not ever": words.never_in };
  const held = [part.not ? "not" : "", clause.ever ? "ever" : ""].join(" ").trim();
  const changed = (value) => {
    part.not = value.startsWith("not");
    delete clause.ever;
    if (value.endsWith("ever")) clause.ever = true;
    page.redraw();
  };
  return { line: [choose(words.segment, segments, clause.segment, (key) => { clause.segment = key; page.changed(); }), choose(words.holds, said, held, changed)] };
};
const drawBrand = (held) => {
  if (held.brand === undefined) return first(brands) ? extra(words.brand, () => { held.brand = first(brands); }) : null;
  const pick = first(brands) ? choose(words.brand, brands, held.brand, (key) => { held.brand = key; page.changed(); }) : enter(words.brand, "text", held.brand, (key) => { held.brand = key; page.changed(); });
  return make("span", { className: "piece" }, word(words.brand), pick, remover(() => { delete held.brand; }));
};
const drawConsent = (part) => {
  const held = part.clause.consent;
  const one = (name, choices, key) => choose(name, choices, held[key], (value) => { held[key] = value; page.changed(); });
  return { line: [one(words.purpose, purposes, "purpose"), one(words.channel, channels, "channel"), flag(part, words.agreed, words.disagreed), drawBrand(held)] };
};
const draws = {
  trait: drawTrait,
  event: (part, path) => drawEvent(part, path, flag(part, words.did, words.not)),
  sequence: (part, path) => drawSequence(part, path, flag(part, words.did, words.not)),
  segment: drawSegment,
  list: (part) => ({ line: [choose(words.list, lists, part.clause.list, (key) => { part.clause.list = key; page.changed(); }), flag(part, words.in, words.out)] }),
  consent: drawConsent,
  raw: (part) => ({ line: [make("code", { textContent: print(part.clause, 0) }), make("span", { className: "quiet", textContent: words.raw })] }),
};
const leaf = (kind, clause) => ({ kind, not: false, clause });
const fresh = {
  trait: () => { const name = "region" in traits ? "region" : first(traits); return leaf("trait", start({ trait: name }, traits[name].type)); },
  event: () => leaf("event", { event: usual(), within: { days: 30 } }),
  sequence: () => leaf("sequence", { sequence: [{ event: usual() }, { event: usual() }], within: { days: 30 } }),
  segment: () => leaf("segment", { segment: first(segments) }),
  list: () => leaf("list", { list: first(lists) }),
  consent: () => leaf("consent", { consent: { purpose: first(purposes), channel: first(channels) } }),
  group: () => ({ kind: "any", parts: [] }),
};

// --- groups ---

// What rule-move.js moves, by pointer or by key.
const handle = (part) => make("button", { type: "button", className: "handle", textContent: "⠿", title: words.keys, said: { "aria-label": `${words.move}: ${words[part.kind] || words.rule}` } });
const left = (path, counted) => make("span", { className: "left stale", title: words.left, textContent: counted[path] ?? "" });
const adder = (group) => {
  const kinds = Object.keys(fresh).filter((kind) => !(kind in KEYED) || Object.keys(KEYED[kind]).length);
  const what = choose(words.what, Object.fromEntries(kinds.map((kind) => [kind, words[kind]])), "trait", () => {});
  return make("div", { className: "adder" }, what, press("action second", words.add, words.add, () => group.parts.push(fresh[what.value]())));
};
const drawLeaf = (part, path, remove, { counted }) => {
  const { line, below = [] } = draws[part.kind](part, part.not ? `${path}/not` : path);
  const said = { role: "group", "aria-label": words[part.kind] || words.rule, "data-path": path };
  return make("div", { className: `part ${part.kind}`, said }, handle(part), make("div", { className: "line" }, ...line), left(path, counted), remover(remove), ...below);
};
const drawGroup = (part, path, remove, drawn) => {
  const which = choose(words.rule, { all: words.all, any: words.any, none: words.none }, part.kind, (kind) => { part.kind = kind; part.bare = false; page.redraw(); });
  const inside = part.parts.map((one, at) => draw(one, placeOf(part, path, at), drawn, part, at));
  const nothing = part.parts.length ? null : make("p", { className: "empty", textContent: words.empty });
  const head = make("div", { className: "head" }, ...(remove ? [handle(part), which, left(path, drawn.counted), remover(remove)] : [which]));
  return make("div", { className: "group", said: { role: "group", "aria-label": words.group, "data-path": path } }, head, ...inside, nothing, adder(part));
};
// A part and all below it; `drawn` is told of each where it stands, and tells how many each leaves.
export const draw = (part, path, drawn, group = null, at = 0) => {
  drawn.places.set(path, { part, group, at });
  return (part.parts ? drawGroup : drawLeaf)(part, path, group && (() => group.parts.splice(at, 1)), drawn);
};
