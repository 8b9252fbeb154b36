import type { BodySink, Place } from './place-writer.ts';

/** The head of an HTTP answer, and its body for one of three uses. */
export interface Answer {
  status: number;
  /** Who sent it, as errors name it. */
  host: string;
  header(name: string): string | undefined;
  /** Writes the body into its place in a file; on a failure rejects once nothing is being written any more. */
  writeTo(place: Place, sink: BodySink): Promise<void>;
  /** The body of a short answer, as text. */
  text(): Promise<string>;
  /** Frees the connection of a body that nobody wants. */
  discard(): void;
}
