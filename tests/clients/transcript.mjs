// What a script prints: one JSON line per step, and at the end the names of the addresses and signatures it used.
const names = {};

/** From now on the comparer reads `text` (an address or a signature) as `name`. */
export function name(text, as) {
  names[text] = as;
  return text;
}

/** Runs one step and prints what came of it, be it a result or an error; returns the result. */
export async function step(title, run) {
  let outcome;
  try {
    outcome = { result: await run() };
  } catch (error) {
    outcome = { error: describe(error) };
  }
  console.log(JSON.stringify({ step: title, ...plain(outcome) }));
  return outcome.result;
}

/** The last line. */
export function end() {
  console.log(JSON.stringify({ names }));
}

/** Waits until `done()` holds; says what was waited for when it does not come. */
export async function until(what, done, seconds = 120) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function describe(error) {
  if (!(error instanceof Error)) return { thrown: error };
  const { name, message, stack: _, cause, ...fields } = error;
  return { name, message, ...fields, ...(cause === undefined ? {} : { cause: describe(cause) }) };
}

// Values as a client gives them, kept apart where JSON would make them equal.
function plain(value) {
  if (typeof value === 'bigint') return { bigint: value.toString() };
  if (value === undefined) return { undefined: true };
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.toBase58 === 'function') return { publicKey: value.toBase58() };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Error) return describe(value);
  return Object.fromEntries(Object.entries(value).filter(([, field]) => typeof field !== 'function').map(([key, field]) => [key, plain(field)]));
}
