import { Violation } from './violation.ts'

/** What a key was from one moment on, until it was something else. */
interface Version {
  readonly at: number
  /** That of its record or, where it is gone, of what deleted it; 0: it never was. */
  readonly revision: number
  readonly isThere: boolean
}

/** What a change left under a key. */
export interface KeyChange {
  readonly key: string
  readonly revision: number
  readonly isThere: boolean
  /** It may be over by the time alone: of such a key nothing is claimed. */
  readonly isFading: boolean
}

/** Of one read: the revision it showed; 0: there is no such key. */
export type Shown = readonly [key: string, revision: number]

const NEVER: Version = { at: 0, revision: 0, isThere: false }

/**
 * What each key was and when: from the moment on at which the first replica applied what made it
 * so, for all keys of a transaction that at which its COMMIT was. Before it nobody may see the
 * change, and whoever begins to read after it must. Moments are counted, not measured.
 */
export class KeyHistories {
  readonly #versions = new Map<string, Version[]>()
  readonly #fading = new Set<string>()
  #moment = 0

  /** A moment later than all before. */
  now(): number {
    return ++this.#moment
  }

  /** All of it became so at one moment. */
  changed(changes: readonly KeyChange[]): void {
    const at = this.now()
    for (const { key, revision, isThere, isFading } of changes) {
      if (isFading) this.#fading.add(key)
      const versions = this.#of(key)
      const before = (versions.at(-1) as Version).revision
      if (revision <= before) {
        throw new Violation(`${key} has revision ${revision} now, and had ${before} before`)
      }
      versions.push({ at, revision, isThere })
    }
  }

  /** Whether it happened already. */
  isKnown({ key, revision }: KeyChange): boolean {
    return this.#of(key).some((version) => version.revision === revision)
  }

  /** The revision of `key` now; 0: there is none. Undefined: nothing is claimed of it. */
  revisionOf(key: string): number | undefined {
    if (this.#fading.has(key)) return undefined
    const { revision, isThere } = this.#of(key).at(-1) as Version
    return isThere ? revision : 0
  }

  /** Somebody who had asked at `asked` is shown this, as what stood at one moment. */
  shown(shown: readonly Shown[], asked: number): void {
    const claimed = shown.filter(([key]) => !this.#fading.has(key))
    const spans = claimed.map((one) => this.#spansOf(one, asked))
    const starts = [asked, ...spans.flatMap((some) => some.map(([from]) => from))]
    const isWithin = (moment: number): boolean =>
      spans.every((some) => some.some(([from, to]) => from <= moment && moment < to))
    if (starts.some(isWithin)) return
    const [alone] = claimed.filter((_, i) => spans[i]?.length === 0)
    if (alone !== undefined) throw new Violation(this.#accusation(alone))
    const all = claimed.map(([key, revision]) => `${key} at ${revision}`).join(', ')
    throw new Violation(
      `a snapshot shows ${all}, which never stood together since it was asked for`
    )
  }

  /** When, from `asked` on, the key was what is shown. */
  #spansOf([key, revision]: Shown, asked: number): (readonly [from: number, to: number])[] {
    const versions = this.#of(key)
    return versions.flatMap((version, i) => {
      const to = versions[i + 1]?.at ?? Number.POSITIVE_INFINITY
      const is = version.isThere ? version.revision : 0
      return is === revision && to > asked ? [[Math.max(version.at, asked), to] as const] : []
    })
  }

  #accusation([key, revision]: Shown): string {
    const versions = this.#of(key)
    const what = revision === 0 ? 'nothing' : `revision ${revision}`
    const was = versions.some((one) => (one.isThere ? one.revision : 0) === revision)
    const now = versions.at(-1) as Version
    const last = `${now.isThere ? 'revision' : 'deleted as'} ${now.revision}`
    return was
      ? `a strong read shows ${what} under ${key}, which was over when it was asked for (${last})`
      : `a strong read shows ${what} under ${key}, which nobody has committed (${last})`
  }

  #of(key: string): Version[] {
    let versions = this.#versions.get(key)
    if (versions === undefined) {
      versions = [NEVER]
      this.#versions.set(key, versions)
    }
    return versions
  }
}
