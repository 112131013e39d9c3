import {
  type Coordinator,
  changed,
  decided,
  FIRST,
  firstOf,
  keptAs,
  knows,
  NO_ANSWER,
  NO_RECORD,
  nameOf,
  OTHERWISE,
  type Outcome,
  type Place,
  phased,
  type Rules,
  recorded,
  replied,
  SECOND,
  type State,
  send,
  told,
  type Weather
} from './commit-state.ts'

export type Answer = Outcome | 'absent' | 'gone'

/** What meets a message besides the state: a check that does not hold, a table without room. */
export type Luck = 'good' | 'moved' | 'full'

/** What groups do with the commands of the protocol, as each is applied. */
export class Places {
  readonly #rules: Rules
  /** Whether both requests bear one idempotency key. */
  readonly #isKeyed: boolean
  readonly #isIdle: boolean

  constructor(rules: Rules, weather: Weather) {
    this.#rules = rules
    this.#isKeyed = weather.repeat === true
    this.#isIdle = weather.idleAnchor === true
  }

  /** One entry at the anchor: the record, and the anchor's own part. */
  create(state: State, c: number, luck: Luck): State {
    const name = nameOf(c)
    const record = state.records[name]?.state
    // As with any command: first what was acknowledged, then what is known.
    if (this.#isAcked(state, 0, name)) return this.#refused(state, c)
    const known = record === 'C' || record === 'A' ? record : memoOf(state, 0, name)
    if (known !== '-') return this.#isPreparing(state, c) ? decided(state, c, known) : state
    if (record === 'P') {
      const isMine = state.records[name]?.term === c || !this.#rules.termCas
      return replied(state, c, 0, isMine ? 'o' : 'r')
    }
    if (this.#isOld(state, 0, c) || luck === 'full') return this.#refused(state, c)
    const byKey = this.#isKeyed ? this.#refusedByKey(state, c) : undefined
    if (byKey !== undefined) return byKey
    const entered = this.#acknowledge(state, 0, name)
    if (luck === 'moved' || entered.places[0]?.part !== -1) {
      const { createRefusedIsAborted } = this.#rules
      const aborted = createRefusedIsAborted ? remembered(entered, 0, name, 'A') : entered
      return this.#isPreparing(aborted, c) ? decided(aborted, c, 'A') : aborted
    }
    const placed = this.#isIdle ? entered : changed(entered, 0, { part: name })
    return replied(recorded(placed, name, { state: 'P', term: c }), c, 0, 'o')
  }

  /** CREATE whose idempotency key has an answer, or is somebody else's just now. */
  #refusedByKey(state: State, c: number): State | undefined {
    const name = nameOf(c)
    const { asksKey, asksUnderWay, lateRefused, keyRefusedIsAborted } = this.#rules
    const isKnown = state.kept !== NO_ANSWER && asksKey
    const isBlocked = asksUnderWay && state.records.some((record) => record.state === 'P')
    const isLate = state.late && lateRefused
    if (!isKnown && !isBlocked && !isLate) return undefined
    const left = keyRefusedIsAborted ? remembered(state, 0, name, 'A') : state
    if (!this.#isPreparing(left, c)) return left
    return isKnown ? knows(left, c, left.kept) : decided(left, c, 'A')
  }

  /** The client saw that a condition does not hold: that is its answer if there is none yet. */
  otherwise(state: State, name: number): State | undefined {
    const { otherwiseAsks, otherwiseKept } = this.#rules
    const hears = (next: State): State => ({
      ...next,
      told: next.told.with(name, keptAs(next.kept, name))
    })
    if (!otherwiseKept) return { ...state, told: state.told.with(name, 'E') }
    if (otherwiseAsks) {
      if (state.kept !== NO_ANSWER) return hears(state)
      if (state.late || state.records.some((record) => record.state === 'P')) return undefined
    }
    return hears({ ...state, kept: OTHERWISE })
  }

  prepare(state: State, c: number, at: number, luck: Luck): State {
    const name = nameOf(c)
    if (this.#isAcked(state, at, name)) return replied(state, c, at, 'r')
    const memo = memoOf(state, at, name)
    if (memo !== '-') return replied(state, c, at, memo === 'C' ? 'o' : 'r')
    if (state.places[at]?.part === name) return replied(state, c, at, 'o')
    if (this.#isOld(state, at, c) || luck === 'full') return replied(state, c, at, 'r')
    const entered = this.#acknowledge(state, at, name)
    if (luck === 'moved' || entered.places[at]?.part !== -1) {
      const { refusalMemo } = this.#rules
      return replied(refusalMemo ? remembered(entered, at, name, 'A') : entered, c, at, 'r')
    }
    return replied(changed(entered, at, { part: name }), c, at, 'o')
  }

  commit(state: State, c: number, luck: Luck): State {
    const name = nameOf(c)
    const record = state.records[name] ?? NO_RECORD
    const isIts = record.term === c || !this.#rules.termCas
    const may = this.#rules.commitIsCas ? record.state === 'P' && isIts : record.state !== 'C'
    const isWaiting = state.coordinators[c]?.phase === 'c'
    if (may) {
      const keeps = this.#isKeyed && this.#rules.answerWithCommit && !state.late
      const committed = this.#end(keeps ? { ...state, kept: name } : state, name, 'C', luck)
      return isWaiting ? decided(committed, c, 'C') : committed
    }
    if (!isWaiting) return state
    const known = record.state === 'C' || record.state === 'A' ? record.state : undefined
    const answer = known ?? memoOf(state, 0, name)
    if (answer === 'C' || answer === 'A') return decided(state, c, answer)
    return told(phased(state, c, '.'), name, 'U')
  }

  /** ABORT by a coordinator. */
  abort(state: State, c: number, luck: Luck): State {
    const name = nameOf(c)
    const { bases } = state.coordinators[c] as Coordinator
    const { next, answer } = this.query(state, name, bases[0] ?? 0, luck)
    if (next.coordinators[c]?.phase !== 'a' || answer === 'absent') return next
    if (answer !== 'gone') return decided(next, c, answer)
    const ended = told(phased(next, c, '.'), name, 'U')
    return this.#rules.goneAborts ? send(ended, `resolve ${name} A`) : ended
  }

  /** Somebody who met an intent has its record aborted, and what he hears applied. */
  recover(state: State, name: number, luck: Luck): State {
    const basis = state.coordinators[firstOf(name)]?.bases[0] ?? 0
    const { next, answer } = this.query(state, name, basis, luck)
    const outcome = this.meaning(answer)
    return outcome === undefined ? next : send(next, `resolve ${name} ${outcome}`)
  }

  /** ABORT: of whatever is PENDING, or not known. */
  query(
    state: State,
    name: number,
    basis: number,
    luck: Luck
  ): { readonly next: State; readonly answer: Answer } {
    const record = state.records[name]?.state
    if (record === 'P') return { next: this.#end(state, name, 'A', luck), answer: 'A' }
    if (record === 'C' || record === 'A') return { next: state, answer: record }
    const memo = memoOf(state, 0, name)
    if (memo !== '-') return { next: state, answer: memo }
    if (this.#isAcked(state, 0, name)) return { next: state, answer: 'gone' }
    const isOld = (state.places[0]?.era ?? 0) > basis
    if (isOld && this.#rules.tombstoneFits) return { next: state, answer: 'gone' }
    if (!this.#rules.tombstone) return { next: state, answer: 'absent' }
    if (luck === 'full') {
      return { next: state, answer: this.#rules.fullIsNoAnswer ? 'absent' : 'A' }
    }
    return { next: remembered(state, 0, name, 'A'), answer: 'A' }
  }

  /** What an answer lets a part be resolved to. */
  meaning(answer: Answer): Outcome | undefined {
    if (answer === 'C' || answer === 'A') return answer
    return answer === 'gone' && this.#rules.goneAborts ? 'A' : undefined
  }

  /** `message` is the name and the outcome. */
  resolve(state: State, at: number, message: readonly [number, Outcome], luck: Luck): State {
    const [name, outcome] = message
    const { part, applied, resolved } = state.places[at] as Place
    const done = { resolved: resolved.with(name, true) }
    const isIdle = this.#isIdle && at === 0
    const isMine = isIdle ? !resolved[name] : this.#rules.namesDiffer ? part === name : part >= 0
    const takes = isMine && outcome === 'C'
    const taken = isIdle ? name : part
    const count = takes ? Math.min(2, (applied[taken] ?? 0) + 1) : 0
    const next = changed(state, at, {
      ...done,
      part: isMine ? -1 : part,
      applied: takes ? applied.with(taken, count) : applied
    })
    const keeps = isMine
      ? luck !== 'full' || this.#rules.roomReserved
      : luck !== 'full' && this.#rules.earlyMemo
    return keeps && this.#rules.memo && !this.#isAcked(next, at, name)
      ? remembered(next, at, name, outcome)
      : next
  }

  /** The record is decided, and with it the anchor's own part. */
  #end(state: State, name: number, outcome: Outcome, luck: Luck): State {
    const term = state.records[name]?.term ?? -1
    return this.resolve(recorded(state, name, { state: outcome, term }), 0, [name, outcome], luck)
  }

  /** CREATE that the session's rules refuse: whatever became of the transaction. */
  #refused(state: State, c: number): State {
    if (this.#rules.resolveDecided || !this.#isPreparing(state, c)) return replied(state, c, 0, 'r')
    const name = nameOf(c)
    return send(told(phased(state, c, '.'), name, 'U'), `resolve ${name} A`)
  }

  #isPreparing(state: State, c: number): boolean {
    return state.coordinators[c]?.phase === 'p'
  }

  /** The second request says that the first was answered, unless it is of another session. */
  #acknowledge(state: State, at: number, name: number): State {
    return name === SECOND && !this.#isKeyed ? acknowledged(state, at, [FIRST]) : state
  }

  #isAcked(state: State, at: number, name: number): boolean {
    return this.#rules.ackFence && state.places[at]?.acked[name] === true
  }

  #isOld(state: State, at: number, c: number): boolean {
    const basis = state.coordinators[c]?.bases[at] ?? 0
    return this.#rules.basisFence && (state.places[at]?.era ?? 0) > basis
  }
}

export function acknowledged(state: State, at: number, names: readonly number[]): State {
  const { acked, memos } = state.places[at] as Place
  if (names.every((name) => acked[name])) return state
  return changed(state, at, {
    acked: acked.map((was, name) => was || names.includes(name)),
    memos: memos.map((memo, name) => (names.includes(name) ? '-' : memo))
  })
}

function memoOf(state: State, at: number, name: number): Outcome | '-' {
  return state.places[at]?.memos[name] ?? '-'
}

/** The first one stays. */
function remembered(state: State, at: number, name: number, outcome: Outcome): State {
  const { memos } = state.places[at] as Place
  return memos[name] === '-' ? changed(state, at, { memos: memos.with(name, outcome) }) : state
}
