import type { BodySink, ByteRange } from './range-writer.ts';

/** The head of an HTTP response. Its body can be used once, in one of three ways. */
export interface Answer {
  status: number;
  /** The sender, for error messages. */
  host: string;
  header(name: string): string | undefined;
  /** Writes the body into its range of a file. Rejects only after all writes have ended. */
  writeTo(range: ByteRange, sink: BodySink): Promise<void>;
  /** The body as text. Only for short bodies. */
  text(): Promise<string>;
  /** Drops the body, so that its connection is free again. */
  discard(): void;
}
