// What no client library sends: bad calls, word by word. node wire.mjs HTTP_URL WS_URL
import http from 'node:http';
import { WebSocket } from 'ws';
import * as cast from './cast.mjs';
import { end, name, step, until } from './transcript.mjs';

const [httpUrl, wsUrl] = process.argv.slice(2);
const stranger = name(cast.base58(cast.keypairBytes('wire', 'stranger').subarray(32)), 'stranger');
const signature = '1'.repeat(64);
const json = { 'content-type': 'application/json' };

/** One HTTP request; the body as JSON when it is. */
function send(body, { method = 'POST', headers = json, path = '/' } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(path, httpUrl), { method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, contentType: response.headers['content-type'] ?? null, body: parsed(text) });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}
const call = (method, params) => send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, ...(params && { params }) }));
const calls = async (method, cases) => {
  for (const [title, params] of Object.entries(cases)) await step(`${method}: ${title}`, () => call(method, params));
};

// --- HTTP ---
await step('GET', () => send(undefined, { method: 'GET', headers: {} }));
await step('GET /health', () => send(undefined, { method: 'GET', path: '/health', headers: {} }));
await step('GET elsewhere', () => send(undefined, { method: 'GET', path: '/elsewhere', headers: {} }));
await step('PUT', () => send('{}', { method: 'PUT' }));
await step('OPTIONS', () => send(undefined, { method: 'OPTIONS', headers: { origin: 'http://example.com', 'access-control-request-method': 'POST' } }));
await step('POST elsewhere', () => send('{"jsonrpc":"2.0","id":1,"method":"getHealth"}', { path: '/elsewhere' }));
await step('no content type', () => send('{"jsonrpc":"2.0","id":1,"method":"getHealth"}', { headers: {} }));
await step('text/plain', () => send('{"jsonrpc":"2.0","id":1,"method":"getHealth"}', { headers: { 'content-type': 'text/plain' } }));
await step('with a charset', () => send('{"jsonrpc":"2.0","id":1,"method":"getHealth"}', { headers: { 'content-type': 'application/json; charset=utf-8' } }));
await step('a body too large', () => send(`{"jsonrpc":"2.0","id":1,"method":"getHealth","params":["${'x'.repeat(60_000)}"]}`));

// --- JSON-RPC ---
const bodies = {
  'an empty body': '',
  'malformed JSON': '{"jsonrpc":"2.0","id":1,',
  'not UTF-8': Buffer.from([0x7b, 0xff, 0x7d]),
  'a number': '1',
  'null': 'null',
  'an empty object': '{}',
  'no version': '{"id":1,"method":"getHealth"}',
  'version 1.0': '{"jsonrpc":"1.0","id":1,"method":"getHealth"}',
  'no id': '{"jsonrpc":"2.0","method":"getHealth"}',
  'a null id': '{"jsonrpc":"2.0","id":null,"method":"getHealth"}',
  'an id of text': '{"jsonrpc":"2.0","id":"one","method":"getHealth"}',
  'a negative id': '{"jsonrpc":"2.0","id":-1,"method":"getHealth"}',
  'a fractional id': '{"jsonrpc":"2.0","id":1.5,"method":"getHealth"}',
  'an id that is an object': '{"jsonrpc":"2.0","id":{},"method":"getHealth"}',
  'no method': '{"jsonrpc":"2.0","id":1}',
  'a method that is a number': '{"jsonrpc":"2.0","id":1,"method":7}',
  'an unknown method': '{"jsonrpc":"2.0","id":1,"method":"getNonsense"}',
  'a PubSub method': '{"jsonrpc":"2.0","id":1,"method":"slotSubscribe"}',
  'null params': '{"jsonrpc":"2.0","id":1,"method":"getHealth","params":null}',
  'params that are text': '{"jsonrpc":"2.0","id":1,"method":"getHealth","params":"x"}',
  'params by name': '{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{"commitment":"confirmed"}}',
  'params too many': '{"jsonrpc":"2.0","id":1,"method":"getHealth","params":[1]}',
  'an unknown field': '{"jsonrpc":"2.0","id":1,"method":"getHealth","extra":true}',
  'a method twice': '{"jsonrpc":"2.0","id":1,"method":"getHealth","method":"getHealth"}',
  'an empty batch': '[]',
  'a batch of one': '[{"jsonrpc":"2.0","id":1,"method":"getHealth"}]',
  'a batch of three': '[{"jsonrpc":"2.0","id":1,"method":"getHealth"},{"jsonrpc":"2.0","id":"b","method":"getNonsense"},{"jsonrpc":"2.0","id":3,"method":"getBalance"}]',
  'a batch with a notification': '[{"jsonrpc":"2.0","method":"getHealth"},{"jsonrpc":"2.0","id":2,"method":"getHealth"}]',
  'a batch of notifications': '[{"jsonrpc":"2.0","method":"getHealth"}]',
  'a batch with nonsense': '[1,{"jsonrpc":"2.0","id":2,"method":"getHealth"}]',
  'a batch of equal ids': '[{"jsonrpc":"2.0","id":1,"method":"getHealth"},{"jsonrpc":"2.0","id":1,"method":"getHealth"}]',
};
for (const [title, body] of Object.entries(bodies)) await step(`body: ${title}`, () => send(body));

