import type { Mutant } from './mutant.ts'

export const SCAN_MUTANTS: readonly Mutant[] = [
  {
    id: 'M140',
    does: 'reads pages without what a flush under way writes',
    edits: [
      {
        file: 'src/storage/overlay-group.ts',
        from: '    gather(this.#flushing ?? NONE, true)\n',
        to: ''
      }
    ]
  },
  {
    id: 'M141',
    does: 'takes the changes for a page when the store has answered',
    edits: [
      {
        file: 'src/storage/overlay-cut.ts',
        from: 'const changes = [...group.changesIn(gte, lt)].sort(([a], [b]) => order(a, b))\n',
        to: ''
      },
      {
        file: 'src/storage/overlay-cut.ts',
        from: '    done(undefined, merged(entries, changes, { last, order, reverse }))',
        to: `    const changes = [...group.changesIn(gte, lt)].sort(([a], [b]) => order(a, b))
    done(undefined, merged(entries, changes, { last, order, reverse }))`
      }
    ]
  },
  {
    id: 'M142',
    does: 'shows the new value of a transaction that was decided after the page was read',
    edits: [
      {
        file: 'src/partition/scans.ts',
        from: "if (fate === 'pending' || fate === 'aborted') passed.add(name)",
        to: "if (fate !== 'unknown') passed.add(name)"
      }
    ]
  },
  {
    id: 'M143',
    does: 'goes on behind the key at which a page had to end',
    edits: [
      {
        file: 'src/partition/scan-page.ts',
        from: '  return reverse ? behindKey(key) : key\n',
        to: '  return reverse ? key : behindKey(key)\n'
      }
    ]
  },
  {
    id: 'M144',
    does: 'shows what has come from some groups before all have come as far',
    edits: [
      {
        file: 'src/client/scan-merge.ts',
        from: 'isFurther(least, bound, reverse)',
        to: 'isFurther(bound, least, reverse)'
      }
    ]
  },
  {
    id: 'M145',
    does: 'sweeps keys whose ttl is not over',
    edits: [
      {
        file: 'src/state/keys.ts',
        from: ' || alive(decodeRecord(stored), now.time) !== undefined) return',
        to: ') return'
      },
      {
        file: 'src/partition/sweeper.ts',
        from: 'if (expiresAt > now) return',
        to: 'if (expiresAt > now + 1_000) return'
      }
    ]
  },
  {
    id: 'M146',
    does: 'sweeps what a transaction holds',
    edits: [
      {
        file: 'src/state/own-commands.ts',
        from: 'if (transactions.holderOf(key) === undefined) keys.end(key, use)',
        to: 'if (transactions !== undefined) keys.end(key, use)'
      },
      {
        file: 'src/partition/sweeper.ts',
        from: 'if (transactions.holderOf(key) === undefined) keys.push(key)',
        to: 'if (transactions !== undefined) keys.push(key)'
      }
    ]
  },
  {
    id: 'M147',
    does: 'never looks again once nothing was over',
    edits: [
      {
        file: 'src/state/expiries.ts',
        from: '    this.#table.set(at, NOTHING)\n    this.expect(after)\n',
        to: '    this.#table.set(at, NOTHING)\n'
      },
      {
        file: 'src/partition/sweeper.ts',
        from: 'state.expiries.expect(due.next)',
        to: 'if (due.keys.length > 0) state.expiries.expect(due.next)'
      }
    ]
  }
]
