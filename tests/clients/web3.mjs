// The steps with @solana/web3.js version 1: node web3.mjs HTTP_URL WS_URL
import {
  Connection, Keypair, PublicKey, Transaction, TransactionInstruction, TransactionMessage, VersionedTransaction,
} from '@solana/web3.js';
import * as cast from './cast.mjs';
import { end, name, step, until } from './transcript.mjs';

const [httpUrl, wsUrl] = process.argv.slice(2);
const connection = new Connection(httpUrl, { commitment: 'confirmed', wsEndpoint: wsUrl });

const role = (title) => {
  const keypair = Keypair.fromSecretKey(cast.keypairBytes('web3', title));
  name(keypair.publicKey.toBase58(), title);
  return keypair;
};
const [payer, mint, alice, bob, aliceTokens, bobTokens, stranger] =
  ['payer', 'mint', 'alice', 'bob', 'alice tokens', 'bob tokens', 'stranger'].map(role);
const tokenProgram = new PublicKey(cast.TOKEN_PROGRAM);
const missingSignature = '1'.repeat(64);
const v0 = { maxSupportedTransactionVersion: 0 };
// Blocks of a lively chain have transactions of all versions.
const anyVersion = { maxSupportedTransactionVersion: 1 };

const text = (keypair) => keypair.publicKey.toBase58();
const bytes = (keypair) => keypair.publicKey.toBytes();
const instruction = ({ program, accounts, data }) => new TransactionInstruction({
  programId: new PublicKey(program),
  keys: accounts.map((key) => ({ pubkey: new PublicKey(key.address), isSigner: key.signer, isWritable: key.writable })),
  data: Buffer.from(data),
});

/** A signed legacy transaction. */
async function legacy(instructions, signers, blockhash) {
  const latest = await connection.getLatestBlockhash('confirmed');
  const transaction = new Transaction({ feePayer: payer.publicKey, ...latest, ...(blockhash && { blockhash }) });
  transaction.add(...instructions.map(instruction)).sign(payer, ...signers);
  return transaction;
}

/** A signed version 0 transaction. */
async function versioned(instructions, signers) {
  const { blockhash } = await connection.getLatestBlockhash('confirmed');
  const message = new TransactionMessage({
    payerKey: payer.publicKey, recentBlockhash: blockhash, instructions: instructions.map(instruction),
  }).compileToV0Message();
  const transaction = new VersionedTransaction(message);
  transaction.sign([payer, ...signers]);
  return transaction;
}

/** Sends and returns the signature. */
async function sendOnly(title, transaction, options) {
  let signature;
  await step(`send ${title}`, async () => {
    signature = name(await connection.sendRawTransaction(transaction.serialize(), options), `signature of ${title}`);
    return signature;
  });
  return signature;
}

/** Sends, waits for the confirmation the way the client does, and returns the signature. */
async function send(title, transaction) {
  const signature = await sendOnly(title, transaction);
  await step(`confirm ${title}`, () => connection.confirmTransaction({ signature, ...latest }, 'confirmed'));
  return signature;
}

// --- the cluster ---
await step('getVersion', () => connection.getVersion());
await step('getGenesisHash', () => connection.getGenesisHash());
await step('getSlot', () => connection.getSlot());
await step('getSlot processed', () => connection.getSlot('processed'));
await step('getSlot finalized', () => connection.getSlot('finalized'));
await step('getEpochInfo', () => connection.getEpochInfo());
const latest = await step('getLatestBlockhash', () => connection.getLatestBlockhash());
name(latest.blockhash, 'a blockhash');
await step('getLatestBlockhash with context', () => connection.getLatestBlockhashAndContext('confirmed'));
await step('isBlockhashValid', () => connection.isBlockhashValid(latest.blockhash, { commitment: 'confirmed' }));
await step('isBlockhashValid of an unknown one', () => connection.isBlockhashValid(text(stranger)));
await step('getBlockHeight', () => connection.getBlockHeight());
const mintRent = await step('getMinimumBalanceForRentExemption of a mint', () =>
  connection.getMinimumBalanceForRentExemption(cast.MINT_SIZE));
const accountRent = await step('getMinimumBalanceForRentExemption of a token account', () =>
  connection.getMinimumBalanceForRentExemption(cast.TOKEN_ACCOUNT_SIZE));

// --- airdrop, mint, accounts ---
await step('getBalance before', () => connection.getBalance(payer.publicKey));
await step('getAccountInfo before', () => connection.getAccountInfo(payer.publicKey));
const airdrop = await step('requestAirdrop', () => connection.requestAirdrop(payer.publicKey, 10_000_000_000));
name(airdrop, 'signature of airdrop');
await step('confirm airdrop', () => connection.confirmTransaction({ signature: airdrop, ...latest }, 'confirmed'));
await step('getBalance after', () => connection.getBalanceAndContext(payer.publicKey));
await step('getAccountInfo after', () => connection.getAccountInfoAndContext(payer.publicKey));

