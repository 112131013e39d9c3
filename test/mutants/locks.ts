import type { Mutant } from './mutant.ts'

const LOCKS = 'src/state/locks.ts'
const COMMANDS = 'src/state/lock-commands.ts'

const MUTANTS: readonly Mutant[] = [
  {
    id: 'M22',
    does: 'a place expires however often it was renewed since',
    edits: [
      {
        file: LOCKS,
        from: 'if (place.renewals !== renewals) {',
        to: 'if (place.renewals + renewals < 0) {'
      }
    ]
  },
  {
    id: 'M23',
    does: 'counts the tokens of each lock, from the beginning after it came free',
    edits: [
      {
        file: LOCKS,
        from: `    const token = this.#draw()
    assert(token > lock.token, 'a token that is not above the last one')
`,
        to: `    const token = lock.freed > 0 ? 1 : lock.token + 1
    assert(token > 0, 'a token that is not above the last one')
`
      }
    ]
  },
  {
    id: 'M24',
    does: 'a copy of an acquire takes a second place in the queue',
    edits: [
      {
        file: 'src/state/state-machine.ts',
        from: "if (result.type !== 'prepared' && result.type !== 'pending') {",
        to: "if (!['prepared', 'pending', 'waiting'].includes(result.type)) {"
      }
    ]
  },
  {
    id: 'M25',
    does: 'a new leader has the queue of each lock the other way round',
    edits: [
      {
        file: 'src/partition/lock-desk.ts',
        from: `      this.#timers.start(lock, place, now)
    }
`,
        to: `      this.#timers.start(lock, place, now)
    }
    const locks = new Set([...this.#replica.state.locks.places()].map(([lock]) => lock))
    for (const { queue } of locks) queue.reverse()
`
      }
    ]
  },
  {
    id: 'M25b',
    does: 'whoever shares a lock overtakes those who wait',
    edits: [
      {
        file: LOCKS,
        from: 'return lock.queue.length === 0 && isGrantable(lock, shared)',
        to: 'return isGrantable(lock, shared)'
      }
    ]
  },
  {
    id: 'M130',
    does: 'any token will do for a fence',
    edits: [
      {
        file: LOCKS,
        from: 'holders.some((place) => place.token === token) ?? false',
        to: 'holders.some((place) => place.token >= Math.min(0, token)) ?? false'
      }
    ]
  },
  {
    id: 'M131',
    does: 'a lock moves on while a prepared transaction relies on it',
    edits: [
      {
        file: COMMANDS,
        from: `      const by = transactions.keeperOfLock(operation)
      return by`,
        to: `      const by = transactions.keeperOfLock({ ...operation, guard: true })
      return by`
      },
      {
        file: COMMANDS,
        from: 'if (transactions.keeperOfLock(place) === undefined) locks',
        to: 'if (transactions.keeperOfLock({ ...place, guard: true }) === undefined) locks'
      },
      {
        file: 'src/partition/transactional.ts',
        from: 'return transactions.keeperOfLock(operation)',
        to: 'return transactions.keeperOfLock({ ...operation, guard: true })'
      }
    ]
  },
  {
    id: 'M132',
    does: 'places expire after a quarter of their ttl',
    edits: [
      {
        file: 'src/partition/lock-timers.ts',
        from: 'const dueAt = now + place.ttlMs\n    const timer',
        to: 'const dueAt = now + place.ttlMs / 4\n    const timer'
      }
    ]
  }
]

export const LOCK_MUTANTS = MUTANTS.map((mutant) => ({ ...mutant, ofLocks: true }))
