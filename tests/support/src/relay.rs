//! An on-chain program that hands its instruction data on to another program: with it a bare validator makes inner
//! instructions, which is how most burns of real chains happen.
//!
//! No validator has such a program built in, and the toolchain that compiles one is not something a test may ask for.
//! It is forty instructions long, so it is assembled here: sBPF version 0, the input layout of the aligned loader
//! (`solana-program-runtime/src/serialization.rs`), the C structures of `sol_invoke_signed_c` (`sol/cpi.h`).

use solana_address::Address;
use solana_instruction::Instruction;

/// Where validators started by these tests have the program.
pub const RELAY: Address = Address::new_from_array(*b"eda relay program for its tests!");

/// Wraps an instruction, which then runs as the relay's inner instruction. Its accounts must differ from each other.
pub fn relayed(inner: Instruction) -> Instruction {
    let mut accounts = inner.accounts;
    accounts.push(solana_instruction::AccountMeta::new_readonly(inner.program_id, false));
    Instruction { program_id: RELAY, accounts, data: inner.data }
}

/// Places in the stack frame, relative to its end.
mod frame {
    /// `SolAccountInfo[]`, 56 bytes each.
    pub(super) const INFOS: i16 = -2048;
    /// `SolAccountMeta[]`, 16 bytes each.
    pub(super) const METAS: i16 = -1024;
    /// The number of accounts.
    pub(super) const COUNT: i16 = -80;
    /// The address of the last account, which is the program to call.
    pub(super) const CALLEE: i16 = -72;
    /// `SolInstruction`: program, accounts, their count, data, its length.
    pub(super) const INSTRUCTION: i16 = -64;
}

/// Registers and operations of sBPF version 0, each returning one encoded instruction.
mod op {
    pub(super) const INPUT: u8 = 1;
    pub(super) const FRAME_END: u8 = 10;

