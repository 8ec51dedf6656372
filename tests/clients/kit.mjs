// The steps with @solana/kit: node kit.mjs HTTP_URL WS_URL
import {
  AccountRole, address, airdropFactory, appendTransactionMessageInstructions, 
  createKeyPairSignerFromBytes, createSolanaRpc, createSolanaRpcSubscriptions,
  createSolanaRpcSubscriptions_UNSTABLE, createTransactionMessage, getAddressEncoder,
  getBase64EncodedWireTransaction, getSignatureFromTransaction, lamports, pipe, sendAndConfirmTransactionFactory,
  setTransactionMessageFeePayerSigner, setTransactionMessageLifetimeUsingBlockhash, signTransactionMessageWithSigners,
} from '@solana/kit';
import * as cast from './cast.mjs';
import { end, name, step, until } from './transcript.mjs';

const [httpUrl, wsUrl] = process.argv.slice(2);
const rpc = createSolanaRpc(httpUrl);
const subscriptions = createSolanaRpcSubscriptions(wsUrl);
const confirmed = { commitment: 'confirmed' };
const v0 = { ...confirmed, maxSupportedTransactionVersion: 0 };
// Blocks of a lively chain have transactions of all versions.
const anyVersion = { ...confirmed, maxSupportedTransactionVersion: 1 };

const people = {};
for (const title of ['payer', 'mint', 'alice', 'bob', 'alice tokens', 'bob tokens', 'stranger']) {
  people[title] = await createKeyPairSignerFromBytes(cast.keypairBytes('kit', title));
  name(people[title].address, title);
}
const { payer, mint, alice, bob, 'alice tokens': aliceTokens, 'bob tokens': bobTokens, stranger } = people;
const bytes = (of) => getAddressEncoder().encode(address(of));
const missingSignature = '1'.repeat(64);

const signers = new Map(Object.values(people).map((signer) => [signer.address, signer]));
const instruction = ({ program, accounts, data }) => ({
  programAddress: address(program),
  accounts: accounts.map((account) => ({
    address: address(account.address),
    role: account.signer
      ? (account.writable ? AccountRole.WRITABLE_SIGNER : AccountRole.READONLY_SIGNER)
      : (account.writable ? AccountRole.WRITABLE : AccountRole.READONLY),
    ...(account.signer && { signer: signers.get(account.address) }),
  })),
  data,
});

/** A signed transaction of version 0, or of another. */
async function signed(instructions, { version = 0, lifetime, feePayer = payer } = {}) {
  const { value: latest } = await rpc.getLatestBlockhash(confirmed).send();
  return signTransactionMessageWithSigners(pipe(
    createTransactionMessage({ version }),
    (message) => setTransactionMessageFeePayerSigner(feePayer, message),
    (message) => setTransactionMessageLifetimeUsingBlockhash(lifetime ?? latest, message),
    (message) => appendTransactionMessageInstructions(instructions.map(instruction), message),
  ));
}

const sendAndConfirm = sendAndConfirmTransactionFactory({ rpc, rpcSubscriptions: subscriptions });

/** Sends, waits for the confirmation the way the client does, and returns the signature. */
async function send(title, transaction, options) {
  const signature = name(getSignatureFromTransaction(transaction), `signature of ${title}`);
  await step(`send and confirm ${title}`, () => sendAndConfirm(transaction, { ...confirmed, ...options }));
  return signature;
}
const wire = (transaction) => getBase64EncodedWireTransaction(transaction);
const broken = (transaction) => {
  const raw = Buffer.from(wire(transaction), 'base64');
  raw[1] ^= 1;
  return raw.toString('base64');
};
const sendRaw = (text, options) => rpc.sendTransaction(text, { encoding: 'base64', ...options }).send();

// --- the cluster ---
await step('getVersion', () => rpc.getVersion().send());
await step('getHealth', () => rpc.getHealth().send());
await step('getGenesisHash', () => rpc.getGenesisHash().send());
await step('getSlot', () => rpc.getSlot().send());
await step('getSlot from a context', () => rpc.getSlot({ ...confirmed, minContextSlot: 1n }).send());
await step('getSlot from a future context', () => rpc.getSlot({ ...confirmed, minContextSlot: 1_000_000n }).send());
await step('getEpochInfo', () => rpc.getEpochInfo(confirmed).send());
const latest = await step('getLatestBlockhash', () => rpc.getLatestBlockhash(confirmed).send());
name(latest.value.blockhash, 'a blockhash');
await step('isBlockhashValid', () => rpc.isBlockhashValid(latest.value.blockhash, confirmed).send());
await step('getBlockHeight', () => rpc.getBlockHeight(confirmed).send());
const mintRent = await step('getMinimumBalanceForRentExemption of a mint', () =>
  rpc.getMinimumBalanceForRentExemption(BigInt(cast.MINT_SIZE)).send());
