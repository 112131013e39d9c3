import {
  ATTEMPTS,
  attemptOf,
  changed,
  FIRST,
  type Outcome,
  type Place,
  phased,
  type Rules,
  recorded,
  replied,
  SECOND,
  type State,
  seen,
  send,
  told,
  type Weather
} from './commit-state.ts'
import type { Model } from './explore.ts'

type Answer = Outcome | 'absent' | 'gone'

/*
 * The commit protocol of a transaction that writes one key at each of some partitions, the first
 * of which is its anchor. A partition is one object whose steps are atomic: Raft is taken for
 * granted. So are conditions, other transactions and read locks, which `isolation.ts` is about.
 *
 * A message once sent may arrive at any time, any number of times, or never. Coordinators may end
 * between any two steps. Anybody may meet an intent and recover it at any time. The client may give
 * up, acknowledge, have its sessions evicted, and try again after an abort.
 */

export function commitModel(rules: Rules, weather: Weather): Model<State> {
  return new CommitModel(rules, weather)
}

class CommitModel implements Model<State> {
  readonly initial: State
  readonly #rules: Rules
  readonly #weather: Weather

  constructor(rules: Rules, weather: Weather) {
    this.#rules = rules
    this.#weather = weather
    const places = Array.from({ length: 1 + weather.others }, () => ({
      intent: -1,
      memos: ['-', '-'] as const,
      resolved: [false, false],
      acked: false,
      evicted: false,
      applied: 0
    }))
    const idle = { phase: 'i', replies: places.map(() => '-' as const) } as const
    this.initial = {
      places,
      records: ['-', '-'],
      coordinators: [idle, idle, idle],
      sent: [],
      client: 'w',
      attempt: FIRST,
      acking: false,
      reader: { step: 0, late: false, met: undefined, saw: [] }
    }
  }

  key(state: State): string {
    return JSON.stringify(state)
  }

