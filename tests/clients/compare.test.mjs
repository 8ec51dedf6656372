// The comparer itself: node --test
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const address = 'DhKAPDhxDjWXecphCzWpFgPetsNTDucqpmvNv2t9ULJW';
const other = '7r2araPQ2RAZHLnqjhNJwfas8cdcaLeqWToYz8DZtLZJ';

/** Compares two transcripts of one step each, with these rows in the table. */
function compare(expected, actual, rows = []) {
  const folder = mkdtempSync(join(tmpdir(), 'eda-compare-'));
  const file = (name, text) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const lines = ({ step = 'getThing', names = {}, ...outcome }) => `${JSON.stringify({ step, ...outcome })}\n${JSON.stringify({ names })}\n`;
  const table = rows.map((row) => `| ${row.join(' | ')} |\n`).join('');
  const ended = spawnSync(process.execPath, [join(import.meta.dirname, 'compare.mjs'), 'web3',
    file('expected', lines(expected)), file('actual', lines(actual)), file('table.md', table)], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return { fails: ended.status === 1, says: ended.stdout + ended.stderr };
}

test('what is the same passes, whatever the order of fields', () => {
  assert.deepEqual(compare({ result: { a: 1, b: [null] } }, { result: { b: [null], a: 1 } }).fails, false);
});

test('each kind of difference fails and is named by its step and path', () => {
  for (const [expected, actual] of [[1, 2], [1, '1'], [1, { bigint: '1' }], [null, undefined], [undefined, null], [[], {}], [0, null], ['a', 'b']]) {
    const { fails, says } = compare({ result: { value: [{ field: expected }] } }, { result: { value: [{ field: actual }] } });
    assert.ok(fails, JSON.stringify([expected, actual]));
    assert.match(says, /getThing: result\.value\[0\]\.field/);
  }
  assert.ok(compare({ result: [1] }, { result: [1, 2] }).fails);
  assert.ok(compare({ result: [1, 2] }, { result: [2, 1] }).fails);
  assert.ok(compare({ result: 1 }, { error: { code: 1 } }).fails);
  assert.ok(compare({ step: 'one', result: 1 }, { step: 'two', result: 1 }).fails);
});

test('of what depends on the moment the type is compared', () => {
  assert.equal(compare({ result: { slot: 1 } }, { result: { slot: 2 } }).fails, false);
  assert.ok(compare({ result: { slot: 1 } }, { result: { slot: '1' } }).fails);
  assert.ok(compare({ result: { slot: 1 } }, { result: { slot: null } }).fails);
  assert.ok(compare({ result: { slot: 1 } }, { result: {} }).fails);
});

test('addresses are compared by their names, in texts too', () => {
  const expected = { result: { owner: address, logs: [`Program ${address} invoke [1]`] }, names: { [address]: 'payer' } };
  const actual = { result: { owner: other, logs: [`Program ${other} invoke [1]`] } };
  assert.equal(compare(expected, { ...actual, names: { [other]: 'payer' } }).fails, false);
  assert.ok(compare(expected, { ...actual, names: { [other]: 'mint' } }).fails);
});

test('lists without an order are compared without one', () => {
  const step = 'getProgramAccounts';
  assert.equal(compare({ step, result: [1, 2] }, { step, result: [2, 1] }).fails, false);
  assert.ok(compare({ step, result: [1, 2] }, { step, result: [1, 3] }).fails);
});

test('a listed difference passes, and only that one', () => {
  const row = ['web3', 'getThing', '`result.a`', '`1`', '`2`', 'a reason'];
  assert.equal(compare({ result: { a: 1 } }, { result: { a: 2 } }, [row]).fails, false);
  assert.ok(compare({ result: { a: 1 } }, { result: { a: 3 } }, [row]).fails);
  assert.ok(compare({ result: { a: 1, b: 1 } }, { result: { a: 2, b: 2 } }, [row]).fails);
  const any = ['web3', '*', '`*.a`', '*', '`absent`', 'a reason'];
  assert.equal(compare({ result: { a: 1 } }, { result: {} }, [any]).fails, false);
});

test('a row that describes no difference is told', () => {
  const { fails, says } = compare({ result: 1 }, { result: 1 }, [['web3', 'getThing', '`result`', '`1`', '`2`', 'a reason']]);
  assert.ok(fails);
  assert.match(says, /getThing: result: listed as different, and is not/);
  assert.equal(compare({ result: 1 }, { result: 1 }, [['kit', 'getThing', '`result`', '`1`', '`2`', 'of another script']]).fails, false);
});
