import type { ReplicaId } from '../wire/ids.ts'
import { decodeConfiguration } from './codec.ts'
import type { Configuration, Entry, Index, SnapshotMark } from './types.ts'

interface Appended {
  readonly index: Index
  readonly configuration: Configuration
}

/**
 * The configurations of a log. The latest one is active from the moment it is appended, and a
 * truncation brings back the one before (design rule 2; Ongaro's thesis 4.1).
 */
export class ConfigurationHistory {
  #base: Configuration
  #appended: Appended[]
  #voters: readonly ReplicaId[] = []
  #active: Configuration

  constructor(base: Configuration, appended: readonly (readonly [Index, Configuration])[]) {
    this.#base = base
    this.#active = base
    this.#appended = appended.map(([index, configuration]) => ({ index, configuration }))
    this.#refresh()
  }

  get active(): Configuration {
    return this.#active
  }

  /** Where the active one stands in the log; 0: at or below the mark. */
  get activeIndex(): Index {
    return this.#appended[this.#appended.length - 1]?.index ?? 0
  }

  /** Of the active one; the same array until it changes. */
  get voters(): readonly ReplicaId[] {
    return this.#voters
  }

  isVoter(replica: ReplicaId): boolean {
    return this.#voters.includes(replica)
  }

  /** The one in force at `index`, which must not be below the mark. */
  at(index: Index): Configuration {
    let found = this.#base
    for (const appended of this.#appended) {
      if (appended.index <= index) found = appended.configuration
    }
    return found
  }

  append(entry: Entry): void {
    this.#appended.push({ index: entry.index, configuration: decodeConfiguration(entry.data) })
    this.#refresh()
  }

  truncate(index: Index): void {
    if (this.activeIndex < index) return
    this.#appended = this.#appended.filter((appended) => appended.index < index)
    this.#refresh()
  }

  reset(base: Configuration): void {
    this.#base = base
    this.#appended = []
    this.#refresh()
  }

  compact(mark: SnapshotMark): void {
    this.#base = mark.configuration
    this.#appended = this.#appended.filter((appended) => appended.index > mark.index)
    this.#refresh()
  }

  #refresh(): void {
    this.#active = this.#appended[this.#appended.length - 1]?.configuration ?? this.#base
    this.#voters = this.active.members.filter((it) => it.voter).map((it) => it.replica)
  }
}
