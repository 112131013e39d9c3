/**
 * The keys of a state machine's table:
 *
 *   'm'              meta: see meta.ts
 *   'c'              the cluster map, in the system group only
 *   's' + 16 bytes   one session: see sessions.ts
 *   'k' + key        one key: see keys.ts
 */
export const META_KEY: Uint8Array = Uint8Array.of(0x6d)
export const CLUSTER_MAP_KEY: Uint8Array = Uint8Array.of(0x63)
/** Every session record's key begins with it, and nothing else. */
export const SESSION_PREFIX: Uint8Array = Uint8Array.of(0x73)
/** Every key record's key begins with it, and nothing else. */
export const DATA_PREFIX: Uint8Array = Uint8Array.of(0x6b)

/** Where the table keeps a user's key; a fresh copy. */
export function dataKey(key: Uint8Array): Uint8Array {
  const at = new Uint8Array(key.length + 1)
  at[0] = DATA_PREFIX[0] as number
  at.set(key, 1)
  return at
}
