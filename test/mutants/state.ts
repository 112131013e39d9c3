import type { Mutant } from './mutant.ts'

export const STATE_MUTANTS: readonly Mutant[] = [
  {
    id: 'M27',
    does: 'forgets a session by time alone, however few entries came since',
    edits: [
      {
        file: 'src/state/sessions.ts',
        from: `      if (index - session.used.index <= this.#limits.basisWindow) return
      if (!this.#isUnused(session, time)) return
`,
        to: '      if (time - session.used.time <= 300) return\n'
      }
    ]
  },
  {
    id: 'M35',
    does: 'looks at the clock of the node when it applies',
    edits: [
      {
        file: 'src/partition/replica.ts',
        from: 'this.state.apply(index, term, data)',
        to: 'this.state.apply(index, term, data, this.#shell.clock.wall())'
      },
      {
        file: 'src/state/state-machine.ts',
        from: 'apply(index: Index, term: Term, body: Uint8Array): readonly Answer[] {',
        to: 'apply(index: Index, term: Term, body: Uint8Array, now: number): readonly Answer[] {'
      },
      {
        file: 'src/state/state-machine.ts',
        from: 'if (time > this.#time) this.#time = time',
        to: 'this.#time = Math.max(this.#time, time, now)'
      }
    ]
  },
  {
    id: 'M36',
    does: 'takes the index of the entry for the revision, though an entry holds many commands',
    edits: [
      {
        file: 'src/state/state-machine.ts',
        from: 'number: ++this.#counter,',
        to: 'number: Math.max(++this.#counter, 0) * 0 + this.#applied.index,'
      }
    ]
  }
]
