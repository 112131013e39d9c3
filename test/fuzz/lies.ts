import fc from 'fast-check'
import { ByteWriter, concatBytes } from '../../src/wire/bytes.ts'
import type { ClusterMap, ClusterView, Member } from '../../src/wire/cluster-map.ts'
import { decodeClusterView, encodeClusterView } from '../../src/wire/cluster-map-codec.ts'
import { encodeCommand } from '../../src/wire/command.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import { DISK_LEVELS } from '../../src/wire/disk-level.ts'
import { decodeFrame, encodeFrame, FRAME } from '../../src/wire/frame.ts'
import { VALUE_BYTES_MAX } from '../../src/wire/limits.ts'
import { encodeMapPush, encodeStatus } from '../../src/wire/node-frames.ts'
import type { Request } from '../../src/wire/request.ts'
import { encodeRequest } from '../../src/wire/request-codec.ts'
import { writeTransactionId } from '../../src/wire/transaction.ts'
import { transactionOperations } from '../unit/wire/transaction-arbitraries.ts'
import type { Recorded } from './recorded.ts'
import { whole } from './spoil.ts'

// Frames that every decoder takes, and that no true node or client would send.

const group = fc.oneof({ weight: 6, arbitrary: fc.nat(6) }, { weight: 1, arbitrary: whole })
/** Fifteen replicas were allotted. */
const replica = fc.integer({ min: 1, max: 17 })
const flag = fc.boolean()
const shortBytes = fc.uint8Array({ maxLength: 24 })

const frame = (parts: readonly Uint8Array[]): Recorded => ({
  bytes: concatBytes([...parts]),
  channel: 'main'
})

const name = fc.constantFrom('node1', 'node2', 'node3', 'stranger1', 'nobody', '')
const member: fc.Arbitrary<Member> = fc.record({ replica: whole, node: name, voter: flag })

/** Another map of the cluster that `views` are of. */
export function mapLie(views: readonly ClusterView[]): fc.Arbitrary<Recorded> {
  const settings = fc.record({
    partitions: fc.constantFrom(1, 2, 4, 8, 1_024, 65_536),
    replicas: fc.constantFrom(1, 3, 32),
    hash: fc.constant('xxh64-0' as const)
  })
  const placement = fc.record({
    group: fc.nat(9),
    members: fc.array(member, { maxLength: 4 })
  })
  const placements = fc
    .uniqueArray(placement, { selector: (it) => it.group, maxLength: 8 })
    .map((all) => all.toSorted((a, b) => a.group - b.group))
  const changes: fc.Arbitrary<Partial<ClusterMap>> = fc.record(
    {
      epoch: whole,
      clusterVersion: whole,
      nextReplica: whole,
      settings,
      placements,
      nodes: fc.constant([])
    },
    { requiredKeys: [] }
  )
  const leaders = fc.array(name, { maxLength: 9 })
  return fc.tuple(fc.constantFrom(...views), changes, leaders).map(([view, change, led]) => {
    const lie = {
      map: { ...view.map, ...change },
      leaders: led,
      unreachable: [],
      low: led,
      full: []
    }
    return frame(encodeMapPush(encodeClusterView(lie)))
  })
}

/** What nodes say of themselves, and ask each other about reads. */
export const statusLie: fc.Arbitrary<Recorded> = fc.oneof(
  fc
    .record({
      epoch: whole,
      wall: whole,
      durableSequence: whole,
      led: fc.array(fc.tuple(group, whole), { maxLength: 6 }),
      unfit: fc.array(group, { maxLength: 6 }),
      disk: fc.constantFrom(...DISK_LEVELS),
      peers: fc.constant([])
    })
    .map((status) => frame(encodeStatus(status))),
  fc
    .tuple(
      fc.constantFrom(FRAME.confirm, FRAME.confirmReply, FRAME.freshness, FRAME.freshnessReply),
      whole,
      whole,
      fc.array(fc.oneof(group, replica, whole), { maxLength: 12 })
    )
    .map((head) => frame(encodeFrame(head))),
  fc
    .array(fc.tuple(group, whole, fc.string({ minLength: 1, maxLength: 20 })), { maxLength: 5 })
    .map((claims) => frame(encodeFrame([FRAME.digests, claims.flat()]))),
  fc
    .tuple(group, replica, replica, fc.nat(3), whole, fc.nat(2))
    .map((head) => frame(encodeFrame([FRAME.snapshotReply, ...head])))
)

