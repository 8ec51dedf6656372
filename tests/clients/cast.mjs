// Who takes part, and the instructions both clients send. Keys come from the script's name, so that the same script
// makes the same accounts on every node and their bytes can be compared.
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';

export const TOKEN_PROGRAM = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA';
export const SYSTEM_PROGRAM = '11111111111111111111111111111111';
export const COMPUTE_BUDGET_PROGRAM = 'ComputeBudget111111111111111111111111111111';
export const MINT_SIZE = 82;
export const TOKEN_ACCOUNT_SIZE = 165;
export const DECIMALS = 6;

/** The 64 bytes of a keypair (seed, then public key) of the one who plays `role` in `script`. */
export function keypairBytes(script, role) {
  const seed = createHash('sha256').update(`eda clients: ${script}: ${role}`).digest();
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex'); // PKCS 8 of an Ed25519 seed.
  const key = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return new Uint8Array(Buffer.concat([seed, publicKey]));
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Bytes as the chain prints addresses and signatures. */
export function base58(bytes) {
  let number = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; number > 0n; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + text;
}

const u32 = (value) => { const bytes = Buffer.alloc(4); bytes.writeUInt32LE(value); return bytes; };
const u64 = (value) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(value)); return bytes; };
const readonly = (address) => ({ address, signer: false, writable: false });
const writable = (address) => ({ address, signer: false, writable: true });
const signer = (address) => ({ address, signer: true, writable: false });
const writableSigner = (address) => ({ address, signer: true, writable: true });
const instruction = (program, accounts, ...data) => ({
  program,
  accounts,
  data: new Uint8Array(Buffer.concat(data.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)))),
});
const token = (accounts, ...data) => instruction(TOKEN_PROGRAM, accounts, ...data);

/** `keyBytes` is the new account's owner program as 32 bytes. */
export const createAccount = (payer, account, lamports, space, ownerBytes) =>
  instruction(SYSTEM_PROGRAM, [writableSigner(payer), writableSigner(account)], u32(0), u64(lamports), u64(space), ownerBytes);
export const transferLamports = (from, to, lamports) =>
  instruction(SYSTEM_PROGRAM, [writableSigner(from), writable(to)], u32(2), u64(lamports));
export const setComputeUnitLimit = (units) => instruction(COMPUTE_BUDGET_PROGRAM, [], 2, u32(units));
export const setComputeUnitPrice = (microLamports) => instruction(COMPUTE_BUDGET_PROGRAM, [], 3, u64(microLamports));

export const initializeMint2 = (mint, decimals, authorityBytes) =>
  token([writable(mint)], 20, decimals, authorityBytes, 0);
export const initializeAccount3 = (account, mint, ownerBytes) =>
  token([writable(account), readonly(mint)], 18, ownerBytes);
export const transfer = (from, to, owner, amount) =>
  token([writable(from), writable(to), signer(owner)], 3, u64(amount));
export const mintTo = (mint, account, authority, amount) =>
  token([writable(mint), writable(account), signer(authority)], 7, u64(amount));
export const burn = (account, mint, owner, amount) =>
  token([writable(account), writable(mint), signer(owner)], 8, u64(amount));
export const transferChecked = (from, mint, to, owner, amount, decimals) =>
  token([writable(from), readonly(mint), writable(to), signer(owner)], 12, u64(amount), decimals);
export const mintToChecked = (mint, account, authority, amount, decimals) =>
  token([writable(mint), writable(account), signer(authority)], 14, u64(amount), decimals);
export const burnChecked = (account, mint, owner, amount, decimals) =>
  token([writable(account), writable(mint), signer(owner)], 15, u64(amount), decimals);
