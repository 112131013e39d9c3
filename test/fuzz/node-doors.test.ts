import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { ClusterView } from '../../src/wire/cluster-map.ts'
import { decodeFrame, FRAME } from '../../src/wire/frame.ts'
import { decodeHello, type Hello } from '../../src/wire/hello.ts'
import { decodeReply } from '../../src/wire/request-codec.ts'
import { fuzz } from './fuzz.ts'
import { mapLie, requestLie, statusLie, viewsIn } from './lies.ts'
import { type Recorded, type Recording, record } from './recorded.ts'
import { raftLie, snapshotLie, stateLie } from './replica-lies.ts'
import { asClient, asNode, Siege, type Stranger } from './siege.ts'
import { ofBytes, spoiledFrame, whole } from './spoil.ts'

// Goal: whatever a client or another node says, in frames that are garbled, true ones in the wrong
// place, or well-made lies, no process ends, nothing is kept for ever, and every answer is one of
// the protocol. After a client, whoever it was, the cluster serves as before. Method: the machines
// of three nodes in simulated time, and strangers linked with one of them, who say things made of
// recorded traffic.

let recording: Recording
let view: ClusterView

beforeAll(() => {
  recording = record('siege')
  ;[view] = viewsIn(recording.peer) as [ClusterView]
})

/** Says all of `frames`, by as many links as it takes. */
function say(siege: Siege, frames: readonly Recorded[], link: () => Stranger): Stranger {
  let stranger = link()
  for (const { bytes, channel } of frames) {
    if (!stranger.isLinked) {
      // A mesh that dials back must have had its time.
      siege.run(30)
      stranger = link()
    }
    stranger.transport.send('node1', [bytes], channel)
    siege.run(3)
  }
  siege.run(100)
  return stranger
}

function mustSpeakProtocol({ heard }: Stranger): void {
  for (const { frame } of heard) {
    const { kind, head, body } = decodeFrame(frame)
    // Refuses codes that are none.
    if (kind === FRAME.reply) decodeReply(head, body)
  }
}

test('the client door: spoiled frames and impossible requests', async () => {
  const frame = fc.oneof(
    spoiledFrame([...recording.client, ...recording.answers]),
    requestLie(view.map.clusterId)
  )
  await fuzz(
    40,
    fc.property(fc.array(frame, { minLength: 1, maxLength: 60, size: 'max' }), (frames) => {
      const siege = new Siege('siege')
      const last = say(siege, frames, () => siege.stranger('client', asClient))
      mustSpeakProtocol(last)
      siege.mustServe()
      expect(siege.crowd()).toEqual([0, 0, 0])
    })
  )
})

test('the client door: what belongs to nodes is not for clients', async () => {
  await fuzz(
    20,
    fc.property(spoiledFrame(recording.peer), (frame) => {
      const siege = new Siege('siege')
      say(siege, [frame], () => siege.stranger('client', asClient))
      siege.mustServe()
    })
  )
})

test('the peer door: spoiled frames', async () => {
  const frame = spoiledFrame([...recording.peer, ...recording.client, ...recording.answers])
  await fuzz(
    40,
    fc.property(fc.array(frame, { minLength: 1, maxLength: 80, size: 'max' }), (frames) => {
      const siege = new Siege('siege')
      mustSpeakProtocol(say(siege, frames, () => siege.stranger('node', asNode)))
      siege.run(4_000)
      siege.mustStand()
    })
  )
})

test.each<[of: string, frames: number, lie: () => fc.Arbitrary<Recorded>]>([
  ['logs', 60, () => raftLie(view, 'node1', 'calm')],
  ['terms', 8, () => raftLie(view, 'node1', 'bold')],
  ['pages', 20, () => snapshotLie(view, 'node1')],
  ['whole states', 4, () => stateLie(view, 'node1')],
  ['maps', 8, () => mapLie([view])],
  ['times and digests', 60, () => statusLie]
])('the peer door: lies about %s', async (_of, maxLength, lie) => {
  await fuzz(
    40,
    fc.property(fc.array(lie(), { minLength: 1, maxLength, size: 'max' }), (frames) => {
      const siege = new Siege('siege')
      say(siege, frames, () => siege.stranger('node', asNode))
      siege.run(4_000)
      siege.mustStand()
    })
  )
})

const helloLie: fc.Arbitrary<Partial<Hello>> = fc.record(
  {
    version: whole,
    client: fc.boolean(),
    clusterId: fc.constantFrom('', 'ab'.repeat(16), 'x', 'F'.repeat(32)),
    nodeId: fc.constantFrom('', 'node1', 'node2', 'x'.repeat(600), '..', '\0'),
    storeId: fc.constantFrom('', '00'.repeat(16), 'y'),
    bootCount: whole,
    bootNonce: whole,
    durableSequence: whole,
    epoch: whole,
    bootstrap: fc.boolean(),
    expect: whole,
    addresses: fc.array(fc.constantFrom('', '/sim/node2', 'x'.repeat(513), '/p2p/'), {
      maxLength: 32
    }),
    http: fc.constantFrom('', 'nonsense', 'x'.repeat(600)),
    zone: fc.constantFrom('', 'x'.repeat(300))
  },
  { requiredKeys: [] }
)

test('both doors: hellos', async () => {
  const roles = fc.constantFrom<'client' | 'node'>('client', 'node')
  const spoils = fc.array(ofBytes, { maxLength: 2 })
  await fuzz(
    60,
    fc.property(roles, helloLie, spoils, (role, lie, changes) => {
      const siege = new Siege('siege')
      const own = role === 'client' ? { client: true, nodeId: '' } : {}
      siege.stranger(role, (name) =>
        changes.reduce((bytes, change) => change(bytes), asNode(name, { ...own, ...lie }))
      )
      siege.run(3_000)
      siege.mustServe()
    })
  )
})

test('a node names itself as its link does', () => {
  const { clusterId } = view.map
  const siege = new Siege('siege')
  const hello = (name: string): Uint8Array => asNode(name, { nodeId: 'node2', clusterId })
  siege.stranger('node', hello)
  siege.mustServe()
  expect(decodeHello(hello('x')).nodeId).toBe('node2')
})