const key = fc.oneof(
  fc.constantFrom('probe 1', 'key 1', 'counter').map((text) => Buffer.from(text)),
  fc.uint8Array({ minLength: 1, maxLength: 8 })
)
const limits = { ifRevision: whole, ttlMs: whole }
const operation: fc.Arbitrary<DataOperation> = fc.oneof(
  fc.record(
    { type: fc.constant('put' as const), key, value: shortBytes, ...limits },
    { requiredKeys: ['type', 'key', 'value'] }
  ),
  fc.record(
    { type: fc.constant('delete' as const), key, ifRevision: whole },
    { requiredKeys: ['type', 'key'] }
  ),
  fc.record(
    { type: fc.constant('increment' as const), key, by: fc.maxSafeInteger(), ifRevision: whole },
    { requiredKeys: ['type', 'key', 'by'] }
  ),
  fc.record(
    { type: fc.constant('touch' as const), key, ...limits },
    { requiredKeys: ['type', 'key'] }
  )
)
const once = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 128 }),
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  notAfter: whole
})
const session = fc.constantFrom('0'.repeat(32), 'f'.repeat(32), '12'.repeat(16))
const transactional = transactionOperations({
  key,
  data: operation,
  count: whole,
  group: group.filter((it) => it > 0 && it < 2 ** 32),
  session,
  result: fc.record({ type: fc.constantFrom('written', 'deleted'), revision: whole })
})
const command = fc
  .record({
    session,
    seq: whole,
    ackedUpTo: whole,
    basis: whole,
    operation: fc.oneof(
      operation,
      transactional,
      fc.record({ type: fc.constant('claim' as const), once }),
      fc.record({ type: fc.constant('once' as const), once, operation }),
      fc.constant({ type: 'tick' as const }),
      fc.record({ type: fc.constant('register-node' as const), node: shortBytes })
    )
  })
  .map(encodeCommand)

const transactionName = fc.record({ session, seq: whole }).map((id) => {
  const writer = new ByteWriter(32)
  writeTransactionId(writer, id)
  return writer.finish().slice()
})

/** Requests to groups that may be elsewhere, for times that will not come. */
export function requestLie(clusterId: string): fc.Arbitrary<Recorded> {
  return fc
    .record({
      id: whole,
      kind: fc.constantFrom<Request['kind']>('get', 'mutate', 'mutate', 'basis', 'map', 'outcome'),
      clusterId: fc.constantFrom(clusterId, clusterId, clusterId, '', 'ab'.repeat(16)),
      group: group.filter((it) => it < 2 ** 32),
      epoch: whole,
      timeoutMs: fc.constantFrom(0, 1, 100, 5_000, 600_000),
      consistency: fc.constantFrom<Request['consistency']>('strong', 'session', 'eventual'),
      minApplied: whole,
      principal: fc.string({ maxLength: 9 }),
      trace: fc.string({ maxLength: 9 }),
      body: fc.oneof(
        { weight: 6, arbitrary: command },
        { weight: 2, arbitrary: key },
        { weight: 1, arbitrary: transactionName },
        { weight: 1, arbitrary: fc.uint8Array() },
        {
          weight: 1,
          arbitrary: fc
            .constantFrom(VALUE_BYTES_MAX, 9 * 2 ** 20)
            .map((size) => new Uint8Array(size))
        }
      )
    })
    .map((request) => frame(encodeRequest(request)))
}

/** The maps in `corpus`. */
export function viewsIn(corpus: readonly Recorded[]): ClusterView[] {
  const frames = corpus.map(({ bytes }) => decodeFrame(bytes))
  return frames.flatMap(({ kind, body }) => (kind === FRAME.map ? [decodeClusterView(body)] : []))
}
