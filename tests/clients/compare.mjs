// node compare.mjs SCRIPT EXPECTED ACTUAL [DIFFERENCES]: prints each field in which the transcripts of a script differ.
// Differences in the table are accepted; one that is not in it, and a row that no longer describes one, fail.
// node compare.mjs --shapes TRANSCRIPT: prints what is compared, to be kept as the expectation.
import { readFileSync } from 'node:fs';
import { shapes } from './shape.mjs';

const ABSENT = 'absent';
const [script, expectedFile, actualFile, tableFile] = process.argv.slice(2);
const read = (file) => shapes(readFileSync(file, 'utf8'));

if (script === '--shapes') {
  for (const [step, shape] of read(expectedFile)) console.log(JSON.stringify({ step, shape }));
  process.exit(0);
}

/** The rows of the table about this script: `| script | step | field | validator | simnet | why |`. */
function rows(text) {
  return text.split('\n')
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replace(/^`|`$/g, '').replaceAll('\\|', '|')))
    .filter((cells) => cells.length === 6 && cells[0] === script)
    .map(([, step, field, expected, actual]) => ({ step, field, expected, actual, seen: 0 }));
}

/** `*` stands for anything. */
const fits = (pattern, text) =>
  new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`, 's').test(text);

/** Each leaf that differs, with its path; one side is absent where a field or an item is missing. */
function* differences(path, expected, actual) {
  const isTree = (value) => typeof value === 'object' && value !== null;
  if (isTree(expected) && isTree(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const name = (key) => (Array.isArray(expected) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`);
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      yield* differences(name(key), expected[key], actual[key]);
    }
  } else if (JSON.stringify(expected) !== JSON.stringify(actual)) {
    const print = (value) => (value === undefined ? ABSENT : JSON.stringify(value));
    yield { field: path, expected: print(expected), actual: print(actual) };
  }
}

const expected = read(expectedFile);
const actual = read(actualFile);
const table = tableFile === undefined ? [] : rows(readFileSync(tableFile, 'utf8'));
let unlisted = 0;
for (const step of new Set([...expected.keys(), ...actual.keys()])) {
  for (const difference of differences('', expected.get(step), actual.get(step))) {
    const row = table.find((row) => fits(row.step, step) && fits(row.field, difference.field)
      && fits(row.expected, difference.expected) && fits(row.actual, difference.actual));
    if (row) {
      row.seen += 1;
      continue;
    }
    unlisted += 1;
    console.log(`${script}: ${step}: ${difference.field}\n  expected ${difference.expected}\n  actual   ${difference.actual}`);
  }
}
const stale = table.filter((row) => row.seen === 0);
for (const row of stale) console.log(`${script}: ${row.step}: ${row.field}: listed as different, and is not (any more)`);
console.log(`${script}: ${actual.size} steps, ${unlisted} differences that are not listed, ${table.length} listed, ${stale.length} of them not seen`);
process.exit(unlisted + stale.length > 0 ? 1 : 0);
