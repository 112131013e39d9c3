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
      for (const [stateKey, record] of state) check.add(subKeyOf(stateKey), record)
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