await send('create mint', await legacy([
  cast.createAccount(text(payer), text(mint), mintRent, cast.MINT_SIZE, tokenProgram.toBytes()),
  cast.initializeMint2(text(mint), cast.DECIMALS, bytes(payer)),
], [mint]));
const accounts = await send('create token accounts', await legacy([
  cast.createAccount(text(payer), text(aliceTokens), accountRent, cast.TOKEN_ACCOUNT_SIZE, tokenProgram.toBytes()),
  cast.initializeAccount3(text(aliceTokens), text(mint), bytes(alice)),
  cast.createAccount(text(payer), text(bobTokens), accountRent, cast.TOKEN_ACCOUNT_SIZE, tokenProgram.toBytes()),
  cast.initializeAccount3(text(bobTokens), text(mint), bytes(bob)),
], [aliceTokens, bobTokens]));
const minted = await send('mint', await legacy([cast.mintTo(text(mint), text(aliceTokens), text(payer), 5_000_000)], []));
await send('mint checked', await legacy([
  cast.setComputeUnitLimit(20_000),
  cast.setComputeUnitPrice(1_000),
  cast.mintToChecked(text(mint), text(aliceTokens), text(payer), 2_500_000, cast.DECIMALS),
], []));
await send('transfer', await versioned([
  cast.transferChecked(text(aliceTokens), text(mint), text(bobTokens), text(alice), 1_250_000, cast.DECIMALS),
], [alice]));
await send('transfer lamports', await legacy([cast.transferLamports(text(payer), text(alice), 2_000_000)], []));

// --- subscriptions, and the burns they tell about ---
const seen = { logs: [], all: [], account: [], program: [], signature: [], slot: [], root: [] };
const note = (kind) => (...values) => seen[kind].push(values);
const ids = [
  connection.onLogs(mint.publicKey, note('logs'), 'confirmed'),
  connection.onLogs('all', note('all'), 'confirmed'),
  connection.onAccountChange(aliceTokens.publicKey, note('account'), { commitment: 'confirmed' }),
  connection.onProgramAccountChange(tokenProgram, note('program'), {
    commitment: 'confirmed',
    filters: [{ dataSize: cast.TOKEN_ACCOUNT_SIZE }, { memcmp: { offset: 0, bytes: text(mint) } }],
  }),
];
const slotId = connection.onSlotChange(note('slot'));
const rootId = connection.onRootChange(note('root'));
const subscribed = () => until('subscriptions', () =>
  Object.values(connection._subscriptionsByHash).every(({ state }) => state === 'subscribed'));
await subscribed();
await step('subscribed', () => ids.concat(slotId, rootId).length);

const burning = await legacy([cast.burn(text(aliceTokens), text(mint), text(alice), 1_000_000)], [alice]);
const burned = name(cast.base58(burning.signature), 'signature of burn');
connection.onSignatureWithOptions(burned, note('signature'), { commitment: 'confirmed', enableReceivedNotification: true });
await subscribed();
await connection.sendRawTransaction(burning.serialize());
await until('notifications', () => seen.logs.length && seen.account.length && seen.program.length
  && seen.signature.length && seen.slot.length >= 3 && seen.root.length >= 2);
await step('logs of the mint', () => seen.logs);
await step('logs of all, the burn', () => seen.all.filter(([{ signature }]) => signature === burned));
await step('account changes', () => seen.account);
await step('program account changes', () => seen.program);
await step('signature notifications', () => seen.signature);
await step('slots', () => seen.slot.slice(0, 2));
await step('slots go up', () => seen.slot.every(([{ slot }], at) => at === 0 || slot > seen.slot[at - 1][0].slot));
await step('roots', () => seen.root.slice(0, 2));
await step('unsubscribe', async () => {
  for (const id of ids.slice(0, 2)) await connection.removeOnLogsListener(id);
  await connection.removeAccountChangeListener(ids[2]);
  await connection.removeProgramAccountChangeListener(ids[3]);
  await connection.removeSlotChangeListener(slotId);
  await connection.removeRootChangeListener(rootId);
});

const burnedChecked = await send('burn checked', await versioned([
  cast.burnChecked(text(aliceTokens), text(mint), text(alice), 250_000, cast.DECIMALS),
], [alice]));

// --- accounts ---
await step('getAccountInfo of the mint', () => connection.getAccountInfo(mint.publicKey));
await step('getAccountInfo sliced', () =>
  connection.getAccountInfo(aliceTokens.publicKey, { dataSlice: { offset: 64, length: 8 } }));
