import type { Mutant } from './mutant.ts'

export const WATCH_MUTANTS: readonly Mutant[] = [
  {
    id: 'M150',
    does: 'a change has its revision for a position, also where a transaction is decided later',
    edits: [
      {
        file: 'src/state/keys.ts',
        from: 'listener?.({ position, at, record, revision: next.revision, expired: false })',
        to: `const { revision: own } = next
    listener?.({ position: own, at, record, revision: own, expired: false })`
      }
    ]
  },
  {
    id: 'M151',
    does: 'a history goes on over a snapshot, as if nothing had been left out',
    edits: [
      {
        file: 'src/partition/watches.ts',
        from: `      kept.state.listener = undefined
      this.opened(replica)
`,
        to: `      const { history } = kept
      replica.state.listener = (change) => history.add(change)
      this.#kept.set(replica, { ...kept, state: replica.state })
`
      }
    ]
  },
  {
    id: 'M152',
    does: 'a node that remembers too little tells what it has',
    edits: [
      {
        file: 'src/partition/watches.ts',
        from: 'if (after < history.floor) {',
        to: 'if (after < 0) {'
      }
    ]
  },
  {
    id: 'M153',
    does: 'a watch that goes on in the middle of a transaction is told its beginning again',
    edits: [
      {
        file: 'src/client/watcher.ts',
        from: 'if (position === lane.asked + 1 && place < lane.skip) continue',
        to: 'if (position === lane.asked + 1 && place < 0) continue'
      }
    ]
  },
  {
    id: 'M154',
    does: 'a cursor says that all of an answer was told when its first change was',
    edits: [
      {
        file: 'src/client/watcher.ts',
        from: '? { position: next === undefined ? upTo : position }',
        to: '? { position: upTo }'
      }
    ]
  }
]
