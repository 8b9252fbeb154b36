import { z } from 'zod';
import { wireErrorSchema } from '../../../base/errors.ts';
import { checkRoot, listInside, markInside, readHeadInside, readInside } from './folders.ts';

/** What the server asks the program that looks at one filesystem. One line of JSON each way. */
export const filesystemRequest = z.discriminatedUnion('do', [
  z.object({ do: z.literal('check') }),
  z.object({ do: z.literal('list'), subfolder: z.string() }),
  z.object({ do: z.literal('read'), path: z.string(), maximumBytes: z.int() }),
  z.object({ do: z.literal('head'), path: z.string(), bytes: z.int() }),
  z.object({ do: z.literal('mark'), subfolder: z.string(), paths: z.array(z.string()) }),
]);
export type FilesystemRequest = z.infer<typeof filesystemRequest>;

export const numberedRequest = z.object({ id: z.int(), request: filesystemRequest });

/** A line of the program. One without a number is a sign of life during a long look. */
export const filesystemLine = z.union([
  z.object({ id: z.int(), error: wireErrorSchema }),
  z.object({ id: z.int(), answer: z.unknown() }),
  z.object({ alive: z.literal(true) }),
]);

const time = { path: z.string(), size: z.number(), mtimeMs: z.number() };

/** The answers, by request. Contents are in base64. */
export const filesystemAnswers = {
  check: z.null(),
  list: z.array(z.object({ ...time, special: z.literal(true).optional() })),
  read: z.base64(),
  head: z.base64(),
  mark: z.array(z.object({ ...time, mark: z.string() })),
};

/** Waits for the disk. `onStep` is called after every step that the filesystem has answered. */
export function answerRequest(root: string, request: FilesystemRequest, onStep: () => void): unknown {
  switch (request.do) {
    case 'check':
      checkRoot(root);
      return null;
    case 'list':
      return listInside(root, request.subfolder, onStep);
    case 'read':
      return readInside(root, request.path, request.maximumBytes).toString('base64');
    case 'head':
      return readHeadInside(root, request.path, request.bytes).toString('base64');
    case 'mark':
      return markInside(root, request.subfolder, request.paths, onStep);
  }
}
