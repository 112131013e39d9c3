import { decodeRecord } from '../state/keys.ts'
import { DATA_PREFIX } from '../state/layout.ts'
import { TableCheck } from '../state/table-check.ts'
import {
  decodePointer,
  groupOfPointerKey,
  POINTERS,
  prefixRange,
  statePrefix,
  subKeyOf
} from '../storage/state-keys.ts'
import { Malformed } from '../wire/bytes.ts'
import type { SimulatedNode } from './node.ts'

/** Time in which a key is swept whose ttl is over, and clocks may differ by half of it. */
const SWEPT_MS_MAX = 10_000

/**
 * What is wrong with what the store of `node` holds: each of its groups must be whole, as durable
 * as the node believes, and nothing else may be left. Requires: a flush ended and none began since.
 */
export function storeIll({ name, machine, store }: SimulatedNode): string | undefined {
  if (machine === undefined) return `${name} is down`
  const { host, flusher } = machine.keeping
  let entries = 0
  const found = new Map<number, number>()
  for (const [key, value] of store.all(POINTERS)) {
    const group = groupOfPointerKey(key)
    const { generation, live } = decodePointer(value)
    const state = store.all(prefixRange(statePrefix(group, generation)))
    entries += state.length
    if (!live) continue
    const check = new TableCheck()
    try {
      const time = host.get(group)?.time.look() ?? 0
      for (const [stateKey, record] of state) {
        const at = subKeyOf(stateKey)
        check.add(at, record)
        const { expiresAt = time } = at[0] === DATA_PREFIX[0] ? decodeRecord(record) : {}
        if (expiresAt < time - SWEPT_MS_MAX) {
          return `${name}, group ${group}: a key is over since ${time - expiresAt} ms`
        }
      }
      found.set(group, check.finish().index)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      return `${name}, group ${group}: ${error.message}`
    }
  }
  for (const { group } of host.replicas()) {
    const [stored, believed] = [found.get(group) ?? 0, flusher.durableIndex(group)]
    if (stored !== believed) return `${name}, group ${group}: ${stored} stored, not ${believed}`
  }
  const all = store.all(prefixRange(Uint8Array.of(1))).length
  return all === entries ? undefined : `${name}: ${all - entries} entries of no group are left`
}