  steps(state: State, to: (label: string, next: State) => void): void {
    this.#coordinate(state, to)
    for (const message of state.sent) this.#deliver(state, message, to)
    for (const attempt of ATTEMPTS) {
      if (state.places.some(({ intent }) => intent === attempt)) {
        to(`recover ${attempt}`, this.#recover(state, attempt))
      }
      const forgotten = this.#forget(state, attempt)
      if (forgotten !== undefined) to(`forget ${attempt}`, forgotten)
    }
    this.#client(state, to)
    if (this.#weather.evictions === true) this.#evict(state, to)
    if (this.#weather.reader === true) this.#read(state, to)
  }

  /**
   * Judged by what would be if everybody stopped here and whatever was left were recovered: then
   * there is no intent, and either all partitions took the write or none did.
   */
  broken(state: State): readonly string[] {
    const found: string[] = []
    let calm = state
    for (let round = 0; round < 4; round++) {
      for (const attempt of ATTEMPTS) {
        if (!calm.places.some(({ intent }) => intent === attempt)) continue
        const { next, answer } = this.#query(calm, attempt)
        calm = next
        const outcome = this.#meaning(answer)
        if (outcome === undefined) continue
        for (const at of calm.places.keys()) calm = this.#resolve(calm, at, attempt, outcome)
      }
    }
    if (calm.places.some(({ intent }) => intent >= 0)) found.push('an intent for ever')
    else {
      const counts = calm.places.map(({ applied }) => applied)
      if (new Set(counts).size > 1) found.push('torn')
      if (state.client === 'C' && counts[0] === 0) found.push('told committed, and lost')
      if (state.client === 'A' && counts.some((count) => count > 0)) {
        found.push('told aborted, and committed')
      }
    }
    if (calm.places.some(({ applied }) => applied > 1)) found.push('applied twice')
    const [other, anchor] = state.reader.saw
    if (other !== undefined && other > 1) found.push('read twice applied')
    if (other !== undefined && anchor !== undefined) {
      if (other > anchor) found.push('read new, then old')
      if (state.reader.late && (other === 0 || anchor === 0))
        found.push('read old after the answer')
    }
    return found
  }

  marks(state: State): readonly string[] {
    const { client, attempt, records, reader } = state
    const marks: string[] = []
    if (client === 'C') marks.push(attempt === FIRST ? 'told committed' : 'the second committed')
    if (client === 'A') marks.push('told aborted')
    if (client === 'U' && records.includes('C')) marks.push('committed, and nobody knows')
    if (records.includes('A') && state.places.every(({ resolved }) => !resolved[FIRST])) {
      marks.push('a tombstone')
    }
    if (reader.late && reader.saw.length === 2) marks.push('read after the answer')
    if (reader.met !== undefined && records[reader.met.attempt] === '-') marks.push('absent')
    return marks
  }

  #coordinate(state: State, to: (label: string, next: State) => void): void {
    for (const [c, { phase, replies }] of state.coordinators.entries()) {
      if (phase === 'i' && this.#mayBegin(state, c)) to(`begin ${c}`, this.#begin(state, c))
      if (phase === 'p') {
        if (replies.every((reply) => reply === 'o')) {
          to(`decide ${c}`, send(phased(state, c, 'c'), `commit ${c}`))
        }
        // A refusal, or a reply that does not come.
        let aborting = send(phased(state, c, 'a'), `abort ${c}`)
        if (!this.#rules.tellAfterAbort) aborting = told(aborting, c, 'A')
        to(`time-out ${c}`, aborting)
      }
      if (phase === 'p' || phase === 'c' || phase === 'a') to(`die ${c}`, phased(state, c, '.'))
    }
  }

  #mayBegin(state: State, c: number): boolean {
    if (c === 0) return true
    if (c === 1) return this.#weather.takeover === true && state.coordinators[0]?.phase !== 'i'
    return state.attempt === SECOND
  }

  #begin(state: State, c: number): State {
    if (c === 1 && this.#rules.successorAborts) return send(phased(state, c, 'a'), `abort ${c}`)
    const messages = [`create ${c}`]
    for (let at = 1; at < state.places.length; at++) messages.push(`prepare ${c} ${at}`)
    return send(phased(state, c, 'p'), ...messages)
  }

  #deliver(state: State, message: string, to: (label: string, next: State) => void): void {
    const [kind, a = '', b = ''] = message.split(' ')
    if (kind === 'create') to(message, this.#create(state, Number(a)))
    else if (kind === 'prepare') to(message, this.#prepare(state, Number(a), Number(b)))
    else if (kind === 'commit') to(message, this.#commit(state, Number(a)))
    else if (kind === 'abort') to(message, this.#abort(state, Number(a)))
    else if (kind === 'resolve') {
      for (const at of state.places.keys()) {
        to(`${message} ${at}`, this.#resolve(state, at, Number(a), b as Outcome))
      }
    }
  }

  /** One entry at the anchor: the record, and the anchor's own intent. */
  #create(state: State, c: number): State {
    const attempt = attemptOf(c)
    const record = state.records[attempt]
    const memo = state.places[0]?.memos[attempt]
    if (record === 'C' || memo === 'C') {
      if (state.coordinators[c]?.phase !== 'p') return state
      return this.#decided(state, c, 'C')
    }
    if (record === 'A' || memo === 'A') return replied(state, c, 0, 'r')
    if (record === 'P') return replied(state, c, 0, 'o')
    if (this.#isFenced(state, 0) || state.places[0]?.intent !== -1) return replied(state, c, 0, 'r')
    const placed = changed(state, 0, { intent: attempt })
    return replied(recorded(placed, attempt, 'P'), c, 0, 'o')
  }

  #prepare(state: State, c: number, at: number): State {
    const attempt = attemptOf(c)
    const { intent, memos } = state.places[at] as Place
    const memo = memos[attempt]
    if (memo === 'C' || memo === 'A') return replied(state, c, at, memo === 'C' ? 'o' : 'r')
    if (intent === attempt) return replied(state, c, at, 'o')
    if (intent !== -1 || this.#isFenced(state, at)) return replied(state, c, at, 'r')
    return replied(changed(state, at, { intent: attempt }), c, at, 'o')
  }

  #commit(state: State, c: number): State {
    const attempt = attemptOf(c)
    const record = state.records[attempt]
    const memo = state.places[0]?.memos[attempt]
    const may = record === 'P' || (!this.#rules.commitIsCas && record !== 'C')
    if (!may) {
      if (state.coordinators[c]?.phase !== 'c') return state
      if (record === 'C' || memo === 'C') return this.#decided(state, c, 'C')
      if (record === 'A' || memo === 'A') return this.#decided(state, c, 'A')
      return told(phased(state, c, '.'), c, 'U')
    }
    const committed = this.#end(state, attempt, 'C')
    if (committed.coordinators[c]?.phase !== 'c') return committed
    return this.#decided(committed, c, 'C')
  }

  #abort(state: State, c: number): State {
    const attempt = attemptOf(c)
    const { next, answer } = this.#query(state, attempt)
    if (next.coordinators[c]?.phase !== 'a') return next
    if (answer === 'C' || answer === 'A') return this.#decided(next, c, answer)
    const outcome = this.#meaning(answer)
    const ended = told(phased(next, c, '.'), c, 'U')
    return outcome === undefined ? ended : send(ended, `resolve ${attempt} ${outcome}`)
  }

  /** Somebody who met an intent asks its record, and has what he hears applied. */
  #recover(state: State, attempt: number): State {
    const { next, answer } = this.#query(state, attempt)
    const outcome = this.#meaning(answer)
    return outcome === undefined ? next : send(next, `resolve ${attempt} ${outcome}`)
  }

  /** ABORT-IF-PENDING at the anchor. */
  #query(state: State, attempt: number): { readonly next: State; readonly answer: Answer } {
    const record = state.records[attempt]
    if (record === 'P') return { next: this.#end(state, attempt, 'A'), answer: 'A' }
    if (record === 'C' || record === 'A') return { next: state, answer: record }
    const memo = state.places[0]?.memos[attempt]
    if (memo === 'C' || memo === 'A') return { next: state, answer: memo }
    if (this.#isFenced(state, 0)) return { next: state, answer: 'gone' }
    if (!this.#rules.tombstone) return { next: state, answer: 'absent' }
    return { next: this.#remember(recorded(state, attempt, 'A'), 0, attempt, 'A'), answer: 'A' }
  }

  /** What an answer lets an intent be resolved to. */
  #meaning(answer: Answer): Outcome | undefined {
    if (answer === 'C' || answer === 'A') return answer
    return answer === 'gone' && this.#rules.goneAborts ? 'A' : undefined
  }

  /** The record is decided, and with it the anchor's own part. */
  #end(state: State, attempt: number, outcome: Outcome): State {
    const decided = recorded(state, attempt, outcome)
    return this.#resolve(decided, 0, attempt, outcome)
  }

  #resolve(state: State, at: number, attempt: number, outcome: Outcome): State {
    const { intent, applied, resolved } = state.places[at] as Place
    const mine = this.#rules.attemptsDiffer ? intent === attempt : intent >= 0
    const done = { resolved: resolved.with(attempt, true) }
    const cleared = mine
      ? changed(state, at, {
          ...done,
          intent: -1,
          applied: outcome === 'C' ? Math.min(2, applied + 1) : applied
        })
      : changed(state, at, done)
    return this.#remember(cleared, at, attempt, outcome)
  }

  #remember(state: State, at: number, attempt: number, outcome: Outcome): State {
    const { memos, acked, evicted } = state.places[at] as Place
    if (!this.#rules.memo || acked || evicted || memos[attempt] !== '-') return state
    return changed(state, at, { memos: memos.with(attempt, outcome) })
  }

  #forget(state: State, attempt: number): State | undefined {
    const record = state.records[attempt]
    if (record !== 'C' && record !== 'A') return undefined
    const all = state.places.every(({ resolved }) => resolved[attempt])
    // A tombstone had nothing to resolve: it goes with the acknowledgement.
    if (this.#rules.forgetLast && !all) return undefined
    return recorded(state, attempt, '-')
  }

  #client(state: State, to: (label: string, next: State) => void): void {
    const { client, attempt, acking } = state
    if (client === 'w') to('give-up', { ...state, client: 'U' })
    else {
      if (client === 'A' && attempt === FIRST && this.#weather.secondAttempt && !acking) {
        to('again', { ...state, client: 'w', attempt: SECOND })
      }
      for (const [at, { acked, evicted }] of state.places.entries()) {
        if (acked || evicted) continue
        to(`acknowledge ${at}`, {
          ...changed(state, at, { acked: true, memos: ['-', '-'] }),
          acking: true
        })
      }
    }
  }

  #evict(state: State, to: (label: string, next: State) => void): void {
    for (const [at, { intent, evicted }] of state.places.entries()) {
      if (evicted || intent >= 0) continue
      if (at === 0 && state.records.some((record) => record !== '-')) continue
      const gone = { evicted: true, acked: false, memos: ['-', '-'] } as const
      to(`evict ${at}`, changed(state, at, gone))
    }
  }

  /** Reads the key of partition 1, then the anchor's, whose record stands beside it. */
  #read(state: State, to: (label: string, next: State) => void): void {
    const { reader, places } = state
    const begun = reader.step === 0 ? { ...reader, late: state.client === 'C' } : reader
    if (reader.met !== undefined) {
      const { attempt, applied } = reader.met
      const record = state.records[attempt]
      const known = record === '-' ? places[0]?.memos[attempt] : record
      if (known === '-' && this.#rules.rereadAbsent) {
        to('reread', { ...state, reader: { ...reader, met: undefined } })
      } else {
        const value = known === 'C' ? applied + 1 : applied
        to('ask', { ...state, reader: seen(reader, value) })
      }
    } else if (reader.step === 0) {
      const { intent, applied } = places[1] as Place
      if (intent < 0) to('read 1', { ...state, reader: seen(begun, applied) })
      else to('meet', { ...state, reader: { ...begun, met: { attempt: intent, applied } } })
    } else if (reader.step === 1) {
      to('read 0', { ...state, reader: seen(reader, places[0]?.applied ?? 0) })
    }
  }

  #decided(state: State, c: number, outcome: Outcome): State {
    const attempt = attemptOf(c)
    return send(told(phased(state, c, '.'), c, outcome), `resolve ${attempt} ${outcome}`)
  }

  #isFenced(state: State, at: number): boolean {
    const { acked, evicted } = state.places[at] as Place
    return (this.#rules.ackFence && acked) || (this.#rules.evictionFence && evicted)
  }
}
