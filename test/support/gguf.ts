/** A value of a GGUF header: whole numbers are written with 32 bits. */
export type GgufValue = string | number | boolean | readonly number[] | readonly string[];

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([count(bytes.length), bytes]);
}

function count(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function typed(value: GgufValue): [number, Buffer] {
  if (typeof value === 'string') return [8, text(value)];
  if (typeof value === 'boolean') return [7, Buffer.from([value ? 1 : 0])];
  if (typeof value === 'number') return [4, u32(value)];
  const items = value.map(typed);
  return [9, Buffer.concat([u32(items[0]?.[0] ?? 4), count(items.length), ...items.map(([, bytes]) => bytes)])];
}

/** The header of a GGUF file. `pairs` may be another number than there are. */
export function ggufHeader(
  metadata: Record<string, GgufValue>,
  { version = 3, pairs }: { version?: number; pairs?: bigint } = {},
): Buffer {
  const entries = Object.entries(metadata).map(([key, value]) => {
    const [type, bytes] = typed(value);
    return Buffer.concat([text(key), u32(type), bytes]);
  });
  return Buffer.concat([Buffer.from('GGUF'), u32(version), count(0), count(pairs ?? entries.length), ...entries]);
}
