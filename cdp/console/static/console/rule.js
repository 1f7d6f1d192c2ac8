"use strict";
// The builder of rules. It reads and writes the JSON of the form's rule field, which stays the only thing that is sent;
// the server alone says what is right: the sentence, the counts and the mistakes shown here are its answers.
(() => {
  const field = document.getElementById("id_rule");
  const offered = document.getElementById("rule-vocabulary");
  if (!field || !offered || field.readOnly) return;
  const { traits, events, eventWords, fieldWords, segments, lists, purposes, channels, words, ops, opsOf } = JSON.parse(offered.textContent);
  const QUIET = 700;
  const KEYED = { segment: segments, list: lists };
  // A number that a double would change is kept as it was written, after a NUL, which no text of a rule holds.
  const EXACT = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
  const NUL = "\0";
  const isExact = (value) => typeof value === "string" && value[0] === NUL && EXACT.test(value.slice(1));
  const plain = (value) => (isExact(value) ? value.slice(1) : value);
  const exact = (text) => (String(Number(text)) === text ? Number(text) : NUL + text);
  const STRING = /"(?:[^"\\]|\\.)*"/.source;
  const parse = (text) => JSON.parse(text.replace(new RegExp(`${STRING}|-?\\d[\\d.eE+-]*`, "g"), (token) => (EXACT.test(token) ? JSON.stringify(exact(token)) : token)));
  const print = (rule, indent = 2) => JSON.stringify(rule, null, indent).replace(new RegExp(STRING, "g"), (token) => (token[1] === "\\" && isExact(JSON.parse(token)) ? plain(JSON.parse(token)) : token));
  const scalar = (value) => ["string", "number", "boolean"].includes(typeof value);
  const only = (clause, ...keys) => Object.keys(clause).every((key) => keys.includes(key));
  const negated = (part) => part.kind in { event: 1, segment: 1, list: 1, consent: 1 } && !part.not;

  // --- JSON → what the builder can show; anything else is kept as it is ---

  const readTest = ({ op, value }) => {
    if (op === "exists" || op === "not_exists") return { op };
    if (op === "between") return Array.isArray(value) && value.length === 2 && value.every(scalar) && { op, value };
    if (op === "in" || op === "not_in") return Array.isArray(value) && value.every(scalar) && { op, value };
    const days = value && value.days_ago;
    if (Number.isInteger(days) && only(value, "days_ago") && (op === "gte" || op === "lt")) return { op: op === "gte" ? "since" : "before", value: days };
    return op in ops && scalar(value) && { op, value };
  };
  const readEvent = (clause) => {
    const measure = clause.sum ? "sum" : "count";
    const held = clause[measure] || { op: "gte", value: 1 };
    const test = readTest(held);
    const where = (clause.where || []).map((one) => ({ property: one.property, ...readTest(one), whole: only(one, "property", "op", "value") && readTest(one) }));
    const days = clause.within ? clause.within.days : "";
    const known = only(clause, "event", "count", "sum", "where", "within", "currency") && only(held, "property", "op", "value");
    if (!known || !test || days === undefined || (clause.within && !only(clause.within, "days")) || !where.every((one) => one.whole)) return null;
    return { kind: "event", not: false, name: clause.event, measure, property: held.property || "", ...test, days, where, currency: clause.currency };
  };
  const readLeaf = (clause) => {
    if ("trait" in clause && only(clause, "trait", "op", "value")) {
      const test = readTest(clause);
      return test && { kind: "trait", name: clause.trait, ...test };
    }
    if ("event" in clause) return readEvent(clause);
    for (const kind of ["segment", "list"]) if (only(clause, kind)) return { kind, not: false, key: clause[kind] };
    if (clause.consent && only(clause, "consent") && only(clause.consent, "purpose", "channel")) return { kind: "consent", not: false, ...clause.consent };
    return null;
  };
  const read = (clause) => {
    if (!clause || typeof clause !== "object" || Array.isArray(clause)) return { kind: "raw", clause };
    for (const kind of ["all", "any"]) if (Array.isArray(clause[kind]) && only(clause, kind)) return { kind, parts: clause[kind].map(read) };
    if (clause.not && only(clause, "not")) {
      if (Array.isArray(clause.not.any) && only(clause.not, "any")) return { kind: "none", parts: clause.not.any.map(read) };
      const part = read(clause.not);
      return negated(part) ? { ...part, not: true } : { kind: "raw", clause };
    }
    return (Object.keys(clause).length && readLeaf(clause)) || { kind: "raw", clause };
  };

  // --- and back ---

  const writeTest = ({ op, value }) => {
    if (op === "exists" || op === "not_exists") return { op };
    if (op === "since" || op === "before") return { op: op === "since" ? "gte" : "lt", value: { days_ago: value } };
    return { op, value };
  };
  const writeEvent = (part) => {
    const clause = { event: part.name };
    const measured = part.measure === "sum" ? { property: part.property, ...writeTest(part) } : writeTest(part);
    if (part.measure === "sum" || part.op !== "gte" || part.value !== 1) clause[part.measure] = measured;
    if (part.where.length) clause.where = part.where.map((one) => ({ property: one.property, ...writeTest(one) }));
    if (part.days !== "") clause.within = { days: part.days };
    if (part.currency) clause.currency = part.currency;
    return clause;
  };
  const writers = {
    raw: (part) => part.clause,
    all: (part) => ({ all: part.parts.map(write) }),
    any: (part) => ({ any: part.parts.map(write) }),
    none: (part) => ({ not: { any: part.parts.map(write) } }),
    trait: (part) => ({ trait: part.name, ...writeTest(part) }),
    event: writeEvent,
    segment: (part) => ({ segment: part.key }),
    list: (part) => ({ list: part.key }),
    consent: ({ purpose, channel }) => ({ consent: { purpose, channel } }),
  };
  const write = (part) => (part.not ? { not: writers[part.kind](part) } : writers[part.kind](part));

  // --- controls ---

  const make = (tag, given, ...inside) => {
    const made = Object.assign(document.createElement(tag), given);
    for (const [name, value] of Object.entries((given && given.said) || {})) made.setAttribute(name, value);
    made.append(...inside.filter((one) => one !== null));
    return made;
  };
  const choose = (name, choices, value, change) => {
    const known = value in choices ? choices : { ...choices, [value]: value };
    const options = Object.entries(known).map(([key, text]) => make("option", { value: key, textContent: text, title: key }));
    const control = make("select", { said: { "aria-label": name } }, ...options);
    control.value = value;
    control.addEventListener("change", () => change(control.value));
    return control;
  };
  const enter = (name, type, value, change) => {
    const control = make("input", { type, value: plain(value) ?? "", placeholder: name, said: { "aria-label": name, autocomplete: "off" } });
    if (type === "number") control.step = "any";
    control.addEventListener("input", () => change(control.value));
    return control;
  };
  let suggestions = 0;
  // A name that the product knows is shown and may be written by its word; any other as it is.
  const named = (said, names, wordOf, value, change) => {
    const heard = (text) => Object.keys(wordOf).find((name) => wordOf[name] === text) ?? text;
    const control = enter(said, "text", wordOf[value] ?? value, (text) => { control.title = heard(text); change(control.title); });
    const options = names.map((name) => make("option", { value: wordOf[name] ?? name, textContent: name in wordOf ? name : "" }));
    const listed = make("datalist", { id: `rule-names-${(suggestions += 1)}` }, ...options);
    control.title = value;
    control.setAttribute("list", listed.id);
    return [control, listed];
  };
  const number = (text) => (EXACT.test(text.trim()) ? exact(text.trim()) : text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
  const typed = (type, text) => (type === "number" || type === "measure" ? number(text) : text);
  const blank = (type, op) => {
    if (op === "between") return type === "number" || type === "measure" ? [1, 10] : ["", ""];
    if (op === "since" || op === "before") return 30;
    if (op === "in" || op === "not_in") return [];
    return { number: 1, measure: 1, boolean: true }[type] ?? "";
  };
  const shape = (op) => (op === "between" ? "pair" : op === "in" || op === "not_in" ? "list" : op === "since" || op === "before" ? "days" : op.endsWith("exists") ? "" : "one");
  const testControls = (test, type) => {
    const choices = Object.fromEntries(opsOf[type].map((op) => [op, ops[op]]));
    const changed = (op) => {
      if (shape(op) !== shape(test.op)) test.value = blank(type, op);
      test.op = op;
      redraw();
    };
    const kept = (value) => { test.value = value; tell(); };
    const kind = type === "date" ? "date" : type === "number" || type === "measure" ? "number" : "text";
    const inputs = {
      "": () => [],
      days: () => [enter(words.days, "number", test.value, (text) => kept(number(text)))],
      list: () => [enter(words.comma, "text", test.value.map(plain).join(", "), (text) => kept(text.split(",").map((one) => typed(type, one.trim())).filter((one) => one !== "")))],
      pair: () => [0, 1].map((at) => enter(at ? words.to : words.value, kind, test.value[at], (text) => kept(test.value.map((one, index) => (index === at ? typed(type, text) : one))))),
      one: () => [type === "boolean" ? choose(words.value, { true: words.yes, false: words.no }, String(test.value), (text) => kept(text === "true")) : enter(words.value, kind, test.value, (text) => kept(typed(type, text)))],
    };
    return [choose(words.op, choices, test.op, changed), ...inputs[shape(test.op)]()];
  };
  const start = (test, type) => Object.assign(test, { op: opsOf[type][0], value: blank(type, opsOf[type][0]) });

  // --- parts ---

  const typeOf = (value) => (Array.isArray(value) ? typeOf(value[0]) : isExact(value) ? "number" : { number: "number", boolean: "boolean" }[typeof value] || "string");
  const flag = (part, yes, no) => choose(words.rule, { yes, no }, part.not ? "no" : "yes", (value) => { part.not = value === "no"; tell(); });
  const draws = {
    trait: (part) => {
      const named = Object.fromEntries(Object.entries(traits).sort((a, b) => a[1].label.localeCompare(b[1].label)).map(([name, { label }]) => [name, label]));
      const type = (traits[part.name] || { type: typeOf(part.value) }).type;
      const changed = (name) => {
        part.name = name;
        if (traits[name].type !== type) start(part, traits[name].type);
        redraw();
      };
      return [choose(words.trait, named, part.name, changed), ...testControls(part, type)];
    },
    event: (part) => {
      const known = events[part.name] || {};
      const property = (held, change) => named(words.property, Object.keys(known), fieldWords, held.property, (path) => { held.property = path; change(); });
      const measures = choose(words.op, { count: words.count, sum: words.sum }, part.measure, (value) => { part.measure = value; redraw(); });
      const rows = part.where.map((one, at) => make("div", { className: "where" },
        ...property(one, tell), ...testControls(one, known[one.property] || typeOf(one.value)), remover(() => part.where.splice(at, 1))));
      const more = make("button", { type: "button", className: "action second", textContent: words.where });
      more.addEventListener("click", () => { part.where.push({ property: Object.keys(known)[0] || "", op: "eq", value: blank(known[Object.keys(known)[0]] || "string", "eq") }); redraw(); });
      return [...named(words.event, Object.keys(events), eventWords, part.name, (name) => { part.name = name; tell(); }), flag(part, words.did, words.not),
        measures, ...(part.measure === "sum" ? property(part, tell) : []), ...testControls(part, "measure"),
        make("span", { textContent: words.last }), enter(words.ever, "number", part.days, (text) => { part.days = text === "" ? "" : number(text); tell(); }), make("span", { textContent: words.days }),
        more, ...rows];
    },
    segment: (part) => [choose(words.segment, segments, part.key, (key) => { part.key = key; tell(); }), flag(part, words.in, words.out)],
    list: (part) => [choose(words.list, lists, part.key, (key) => { part.key = key; tell(); }), flag(part, words.in, words.out)],
    consent: (part) => [choose(words.purpose, purposes, part.purpose, (key) => { part.purpose = key; tell(); }),
      choose(words.channel, channels, part.channel, (key) => { part.channel = key; tell(); }), flag(part, words.agreed, words.disagreed)],
    raw: (part) => [make("code", { textContent: print(part.clause, 0) }), make("span", { className: "quiet", textContent: words.raw })],
  };
  const first = (choices) => Object.keys(choices)[0] || "";
  const fresh = {
    trait: () => { const name = "region" in traits ? "region" : first(traits); return start({ kind: "trait", name }, traits[name].type); },
    event: () => ({ kind: "event", not: false, name: "Order Completed" in events ? "Order Completed" : first(events), measure: "count", property: "", op: "gte", value: 1, days: 30, where: [] }),
    segment: () => ({ kind: "segment", not: false, key: first(segments) }),
    list: () => ({ kind: "list", not: false, key: first(lists) }),
    consent: () => ({ kind: "consent", not: false, purpose: first(purposes), channel: first(channels) }),
    group: () => ({ kind: "any", parts: [] }),
  };
  const remover = (remove) => {
    const button = make("button", { type: "button", className: "remove", textContent: "×", title: words.remove, said: { "aria-label": words.remove } });
    button.addEventListener("click", () => { remove(); redraw(); });
    return button;
  };
  // What rule-move.js moves, by pointer or by key.
  const handle = (part) => make("button", { type: "button", className: "handle", textContent: "⠿", title: words.keys, said: { "aria-label": `${words.move}: ${words[part.kind] || words.rule}` } });
  const left = (path) => make("span", { className: "left stale", title: words.left, textContent: counted[path] ?? "" });
  const adder = (group) => {
    const kinds = Object.keys(fresh).filter((kind) => !(kind in KEYED) || Object.keys(KEYED[kind]).length);
    const what = choose(words.what, Object.fromEntries(kinds.map((kind) => [kind, words[kind]])), "trait", () => {});
    const button = make("button", { type: "button", className: "action second", textContent: words.add });
    button.addEventListener("click", () => { group.parts.push(fresh[what.value]()); redraw(); });
    return make("div", { className: "adder" }, what, button);
  };
  const drawLeaf = (part, path, remove) => {
    const controls = draws[part.kind](part);
    const below = controls.filter((one) => one.className === "where");
    const said = { role: "group", "aria-label": words[part.kind] || words.rule, "data-path": path };
    return make("div", { className: "part", said }, handle(part), ...controls.filter((one) => !below.includes(one)), left(path), remover(remove), ...below);
  };
  const drawGroup = (part, path, remove) => {
    const below = part.kind === "none" ? `${path}/not/any` : `${path}/${part.kind}`;
    const which = choose(words.rule, { all: words.all, any: words.any, none: words.none }, part.kind, (kind) => { part.kind = kind; redraw(); });
    const inside = part.parts.map((one, at) => draw(one, `${below}/${at}`, part, at));
    const nothing = part.parts.length ? null : make("p", { className: "empty", textContent: words.empty });
    const head = make("div", { className: "head" }, ...(remove ? [handle(part), which, left(path), remover(remove)] : [which]));
    return make("div", { className: "group", said: { role: "group", "aria-label": words.group, "data-path": path } }, head, ...inside, nothing, adder(part));
  };
  // Where each part stands: in which group, at which place.
  let places = new Map();
  const draw = (part, path, group, at) => {
    places.set(path, { part, group, at });
    return (part.parts ? drawGroup : drawLeaf)(part, path, group && (() => group.parts.splice(at, 1)));
  };

  // --- the whole ---

  const builder = make("div", { className: "builder" });
  const json = make("details", { className: "as-json" }, make("summary", { textContent: words.json }));
  const said = make("p", { className: "visually-hidden", said: { role: "status" } });
  let rule = null;
  // How many each part leaves, by its path, as the server last said.
  let counted = {};
  const parsed = () => { try { return parse(field.value); } catch { return undefined; } };
  const drawAll = () => { places = new Map(); builder.replaceChildren(draw(rule, "", null, 0)); };
  const show = () => {
    const asked = parsed();
    if (asked === undefined) { builder.replaceChildren(make("p", { className: "empty", textContent: words.unreadable })); return; }
    const whole = read(asked);
    rule = whole.parts ? whole : { kind: "all", parts: [whole] };
    drawAll();
  };
  const focusable = () => [...builder.querySelectorAll("select, input, button")];
  const redraw = () => {
    const at = focusable().indexOf(document.activeElement);
    drawAll();
    const now = focusable();
    if (at >= 0 && now.length) now[Math.min(at, now.length - 1)].focus();
    tell();
  };
  const tell = () => { field.value = print(write(rule)); later(); };
  // The part at `from` becomes number `at` of the group at `into`, counted before it is taken out of its own.
  const move = ({ from, into, at }) => {
    const { part, group, at: was } = places.get(from);
    const target = places.get(into).part;
    if (`${into}/`.startsWith(`${from}/`)) return;
    group.parts.splice(was, 1);
    const place = group === target && was < at ? at - 1 : at;
    target.parts.splice(place, 0, part);
    drawAll();
    const path = [...places].find(([, one]) => one.part === part)[0];
    builder.querySelector(`[data-path="${path}"] .handle`).focus();
    said.textContent = words.moved.replace("{place}", place + 1).replace("{number}", target.parts.length);
    tell();
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
  const told = (page) => {
    const [here, there] = [document, page].map((one) => one.querySelector(".field-in_words .readonly"));
    if (here && there) here.textContent = there.textContent;
    const preview = page.querySelector(".preview");
    const old = document.querySelector(".preview");
    if (old) old.remove();
    // Below the builder: what somebody is just writing in must not move.
    if (preview) json.before(document.importNode(preview, true));
    count(page);
    mark([...page.querySelectorAll(".field-rule .errorlist li")].map((one) => one.textContent));
  };
  const count = (page) => {
    const rows = [...page.querySelectorAll("[data-clause]")];
    // A rule of one clause alone is shown as a group of it.
    const alone = rows.length === 1 && rows[0].dataset.clause === "";
    counted = Object.fromEntries(rows.map(({ dataset }) => [alone ? "/all/0" : dataset.clause, dataset.left]));
    for (const one of builder.querySelectorAll(".left")) {
      one.textContent = counted[one.closest("[data-path]").dataset.path] ?? "";
      one.classList.remove("stale");
    }
  };
  const mark = (mistakes) => {
    for (const one of document.querySelectorAll(".field-rule .errorlist")) one.remove();
    const places = [...builder.querySelectorAll("[data-path]")].sort((a, b) => b.dataset.path.length - a.dataset.path.length);
    for (const text of mistakes) {
      const [, path, said] = /^(\/\S*): (.*)$/s.exec(text) || [null, "", text];
      const place = places.find((one) => `${path}/`.startsWith(`${one.dataset.path}/`)) || builder;
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
})();
