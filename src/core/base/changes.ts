/** Something that somebody may be looking at has another state now. A hint to read again, never the state itself. */
export interface Change {
  kind: 'instance' | 'model' | 'volume' | 'approval';
  id: string;
}

export interface Changes {
  publish(change: Change): void;
  /** The listener must not throw; the returned function ends the subscription. */
  subscribe(listener: (change: Change) => void): () => void;
}
