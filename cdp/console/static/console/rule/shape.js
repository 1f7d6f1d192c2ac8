// A rule's JSON as parts to draw, and back. A clause that the rule language knows is edited where it lies; anything else
// stays as it is.
import { isNumber } from "./json.js";

export const LENGTHS = ["seconds", "minutes", "hours", "days", "weeks"];
export const CALENDAR = ["day", "week", "month", "quarter", "year"];
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
export const OF_ALL = ["count", "sum", "avg", "min", "max", "distinct", "most_frequent"];
export const PICKS = ["first", "last", "nth"];
export const MEASURES = [...OF_ALL, ...PICKS, "frequency"];
const UNITS = [...LENGTHS, "months", "quarters", "years"];
const DENIABLE = ["event", "sequence", "segment", "list", "consent"];

const isText = (value) => typeof value === "string";
const isFlag = (value) => typeof value === "boolean";
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
// What each key of an object must be; all but those required may be missing.
const fits = (held, kinds, ...required) => isObject(held) && required.every((key) => key in held) && Object.keys(held).every((key) => Object.hasOwn(kinds, key) && kinds[key](held[key]));
const several = (is) => (value) => Array.isArray(value) && value.every(is);

export const isDaysAgo = (value) => fits(value, { days_ago: isNumber, calendar: isFlag }, "days_ago");
export const isThis = (value) => fits(value, { this: (unit) => unit === "month" }, "this");
const isValue = (value) => isText(value) || isFlag(value) || isNumber(value) || isDaysAgo(value) || isThis(value);
const ONE = ["eq", "ne", "gt", "gte", "lt", "lte", "contains", "starts_with"];
const VALUES = {
  exists: (value) => value === undefined,
  not_exists: (value) => value === undefined,
  between: (value) => several(isValue)(value) && value.length === 2,
  in: several(isValue),
  not_in: several(isValue),
  birthday_within: (value) => fits(value, { days: isNumber }, "days"),
  ...Object.fromEntries(ONE.map((op) => [op, isValue])),
};
const any = () => true;
const isTest = (held, also = {}) => fits(held, { op: any, value: any, ...also }, "op", ...Object.keys(also)) && Object.hasOwn(VALUES, held.op) && VALUES[held.op](held.value);
const isCondition = (held) => isTest(held, { property: isText });
const isWhere = several(isCondition);

const isUnit = (value) => CALENDAR.includes(value);
const lengths = (units) => Object.fromEntries(units.map((unit) => [unit, isNumber]));
const isLength = (held) => fits(held, lengths(LENGTHS)) && Object.keys(held).length > 0;
const isRolling = (held) => fits(held, { ...lengths(UNITS), calendar: isFlag }) && unitsOf(held).length > 0 && (!held.calendar || unitsOf(held).length === 1);
const isWindow = (held) => isRolling(held) || fits(held, { this: isUnit }, "this") || fits(held, { previous: isUnit }, "previous");
const isEdge = (value) => isText(value) || isDaysAgo(value);
const isBetween = (held) => fits(held, { from: isEdge, to: isEdge });
const isHours = (held) => fits(held, { weekdays: several((day) => WEEKDAYS.includes(day)), from: isText, to: isText });
export const unitsOf = (held) => Object.keys(held).filter((key) => UNITS.includes(key));
const period = (key) => ({ [key]: isWindow, between: isBetween });
const onePeriod = (held, key) => !(key in held && "between" in held);

const HAPPENING = { event: isText, where: isWhere, currency: isText, at: isHours };
const isHappening = (held) => fits(held, HAPPENING, "event");
const PICK = { where: isWhere, at: isHours, ...period("within") };
const isPick = (also) => (held) => fits(held, { ...PICK, ...also }, ...Object.keys(also)) && onePeriod(held, "within");
const ASKED = {
  count: (held) => isTest(held) && "value" in held,
  ...Object.fromEntries(OF_ALL.slice(1).map((kind) => [kind, (held) => isCondition(held) && "value" in held])),
  first: isPick({}), last: isPick({}), nth: isPick({ n: isNumber }),
  frequency: (held) => fits(held, { times: isNumber, unit: isUnit, last: isNumber, in: isNumber }, "unit", "last"),
};
const isEvent = (clause) => fits(clause, { ...HAPPENING, ...ASKED, ...period("within") }, "event") && onePeriod(clause, "within") && MEASURES.filter((kind) => kind in clause).length < 2;
const SEQUENCE = { sequence: several(isHappening), within: isLength, without: isHappening, then_not: isHappening, for: isLength, ...period("in_last") };
const LEAVES = {
  trait: (clause) => isTest(clause, { trait: isText }),
  event: isEvent,
  sequence: (clause) => fits(clause, SEQUENCE, "sequence") && onePeriod(clause, "in_last"),
  segment: (clause) => fits(clause, { segment: isText, ever: isFlag }, "segment"),
  list: (clause) => fits(clause, { list: isText }, "list"),
  consent: (clause) => fits(clause, { consent: (held) => fits(held, { purpose: isText, channel: isText, brand: isText }, "purpose", "channel") }, "consent"),
};

const groupOf = (clause) => ["all", "any"].find((kind) => fits(clause, { [kind]: Array.isArray }, kind));
const denied = (clause) => {
  if (groupOf(clause) === "any") return { kind: "none", parts: clause.any.map(read) };
  const part = read(clause);
  // A `not` of anything else is a group of one, and is written as it came while it is one.
  return DENIABLE.includes(part.kind) && !part.not ? { ...part, not: true } : { kind: "none", bare: true, parts: [part] };
};
export const read = (clause) => {
  const group = groupOf(clause);
  if (group) return { kind: group, parts: clause[group].map(read) };
  if (fits(clause, { not: any }, "not")) return denied(clause.not);
  const kind = Object.keys(LEAVES).find((one) => LEAVES[one](clause)) || "raw";
  return { kind, not: false, clause };
};

const bare = (part) => part.bare && part.parts.length === 1;
const writers = {
  all: (part) => ({ all: part.parts.map(write) }),
  any: (part) => ({ any: part.parts.map(write) }),
  none: (part) => ({ not: bare(part) ? write(part.parts[0]) : { any: part.parts.map(write) } }),
};
export const write = (part) => (part.parts ? writers[part.kind](part) : part.not ? { not: part.clause } : part.clause);
// Where the part number `at` of a group stands in the rule.
export const below = (group, path, at) => (group.kind !== "none" ? `${path}/${group.kind}/${at}` : bare(group) ? `${path}/not` : `${path}/not/any/${at}`);
