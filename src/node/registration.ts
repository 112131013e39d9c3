import type { ClientDriver } from '../client/driver.ts'
import type { ClusterMap, NodeRecord } from '../wire/cluster-map.ts'
import { encodeNodeRecord } from '../wire/cluster-map-codec.ts'
import { SYSTEM_GROUP } from '../wire/ids.ts'
import type { Clock } from '../world/clock.ts'
import type { Membership, Self } from './membership.ts'

const TIMEOUT_MS = 5_000
const RETRY_MS = 1_000

/**
 * Makes the cluster know this node as it is now: asks the system group to admit it, or to take its
 * new addresses, until the map shows them.
 */
export class Registration {
  readonly #gateway: ClientDriver
  readonly #membership: Membership
  readonly #clock: Clock
  #busy = false
  #notBefore = 0

  constructor(gateway: ClientDriver, membership: Membership, clock: Clock) {
    this.#gateway = gateway
    this.#membership = membership
    this.#clock = clock
  }

  /** Call it a few times a second. */
  tick(self: Self): void {
    const { map, identity, record } = this.#membership
    if (map === undefined || this.#busy || this.#clock.monotonic() < this.#notBefore) return
    if (record !== undefined && isCurrent(record, self)) return
    // A first member waits for the founding map, which is pushed to it.
    if (record !== undefined && !this.#membership.isMember) return
    const { nodeId: id, storeId } = identity
    this.#ask(map, { id, storeId, ...self, state: 'up' })
  }

  #ask(map: ClusterMap, node: NodeRecord): void {
    this.#busy = true
    const operation = { type: 'register-node', node: encodeNodeRecord(node) } as const
    const call = { kind: 'mutate', group: SYSTEM_GROUP, operation } as const
    this.#gateway.call(call, { timeoutMs: TIMEOUT_MS, trace: `register-${map.epoch}` }, () => {
      // Whatever came of it, the map shows: it is asked again until that names us as we are.
      this.#busy = false
      this.#notBefore = this.#clock.monotonic() + RETRY_MS
    })
  }
}

function isCurrent(record: NodeRecord, self: Self): boolean {
  const same = record.http === self.http && record.zone === self.zone
  return same && record.addresses.join(' ') === self.addresses.join(' ')
}