await step('getParsedAccountInfo of the mint', () => connection.getParsedAccountInfo(mint.publicKey));
await step('getParsedAccountInfo of a token account', () => connection.getParsedAccountInfo(aliceTokens.publicKey));
await step('getParsedAccountInfo of a wallet', () => connection.getParsedAccountInfo(alice.publicKey));
await step('getAccountInfo of nobody', () => connection.getAccountInfoAndContext(stranger.publicKey));
await step('getAccountInfo of the Token program, sliced', () =>
  connection.getAccountInfo(tokenProgram, { dataSlice: { offset: 0, length: 4 } }));
await step('getMultipleAccountsInfo', () =>
  connection.getMultipleAccountsInfoAndContext([mint, stranger, bobTokens].map(({ publicKey }) => publicKey)));
await step('getMultipleParsedAccounts', () =>
  connection.getMultipleParsedAccounts([mint, stranger, bobTokens].map(({ publicKey }) => publicKey)));
await step('getTokenAccountBalance', () => connection.getTokenAccountBalance(aliceTokens.publicKey));
await step('getTokenAccountBalance of a mint', () => connection.getTokenAccountBalance(mint.publicKey));
await step('getTokenAccountBalance of nobody', () => connection.getTokenAccountBalance(stranger.publicKey));
await step('getTokenSupply', () => connection.getTokenSupply(mint.publicKey));
await step('getTokenSupply of a wallet', () => connection.getTokenSupply(alice.publicKey));
await step('getTokenLargestAccounts', () => connection.getTokenLargestAccounts(mint.publicKey));
await step('getTokenAccountsByOwner of a mint', () =>
  connection.getTokenAccountsByOwner(alice.publicKey, { mint: mint.publicKey }));
await step('getParsedTokenAccountsByOwner of a program', () =>
  connection.getParsedTokenAccountsByOwner(bob.publicKey, { programId: tokenProgram }));
await step('getTokenAccountsByOwner of nobody', () =>
  connection.getTokenAccountsByOwner(stranger.publicKey, { programId: tokenProgram }));
const ofMint = [{ dataSize: cast.TOKEN_ACCOUNT_SIZE }, { memcmp: { offset: 0, bytes: text(mint) } }];
await step('getProgramAccounts filtered', () =>
  connection.getProgramAccounts(tokenProgram, { filters: ofMint, dataSlice: { offset: 64, length: 8 } }));
await step('getProgramAccounts with context', () =>
  connection.getProgramAccounts(tokenProgram, { filters: ofMint, withContext: true }));
await step('getParsedProgramAccounts', () => connection.getParsedProgramAccounts(tokenProgram, { filters: ofMint }));

// --- transactions and blocks ---
await step('getTransaction legacy', () => connection.getTransaction(minted));
await step('getTransaction version 0', () => connection.getTransaction(burnedChecked, v0));
await step('getTransaction version 0 unasked', () => connection.getTransaction(burnedChecked));
await step('getTransaction unknown', () => connection.getTransaction(missingSignature, v0));
await step('getParsedTransaction of accounts', () => connection.getParsedTransaction(accounts, v0));
const parsed = await step('getParsedTransaction of a burn', () => connection.getParsedTransaction(burned, v0));
const burnSlot = parsed.slot;
const ours = (block, signatureOf) => ({ ...block, transactions: block.transactions.filter((one) => signatureOf(one) === burned) });
await step('getBlock', async () =>
  ours(await connection.getBlock(burnSlot, anyVersion), ({ transaction }) => transaction.signatures[0]));
await step('getParsedBlock', async () =>
  ours(await connection.getParsedBlock(burnSlot, anyVersion), ({ transaction }) => transaction.signatures[0]));
await step('getBlock accounts', async () =>
  ours(await connection.getParsedBlock(burnSlot, { ...anyVersion, transactionDetails: 'accounts' }), ({ transaction }) => transaction.signatures[0]));
await step('getBlock none', () => connection.getBlock(burnSlot, { ...anyVersion, transactionDetails: 'none', rewards: false }));
await step('getBlockSignatures', async () => {
  const block = await connection.getBlockSignatures(burnSlot);
  return { ...block, signatures: block.signatures.filter((signature) => signature === burned) };
});
await step('getBlock in the future', () => connection.getBlock(4_000_000_000, v0));
await step('getBlocks', async () => (await connection.getBlocks(burnSlot, burnSlot)).map((slot) => slot - burnSlot));
await step('getBlockTime', () => connection.getBlockTime(burnSlot));
await step('getSignaturesForAddress', () => connection.getSignaturesForAddress(mint.publicKey));
await step('getSignaturesForAddress limit', () => connection.getSignaturesForAddress(mint.publicKey, { limit: 2 }));
await step('getSignaturesForAddress before', () => connection.getSignaturesForAddress(mint.publicKey, { before: burned, limit: 1 }));
await step('getSignaturesForAddress until', () => connection.getSignaturesForAddress(mint.publicKey, { until: burned }));
await step('getSignaturesForAddress of nobody', () => connection.getSignaturesForAddress(stranger.publicKey));
await step('getSignatureStatuses', () => connection.getSignatureStatuses([burned, missingSignature]));
await step('getSignatureStatuses of history', () =>
  connection.getSignatureStatuses([minted], { searchTransactionHistory: true }));
