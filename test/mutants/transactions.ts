import type { Mutant } from './mutant.ts'

const STATE = 'src/state/transactions.ts'
const COORDINATOR = 'src/transaction/coordinator.ts'

export const TRANSACTION_MUTANTS: readonly Mutant[] = [
  {
    id: 'M15',
    does: 'a decision leaves no memo at a participant',
    edits: [
      {
        file: STATE,
        from: `    // Without room nobody can prepare under an unknown session either.
    this.#sessions.remember(id, decision, use)
`,
        to: ''
      }
    ]
  },
  {
    id: 'M15b',
    does: 'the answer of a committed transaction is not kept at its anchor',
    edits: [
      {
        file: STATE,
        from: `    this.#sessions.remember(id, result, use)
    return result
`,
        to: '    return result\n'
      }
    ]
  },
  {
    id: 'M16',
    does: 'what a transaction only reads is not locked',
    edits: [
      {
        file: STATE,
        from: 'return { results, holds: [...reads.values(), ...written.values()] }',
        to: 'return { results, holds: [...reads.values(), ...written.values()].slice(reads.size) }'
      }
    ]
  },
  {
    id: 'M17',
    does: 'a strong read passes by intents without asking',
    edits: [
      {
        file: 'src/partition/strong-reads.ts',
        from: 'const intent = state.transactions.intentOn(key)',
        to: 'const intent = undefined as ReturnType<typeof state.transactions.intentOn>'
      }
    ]
  },
  {
    id: 'M18',
    does: 'takes a transaction whose record is gone for aborted',
    edits: [
      {
        file: 'src/node/transactions.ts',
        from: "return result.type === 'gone' ? 'unknown' : (decisionOf(result) ?? 'unknown')",
        to: "return decisionOf(result) ?? 'unknown'"
      }
    ]
  },
  {
    id: 'M19',
    does: 'commits whatever the record says',
    edits: [
      {
        file: STATE,
        from: "if (record?.state !== 'pending' || record.term !== term || part === undefined) {",
        to: 'if (record === undefined || (term < 0 && part === undefined)) {'
      },
      {
        file: STATE,
        from: '    this.#end(part, true, use)\n',
        to: '    if (part !== undefined) this.#end(part, true, use)\n'
      },
      {
        file: STATE,
        from: 'votes: [part.vote, ...votes] }',
        to: 'votes: part === undefined ? votes : [part.vote, ...votes] }'
      }
    ]
  },
  {
    id: 'M19b',
    does: 'commits a record of any term',
    edits: [
      {
        file: STATE,
        from: "record?.state !== 'pending' || record.term !== term || part === undefined",
        to: "record?.state !== 'pending' || part === undefined || term < 0"
      },
      {
        file: COORDINATOR,
        from: "if (state === 'pending') this.#abort(running, 'ended')",
        to: `if (state === 'pending') {
      running.phase = 'deciding'
      const votes = others.map(({ group }) => ({ group, applied: 0, results: [] }))
      const commit = decisionCommand(id, { type: 'commit', term: running.term, votes })
      anchor.propose(commit, (told) => this.#decided(running, told))
    }`
      }
    ]
  },
  {
    id: 'M20',
    does: 'a snapshot is what each of its keys was when it was read',
    edits: [
      {
        file: 'src/client/snapshot.ts',
        from: 'if (found.size <= 1) done(',
        to: 'if (found.size >= 0) done('
      }
    ]
  },
  {
    id: 'M20b',
    does: 'a key that was made and deleted between two reads did not move',
    edits: [
      {
        file: 'src/client/snapshot.ts',
        from: 'record === undefined && quietSince > applied',
        to: 'record === undefined && quietSince < 0 && applied < 0'
      }
    ]
  },
  {
    id: 'M21',
    does: 'counts the revisions of each key, from the beginning after a delete',
    edits: [
      {
        file: 'src/state/keys.ts',
        from: `  { number, time }: Use
): Change {
`,
        to: `  { time }: Use
): Change {
  const number = (current?.revision ?? 0) + 1
`
      }
    ]
  },
  {
    id: 'M101',
    does: 'forgets a record before its decision reached all participants',
    edits: [
      {
        file: COORDINATOR,
        from: `    tell(running, answerOf(told))
`,
        to: `    tell(running, answerOf(told))
    const first = decisionCommand(running.id, { type: 'forget', transactions: [running.id] })
    running.anchor.propose(first, () => {})
`
      }
    ]
  },
  {
    id: 'M102',
    does: 'a decision is applied to whatever part its session has',
    edits: [
      {
        file: STATE,
        from: `    const part = this.#prepared.get(id)
    if (part !== undefined) this.#end(part, committed, use)
    else sometimes`,
        to: `    let part = this.#prepared.get(id)
    for (const other of this.#prepared.all()) {
      if (other.ref.session === id.session) part ??= other
    }
    if (part !== undefined) this.#end(part, committed, use)
    else sometimes`
      }
    ]
  },
  {
    id: 'M103',
    does: 'an abort of what is not known leaves nothing behind',
    edits: [
      {
        file: STATE,
        from: "remember(id, { type: 'aborted', why }, use) ? ABORTED : NO_ROOM",
        to: 'isForgotten(id, { basis, index: why.length * 0 }) ? NO_ROOM : ABORTED'
      }
    ]
  },
  {
    id: 'M104',
    does: 'an abort ends a transaction that is committed',
    edits: [
      {
        file: STATE,
        from: "if (record?.state === 'pending') {",
        to: "if (record !== undefined && record.state !== 'aborted') {"
      }
    ]
  },
  {
    id: 'M105',
    does: 'a session read at a follower passes by intents',
    edits: [
      {
        file: 'src/partition/near-reads.ts',
        from: 'if (state.transactions.intentOn(key) !== undefined) {',
        to: 'if (replica.isLeader && state.transactions.intentOn(key) !== undefined) {'
      }
    ]
  },
  {
    id: 'M106',
    does: 'an eventual read at an intent claims to be as fresh as any',
    edits: [
      {
        file: 'src/partition/near-reads.ts',
        from: 'waitMs: Math.max(this.ageMs(replica), this.#passedMs(replica, key))',
        to: 'waitMs: Math.max(this.ageMs(replica), Math.min(0, this.#passedMs(replica, key)))'
      }
    ]
  },
  {
    id: 'M107',
    does: 'the anchor commits without the vote of the last participant',
    edits: [
      {
        file: COORDINATOR,
        from: 'if (votes.length < running.others.length) return',
        to: 'if (votes.length < running.others.length - 1) return'
      }
    ]
  },
  {
    id: 'M108',
    does: 'writes do not ask for read locks',
    edits: [
      {
        file: 'src/state/prepared.ts',
        from: 'for (const reader of lock.readers) return reader',
        to: 'for (const reader of [...lock.readers].slice(lock.readers.size)) return reader'
      }
    ]
  },
  {
    id: 'M109',
    does: 'who asks after a transaction is told what others asked for before',
    edits: [
      {
        file: 'src/transaction/resolver.ts',
        from: 'else asking.next.push(hear)',
        to: 'else asking.now.push(hear)'
      }
    ]
  },
  {
    id: 'M110',
    does: 'a part is prepared on top of the intents of others',
    edits: [
      {
        file: STATE,
        from: "const part = this.#blocker(relied, 'read') ?? this.#blocker(writes, 'write')",
        to: "const part = relied.length < 0 ? undefined : this.#blocker(writes, 'write')"
      }
    ]
  },
  {
    id: 'M111',
    does: 'a read that finds the record pending takes the new value',
    edits: [
      {
        file: 'src/partition/encounters.ts',
        from: 'how.answer(met.old)',
        to: "how.answer(fate === 'pending' ? intent.next : met.old)"
      }
    ]
  },
  {
    id: 'M112',
    does: 'a participant aborts its part by itself when nobody decides',
    edits: [
      {
        file: 'src/transaction/resolver.ts',
        from: `      if (decision === undefined || ref.anchor === group) {
        done()
        return
      }
`,
        to: `      if (ref.anchor === group) {
        done()
        return
      }
`
      }
    ]
  }
]