// --- parameters ---
const wrongAddresses = { 'no params': undefined, 'empty params': [], 'a number': [1], 'null': [null], 'nonsense': ['nonsense'], 'an empty address': [''],
  'an address too short': ['111'], 'an address too long': [`1${stranger}1`], 'a letter outside base58': [`0${stranger.slice(1)}`] };
await calls('getBalance', { ...wrongAddresses, 'a commitment as text': [stranger, 'confirmed'], 'an unknown commitment': [stranger, { commitment: 'soon' }],
  'a commitment that is a number': [stranger, { commitment: 1 }], 'an unknown option': [stranger, { nonsense: 1 }], 'null options': [stranger, null],
  'the old commitment max': [stranger, { commitment: 'max' }], 'the old commitment recent': [stranger, { commitment: 'recent' }],
  'one param too many': [stranger, {}, 1], 'a minContextSlot of text': [stranger, { minContextSlot: 'x' }],
  'a negative minContextSlot': [stranger, { minContextSlot: -1 }], 'a minContextSlot too high': [stranger, { minContextSlot: 4e9 }] });
await calls('getAccountInfo', { ...wrongAddresses, 'an unknown encoding': [stranger, { encoding: 'hex' }], 'binary': [cast.TOKEN_PROGRAM, { encoding: 'binary' }],
  'no encoding, a large account': [cast.SYSTEM_PROGRAM], 'base64': [cast.SYSTEM_PROGRAM, { encoding: 'base64' }], 'jsonParsed': [cast.SYSTEM_PROGRAM, { encoding: 'jsonParsed' }],
  'half a slice': [stranger, { dataSlice: { offset: 0 } }], 'a slice and jsonParsed': [stranger, { encoding: 'jsonParsed', dataSlice: { offset: 0, length: 1 } }],
  'a clock': ['SysvarC1ock11111111111111111111111111111111', { encoding: 'jsonParsed', dataSlice: null, commitment: null }] });
await calls('getMultipleAccounts', { 'no params': undefined, 'an address': [stranger], 'a bad address': [[stranger, 'x']], 'numbers': [[1]], 'a hundred and one': [Array(101).fill(stranger)],
  'the same twice': [[stranger, stranger]] });
