// What of a transcript must be the same on every node: the values, with what depends on the moment or on the node's
// own identity reduced to its type, and addresses and signatures to their names.

/** Fields, by name, of which only the type must be the same. */
const MOMENTARY = new Set([
  'absoluteSlot', 'apiVersion', 'blockHeight', 'blockTime', 'blockhash', 'confirmationStatus', 'contextSlot', 'epoch',
  'epochStartTimestamp', 'feature-set', 'lastValidBlockHeight', 'leaderScheduleEpoch', 'parent', 'parentSlot',
  'previousBlockhash', 'prioritizationFee', 'recentBlockhash', 'root', 'slot', 'slotIndex', 'solana-core',
  'subscription', 'transactionCount', 'transactionIndex', 'unixTimestamp',
]);

/** A number until the transaction is final, then null. */
const CONFIRMATIONS = 'confirmations';

/** The same for other places, as `step path`. */
const MOMENTARY_PLACES = [
  /^getGenesisHash result$/,
  /^(getSlot|getSlot processed|getSlot finalized|getSlot from a context|getBlockHeight|getBlockTime) result$/,
  /^getSlot: .* result\.body\.result$/,
  /^roots result\[\d\]\[0\]$/,
  /^notifications of roots result\[\d\]$/,
  /^\w+Subscribe: .* result\.answers\[\d\]\.result$/,
  /^socket: (an id of text|the same subscription again|subscribe to logs|a binary frame) result\.answers\[0\]\.result$/,
  /^socket: a batch result\.answers\[0\]\[\d\]\.result$/,
  /^notifications result\.answer \d\.result$/,
  /^notifications result\.rootNotification\.params\.result$/,
  / result(\.body\.result)?\.rewards\[\d\]\.(lamports|postBalance|pubkey)$/,
];

/** Places that hold a signed transaction: its length must be the same. */
const TRANSACTIONS = /\.transaction\[0\]$/;

/** A signature nobody named. */
const SIGNATURE = /^[1-9A-HJ-NP-Za-km-z]{86,88}$/;

/** Lists that come in no order. */
const UNORDERED = /^(get(Parsed)?ProgramAccounts|get(Parsed)?TokenAccountsByOwner)/;

/** The steps of a transcript (its text), each with what must be the same of it. Takes what it gave, too. */
export function shapes(text) {
  const lines = text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const names = lines.find((line) => line.names)?.names ?? {};
  const steps = new Map();
  for (const { step, names: _, shape, ...outcome } of lines) {
    if (step === undefined) continue;
    if (steps.has(step)) throw new Error(`two steps are called ${step}`);
    steps.set(step, shape ?? reduce(step, '', outcome, names));
  }
  return steps;
}

function reduce(step, path, value, names) {
  const key = path.slice(path.lastIndexOf('.') + 1);
  const place = `${step} ${path}`;
  if (MOMENTARY.has(key) || MOMENTARY_PLACES.some((pattern) => pattern.test(place))) return typeOf(value);
  if (key === CONFIRMATIONS && ['<null>', '<number>', '<bigint>'].includes(typeOf(value))) return '<count or null>';
  if (TRANSACTIONS.test(path) && typeof value === 'string') return `<transaction of ${value.length} letters>`;
  if (typeof value === 'string') return named(value, names);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item, at) => reduce(step, `${path}[${at}]`, item, names));
    return UNORDERED.test(step) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([field, item]) =>
    [named(field, names), reduce(step, path === '' ? field : `${path}.${field}`, item, names)]));
}

/** `<number>`, `<string>`, `<bigint>`, `<null>`. */
function typeOf(value) {
  if (value === null) return '<null>';
  if (typeof value !== 'object') return `<${typeof value}>`;
  const keys = Object.keys(value);
  return keys.length === 1 ? `<${keys[0]}>` : '<object>';
}

function named(text, names) {
  let result = text;
  for (const [from, to] of Object.entries(names)) result = result.replaceAll(from, `<${to}>`);
  return SIGNATURE.test(result) ? '<signature>' : result;
}
