import type { Mutant } from './mutant.ts'

export const RAFT_MUTANTS: readonly Mutant[] = [
  {
    id: 'M1',
    does: 'commits entries of earlier terms by counting them',
    edits: [
      {
        file: 'src/raft/leader.ts',
        from: 'if (log.term(index) !== core.term) {',
        to: 'if (index < 0) {'
      }
    ]
  },
  {
    id: 'M2',
    does: 'answers a vote before it is durable',
    edits: [
      {
        file: 'src/raft/core.ts',
        from: "    case 'vote':\n    case 'vote-reply':\n",
        to: "    case 'vote':\n"
      }
    ]
  },
  {
    id: 'M3',
    does: 'a new leader serves reads before it has committed in its term',
    edits: [
      {
        file: 'src/partition/host.ts',
        from: 'else if (committedInTerm) this.#confirm(replica, read)',
        to: 'else if (isLeader) this.#confirm(replica, read)'
      }
    ]
  },
  {
    id: 'M3b',
    does: 'a leader serves reads without asking a majority',
    edits: [
      {
        file: 'src/partition/host.ts',
        from: '    this.reads.request(replica, read)\n',
        to: '    replica.whenApplied(replica.raft.commit, read)\n'
      }
    ]
  },
  {
    id: 'M4',
    does: 'counts read rounds from 1 again whenever none is open',
    edits: [
      {
        file: 'src/partition/reads.ts',
        from: 'const round = ++this.#round',
        to: 'const round = this.#open.size === 0 ? (this.#round = 1) : ++this.#round'
      }
    ]
  },
  {
    id: 'M13',
    does: 'takes the sync of a truncated entry for that of its successor',
    edits: [
      {
        file: 'src/raft/log.ts',
        from: 'promise.reach = Math.min(promise.reach, this.#last)',
        to: 'promise.reach = Math.min(promise.reach, promise.index)'
      }
    ]
  },
  {
    id: 'M32',
    does: 'leads on, and sends heartbeats, while its disk hangs',
    edits: [
      {
        file: 'src/partition/host.ts',
        from: 'const stalled = this.syncAgeMs > this.#options.syncStallMs',
        to: 'const stalled = this.syncAgeMs < 0'
      }
    ]
  }
]