await step('getRecentPrioritizationFees', async () => (await connection.getRecentPrioritizationFees()).slice(0, 1));
await step('getFeeForMessage', () => connection.getFeeForMessage(burning.compileMessage(), 'confirmed'));
await step('getFeeForMessage with a price', async () => connection.getFeeForMessage((await versioned([
  cast.setComputeUnitLimit(20_000), cast.setComputeUnitPrice(1_000_000), cast.transferLamports(text(payer), text(bob), 1),
], [])).message, 'confirmed'));

// --- simulating, and what fails ---
const good = () => versioned([cast.burn(text(aliceTokens), text(mint), text(alice), 1)], [alice]);
const tooMuch = () => legacy([cast.burn(text(aliceTokens), text(mint), text(alice), 1_000_000_000)], [alice]);
await step('simulateTransaction', async () => connection.simulateTransaction(await good(), { sigVerify: true }));
await step('simulateTransaction with accounts', async () => connection.simulateTransaction(await good(), {
  accounts: { encoding: 'base64', addresses: [text(aliceTokens), text(stranger)] },
}));
await step('simulateTransaction with inner instructions', async () =>
  connection.simulateTransaction(await good(), { innerInstructions: true, replaceRecentBlockhash: true }));
await step('simulateTransaction failing', async () => connection.simulateTransaction(await tooMuch()));
await step('simulateTransaction of a legacy message with accounts', async () =>
  connection.simulateTransaction(await tooMuch(), [payer, alice], [mint.publicKey]));
await step('preflight fails', async () => connection.sendRawTransaction((await tooMuch()).serialize()));
await step('preflight fails in the second instruction', async () => connection.sendRawTransaction((await legacy([
  cast.transferLamports(text(payer), text(alice), 1),
  cast.mintTo(text(mint), text(aliceTokens), text(alice), 1),
], [alice])).serialize()));
await step('preflight finds too few lamports', async () =>
  connection.sendRawTransaction((await legacy([cast.transferLamports(text(payer), text(alice), 1e15)], [])).serialize()));
await step('an unknown blockhash', async () => connection.sendRawTransaction(
  (await legacy([cast.transferLamports(text(payer), text(alice), 1)], [], text(stranger))).serialize()));
await step('a bad signature', async () => {
  const transaction = await legacy([cast.transferLamports(text(payer), text(alice), 1)], []);
  const wire = transaction.serialize();
  wire[1] ^= 1;
  return connection.sendRawTransaction(wire);
});
await step('a bad signature, skipping preflight', async () => {
  const transaction = await legacy([cast.transferLamports(text(payer), text(alice), 1)], []);
  const wire = transaction.serialize();
  wire[1] ^= 1;
  return connection.sendRawTransaction(wire, { skipPreflight: true });
});
await step('half a transaction', async () =>
  connection.sendRawTransaction((await tooMuch()).serialize().subarray(0, 100)));
await step('a payer without lamports', async () => {
  const { blockhash } = await connection.getLatestBlockhash();
  const transaction = new Transaction({ feePayer: stranger.publicKey, recentBlockhash: blockhash })
    .add(instruction(cast.transferLamports(text(stranger), text(alice), 1)));
  transaction.sign(stranger);
  return connection.sendRawTransaction(transaction.serialize());
});
const failed = await sendOnly('failing burn', await tooMuch(), { skipPreflight: true });
// confirmTransaction tells of a failure by its result or by throwing, depending on what it hears first.
await until('the failure is confirmed', async () => (await connection.getTransaction(failed, v0)) !== null);
await step('sent twice', async () => {
  await connection.sendRawTransaction(burning.serialize());
});
await step('getTransaction failed', () => connection.getTransaction(failed, v0));
await step('getParsedTransaction failed', () => connection.getParsedTransaction(failed, v0));
await step('getSignatureStatuses failed', () => connection.getSignatureStatuses([failed]));
await step('getSignaturesForAddress failed', () => connection.getSignaturesForAddress(mint.publicKey, { limit: 1 }));
await step('getTokenSupply at the end', () => connection.getTokenSupply(mint.publicKey));
await step('getBalance at the end', () => connection.getBalance(payer.publicKey));
end();
process.exit(0);