const accountRent = await step('getMinimumBalanceForRentExemption of a token account', () =>
  rpc.getMinimumBalanceForRentExemption(BigInt(cast.TOKEN_ACCOUNT_SIZE)).send());

// --- airdrop, mint, accounts ---
const airdrop = await step('airdrop', () => airdropFactory({ rpc, rpcSubscriptions: subscriptions })({
  ...confirmed, recipientAddress: payer.address, lamports: lamports(10_000_000_000n),
}));
name(airdrop, 'signature of airdrop');
await step('getBalance', () => rpc.getBalance(payer.address, confirmed).send());
const tokenProgram = address(cast.TOKEN_PROGRAM);
await send('create mint', await signed([
  cast.createAccount(payer.address, mint.address, mintRent, cast.MINT_SIZE, bytes(tokenProgram)),
  cast.initializeMint2(mint.address, cast.DECIMALS, bytes(payer.address)),
]));
const accounts = await send('create token accounts', await signed([
  cast.createAccount(payer.address, aliceTokens.address, accountRent, cast.TOKEN_ACCOUNT_SIZE, bytes(tokenProgram)),
  cast.initializeAccount3(aliceTokens.address, mint.address, bytes(alice.address)),
  cast.createAccount(payer.address, bobTokens.address, accountRent, cast.TOKEN_ACCOUNT_SIZE, bytes(tokenProgram)),
  cast.initializeAccount3(bobTokens.address, mint.address, bytes(bob.address)),
]));
const minted = await send('mint', await signed([
  cast.setComputeUnitLimit(20_000),
  cast.setComputeUnitPrice(1_000),
  cast.mintTo(mint.address, aliceTokens.address, payer.address, 5_000_000),
], { version: 'legacy' }));
await send('transfer', await signed([cast.transfer(aliceTokens.address, bobTokens.address, alice.address, 1_250_000)]));
await send('transfer lamports', await signed([cast.transferLamports(payer.address, alice.address, 2_000_000)]));

// --- subscriptions, and the burns they tell about ---
const endings = [];
const seen = {};
async function listen(kind, pending) {
  seen[kind] = [];
  const ending = new AbortController();
  endings.push(ending);
  const notifications = await pending.subscribe({ abortSignal: ending.signal });
  (async () => {
    for await (const notification of notifications) seen[kind].push(notification);
  })().catch((error) => seen[kind].push(error));
}
const burning = await signed([cast.burn(aliceTokens.address, mint.address, alice.address, 1_000_000)]);
const burned = name(getSignatureFromTransaction(burning), 'signature of burn');
const ofMint = [{ dataSize: BigInt(cast.TOKEN_ACCOUNT_SIZE) }, { memcmp: { offset: 0n, bytes: mint.address, encoding: 'base58' } }];
await listen('logs', subscriptions.logsNotifications({ mentions: [mint.address] }, confirmed));
await listen('account', subscriptions.accountNotifications(aliceTokens.address, { ...confirmed, encoding: 'base64' }));
await listen('parsed', subscriptions.accountNotifications(mint.address, { ...confirmed, encoding: 'jsonParsed' }));
await listen('program', subscriptions.programNotifications(tokenProgram, { ...confirmed, encoding: 'jsonParsed', filters: ofMint }));
await listen('signature', subscriptions.signatureNotifications(burned, confirmed));
await listen('slot', subscriptions.slotNotifications());
await listen('root', subscriptions.rootNotifications());
await step('sendTransaction', () => sendRaw(wire(burning)));
await until('notifications', () => ['logs', 'account', 'parsed', 'program', 'signature'].every((kind) => seen[kind].length)
  && seen.slot.length >= 3 && seen.root.length >= 2);
