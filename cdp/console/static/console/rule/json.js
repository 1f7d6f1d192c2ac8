// JSON whose numbers stay as they were written: one that a double would change is kept as its text, after a NUL, which no
// text of a rule holds.
const EXACT = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NUL = "\0";
const STRING = /"(?:[^"\\]|\\.)*"/.source;
const exact = (text) => (String(Number(text)) === text ? Number(text) : NUL + text);
const isExact = (value) => typeof value === "string" && value[0] === NUL && EXACT.test(value.slice(1));

export const isNumber = (value) => typeof value === "number" || isExact(value);
export const plain = (value) => (isExact(value) ? value.slice(1) : value);
// The number that somebody writes; the text itself where it is none, for the server to say so.
export const number = (text) => (EXACT.test(text.trim()) ? exact(text.trim()) : text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
export const parse = (text) => JSON.parse(text.replace(new RegExp(`${STRING}|-?\\d[\\d.eE+-]*`, "g"), (token) => (EXACT.test(token) ? JSON.stringify(exact(token)) : token)));
export const print = (rule, indent = 2) => JSON.stringify(rule, null, indent).replace(new RegExp(STRING, "g"), (token) => (token[1] === "\\" && isExact(JSON.parse(token)) ? plain(JSON.parse(token)) : token));