await calls('getProgramAccounts', { 'no params': undefined, 'a bad address': ['x'], 'an unknown filter': [stranger, { filters: [{ nonsense: 1 }] }],
  'five filters': [stranger, { filters: Array(5).fill({ dataSize: 1 }) }], 'memcmp that is not base58': [stranger, { filters: [{ memcmp: { offset: 0, bytes: '0O' } }] }],
  'memcmp without an offset': [stranger, { filters: [{ memcmp: { bytes: '1' } }] }], 'memcmp too long': [stranger, { filters: [{ memcmp: { offset: 0, bytes: '1'.repeat(129) } }] }],
  'memcmp base64': [stranger, { filters: [{ memcmp: { offset: 0, bytes: 'AA==', encoding: 'base64' } }] }],
  'filters that are an object': [stranger, { filters: {} }], 'tokenAccountState': [stranger, { filters: ['tokenAccountState'] }] });
await calls('getTokenAccountBalance', wrongAddresses);
await calls('getTokenSupply', { 'no params': undefined, 'nonsense': ['nonsense'], 'nobody': [stranger], 'a program': [cast.TOKEN_PROGRAM] });
await calls('getTokenLargestAccounts', { 'no params': undefined, 'nonsense': ['nonsense'], 'nobody': [stranger] });
await calls('getTokenAccountsByOwner', { 'no params': undefined, 'no filter': [stranger], 'a filter of nothing': [stranger, {}], 'both filters': [stranger, { mint: stranger, programId: stranger }],
  'a bad mint': [stranger, { mint: 'x' }], 'an unknown mint': [stranger, { mint: stranger }], 'an unknown program': [stranger, { programId: stranger }] });
await calls('getTransaction', { 'no params': undefined, 'a number': [1], 'nonsense': ['nonsense'], 'a signature too short': ['111'], 'unknown': [signature], 'unknown, encoding as text': [signature, 'base64'],
  'an unknown encoding': [signature, 'hex'], 'processed': [signature, { commitment: 'processed' }], 'a version of text': [signature, { maxSupportedTransactionVersion: 'x' }],
  'a version too high': [signature, { maxSupportedTransactionVersion: 256 }], 'an unknown commitment': [signature, { commitment: 'soon' }] });
await calls('getBlock', { 'no params': undefined, 'text': ['x'], 'a negative slot': [-1], 'a fraction': [1.5], 'a future slot': [4e9], 'processed': [1, { commitment: 'processed' }],
  'an unknown detail': [1, { transactionDetails: 'some' }], 'an unknown encoding': [1, { encoding: 'hex' }], 'a slot beyond 64 bits': [1e30], 'genesis': [0, { transactionDetails: 'none', rewards: false }] });
await calls('getBlocks', { 'no params': undefined, 'text': ['x'], 'backwards': [5, 1], 'the first': [0, 0], 'a future range': [4e9, 4e9 + 1], 'too long': [4e9, 4e9 + 500_001], 'processed': [0, 1, { commitment: 'processed' }],
  'options in the second place': [4e9, { commitment: 'confirmed' }], 'a null end': [4e9, null] });
await calls('getBlocksWithLimit', { 'no params': undefined, 'no limit': [0], 'a limit of none': [0, 0], 'a limit too high': [0, 500_001], 'the first': [0, 1], 'processed': [0, 1, { commitment: 'processed' }] });
await calls('getBlockTime', { 'no params': undefined, 'text': ['x'], 'a future slot': [4e9] });
await calls('getSignaturesForAddress', { ...wrongAddresses, 'a limit of none': [stranger, { limit: 0 }], 'a limit too high': [stranger, { limit: 1001 }], 'a limit of text': [stranger, { limit: 'x' }],
  'a bad before': [stranger, { before: 'x' }], 'an unknown before': [stranger, { before: signature }], 'an unknown until': [stranger, { until: signature }], 'processed': [stranger, { commitment: 'processed' }] });