for (const kind of ['logs', 'account', 'parsed', 'program', 'signature']) {
  await step(`notifications of ${kind}`, () => seen[kind]);
}
await step('notifications of slots', () => seen.slot.slice(0, 2));
await step('slots go up', () => seen.slot.every(({ slot }, at) => at === 0 || slot > seen.slot[at - 1].slot));
await step('notifications of roots', () => seen.root.slice(0, 2));
await step('unsubscribe', () => endings.forEach((ending) => ending.abort()));
await step('blockNotifications', () => createSolanaRpcSubscriptions_UNSTABLE(wsUrl)
  .blockNotifications('all', confirmed).subscribe({ abortSignal: AbortSignal.timeout(10_000) }));
await step('logsNotifications of two addresses', () => subscriptions
  .logsNotifications({ mentions: [mint.address, payer.address] }, confirmed).subscribe({ abortSignal: AbortSignal.timeout(10_000) }));

const burnedChecked = await send('burn checked', await signed([
  cast.burnChecked(aliceTokens.address, mint.address, alice.address, 250_000, cast.DECIMALS),
], { version: 'legacy' }));

// --- accounts ---
const base64 = { ...confirmed, encoding: 'base64' };
const jsonParsed = { ...confirmed, encoding: 'jsonParsed' };
await step('getAccountInfo base64', () => rpc.getAccountInfo(aliceTokens.address, base64).send());
await step('getAccountInfo base58', () => rpc.getAccountInfo(mint.address, { ...confirmed, encoding: 'base58' }).send());
await step('getAccountInfo base64+zstd', () => rpc.getAccountInfo(mint.address, { ...confirmed, encoding: 'base64+zstd' }).send());
await step('getAccountInfo jsonParsed', () => rpc.getAccountInfo(mint.address, jsonParsed).send());
await step('getAccountInfo jsonParsed of a token account', () => rpc.getAccountInfo(aliceTokens.address, jsonParsed).send());
await step('getAccountInfo jsonParsed of a wallet', () => rpc.getAccountInfo(alice.address, jsonParsed).send());
await step('getAccountInfo sliced', () =>
  rpc.getAccountInfo(aliceTokens.address, { ...base64, dataSlice: { offset: 64, length: 8 } }).send());
await step('getAccountInfo sliced behind the end', () =>
  rpc.getAccountInfo(aliceTokens.address, { ...base64, dataSlice: { offset: 160, length: 80 } }).send());
await step('getAccountInfo of nobody', () => rpc.getAccountInfo(stranger.address, base64).send());
await step('getMultipleAccounts', () => rpc.getMultipleAccounts([mint.address, stranger.address, bobTokens.address], base64).send());
await step('getMultipleAccounts jsonParsed', () => rpc.getMultipleAccounts([mint.address, bobTokens.address], jsonParsed).send());
await step('getMultipleAccounts of none', () => rpc.getMultipleAccounts([], base64).send());
await step('getMultipleAccounts of 101', () => rpc.getMultipleAccounts(Array(101).fill(mint.address), base64).send());
await step('getTokenAccountBalance', () => rpc.getTokenAccountBalance(aliceTokens.address, confirmed).send());
await step('getTokenSupply', () => rpc.getTokenSupply(mint.address, confirmed).send());
await step('getTokenSupply of a token account', () => rpc.getTokenSupply(aliceTokens.address, confirmed).send());
await step('getTokenLargestAccounts', () => rpc.getTokenLargestAccounts(mint.address, confirmed).send());
await step('getTokenLargestAccounts of a wallet', () => rpc.getTokenLargestAccounts(alice.address, confirmed).send());
await step('getTokenAccountsByOwner of a mint', () =>
  rpc.getTokenAccountsByOwner(alice.address, { mint: mint.address }, jsonParsed).send());
await step('getTokenAccountsByOwner of a program', () =>
  rpc.getTokenAccountsByOwner(bob.address, { programId: tokenProgram }, base64).send());
await step('getTokenAccountsByOwner of no mint', () =>
  rpc.getTokenAccountsByOwner(alice.address, { mint: stranger.address }, base64).send());
await step('getTokenAccountsByOwner of another program', () =>
  rpc.getTokenAccountsByOwner(alice.address, { programId: address(cast.SYSTEM_PROGRAM) }, base64).send());
await step('getProgramAccounts', () => rpc.getProgramAccounts(tokenProgram, { ...base64, filters: ofMint }).send());
await step('getProgramAccounts jsonParsed with context', () =>
  rpc.getProgramAccounts(tokenProgram, { ...jsonParsed, filters: ofMint, withContext: true }).send());
await step('getProgramAccounts of nobody', () => rpc.getProgramAccounts(stranger.address, base64).send());
await step('getProgramAccounts with five filters', () =>
  rpc.getProgramAccounts(tokenProgram, { ...base64, filters: Array(5).fill(ofMint[0]) }).send());

