import type { Mutant } from './mutant.ts'

export const NODE_MUTANTS: readonly Mutant[] = [
  {
    id: 'M31',
    does: 'takes a map that is older than the one it goes by',
    edits: [
      {
        file: 'src/node/machine.ts',
        from: 'if (map.epoch < known || (map.epoch === known && membership.isMember)) return',
        to: 'if (map.epoch === known && membership.isMember) return'
      }
    ]
  }
]
