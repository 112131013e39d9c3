/**
 * The ordered bytes a state machine keeps: one partition's window on the overlay and the store
 * below it. Reads see every earlier `set`. Durable later, together with the partition's applied
 * index.
 */
export interface Table {
  /** `key` must not change afterwards. */
  get(key: Uint8Array): Uint8Array | undefined
  /**
   * `value` undefined deletes. Both arrays belong to the table afterwards: never change them.
   * Requires: they are no views of something large and short-lived, such as a frame.
   */
  set(key: Uint8Array, value: Uint8Array | undefined): void
}