await calls('getSignatureStatuses', { 'no params': undefined, 'a signature': [signature], 'none': [[]], 'nonsense': [['x']], 'two hundred and fifty-seven': [Array(257).fill(signature)], 'unknown': [[signature]] });
await calls('getMinimumBalanceForRentExemption', { 'no params': undefined, 'text': ['x'], 'negative': [-1], 'nothing': [0], 'one': [1], 'ten megabytes': [10_485_760], 'more than an account holds': [10_485_761] });
await calls('getRecentPrioritizationFees', { 'a bad address': [['x']], 'a hundred and twenty-nine': [Array(129).fill(stranger)], 'an address': [stranger] });
await calls('getFeeForMessage', { 'no params': undefined, 'not base64': ['!'], 'nonsense': ['AAAA'], 'empty': [''] });
await calls('isBlockhashValid', { 'no params': undefined, 'nonsense': ['x'], 'unknown': [stranger, { commitment: 'processed' }] });
await calls('requestAirdrop', { 'no params': undefined, 'no amount': [stranger], 'a bad address': ['x', 1], 'nothing': [stranger, 0], 'text': [stranger, '1'], 'negative': [stranger, -1] });
await calls('sendTransaction', { 'no params': undefined, 'a number': [1], 'not base58': ['0'], 'not base64': ['!', { encoding: 'base64' }], 'an unknown encoding': ['1', { encoding: 'hex' }],
  'json': ['1', { encoding: 'json' }], 'empty': [''], 'too large': [Buffer.alloc(1233).toString('base64'), { encoding: 'base64' }],
  'too large in base58': ['1'.repeat(1684)], 'zeros': [Buffer.alloc(200).toString('base64'), { encoding: 'base64' }], 'an unknown option': ['', { nonsense: true }] });
await calls('simulateTransaction', { 'no params': undefined, 'not base64': ['!', { encoding: 'base64' }], 'zeros': [Buffer.alloc(200).toString('base64'), { encoding: 'base64' }] });
await calls('getSlot', { 'empty params': [], 'text': ['x'], 'an unknown commitment': [{ commitment: 'soon' }], 'a future context': [{ minContextSlot: 4e9 }] });
await calls('getLatestBlockhash', { 'a future context': [{ minContextSlot: 4e9 }], 'text': ['x'] });
await calls('getEpochInfo', { 'a future context': [{ minContextSlot: 4e9 }] });
await calls('getVersion', { 'a param': [1] });

// --- PubSub ---
/** Sends these frames one by one on one connection, each after the answer to the one before. */
async function frames(title, all) {
  const socket = new WebSocket(wsUrl, { perMessageDeflate: false });
  const answers = [];
  let closed = null;
  socket.on('message', (data) => {
    const frame = parsed(data.toString());
    if (!frame.method) answers.push(frame);
  });
  socket.on('close', (code, reason) => { closed = { code, reason: reason.toString() }; });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  for (const [at, frame] of all.entries()) {
    await step(`${title}: ${frame.title}`, async () => {
      const before = answers.length;
      socket.send(typeof frame.body === 'function' ? frame.body(answers) : frame.body);
      if (frame.silent) await new Promise((resolve) => setTimeout(resolve, 500));
      else await until(`the answer to frame ${at}`, () => answers.length > before || closed, 10);
      return { answers: answers.slice(before), closed, ...frame.also?.(answers) };
    });
    if (closed) break;
  }
  socket.terminate();
}
const request = (method, params, id = 1) => JSON.stringify({ jsonrpc: '2.0', id, method, ...(params && { params }) });
const subscribing = (method, cases) => frames(method, Object.entries(cases).map(([title, params]) => ({ title, body: request(method, params) })));