// --- transactions and blocks ---
const burn = await step('getTransaction json', () => rpc.getTransaction(burned, { ...v0, encoding: 'json' }).send());
await step('getTransaction jsonParsed', () => rpc.getTransaction(burned, { ...v0, encoding: 'jsonParsed' }).send());
await step('getTransaction base64', () => rpc.getTransaction(burned, { ...v0, encoding: 'base64' }).send());
await step('getTransaction base58', () => rpc.getTransaction(burned, { ...v0, encoding: 'base58' }).send());
await step('getTransaction legacy', () => rpc.getTransaction(minted, { ...v0, encoding: 'json' }).send());
await step('getTransaction legacy parsed', () => rpc.getTransaction(burnedChecked, { ...confirmed, encoding: 'jsonParsed' }).send());
await step('getTransaction accounts created', () => rpc.getTransaction(accounts, { ...v0, encoding: 'jsonParsed' }).send());
await step('getTransaction version 0 unasked', () => rpc.getTransaction(burned, { ...confirmed, encoding: 'json' }).send());
await step('getTransaction processed', () => rpc.getTransaction(burned, { ...v0, commitment: 'processed' }).send());
await step('getTransaction unknown', () => rpc.getTransaction(missingSignature, { ...v0, encoding: 'json' }).send());
const { slot } = burn;
const farAway = 4_000_000_000n;
const ours = (block) => ({ ...block, transactions: block.transactions.filter((one) => JSON.stringify(one,
  (_, value) => (typeof value === 'bigint' ? value.toString() : value)).includes(burned)) });
await step('getBlock full json', async () => ours(await rpc.getBlock(slot, { ...anyVersion, encoding: 'json' }).send()));
await step('getBlock full jsonParsed', async () => ours(await rpc.getBlock(slot, { ...anyVersion, encoding: 'jsonParsed' }).send()));
await step('getBlock full base64', async () => {
  const block = await rpc.getBlock(slot, { ...anyVersion, encoding: 'base64', rewards: false }).send();
  return { ...block, transactions: block.transactions.filter(({ transaction }) => transaction[0] === wire(burning)) };
});
await step('getBlock accounts', async () => ours(await rpc.getBlock(slot, { ...anyVersion, transactionDetails: 'accounts' }).send()));
await step('getBlock signatures', async () => {
  const block = await rpc.getBlock(slot, { ...anyVersion, transactionDetails: 'signatures' }).send();
  return { ...block, signatures: block.signatures.filter((signature) => signature === burned) };
});
await step('getBlock none', () => rpc.getBlock(slot, { ...anyVersion, transactionDetails: 'none' }).send());
await step('getBlock processed', () => rpc.getBlock(slot, { ...anyVersion, commitment: 'processed' }).send());
await step('getBlock in the future', () => rpc.getBlock(farAway, v0).send());
const behind = (slots) => slots.map((one) => Number(one - slot));
await step('getBlocks', async () => behind(await rpc.getBlocks(slot, slot, confirmed).send()));
await step('getBlocks of a range too long', async () => behind((await rpc.getBlocks(slot, slot + 500_001n, confirmed).send()).slice(0, 1)));
await step('getBlocks backwards', () => rpc.getBlocks(slot, slot - 1n, confirmed).send());
await step('getBlocksWithLimit', async () => behind(await rpc.getBlocksWithLimit(slot, 1, confirmed).send()));
await step('getBlocksWithLimit of too many', () => rpc.getBlocksWithLimit(slot, 500_001, confirmed).send());
await step('getBlockTime', () => rpc.getBlockTime(slot).send());
await step('getBlockTime in the future', () => rpc.getBlockTime(farAway).send());
await step('getSignaturesForAddress', () => rpc.getSignaturesForAddress(mint.address, confirmed).send());
await step('getSignaturesForAddress limit', () => rpc.getSignaturesForAddress(mint.address, { ...confirmed, limit: 2 }).send());
await step('getSignaturesForAddress limit 0', () => rpc.getSignaturesForAddress(mint.address, { ...confirmed, limit: 0 }).send());
await step('getSignaturesForAddress limit 1001', () => rpc.getSignaturesForAddress(mint.address, { ...confirmed, limit: 1001 }).send());
await step('getSignaturesForAddress before', () => rpc.getSignaturesForAddress(mint.address, { ...confirmed, before: burned, limit: 1 }).send());
await step('getSignaturesForAddress until', () => rpc.getSignaturesForAddress(mint.address, { ...confirmed, until: burned }).send());
await step('getSignaturesForAddress before an unknown one', () =>
  rpc.getSignaturesForAddress(mint.address, { ...confirmed, before: missingSignature }).send());
