import { z } from 'zod';
import { isRecord } from './is-record.ts';
import { isLive } from './kinds.ts';
import type { Kind, LiveOf } from './kinds.ts';

/** A page of a list. `next` is the token of the next page. */
interface ListPage<K extends Kind> {
  items: LiveOf<K>[];
  version: string;
  next: string | undefined;
}

/**
 * Returns undefined if the answer is no list of such objects. A list is refused as a whole: what it leaves out would
 * look deleted.
 */
export function parseList<K extends Kind>(answer: unknown, kind: K): ListPage<K> | undefined {
  if (!isRecord(answer) || !Array.isArray(answer['items']) || !isRecord(answer['metadata'])) return undefined;
  const { resourceVersion, continue: next } = answer['metadata'];
  if (typeof resourceVersion !== 'string') return undefined;
  const items: LiveOf<K>[] = [];
  for (const item of answer['items']) {
    if (!isLive(item, kind)) return undefined;
    items.push(item);
  }
  return { items, version: resourceVersion, next: typeof next === 'string' && next !== '' ? next : undefined };
}

/** `version`: where to continue the watch. An error's object is a Status. */
export type WatchEvent<K extends Kind> =
  | { type: 'changed' | 'deleted'; version: string; object: LiveOf<K> }
  | { type: 'bookmark'; version: string }
  | { type: 'error'; message: string };

const changeTypes: Record<string, 'changed' | 'deleted'> = {
  ADDED: 'changed',
  MODIFIED: 'changed',
  DELETED: 'deleted',
};

/** Returns undefined if the line is no event of a watch. */
export function parseWatchEvent<K extends Kind>(line: string, kind: K): WatchEvent<K> | undefined {
  const event = parseJson(line);
  if (!isRecord(event) || !isRecord(event['object'])) return undefined;
  const { type, object } = event;
  if (type === 'ERROR') return { type: 'error', message: statusSchema.safeParse(object).data?.message ?? 'no reason' };
  if (type === 'BOOKMARK') {
    const version = bookmarkSchema.safeParse(object).data?.metadata.resourceVersion;
    return version === undefined ? undefined : { type: 'bookmark', version };
  }
  const change = changeTypes[String(type)];
  if (change === undefined || !isLive(object, kind)) return undefined;
  return { type: change, version: object.metadata.resourceVersion, object };
}

const bookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const statusSchema = z.object({ message: z.string().optional(), reason: z.string().optional() });

/** A Status that explains a failed call. Empty for any other text, such as a proxy's page. */
export function parseStatus(text: string): z.infer<typeof statusSchema> {
  return statusSchema.safeParse(parseJson(text)).data ?? {};
}

/** Returns undefined if the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