await frames('socket', [
  { title: 'malformed JSON', body: '{"jsonrpc":' },
  { title: 'a number', body: '1' },
  { title: 'an empty frame', body: '' },
  { title: 'an empty object', body: '{}' },
  { title: 'an unknown method', body: request('nonsenseSubscribe') },
  { title: 'an HTTP method', body: request('getSlot') },
  { title: 'getVersion', body: request('getVersion') },
  { title: 'no id', body: '{"jsonrpc":"2.0","method":"slotSubscribe"}', silent: true },
  { title: 'ping as web3.js says it', body: '{"jsonrpc":"2.0","method":"ping"}', silent: true },
  { title: 'an id of text', body: request('slotSubscribe', [], 'one') },
  { title: 'the same subscription again', body: request('slotSubscribe', [], 2), also: (answers) => ({ sameId: answers.at(-1).result === answers.at(-2).result }) },
  { title: 'unsubscribe', body: (answers) => request('slotUnsubscribe', [answers.at(-1).result], 3) },
  { title: 'unsubscribe again', body: (answers) => request('slotUnsubscribe', [answers.find(({ id }) => id === 2).result], 4) },
  { title: 'unsubscribe an unknown one', body: request('slotUnsubscribe', [4_000_000_000], 5) },
  { title: 'unsubscribe text', body: request('slotUnsubscribe', ['x'], 6) },
  { title: 'unsubscribe nothing', body: request('slotUnsubscribe', [], 7) },
  { title: 'unsubscribe without params', body: request('slotUnsubscribe', undefined, 8) },
  { title: 'subscribe to logs', body: request('logsSubscribe', ['all'], 9) },
  { title: 'unsubscribe logs as an account', body: (answers) => request('accountUnsubscribe', [answers.at(-1).result], 10) },
  { title: 'a batch', body: `[${request('slotSubscribe', [], 11)},${request('rootSubscribe', [], 12)}]` },
  { title: 'a binary frame', body: Buffer.from(request('rootSubscribe', [], 13)) },
]);
await subscribing('accountSubscribe', { 'no params': undefined, 'a number': [1], 'nonsense': ['nonsense'], 'an unknown encoding': [stranger, { encoding: 'hex' }],
  'an unknown commitment': [stranger, { commitment: 'soon' }], 'nobody': [stranger] });
await subscribing('logsSubscribe', { 'no params': undefined, 'text': ['some'], 'no address': [{ mentions: [] }], 'two addresses': [{ mentions: [stranger, stranger] }],
  'a bad address': [{ mentions: ['x'] }], 'an unknown filter': [{ nonsense: 1 }], 'all with votes': ['allWithVotes'] });
await subscribing('programSubscribe', { 'no params': undefined, 'nonsense': ['x'], 'five filters': [stranger, { filters: Array(5).fill({ dataSize: 1 }) }], 'nobody': [stranger] });
await subscribing('signatureSubscribe', { 'no params': undefined, 'nonsense': ['x'], 'unknown': [signature], 'an unknown option': [signature, { nonsense: 1 }] });
await subscribing('blockSubscribe', { 'no params': undefined, 'all': ['all'] });
await subscribing('voteSubscribe', { 'no params': undefined });
await subscribing('slotsUpdatesSubscribe', { 'no params': undefined });
await subscribing('rootSubscribe', { 'no params': undefined });

// --- notifications as they stand on the wire ---
await step('notifications', async () => {
  const socket = new WebSocket(wsUrl, { perMessageDeflate: false });
  const seen = {};
  socket.on('message', (data) => {
    const frame = parsed(data.toString());
    seen[frame.method ?? `answer ${frame.id}`] ??= frame;
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const { body: { result: airdrop } } = await call('requestAirdrop', [stranger, 1_000_000_000]);
  name(airdrop, 'signature of airdrop');
  await until('the airdrop', async () => (await call('getSignatureStatuses', [[airdrop]])).body.result.value[0]?.confirmationStatus === 'confirmed');
  // A signature that is confirmed already is told about at once.
  socket.send(request('signatureSubscribe', [airdrop, { commitment: 'confirmed' }], 1));
  socket.send(request('slotSubscribe', undefined, 2));
  socket.send(request('rootSubscribe', undefined, 3));
  socket.send(request('accountSubscribe', ['SysvarC1ock11111111111111111111111111111111', { encoding: 'jsonParsed', commitment: 'confirmed' }], 4));
  await until('notifications', () => ['signature', 'slot', 'root', 'account'].every((kind) => seen[`${kind}Notification`]));
  socket.terminate();
  return Object.fromEntries(Object.entries(seen).sort());
});
end();
process.exit(0);
