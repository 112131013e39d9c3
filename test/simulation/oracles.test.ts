import { expect, test } from 'vitest'
import type { Replica } from '../../src/partition/replica.ts'
import type { Entry, Message, Ready } from '../../src/raft/types.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { SimulatedDisk } from '../../src/simulation/disk.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { decodeBody, encodeBody } from '../../src/state/entry-body.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { decodeCommand, encodeCommand } from '../../src/wire/command.ts'

// Goal: each oracle sees the breach it is there for. Method: a cluster that works, in which one
// promise is broken by hand, on the path where a fault of the product would break it.

const key = utf8('key')

interface Formed {
  readonly cluster: SimulatedCluster
  readonly leader: SimulatedNode
  readonly followers: readonly [SimulatedNode, SimulatedNode]
}

/** Three nodes with one group, of whom one leads it and has answered a put. */
function formed(seed: string): Formed {
  const cluster = new SimulatedCluster(new World(`oracles ${seed}`), {
    nodes: 3,
    replicas: 3,
    partitions: 1,
    clients: 1,
    limits: { flushMs: 200 }
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  expect(asked(cluster, 'put')).toBe(true)
  cluster.run(1_000)
  const leader = cluster.nodes.find((node) => replicaOf(node).isLeader)
  const [a, b] = cluster.nodes.filter((node) => node !== leader)
  if (leader === undefined || a === undefined || b === undefined) throw new Error('no leader')
  return { cluster, leader, followers: [a, b] }
}

function replicaOf({ machine }: SimulatedNode): Replica {
  const replica = machine?.host.get(1)
  if (replica === undefined) throw new Error('no replica')
  return replica
}

/** Whether the call was answered while the cluster ran for a while. */
function asked(cluster: SimulatedCluster, type: 'put' | 'increment'): boolean {
  let answered = false
  const operation =
    type === 'put'
      ? ({ type, key, value: utf8('v') } as const)
      : ({ type, key: utf8('count'), by: 7 } as const)
  cluster.clients[0]?.call({ kind: 'mutate', operation }, 2_000, (outcome) => {
    answered = outcome.ok
  })
  cluster.runTo(3_000, () => answered)
  return answered
}

/** From now on each Ready of `replica` is what `change` makes of it. */
function meddle({ raft }: Replica, change: (ready: Ready) => Ready): void {
  const take = raft.ready.bind(raft)
  raft.ready = () => {
    const ready = take()
    return ready === undefined ? undefined : change(ready)
  }
}

/** `node` hears that its syncs are done though nothing was synced. */
function lieAboutSyncs({ disk }: SimulatedNode): void {
  const open = disk.open.bind(disk)
  const lie = (file: ReturnType<typeof open>): ReturnType<typeof open> => ({
    ...file,
    sync: (done) => disk.syncDirectory(done)
  })
  disk.open = (name) => lie(open(name))
}

test('a cluster that keeps its promises is left alone', () => {
  const { cluster } = formed('good')
  for (let i = 0; i < 20; i++) expect(asked(cluster, i % 2 === 0 ? 'put' : 'increment')).toBe(true)
  cluster.oracles.checkKept(cluster.nodes)
  expect(cluster.oracles.entries).toBeGreaterThan(20)
  expect(cluster.oracles.effects.counted('count')).toEqual(Array(10).fill(7))
})

test('two leaders of one term', () => {
  const { followers } = formed('two leaders')
  const { raft, id } = replicaOf(followers[0])
  const { currentTerm: term, leader: to } = raft
  const message: Message = { type: 'heartbeat', from: id, to, term, commit: 0 }
  expect(() => followers[0].machine?.host.send('node1', 1, message)).toThrow(/both lead term/)
})

test('an entry that differs between two logs', () => {
  const { cluster, followers } = formed('matching')
  meddle(replicaOf(followers[1]), (ready) => ({
    ...ready,
    entries: ready.entries.map((entry) => ({ ...entry, data: utf8('rot') }))
  }))
  expect(() => asked(cluster, 'put')).toThrow(/has another entry \d+ of term/)
})

test('a log that goes on behind another entry than others have there', () => {
  const { cluster, followers } = formed('matching before')
  const later = (entry: Entry): Entry => ({ ...entry, term: entry.term + 1 })
  meddle(replicaOf(followers[0]), (ready) => ({ ...ready, entries: ready.entries.map(later) }))
  meddle(replicaOf(followers[1]), (ready) => ({
    ...ready,
    entries: ready.entries.map((entry) => ({ ...later(entry), index: entry.index + 1 }))
  }))
  expect(() => {
    asked(cluster, 'put')
    asked(cluster, 'put')
  }).toThrow(/others have that term from/)
})

test('a leader without what is committed', () => {
  const { cluster, leader, followers } = formed('completeness')
  const [behind, voter] = followers
  const replica = replicaOf(behind)
  replica.receive = () => {}
  expect(asked(cluster, 'put')).toBe(true)
  Reflect.deleteProperty(replica, 'receive')
  leader.kill()
  const { currentTerm } = replica.raft
  const reply = { from: replicaOf(voter).id, to: replica.id, term: currentTerm + 1 } as const
  replica.raft.step({ type: 'campaign' })
  replica.receive(voter.name, { type: 'pre-vote-reply', rejected: false, ...reply })
  expect(() => {
    cluster.run(20)
    replica.receive(voter.name, { type: 'vote-reply', rejected: false, ...reply })
    cluster.run(20)
  }).toThrow(/leads term \d+ without the committed entry/)
})

test('a committed entry that is dropped', () => {
  const { cluster, leader, followers } = formed('dropped')
  const [{ name }, victim] = followers
  const { raft } = replicaOf(leader)
  const replica = replicaOf(victim)
  const operation = { type: 'put', key, value: utf8('w') } as const
  cluster.clients[0]?.call({ kind: 'mutate', operation }, 2_000, () => {})
  const isUntold = (): boolean => {
    const { lastIndex, commit } = replica.raft.status
    return lastIndex > commit && raft.commit === lastIndex
  }
  for (let i = 0; !isUntold() && i < 10_000; i++) cluster.world.runUntil(cluster.world.now + 0.1)
  const { commit, currentTerm } = replica.raft
  const previousTerm = replica.raft.term(commit) ?? 0
  const entry: Entry = { index: commit + 1, term: currentTerm + 1, kind: 'empty', data: utf8('') }
  expect(() => {
    replica.receive(name, {
      type: 'append',
      from: replicaOf(followers[0]).id,
      to: replica.id,
      term: currentTerm + 1,
      previousIndex: commit,
      previousTerm,
      commit,
      entries: [entry]
    })
    cluster.run(10)
  }).toThrow(/drops the committed entry/)
})

test('an entry that is applied and is not what was committed', () => {
  const { cluster, followers } = formed('sequence')
  meddle(replicaOf(followers[0]), (ready) => ({
    ...ready,
    committed: ready.committed.map((entry) => ({ ...entry, data: encodeBody(0, []) }))
  }))
  expect(() => asked(cluster, 'put')).toThrow(/applied another entry at/)
})

test('an entry that is skipped, or comes twice', () => {
  const { cluster, followers } = formed('skipped')
  const [node] = followers
  const replica = replicaOf(node)
  const { index } = replica.state.applied
  for (let i = 0; i < 3; i++) expect(asked(cluster, 'put')).toBe(true)
  const log = node.machine?.keeping.log
  const last = replica.raft.commit
  const onlooker = cluster.oracles.onlooker(node)
  for (const at of [index, last]) {
    const entries = log?.entries(1, at, at + 1, 1_000) ?? []
    expect(entries).toHaveLength(1)
    expect(() => onlooker.applied(replica, entries)).toThrow(/applied entry \d+ behind \d+/)
  }
})

test('a state that is not what its entries made of it', () => {
  const { cluster, followers } = formed('digest')
  const { state } = replicaOf(followers[0])
  const apply = state.apply.bind(state)
  state.apply = (index, term, body) => apply(index, term, again(body, 'rot'))
  expect(() => asked(cluster, 'put')).toThrow(/the state of replica \d+ at \d+ is/)
})

test('a state that nobody has to trust is not compared', () => {
  const { cluster, followers } = formed('distrust')
  cluster.oracles.distrust(followers[0].name)
  const { state } = replicaOf(followers[0])
  const apply = state.apply.bind(state)
  state.apply = (index, term, body) => apply(index, term, again(body, 'rot'))
  expect(asked(cluster, 'put')).toBe(true)
})

test('an acknowledgement, or a vote, of what is not synced', () => {
  const { cluster, leader, followers } = formed('acknowledged')
  lieAboutSyncs(followers[0])
  followers[0].kill(false)
  followers[0].boot()
  expect(() => {
    cluster.run(3_000)
    for (let i = 0; i < 10; i++) asked(cluster, 'put')
  }).toThrow(/acknowledges entry \d+ .* and its disk has|votes for .* and its disk knows/)
  expect(leader.machine).toBeDefined()
})

test('a committed entry that a majority does not have any more', () => {
  const { cluster, followers } = formed('kept')
  for (const { name, store } of followers) {
    const disk = new SimulatedDisk(new World('empty'), name)
    cluster.oracles.replaced({ name, disk, store })
  }
  expect(() => cluster.run(2_000)).toThrow(/is durable on 1 of 3 voters only, not on/)
})

test('a command that counts twice, on all replicas alike', () => {
  const { cluster } = formed('twice')
  for (const node of cluster.nodes) {
    const { state } = replicaOf(node)
    const apply = state.apply.bind(state)
    state.apply = (index, term, body) => {
      const { time, commands } = decodeBody(body)
      const renamed = commands.map((bytes) => {
        const command = decodeCommand(bytes)
        return encodeCommand({ ...command, seq: command.seq + 1_000 })
      })
      const answers = apply(index, term, encodeBody(time, [...commands, ...renamed]))
      return answers.slice(0, commands.length)
    }
  }
  expect(() => asked(cluster, 'increment')).toThrow(/counts 14 at \d+ under count, .* makes 7/)
})

test('a node that goes on after its disk failed', () => {
  const { cluster, leader } = formed('failed disk')
  const { store } = leader
  const write = store.write.bind(store)
  store.write = (batch, done) => write(batch, () => done(undefined))
  store.failNextWrite()
  asked(cluster, 'put')
  expect(() => cluster.run(2_000)).toThrow(/lives on though its disk failed/)
})

test('answers from the future, and from before what was told', () => {
  const { cluster } = formed('answers')
  const { answers } = cluster.oracles
  const { now } = cluster.world
  const applied = Math.max(...cluster.nodes.map((node) => replicaOf(node).state.applied.index))
  const told = { session: 'a', kind: 'get', consistency: 'strong', group: 1, called: now } as const
  expect(() => answers.told({ ...told, applied: applied + 1 }, now)).toThrow(/is committed/)
  answers.told({ ...told, applied }, now)
  const late = { ...told, applied: applied - 1 }
  // Asked before the answer came: nothing was known yet.
  answers.told(late, now + 1)
  const next = { ...late, called: now + 2 }
  expect(() => answers.told({ ...next, consistency: 'session' }, now + 3)).toThrow(/before of/)
  expect(() => answers.told({ ...next, session: 'b' }, now + 3)).toThrow(/somebody before of/)
  answers.told({ ...next, session: 'c', consistency: 'session' }, now + 3)
  answers.told({ ...next, consistency: 'eventual' }, now + 3)
})

/** The entry, with `value` in every put. */
function again(body: Uint8Array, value: string): Uint8Array {
  const { time, commands } = decodeBody(body)
  const changed = commands.map((bytes) => {
    const command = decodeCommand(bytes)
    const { operation } = command
    if (operation.type !== 'put') return bytes
    return encodeCommand({ ...command, operation: { ...operation, value: utf8(value) } })
  })
  return encodeBody(time, changed)
}
