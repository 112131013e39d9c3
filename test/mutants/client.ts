import type { Mutant } from './mutant.ts'

export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    id: 'M26',
    does: 'the client tells of a change that may have happened as of one that did not',
    edits: [
      {
        file: 'src/client/calls.ts',
        from: 'return isMutation(call) && (call.inDoubt || call.copies.length > 0)',
        to: 'return isMutation(call) && call.copies.length < 0'
      }
    ]
  },
  {
    id: 'M26b',
    does: 'a leader that steps down refuses what it had appended',
    edits: [
      {
        file: 'src/partition/pending.ts',
        from: 'for (const { waiting } of all) waiting.lost()',
        to: 'for (const { waiting } of all) waiting.replaced()'
      }
    ]
  },
  {
    id: 'M28',
    does: 'numbers each copy of a command anew',
    edits: [
      {
        file: 'src/client/dispatch.ts',
        from: 'call.body ??= this.#encode(call, route)',
        to: 'if (call.ticket || !call.body) call.body = this.#encode(call, route)'
      }
    ]
  }
]