    fn encode(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> [u8; 8] {
        let [low, high] = offset.to_le_bytes();
        let [a, b, c, d] = immediate.to_le_bytes();
        [code, to | (from << 4), low, high, a, b, c, d]
    }

    pub(super) fn load(to: u8, from: u8, offset: i16) -> [u8; 8] {
        encode(0x79, to, from, offset, 0)
    }

    pub(super) fn load_byte(to: u8, from: u8, offset: i16) -> [u8; 8] {
        encode(0x71, to, from, offset, 0)
    }

    pub(super) fn store(to: u8, offset: i16, from: u8) -> [u8; 8] {
        encode(0x7b, to, from, offset, 0)
    }

    pub(super) fn store_byte(to: u8, offset: i16, from: u8) -> [u8; 8] {
        encode(0x73, to, from, offset, 0)
    }

    pub(super) fn copy(to: u8, from: u8) -> [u8; 8] {
        encode(0xbf, to, from, 0, 0)
    }

    pub(super) fn set(to: u8, value: i32) -> [u8; 8] {
        encode(0xb7, to, 0, 0, value)
    }

    pub(super) fn add(to: u8, value: i32) -> [u8; 8] {
        encode(0x07, to, 0, 0, value)
    }

    pub(super) fn add_register(to: u8, from: u8) -> [u8; 8] {
        encode(0x0f, to, from, 0, 0)
    }

    pub(super) fn and(to: u8, mask: i32) -> [u8; 8] {
        encode(0x57, to, 0, 0, mask)
    }

    /// Jumps by `distance` instructions from the next one unless the register is zero.
    pub(super) fn jump_unless_zero(register: u8, distance: i16) -> [u8; 8] {
        encode(0x55, register, 0, distance, 0)
    }

    /// A system call, named by a relocation.
    pub(super) fn call() -> [u8; 8] {
        encode(0x85, 0, 1, 0, -1)
    }

    pub(super) fn exit() -> [u8; 8] {
        encode(0x95, 0, 0, 0, 0)
    }
}

/// The program as an ELF file.
pub fn program() -> Vec<u8> {
    let (before_call, after_call) = code();
    let call_at = before_call.len() * 8;
    let text: Vec<u8> = before_call.into_iter().chain([op::call()]).chain(after_call).flatten().collect();
    elf(&text, call_at)
}

/// The instructions before and after the one that calls `sol_invoke_signed_c`.
fn code() -> (Vec<[u8; 8]>, Vec<[u8; 8]>) {
    use op::{
        FRAME_END, INPUT, add, add_register, and, copy, jump_unless_zero, load, load_byte, set, store,
        store_byte,
    };
    // Kept through the loop: the account read, the meta and the info written, the accounts left.
    let (account, remaining, meta, info) = (6, 7, 8, 9);
    let (cursor, length, value) = (2, 3, 4);
    let mut code = vec![
        load(remaining, INPUT, 0),
        store(FRAME_END, frame::COUNT, remaining),
        copy(account, INPUT),
        add(account, 8),
        copy(info, FRAME_END),
        add(info, frame::INFOS.into()),
        copy(meta, FRAME_END),
        add(meta, frame::METAS.into()),
    ];
    // An account: four flags at 0 (duplicate, signer, writable, executable), address at 8, owner at 40, lamports at 72,
    // data length at 80, data at 88, 10,240 bytes to grow into, alignment to 8, rent epoch.
    let each = [
        copy(cursor, account),
        add(cursor, 8),
        store(FRAME_END, frame::CALLEE, cursor),
        store(info, 0, cursor),
        store(meta, 0, cursor),
        add(cursor, 32),
        store(info, 32, cursor),
        add(cursor, 32),
        store(info, 8, cursor),
        load(length, account, 80),
        store(info, 16, length),
        add(cursor, 16),
        store(info, 24, cursor),
        load_byte(value, account, 1),
        store_byte(info, 48, value),
        store_byte(meta, 9, value),
        load_byte(value, account, 2),
        store_byte(info, 49, value),
        store_byte(meta, 8, value),
        load_byte(value, account, 3),
        store_byte(info, 50, value),
        add_register(cursor, length),
        add(cursor, 10_240 + 7),
        and(cursor, -8),
        load(value, cursor, 0),
        store(info, 40, value),
        add(cursor, 8),
        copy(account, cursor),
        add(meta, 16),
        add(info, 56),
        add(remaining, -1),
    ];
    let back = i16::try_from(each.len()).map_or(0, |length| -length - 1);
    code.extend(each);
    code.push(jump_unless_zero(remaining, back));
    // After the last account comes the data, its length first. The callee is not an account of its own instruction.
    code.extend([
        load(value, FRAME_END, frame::CALLEE),
        store(FRAME_END, frame::INSTRUCTION, value),
        copy(value, FRAME_END),
        add(value, frame::METAS.into()),
        store(FRAME_END, frame::INSTRUCTION + 8, value),
        load(3, FRAME_END, frame::COUNT),
        copy(value, 3),
        add(value, -1),
        store(FRAME_END, frame::INSTRUCTION + 16, value),
        load(value, account, 0),
        store(FRAME_END, frame::INSTRUCTION + 32, value),
        add(account, 8),
        store(FRAME_END, frame::INSTRUCTION + 24, account),
        copy(1, FRAME_END),
        add(1, frame::INSTRUCTION.into()),
        copy(2, FRAME_END),
        add(2, frame::INFOS.into()),
        set(4, 0),
        set(5, 0),
    ]);
    (code, vec![op::exit()])
}

/// A shared object with one function and one relocation, every section at the address of its place in the file.
fn elf(text: &[u8], call_at: usize) -> Vec<u8> {
    const HEADERS: usize = 64 + 2 * 56;
    const SYMBOL: usize = 24;
    let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let wide = |place: usize| u64::try_from(place).unwrap_or(u64::MAX);
    let pair = |low: u32, high: u32| u64::from(low) | (u64::from(high) << 32);

    let names = b"\0sol_invoke_signed_c\0\0\0\0";
    let section_names = b"\0.text\0.dynsym\0.dynstr\0.rel.dyn\0.dynamic\0.shstrtab\0\0\0\0\0\0";
    let name_at = |name: &str| {
        let found = section_names.windows(name.len()).position(|window| window == name.as_bytes());
        found.and_then(|at| u32::try_from(at).ok()).unwrap_or_default()
    };
    // The null symbol, then a global function of no section: name at 1, info 0x10.
    let symbols = [vec![0; SYMBOL], words(&[pair(1, 0x10), 0, 0])].concat();
    let symbols_at = HEADERS + text.len();
    let names_at = symbols_at + symbols.len();
    let relocations_at = names_at + names.len();
    // Place, then symbol 1 and type 10 (R_BPF_64_32).
    let relocations = words(&[wide(HEADERS + call_at), pair(10, 1)]);
    let dynamic_at = relocations_at + relocations.len();
    // Tag and value: string table, symbol table, their sizes, relocations with total and entry size, end.
    let dynamic = words(&[
        5,
        wide(names_at),
        6,
        wide(symbols_at),
        10,
        wide(names.len()),
        11,
        wide(SYMBOL),
        17,
        wide(relocations_at),
        18,
        wide(relocations.len()),
        19,
        16,
        0,
        0,
    ]);
    let section_names_at = dynamic_at + dynamic.len();
    let sections_at = section_names_at + section_names.len();

    // Class 64, little endian, version 1; shared object for BPF, version 1; then entry, program and section headers.
    let mut file = words(&[0x0001_0102_464c_457f, 0, 0x0000_0001_00f7_0003]);
    file.extend(words(&[wide(HEADERS), 64, wide(sections_at)]));
    // No flags; sizes 64, 56 times 2, 64 times 7; the names are section 6.
    file.extend(words(&[pair(0, 0x0038_0040), 0x0006_0007_0040_0002]));
    let segment = |kind: u32, flags: u32, at: usize, length: usize| {
        words(&[pair(kind, flags), wide(at), wide(at), wide(at), wide(length), wide(length), 8])
    };
    file.extend(segment(1, 5, HEADERS, text.len()));
    file.extend(segment(2, 6, dynamic_at, dynamic.len()));
    for part in [text, &symbols, names, &relocations, &dynamic, section_names] {
        file.extend(part);
    }
    let section = |name: &str, kind: u32, flags: u64, at: usize, length: usize, link: u32, entry: u64| {
        words(&[pair(name_at(name), kind), flags, wide(at), wide(at), wide(length), pair(link, 0), 8, entry])
    };
    file.extend(vec![0; 64]);
    file.extend(section(".text", 1, 6, HEADERS, text.len(), 0, 0));
    file.extend(section(".dynsym", 11, 2, symbols_at, symbols.len(), 3, 24));
    file.extend(section(".dynstr", 3, 2, names_at, names.len(), 0, 0));
    file.extend(section(".rel.dyn", 9, 2, relocations_at, relocations.len(), 2, 16));
    file.extend(section(".dynamic", 6, 2, dynamic_at, dynamic.len(), 3, 16));
    file.extend(section(".shstrtab", 3, 0, section_names_at, section_names.len(), 0, 0));
    file
}
