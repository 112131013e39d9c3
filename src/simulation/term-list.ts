import type { Index, Term } from '../raft/types.ts'

/** The terms of the entries behind a mark, one by one: simple enough to be believed. */
export class TermList {
  #base: Index
  #baseTerm: Term
  #terms: Term[] = []

  constructor(base: Index, term: Term) {
    this.#base = base
    this.#baseTerm = term
  }

  /** Everything up to here is known by its sum only. */
  get base(): Index {
    return this.#base
  }

  get last(): Index {
    return this.#base + this.#terms.length
  }

  get lastTerm(): Term {
    return this.#terms[this.#terms.length - 1] ?? this.#baseTerm
  }

  /** Undefined below the base and behind the end. */
  at(index: Index): Term | undefined {
    return index === this.#base ? this.#baseTerm : this.#terms[index - this.#base - 1]
  }

  /** Requires: `index` is no later than the one behind the last, and behind the base. */
  put(index: Index, term: Term): void {
    this.#terms.length = index - this.#base - 1
    this.#terms.push(term)
  }

  /** The term of an entry that is here; elsewhere nothing happens. */
  learn(index: Index, term: Term): void {
    if (index > this.#base && index <= this.last) this.#terms[index - this.#base - 1] = term
  }

  /** Forgets everything up to `base`, and keeps what is behind it. */
  cut(base: Index, term: Term): void {
    if (base <= this.#base) return
    this.#terms = this.#terms.slice(base - this.#base)
    this.#base = base
    this.#baseTerm = term
  }

  reset(base: Index, term: Term): void {
    this.#base = base
    this.#baseTerm = term
    this.#terms = []
  }

  /** Entries up to `last` exist, and nobody knows their terms: 0. */
  pad(last: Index): void {
    while (this.last < last) this.#terms.push(0)
  }
}