await step('getSignatureStatuses', () => rpc.getSignatureStatuses([burned, missingSignature]).send());
await step('getSignatureStatuses of history', () => rpc.getSignatureStatuses([minted], { searchTransactionHistory: true }).send());
await step('getSignatureStatuses of 257', () => rpc.getSignatureStatuses(Array(257).fill(burned)).send());
await step('getRecentPrioritizationFees', async () => (await rpc.getRecentPrioritizationFees([mint.address]).send()).slice(0, 1));
await step('getFeeForMessage', () =>
  rpc.getFeeForMessage(Buffer.from(burning.messageBytes).toString('base64'), confirmed).send());

// --- simulating, and what fails ---
const good = () => signed([cast.burn(aliceTokens.address, mint.address, alice.address, 1)]);
const tooMuch = () => signed([cast.burn(aliceTokens.address, mint.address, alice.address, 1_000_000_000)]);
const pay = (options) => signed([cast.transferLamports(payer.address, alice.address, 1)], options);
const simulate = async (transaction, options) =>
  rpc.simulateTransaction(wire(transaction), { ...base64, ...options }).send();
await step('simulateTransaction', async () => simulate(await good(), { sigVerify: true }));
await step('simulateTransaction with accounts', async () => simulate(await good(), {
  accounts: { encoding: 'jsonParsed', addresses: [aliceTokens.address, stranger.address] },
}));
await step('simulateTransaction with another blockhash', async () =>
  simulate(await pay({ lifetime: { blockhash: stranger.address, lastValidBlockHeight: 1n } }), { replaceRecentBlockhash: true, innerInstructions: true }));
await step('simulateTransaction failing', async () => simulate(await tooMuch()));
await step('simulateTransaction with an unknown blockhash', async () =>
  simulate(await pay({ lifetime: { blockhash: stranger.address, lastValidBlockHeight: 1n } })));
await step('simulateTransaction with a bad signature', async () =>
  rpc.simulateTransaction(broken(await pay()), { ...base64, sigVerify: true }).send());
await step('simulateTransaction asking too much', async () =>
  simulate(await pay(), { sigVerify: true, replaceRecentBlockhash: true }));
await step('preflight fails', async () => sendRaw(wire(await tooMuch())));
await step('preflight of processed fails', async () => sendRaw(wire(await tooMuch()), { preflightCommitment: 'processed' }));
await step('an unknown blockhash', async () =>
  sendRaw(wire(await pay({ lifetime: { blockhash: stranger.address, lastValidBlockHeight: 1n } }))));
await step('a bad signature', async () => sendRaw(broken(await pay())));
await step('a bad signature, skipping preflight', async () => sendRaw(broken(await pay()), { skipPreflight: true }));
await step('a payer without lamports', async () => sendRaw(wire(await signed(
  [cast.transferLamports(stranger.address, alice.address, 1)], { feePayer: stranger }))));
await step('half a transaction', async () => sendRaw(wire(await pay()).slice(0, 100)));
await step('not base64', () => sendRaw('!!!!'));
await step('an empty transaction', () => sendRaw(''));
await step('a transaction too large', () => sendRaw(Buffer.alloc(1233).toString('base64')));
const failed = await send('failing burn', await tooMuch(), { skipPreflight: true });
await step('sent twice', () => sendRaw(wire(burning)));
// kit hears of the failure as soon as the transaction is processed.
await until('the failure is confirmed', async () => (await rpc.getTransaction(failed, { ...v0, encoding: 'json' }).send()) !== null);
await step('getTransaction failed', () => rpc.getTransaction(failed, { ...v0, encoding: 'json' }).send());
await step('getTransaction failed, parsed', () => rpc.getTransaction(failed, { ...v0, encoding: 'jsonParsed' }).send());
await step('getSignatureStatuses failed', () => rpc.getSignatureStatuses([failed]).send());
await step('getTokenSupply at the end', () => rpc.getTokenSupply(mint.address, confirmed).send());
await step('getBalance at the end', () => rpc.getBalance(payer.address, confirmed).send());
end();
process.exit(0);
