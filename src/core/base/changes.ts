/** Says that the state of something has changed. It is a hint to read again and does not hold the state. */
export interface Change {
  kind: 'instance' | 'model' | 'volume' | 'approval';
  id: string;
}

export interface Changes {
  publish(change: Change): void;
  /** The listener must not throw; the returned function ends the subscription. */
  subscribe(listener: (change: Change) => void): () => void;
}
