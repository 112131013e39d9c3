import type { Mutant } from './mutant.ts'

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    id: 'M10',
    does: 'ignores a failed sync of the log',
    edits: [
      {
        file: 'src/storage/segmented-log.ts',
        from: `      if (fault !== undefined) this.#fail(fault)
      else this.#synced(last, oldestNeeded)`,
        to: '      this.#synced(last, oldestNeeded)'
      },
      {
        file: 'src/storage/segmented-log.ts',
        from: 'if (fault === undefined && opened) this.#disk.syncDirectory(synced)',
        to: 'if (opened) this.#disk.syncDirectory(synced)'
      }
    ]
  },
  {
    id: 'M11',
    does: 'drops the log up to what is applied, not to what is durable',
    edits: [
      {
        file: 'src/partition/log-trimmer.ts',
        from: 'const durable = this.#durableIndex(group)',
        to: 'const durable = replica.state.applied.index'
      }
    ]
  },
  {
    id: 'M12',
    does: 'writes the applied index in another batch than the state',
    edits: [
      {
        file: 'src/storage/overlay.ts',
        from: '    for (const group of frozen) group.freeze(batch)\n',
        to: `    const marks: StateWrite[] = []
    for (const group of frozen) {
      group.freeze(batch)
      marks.push(...batch.splice(-1))
    }
`
      },
      {
        file: 'src/storage/overlay.ts',
        from: 'if (batch.length === 0) {',
        to: 'if (batch.length + marks.length === 0) {'
      },
      {
        file: 'src/storage/overlay.ts',
        from: `    this.#write(batch, (fault) => {
      this.#flushing = false
      if (fault === undefined) for (const group of frozen) group.flushed()
      done(fault)
    })`,
        to: `    this.#write(batch, (first) => {
      if (first !== undefined) {
        done(first)
        return
      }
      this.#write(marks, (fault) => {
        this.#flushing = false
        if (fault === undefined) for (const group of frozen) group.flushed()
        done(fault)
      })
    })`
      }
    ]
  },
  {
    id: 'M29',
    does: 'cuts the log at a damaged record, whatever follows it',
    edits: [
      {
        file: 'src/storage/recovery.ts',
        from: '    const bad = this.sequence + 1\n    if (!mayBeTorn)',
        to: '    if (offset >= 0) return\n    const bad = this.sequence + 1\n    if (!mayBeTorn)'
      }
    ]
  },
  {
    id: 'M33',
    does: 'acknowledges what a full disk did not take',
    edits: [
      {
        file: 'src/storage/segmented-log.ts',
        from: '      this.#fail(error)\n      return\n    }\n    target.bytes += batch.length\n',
        to: `      this.#buffer.clear()
      this.#synced(this.#buffer.sequence, 0)
      return
    }
    target.bytes += batch.length
`
      }
    ]
  }
]
