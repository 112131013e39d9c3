/** One exact replacement: `from` stands exactly once in `file`, or the mutant is out of date. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** A fault planted on purpose: what keeps us from it must notice. */
export interface Mutant {
  /** `M1` and so on; a letter behind it tells two of one kind apart. */
  readonly id: string
  /** What the mutated store does wrong. */
  readonly does: string
  readonly edits: readonly Edit[]
  /** It is hunted by runs of locks alone. */
  readonly ofLocks?: boolean
}
