/** Values of a GGUF header by their key. Long lists, and lists of texts, are left out. */
export type GgufHeader = ReadonlyMap<string, string | number | boolean | readonly number[]>;

/** Bytes that are read of a file. The tokens of the vocabulary, which are longer, come after what sizing needs. */
export const ggufHeadBytes = 256 * 1024;

/** The vocabulary's key, after its length. Its values are longer than the rest of the head. */
const vocabularyKey = Buffer.from('\u0015\0\0\0\0\0\0\0tokenizer.ggml.tokens', 'latin1');

/** How many bytes of a head say something: those before the vocabulary, if the vocabulary goes on after the head. */
export function usefulHeadBytes(head: Buffer): number {
  const at = head.indexOf(vocabularyKey);
  return head.length < ggufHeadBytes || at < 0 ? head.length : at;
}

const longestKey = 256;
const longestText = 64 * 1024;
const longestList = 4096;

/**
 * Reads the key-value pairs at the beginning of a GGUF file (github.com/ggml-org/ggml, docs/gguf.md), as far as the bytes
 * go. Undefined if it is no GGUF file of version 2 or 3. Own code: the libraries on npm read the file up to its tensors,
 * many megabytes with the vocabulary.
 */
export function readGgufHeader(bytes: Buffer): GgufHeader | undefined {
  if (bytes.length < 24 || bytes.toString('latin1', 0, 4) !== 'GGUF') return undefined;
  const version = bytes.readUInt32LE(4);
  if (version !== 2 && version !== 3) return undefined;
  const header = new Map<string, string | number | boolean | readonly number[]>();
  const reader = new Reader(bytes, 16);
  try {
    const pairs = reader.count();
    for (let pair = 0; pair < pairs; pair += 1) {
      const key = reader.text(longestKey);
      const value = reader.value(reader.type());
      if (value !== undefined) header.set(key, value);
    }
  } catch (thrown) {
    if (!(thrown instanceof OutOfBytes)) throw thrown;
  }
  return header;
}

/** The bytes end, or what they say cannot be in a header. What was read before counts. */
class OutOfBytes extends Error {
  override readonly name = 'OutOfBytes';
}

const arrayType = 9;
const textType = 8;

/** Sizes of the types with a fixed size, by their number. */
const sizes = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);

class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The start of the next `length` bytes. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new OutOfBytes();
    this.#at = start + length;
    return start;
  }

  /** An unsigned number of 64 bits. Larger ones than a number can hold exactly count no bytes of this file. */
  count(): number {
    const value = this.#bytes.readBigUInt64LE(this.#take(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new OutOfBytes();
    return Number(value);
  }

  type(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  text(longest: number): string {
    const length = this.count();
    const start = this.#take(length);
    if (length > longest) throw new OutOfBytes();
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** Undefined for a value that is not kept. */
  value(type: number): string | number | boolean | readonly number[] | undefined {
    if (type === textType) return this.#keptText();
    return type === arrayType ? this.#list() : this.#scalar(type);
  }

  #keptText(): string | undefined {
    const length = this.count();
    const start = this.#take(length);
    return length > longestText ? undefined : this.#bytes.toString('utf8', start, start + length);
  }

  #list(): readonly number[] | undefined {
    const type = this.type();
    const length = this.count();
    const size = sizes.get(type);
    if (size === undefined) {
      if (type !== textType) throw new OutOfBytes();
      for (let index = 0; index < length; index += 1) this.#take(this.count());
      return undefined;
    }
    if (length > longestList) {
      this.#take(length * size);
      return undefined;
    }
    return Array.from({ length }, () => Number(this.#scalar(type)));
  }

  #scalar(type: number): number | boolean {
    const size = sizes.get(type);
    if (size === undefined) throw new OutOfBytes();
    const at = this.#take(size);
    const bytes = this.#bytes;
    switch (type) {
      case 0:
        return bytes.readUInt8(at);
      case 1:
        return bytes.readInt8(at);
      case 2:
        return bytes.readUInt16LE(at);
      case 3:
        return bytes.readInt16LE(at);
      case 4:
        return bytes.readUInt32LE(at);
      case 5:
        return bytes.readInt32LE(at);
      case 6:
        return bytes.readFloatLE(at);
      case 7:
        return bytes.readUInt8(at) !== 0;
      case 10:
        return Number(bytes.readBigUInt64LE(at));
      case 11:
        return Number(bytes.readBigInt64LE(at));
      default:
        return bytes.readDoubleLE(at);
    }
  }
}
