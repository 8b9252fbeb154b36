/**
 * Enough of the GGUF v3 format to write float32 tensors. Own code: npm has only readers. @huggingface/gguf parses files
 * and rewrites headers, but writes no tensors.
 */

export type GgufValue =
  | { uint32: number }
  | { float32: number }
  | { bool: boolean }
  | { string: string }
  | { strings: readonly string[] }
  | { float32s: readonly number[] }
  | { int32s: readonly number[] };

export interface GgufTensor {
  name: string;
  /** The order of GGUF, the fastest-changing first: columns, then rows. */
  dimensions: readonly number[];
  values: Float32Array;
}

const version = 3;
const alignment = 32;
const valueType = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 };
const float32Tensor = 0;

export function ggufFile(metadata: Readonly<Record<string, GgufValue>>, tensors: readonly GgufTensor[]): Buffer {
  const entries = Object.entries(metadata);
  const header = padded(
    Buffer.concat([
      Buffer.from('GGUF'),
      uint32(version),
      uint64(tensors.length),
      uint64(entries.length),
      ...entries.flatMap(([key, value]) => [text(key), encoded(value)]),
      ...tensorInfos(tensors),
    ]),
  );
  return Buffer.concat([header, ...tensors.map((tensor) => padded(tensorBytes(tensor)))]);
}

function tensorInfos(tensors: readonly GgufTensor[]): Buffer[] {
  let offset = 0;
  return tensors.map(({ name, dimensions, values }) => {
    const info = Buffer.concat([
      text(name),
      uint32(dimensions.length),
      ...dimensions.map(uint64),
      uint32(float32Tensor),
      uint64(offset),
    ]);
    offset += roundUp(values.byteLength);
    return info;
  });
}

/** Little-endian on every machine, as the format requires. */
function tensorBytes({ values }: GgufTensor): Buffer {
  const bytes = Buffer.alloc(values.byteLength);
  values.forEach((value, index) => bytes.writeFloatLE(value, index * values.BYTES_PER_ELEMENT));
  return bytes;
}

function encoded(value: GgufValue): Buffer {
  if ('uint32' in value) return Buffer.concat([uint32(valueType.uint32), uint32(value.uint32)]);
  if ('float32' in value) return Buffer.concat([uint32(valueType.float32), float32(value.float32)]);
  if ('bool' in value) return Buffer.concat([uint32(valueType.bool), Buffer.from([value.bool ? 1 : 0])]);
  if ('string' in value) return Buffer.concat([uint32(valueType.string), text(value.string)]);
  if ('strings' in value) return array(valueType.string, value.strings.map(text));
  if ('float32s' in value) return array(valueType.float32, value.float32s.map(float32));
  return array(valueType.int32, value.int32s.map(int32));
}

function array(itemType: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([uint32(valueType.array), uint32(itemType), uint64(items.length), ...items]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(roundUp(bytes.length) - bytes.length)]);
}

function roundUp(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}
